"""A push as people write it into pushes/*.yaml: whom, which words, when, and how carefully."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from customers.segments.segment_file import Segment
from customers.standing.tiers import Tier
from personas.errors import TemplateRefused
from personas.voice import variables
from rules.kinds import Kind, gate_of
from rules.quiet_hours import to_ms, zone
from scheduler.landing import Carrier, Landing
from scheduler.pushes.push_variables import Value, Variable, of_each
from scheduler.written import Ident, PoolName, SpanOfTime, Text, Window, not_empty
from texts.catalogue import say
from texts.errors import Mistake
from texts.nearest import nearest
from texts.yaml_reader import Document, read_folder

PushKind = Literal[
    Kind.PUSH, Kind.CAMPAIGN_PUSH, Kind.WARM_UP, Kind.PRECISE_TASK, Kind.WAKE_UP, Kind.REMINDER, Kind.THANKS
]
"""What comes unasked, the kinds that the weekly cap counts; and what only those get who joined a campaign."""
OWN_NAMES = frozenset({"call_me", "nickname", "level", "member_name", "shop", "brand", "contact", "me", "landing"})
"""The names that every text of a push may use without saying them under `variables`."""
DEFAULT = "default"
COUPON = "coupon"
"""The name by which words put in the recipient's own code, where the push has a pool of them."""


def _as_moment(value: object) -> object:
    return value.replace(" ", "T", 1) if isinstance(value, str) else value


Moment = Annotated[datetime, BeforeValidator(_as_moment, json_schema_input_type=str)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Joined(_Part):
    """People of a campaign; `standings` as in `participants.Standing`. Never written by hand."""

    campaign: int
    standings: Annotated[tuple[str, ...], AfterValidator(not_empty)]


class Control(_Part):
    """Who is held back on purpose, so that the report can tell what the push did."""

    share: float = Field(default=0.1, ge=0, le=0.5, description="留出几成人不发，只作对照；0 不留")
    least: int = Field(default=500, ge=500, description="能发到的人少于这个数就不留对照（黄金客户从来不留）")


class Who(_Part):
    """Whom a push is for."""

    levels: Annotated[tuple[str, ...], AfterValidator(not_empty)] = Field(
        description="给哪些等级，例如 [VIP1, VIP2]；没买过的朋友不在内"
    )
    segment: Annotated[Ident | Segment | None, WithJsonSchema({"type": "string"})] = Field(
        default=None, description="再缩小到一个人群：segments/ 里的名字（退订的、没买过的照样发不到）"
    )
    at_most: int | None = Field(default=None, ge=1, description="最多发给多少人；人多时抽签，常爽约的排最后")
    joined: SkipJsonSchema[Joined | None] = None
    new_to: SkipJsonSchema[int | None] = None
    """A campaign that none of them was asked to before. Never written by hand."""
    tiers: SkipJsonSchema[tuple[Tier, ...]] = ()
    """Only these, where it says so: a phase of a campaign does. Never written by hand."""
    asleep_days: SkipJsonSchema[int | None] = None
    """Only those who have bought nothing for so many days. Never written by hand."""


class PushFile(_Part):
    """One push."""

    name: Ident = Field(description="名字（英文小写），命令里用它：/推送 名字")
    title: str = Field(min_length=1, max_length=60, description="标题，给自己人看")
    kind: PushKind = Field(
        default=Kind.PUSH,
        description="类型：push 福利，campaign_push 活动，warm_up 预热，precise_task 精准任务，wake_up 唤醒",
    )
    who: Who = Field(description="发给谁")
    words: dict[str, Text] = Field(
        min_length=1,
        description="文案，按等级写；default 给其余等级。可用 {{ call_me }} {{ shop }} {{ landing }} 和 variables",
    )
    variables: dict[str, Value] = Field(
        default_factory=dict,
        description="文案里自己的变量：大家一样的直接写；每人不同的写 {of: size, default: 均码}",
    )
    landing: Landing | None = Field(default=None, description="怎么回到店铺")
    coupons: PoolName | None = Field(
        default=None,
        description="优惠码从哪个码池里取（wxfleet coupons import 导入的）；文案里写 {{ coupon }}，一人一码",
    )
    window: Window | None = Field(default=None, description="每天几点到几点之间发，例如 10:05-21:00")
    valid_for: SpanOfTime = Field(
        default=timedelta(hours=36),
        gt=timedelta(0),
        description="开始后多久之内有效：36h、90m、2d",
        json_schema_extra={"default": "36h"},
    )
    valid_until: Moment | None = Field(default=None, description="或者：到什么时候为止，2026-11-30 20:00（店铺时区）")
    first_batch: int = Field(default=20, ge=1, le=1000, description="先发多少人看看反应")
    hold: bool = Field(default=False, description="第一批发完先停下，等 /继续")
    confirm: bool = Field(default=False, description="到点先问一句，/继续 了才发第一条")
    control: Control = Field(default_factory=Control, description="对照组")
    seed: SkipJsonSchema[str] = ""

    @model_validator(mode="after")
    def _fits(self) -> "PushFile":
        if not gate_of(self.kind).weekly and self.who.joined is None:
            raise ValueError("scheduler.push.only_joined")
        if "valid_for" in self.model_fields_set and self.valid_until is not None:
            raise ValueError("scheduler.push.valid_twice")
        return self

    def valid_until_ms(self, starts_ms: int, shop_zone: str) -> int:
        """When it ends if it starts then; a time without a zone is the shop's."""
        if self.valid_until is None:
            return starts_ms + round(self.valid_for.total_seconds() * 1000)
        moment = self.valid_until
        return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=zone(shop_zone)))

    def template_for(self, level: str) -> str | None:
        """Which of `words` somebody of that level gets; None when there is none for them."""
        if level in self.words:
            return level
        return DEFAULT if DEFAULT in self.words else None

    def of_each(self) -> dict[str, Variable]:
        """The variables in the words that each recipient has their own value of. Raises nothing."""
        return of_each(self.variables, self.names_used())

    def names_used(self) -> frozenset[str]:
        """All names in the words; a text that can't be read uses none."""
        used: set[str] = set()
        for text in self.words.values():
            with suppress(TemplateRefused):
                used |= variables(text)
        return frozenset(used)

    def uses_coupon(self, template: str) -> bool:
        """Do these words name the recipient's own code, themselves or by the landing they put in? Raises nothing."""
        with suppress(TemplateRefused):
            used = variables(self.words[template])
            landing = self.landing.words() if self.landing is not None and "landing" in used else ""
            return COUPON in used | variables(landing)
        return False

    def levels_with_coupon(self) -> list[str]:
        """Whose words name a code, where there is a pool for it."""
        if self.coupons is None:
            return []
        used = {level: self.template_for(level) for level in self.who.levels}
        return [level for level, template in used.items() if template is not None and self.uses_coupon(template)]

    def excludes(self) -> list[str]:
        """Variables without which somebody is left out."""
        return [
            name
            for name, variable in self.of_each().items()
            if variable.missing == "exclude" and variable.default is None
        ]

    def names_missing(self) -> dict[str, set[str]]:
        """For each text, the names it uses that nobody gives a value for. Raises TemplateRefused."""
        given = OWN_NAMES | self.variables.keys() | ({COUPON} if self.coupons is not None else set())
        if self.landing is None:
            given = given - {"landing"}
        missing = {template: set(variables(text)) - given for template, text in self.words.items()}
        return {template: names for template, names in missing.items() if names}


def load_pushes(
    folder: Path, levels: set[str] | None = None, *, segments: Mapping[str, Segment] | None = None
) -> tuple[dict[str, PushFile], list[Mistake]]:
    """All `*.yaml` of `folder` by their names, and every mistake with its place. Raises nothing.

    `levels` are those of the ladder that may be pushed to; where given, others are mistakes. The name of one of
    `segments` becomes the segment itself.
    """
    pushes: dict[str, PushFile] = {}
    mistakes: list[Mistake] = []
    for document in read_folder(folder, PushFile):
        mistakes += document.mistakes
        push = document.value
        if push is None:
            continue
        if push.name in pushes:
            mistakes.append(document.mistake(("name",), say("scheduler.push.twice", name=push.name)))
        pushes[push.name], unknown = with_segment(document, push, segments or {})
        mistakes += unknown
        mistakes += _in_words(document, push)
        mistakes += _in_levels(document, push, levels)
        mistakes += _in_landing(document, push)
        if push.coupons is not None and not push.levels_with_coupon():
            mistakes.append(document.mistake(("coupons",), say("scheduler.push.coupons_unused")))
    return pushes, sorted(mistakes)


def with_segment(
    document: Document[PushFile], push: PushFile, segments: Mapping[str, Segment]
) -> tuple[PushFile, list[Mistake]]:
    """The push with its segment as it is written today; a mistake when there is none of that name."""
    name = push.who.segment
    if not isinstance(name, str):
        return push, []
    if name not in segments:
        reason = say("scheduler.push.no_segment", name=name)
        return push, [document.mistake(("who", "segment"), reason, suggestion=nearest(name, list(segments)) or "")]
    who = push.who.model_copy(update={"segment": segments[name]})
    return push.model_copy(update={"who": who}), []


def _in_words(document: Document[PushFile], push: PushFile) -> Iterator[Mistake]:
    for template, text in push.words.items():
        try:
            names = variables(text)
        except TemplateRefused as problem:
            yield document.mistake(("words", template), problem.message)
            continue
        if push.uses_coupon(template) and push.coupons is None:
            yield document.mistake(("words", template), say("scheduler.push.no_coupons"))
        for name in sorted(set(names) - OWN_NAMES - push.variables.keys() - {COUPON}):
            yield document.mistake(("words", template), say("scheduler.push.no_variable", name=name))
        if "landing" in names and push.landing is None:
            yield document.mistake(("words", template), say("scheduler.push.no_landing"))


def _in_landing(document: Document[PushFile], push: PushFile) -> Iterator[Mistake]:
    for name, why in push.landing.unfit(Carrier.MESSAGE) if push.landing else ():
        yield document.mistake(("landing", name), why)
    for part in ("joined", "new_to", "tiers", "asleep_days"):
        if getattr(push.who, part):
            yield document.mistake(("who", part), say("scheduler.push.only_joined"))
    if push.seed:
        yield document.mistake(("seed",), say("scheduler.push.only_joined"))


def _in_levels(document: Document[PushFile], push: PushFile, levels: set[str] | None) -> Iterator[Mistake]:
    for number, level in enumerate(push.who.levels):
        if levels is not None and level not in levels:
            allowed = say("texts.comma").join(sorted(levels))
            yield document.mistake(
                ("who", "levels", number), say("scheduler.push.no_level", level=level, levels=allowed)
            )
        if push.template_for(level) is None:
            yield document.mistake(("words",), say("scheduler.push.no_words", level=level), at_key=True)


def as_spec(push: PushFile) -> dict[str, Any]:
    """The push as it stands in the campaign's row: complete, plain JSON."""
    return push.model_dump(mode="json", by_alias=True, exclude_none=True)


def from_spec(spec: dict[str, Any]) -> PushFile:
    """The push of a campaign's row."""
    given = {key: value for key, value in spec.items() if not (key == "valid_for" and spec.get("valid_until"))}
    return PushFile.model_validate(given)
