"""Segments (人群) as people write them into segments/*.yaml: who belongs, by what is known of them."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from customers.standing.bond import Bond
from customers.standing.tiers import Tier
from rules.roles import Role
from texts.catalogue import say
from texts.errors import Mistake
from texts.nearest import nearest
from texts.yaml_reader import Document, Step, read_folder

T = TypeVar("T")
Ident = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Days = Annotated[int, Field(ge=0, le=36_500)]
Yuan = Annotated[int, Field(ge=0, le=1_000_000_000)]
Number = Annotated[int, Field(ge=0, le=1_000_000)]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _not_empty(value: tuple[T, ...]) -> tuple[T, ...]:
    # Not by a minimal length: pydantic would complain of it, too, where every entry has a mistake.
    if not value:
        raise ValueError("customers.segment.no_choice")
    return value


Words = Annotated[
    tuple[Word, ...],
    BeforeValidator(_as_list, json_schema_input_type=str | list[str]),
    AfterValidator(_not_empty),
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="after")
    def _says_something(self) -> "_Part":
        if not self.model_fields_set:
            raise ValueError("customers.segment.empty")
        return self


class Tags(_Part):
    """标签"""

    any: Words | None = Field(default=None, description="有其中任何一个标签")
    all: Words | None = Field(default=None, description="这些标签都有")
    none: Words | None = Field(default=None, description="这些标签一个也没有")


class LastPurchase(_Part):
    """最近一次购买，从今天往回数"""

    within_days: Days | None = Field(default=None, description="最近多少天内买过")
    not_for_days: Days | None = Field(default=None, description="至少多少天没买了（买过的人）")


class Orders(_Part):
    """几单"""

    at_least: Number | None = Field(default=None, description="至少几单（付了款、没退完的）")
    at_most: Number | None = Field(default=None, description="至多几单；0 就是还没买过")


class Paid(_Part):
    """累计实付"""

    at_least: Yuan | None = Field(default=None, description="累计实付（扣除退款）至少多少元")
    below: Yuan | None = Field(default=None, description="累计实付不到多少元")


class Birthday(_Part):
    """生日，阳历农历都算"""

    from_days: Annotated[int, Field(ge=-31, le=366)] = Field(default=0, description="从今天起第几天开始，0 是今天")
    to_days: Annotated[int, Field(ge=-31, le=366)] = Field(description="到第几天为止（含），例如 7")

    @model_validator(mode="after")
    def _forward(self) -> "Birthday":
        if self.to_days < self.from_days:
            raise ValueError("customers.segment.birthday_backward")
        return self


class Condition(_Part):
    """What somebody must fulfil, all of it. What it says of friendships, one and the same friendship fulfils."""

    levels: Words | None = Field(default=None, description="等级，例如 [VIP1, VIP2]")
    tiers: Annotated[tuple[Tier, ...], AfterValidator(_not_empty)] | None = Field(
        default=None, description="分层：gold 黄金，growth 重点发展，ordinary 普通，low 低价值"
    )
    core: bool | None = Field(default=None, description="是不是核心客户（累计实付最高的 20%）")
    tags: Tags | None = Field(default=None, description="标签")
    last_purchase: LastPurchase | None = Field(default=None, description="最近一次购买")
    orders: Orders | None = Field(default=None, description="买过几单")
    net_paid_yuan: Paid | None = Field(default=None, description="累计实付多少元")
    items: Words | None = Field(default=None, description="买过标题里带这些字的宝贝，任何一个就算")
    birthday: Birthday | None = Field(default=None, description="生日快到了")
    not_pushed_for_days: Days | None = Field(default=None, description="至少多少天没收到推送（从没收到过也算）")
    accounts: Words | None = Field(default=None, description="是这些号的好友")
    personas: Words | None = Field(default=None, description="是这些人设的号的好友")
    roles: Annotated[tuple[Role, ...], AfterValidator(_not_empty)] | None = Field(
        default=None, description="是这种功能定位的号的好友：acquisition、sales、training"
    )
    channels: Words | None = Field(default=None, description="从这些渠道加的好友，写渠道编号")
    bonds: Annotated[tuple[Bond, ...], AfterValidator(_not_empty)] | None = Field(
        default=None, description="粘性：new 新，weak 弱，strong 强，fan 铁粉"
    )
    answered_within_days: Days | None = Field(default=None, description="最近多少天内给我们发过消息")
    silent_for_days: Days | None = Field(default=None, description="至少多少天没给我们发过消息（从没发过也算）")
    all_: Annotated[tuple["Condition", ...], AfterValidator(_not_empty)] | None = Field(
        default=None, alias="all", description="下面每一条都要满足"
    )
    any_: Annotated[tuple["Condition", ...], AfterValidator(_not_empty)] | None = Field(
        default=None, alias="any", description="下面满足任何一条就算"
    )
    not_: "Condition | None" = Field(default=None, alias="not", description="满足下面这条的人不算")


class Segment(_Part):
    """One segment."""

    name: Ident = Field(description="名字（英文小写），推送里的 segment 和命令里用它")
    title: Word = Field(description="叫法，给自己人看")
    who: Condition = Field(description="谁算在内；写在一起的条件都要满足")
    opted_out: bool = Field(default=False, description="退订的人也算在内（推送照样发不到他们）")


def load_segments(
    folder: Path, levels: Collection[str] | None = None, accounts: Collection[str] | None = None
) -> tuple[dict[str, Segment], list[Mistake]]:
    """All `*.yaml` of `folder` by their names, and every mistake with its place. Raises nothing.

    `levels` are those of the ladder, `accounts` those of the configuration: where given, others are mistakes.
    """
    segments: dict[str, Segment] = {}
    mistakes: list[Mistake] = []
    for document in read_folder(folder, Segment):
        mistakes += document.mistakes
        segment = document.value
        if segment is None:
            continue
        if segment.name in segments:
            mistakes.append(document.mistake(("name",), say("customers.segment.twice", name=segment.name)))
        segments[segment.name] = segment
        for loc, condition in _conditions(segment.who, ("who",)):
            mistakes += _unknown(document, (*loc, "levels"), condition.levels, levels, "customers.segment.no_level")
            mistakes += _unknown(document, (*loc, "accounts"), condition.accounts, accounts, "settings.no_account")
    return segments, sorted(mistakes)


def _conditions(condition: Condition, loc: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Condition]]:
    """This condition and all in it, with their places."""
    yield loc, condition
    for key, inner in (("all", condition.all_), ("any", condition.any_)):
        for number, one in enumerate(inner or ()):
            yield from _conditions(one, (*loc, key, number))
    if condition.not_:
        yield from _conditions(condition.not_, (*loc, "not"))


def _unknown(
    document: Document[Segment],
    loc: tuple[Step, ...],
    written: tuple[str, ...] | None,
    known: Collection[str] | None,
    key: str,
) -> Iterator[Mistake]:
    for number, word in enumerate(written or ()):
        if known is not None and word not in known:
            meant = nearest(word, list(known))
            yield document.mistake((*loc, number), say(key, written=word), suggestion=meant)
