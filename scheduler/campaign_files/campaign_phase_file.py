"""One step of a campaign as people write it: what is said, to whom, in which groups, and what is posted."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    model_validator,
)

from customers.standing.tiers import Tier
from rules.post_media import MOST_PICTURES
from rules.roles import PostKind
from scheduler.campaign_files.campaign_misfits import Misfit, refuse_misfits
from scheduler.campaign_files.campaign_times import Moment
from scheduler.landing import Landing
from scheduler.moments.moments import Words
from scheduler.written import Ident, PoolName, Text, Window, as_list, not_empty

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class PhaseKind(StrEnum):
    WARM_UP = "warm_up"
    PUSH = "push"
    REMINDER = "reminder"
    THANKS = "thanks"

    @property
    def follows_up(self) -> bool:
        """Only for those who said yes, or took part?"""
        return self in (PhaseKind.REMINDER, PhaseKind.THANKS)


class Part(BaseModel):
    """Of a campaign's file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class CampaignPost(Part):
    """A Moments post of a phase; mirrors follow."""

    kind: PostKind = Field(default=PostKind.BENEFIT, description="内容类型：life、opinion、product、benefit……")
    text: Words = Field(description="正文")
    media: Annotated[tuple[str, ...], BeforeValidator(as_list)] = Field(
        default=(), max_length=MOST_PICTURES, description="图片文件名（media/ 里）"
    )
    personas: Annotated[tuple[str, ...], BeforeValidator(as_list)] = Field(
        default=(), description="哪些人设发；不写就是所有销售号（分身跟着原号）"
    )


class PondWords(Part):
    """What is said in groups at a phase."""

    names: Annotated[tuple[Ident, ...], BeforeValidator(as_list), AfterValidator(not_empty)] = Field(
        description="哪些群：ponds/ 里的名字；每个群七天最多一次活动"
    )
    text: Text = Field(
        description="说什么，群里的人都看得到，不能叫人名字；可用 {{ items }} {{ offer }} {{ gift }} {{ join }}"
        " {{ starts }} {{ ends }} {{ landing }}"
    )
    picture: str | None = Field(default=None, description="一起贴的图，media/ 里的文件名（只用于人工贴的群）")


class PhaseFile(Part):
    """One step of the timeline."""

    kind: PhaseKind = Field(
        description="warm_up 预热，push 推送，reminder 提醒（只给答应了的），thanks 感谢（给来了的）"
    )
    name: Ident | None = Field(default=None, description="名字；同一种写了两步才要写")
    at: Moment = Field(description="什么时候：2026-11-11 20:00，或从活动开始算 -3d 10:30、+90m")
    until: Moment | None = Field(default=None, description="最晚到什么时候；不写就到下一步开始，最多 36 小时")
    tiers: Annotated[tuple[Tier, ...], BeforeValidator(as_list)] = Field(
        default=(),
        description="只给哪些分层：gold 黄金、growth 重点发展、ordinary 普通、low 低价值；不写就都给",
    )
    offer: Sentence | None = Field(default=None, description="这一步的优惠；不写就用活动的")
    gift: Sentence | None = Field(default=None, description="这一步送什么；不写就用活动的")
    coupons: PoolName | None = Field(default=None, description="这一步的优惠码从哪个码池里取；不写就用活动的")
    words: dict[str, Text] = Field(
        default_factory=dict,
        description="消息文案，按等级写，default 给其余等级；除了推送里的名字，还可用"
        " {{ items }} {{ offer }} {{ gift }} {{ join }} {{ starts }} {{ ends }}，上新还有 {{ styles }} {{ winner }}",
    )
    post: Annotated[tuple[CampaignPost, ...], BeforeValidator(as_list)] = Field(default=(), description="朋友圈")
    ponds: Annotated[tuple[PondWords, ...], BeforeValidator(as_list)] = Field(
        default=(), description="群里：由打理那个群的号发"
    )
    landing: Landing | None = Field(default=None, description="怎么回到店铺；不写就用活动的")
    window: Window | None = Field(default=None, description="每天几点到几点之间发")
    first_batch: int = Field(default=20, ge=1, le=1000, description="先发多少人看看反应")
    hold: bool = Field(default=False, description="第一批发完先停下，等 /继续")

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> "PhaseFile":
        refuse_misfits(self.misfits(), info)
        return self

    def misfits(self) -> Iterator[Misfit]:
        """What does not go together in it."""
        if not self.words and not self.post and not self.ponds:
            yield Misfit(("kind",), "scheduler.campaign.empty_phase")
        elif self.kind is not PhaseKind.WARM_UP and not self.words:
            yield Misfit(("kind",), "scheduler.campaign.no_words")

    @property
    def id(self) -> str:
        return self.name or self.kind.value.replace("_", "-")

    @property
    def asks(self) -> bool:
        """Does it write to people who said nothing yet? That counts as the push of their week."""
        return bool(self.words) and not self.kind.follows_up

    def apart(self, other: "PhaseFile") -> bool:
        """Are the two for different tiers?"""
        return bool(self.tiers) and bool(other.tiers) and not set(self.tiers) & set(other.tiers)
