"""What a giveaway, a contest and a precise task say in their campaign's file beside what every campaign says."""

import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from rules.lots import Lots
from scheduler.campaign_files.campaign_times import Moment
from scheduler.written import Ident, SpanOfTime, Text, not_empty

Measure = Literal["size", "pants_size", "shoe_size"]
"""The field of the profile that a size is of."""
ANY_SIZE = frozenset({"均码", "任意", "不限", "F", "FREE"})
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
_Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_Count = Annotated[int, Field(ge=1, le=10_000)]


def plain_size(written: str) -> str:
    """Sizes as they are compared: M for `m 码`, 38 for 38号."""
    folded = unicodedata.normalize("NFKC", written).upper().replace(" ", "")
    return folded.removesuffix("码").removesuffix("号") or folded


def _counts(value: object) -> object:
    """YAML reads a size 38 as a number."""
    return {plain_size(str(size)): count for size, count in value.items()} if isinstance(value, Mapping) else value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Leftover(_Part):
    """One article of a giveaway: its broken sizes, or so many that fit everybody."""

    item: _Name = Field(description="哪个宝贝")
    sizes: Annotated[dict[str, _Count], BeforeValidator(_counts)] = Field(
        default_factory=dict, description="断码：尺码和件数，例如 {S: 2, XL: 1}"
    )
    measure: Measure = Field(
        default="size", description="尺码按客户画像的哪一项配：size 上衣，pants_size 裤子，shoe_size 鞋"
    )
    count: _Count | None = Field(default=None, description="不分尺码的：一共几件")

    @model_validator(mode="after")
    def _fits(self) -> "Leftover":
        if bool(self.sizes) == (self.count is not None):
            raise ValueError("scheduler.giveaway.sizes_or_count")
        return self

    def lots(self) -> tuple[Lots, ...]:
        """A prize for each size."""
        if self.count is not None:
            return (Lots(self.item, self.count),)
        return tuple(
            Lots(self.item, count, "" if size in ANY_SIZE else f"{self.measure}:{size}")
            for size, count in self.sizes.items()
        )


class Results(_Part):
    """What everybody who entered hears when it is decided; counts as one of the campaign's two reminders and thanks."""

    won: Text | None = Field(default=None, description="告诉中了的人什么；可用 {{ prize }} {{ number }} {{ coupon }}")
    lost: Text | None = Field(default=None, description="告诉没中的人什么；可用 {{ number }}")


class Giveaway(Results):
    """Broken sizes for whom they fit, drawn by lot."""

    items: Annotated[tuple[Leftover, ...], AfterValidator(not_empty)] = Field(description="送哪些，哪些尺码，各几件")
    benefit: Ident | None = Field(
        default=None, description="记在哪个福利的账上（benefits 里的名字）；不写就只记中奖名单"
    )
    public: _Sentence | None = Field(
        default=None, description="抽奖再掺一个截止之后才公布的数，先说好是哪个，例如 当晚双色球的红球；抽的时候填"
    )
    by_itself: bool = Field(default=False, description="true：报名一截止就自己抽；不写就等人发 /抽奖")

    @model_validator(mode="after")
    def _drawn(self) -> "Giveaway":
        if self.by_itself and self.public:
            raise ValueError("scheduler.giveaway.public_by_hand")
        return self

    def lots(self) -> tuple[Lots, ...]:
        return tuple(lots for item in self.items for lots in item.lots())

    def sizes(self) -> frozenset[str]:
        """All sizes that are asked for, plain."""
        return frozenset(lots.fits.partition(":")[2] for lots in self.lots() if lots.fits)


class Prize(_Part):
    """For the first places, or those behind the prize before it."""

    places: int = Field(default=1, ge=1, le=1000, description="给几名")
    prize: _Name = Field(description="奖品，说给客户听")
    benefit: Ident | None = Field(default=None, description="记在哪个福利的账上（benefits 里的名字）")


class Contest(Results):
    """Photos in the chat, numbered; everybody has one vote."""

    theme: _Sentence = Field(description="征集什么，例如 秋天的第一件毛衣")
    terms: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=500)] = Field(
        description="参加前先说清的规则：照片会用在哪、怎么评、奖品怎么给；客户同意了才算报名"
    )
    prizes: Annotated[tuple[Prize, ...], AfterValidator(not_empty)] = Field(description="奖品，按名次从高到低")
    entries_until: Moment | None = Field(
        default=None, description="收照片到什么时候，从活动开始算：+2d 20:00；不写就到活动结束"
    )
    by_itself: bool = Field(default=False, description="true：投票一截止就自己定名次；不写就等人发 /抽奖")

    def prize_of(self, place: int) -> Prize | None:
        """Of that place, counted from 1; None behind the last prize."""
        last = 0
        for prize in self.prizes:
            last += prize.places
            if place <= last:
                return prize
        return None

    @property
    def places(self) -> int:
        return sum(prize.places for prize in self.prizes)


class TaskKind(StrEnum):
    VISIT = "visit"
    FAVOURITE = "favourite"
    ADD_TO_CART = "add_to_cart"
    PRE_ORDER = "pre_order"
    HONEST_REVIEW = "honest_review"
    BUYER_SHOW = "buyer_show"


class Proof(StrEnum):
    SCREENSHOT = "screenshot"
    PHOTO = "photo"
    WORDS = "words"

    @property
    def picture(self) -> bool:
        return self is not Proof.WORDS


class NextBatch(_Part):
    """When, and how many more are asked when too few did it."""

    after: SpanOfTime = Field(
        default=timedelta(hours=3), gt=timedelta(0), description="上一批问了多久还没够，就问下一批：3h、1d",
        json_schema_extra={"default": "3h"},
    )  # fmt: skip
    size: int | None = Field(
        default=None, ge=1, le=1000, description="下一批问几人；不写就按前面做了的比例算，最多和第一批一样多"
    )
    most: int = Field(default=3, ge=1, le=20, description="最多再问几批")


class PreciseTask(_Part):
    """Something small that the right few are asked to do."""

    what: TaskKind = Field(
        description="做什么：visit 逛店，favourite 收藏，add_to_cart 加购，pre_order 预订，honest_review 说真话的评价，"
        "buyer_show 买家秀"
    )
    target: int = Field(ge=1, le=100_000, description="要做成几个")
    proof: Proof = Field(
        default=Proof.SCREENSHOT, description="凭什么算做了：screenshot 截图，photo 照片，words 说一声"
    )
    checked: bool = Field(default=False, description="true：要员工看过、发 /到场 名字 才算；不写就收到即算")
    next: NextBatch | None = Field(default=None, description="不够时自动再问一批；不写就不再问")
