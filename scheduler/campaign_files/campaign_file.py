"""A campaign as people write it into campaigns/*.yaml: what, for whom, how to join, and its phases on one timeline."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo, model_validator

from customers.standing.tiers import Tier
from rules.kinds import Kind
from rules.overbooking import LEAST_FACTOR, MOST_FACTOR, USUAL_FACTOR, Places, places, to_invite
from scheduler.benefits.benefit_file import Benefit
from scheduler.campaign_files.arrivals_part import Arrivals, with_styles
from scheduler.campaign_files.campaign_misfits import Misfit, refuse_misfits
from scheduler.campaign_files.campaign_parts import Contest, Giveaway, PreciseTask
from scheduler.campaign_files.campaign_phase_file import Part, PhaseFile, PhaseKind, Sentence
from scheduler.campaign_files.campaign_times import Moment
from scheduler.campaign_files.wake_up_part import WakeUp
from scheduler.landing import Landing
from scheduler.pushes.follow_ups import MOST_FOLLOW_UPS
from scheduler.pushes.push_file import Who
from scheduler.written import Ident, PoolName, Text, as_list, not_empty


class CampaignKind(StrEnum):
    PROMOTION = "promotion"
    ARRIVALS = "arrivals"
    GIVEAWAY = "giveaway"
    CONTEST = "contest"
    PRECISE_TASK = "precise_task"
    WAKE_UP = "wake_up"


_SENT_AS: Mapping[CampaignKind, Kind] = {
    CampaignKind.PRECISE_TASK: Kind.PRECISE_TASK,
    CampaignKind.WAKE_UP: Kind.WAKE_UP,
}

_PARTS: Mapping[CampaignKind, str] = {
    CampaignKind.GIVEAWAY: "giveaway",
    CampaignKind.CONTEST: "contest",
    CampaignKind.PRECISE_TASK: "task",
    CampaignKind.ARRIVALS: "arrivals",
    CampaignKind.WAKE_UP: "wake_up",
}
"""What the file of that kind must say, and no other may."""
_TOOK_PART = {"giveaway": "said", "contest": "said", "precise_task": "proof", "arrivals": "said"}


_Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
_Factor = Annotated[Decimal, Field(ge=LEAST_FACTOR, le=MOST_FACTOR)]
_Rate = Annotated[Decimal, Field(gt=0, le=1)]


class Stock(Part):
    """How much there is, where it is not enough for everybody."""

    units: int = Field(ge=1, le=1_000_000, description="一共多少件")
    per_person: int = Field(default=1, ge=1, le=1000, description="每人最多几件")
    factor: _Factor = Field(
        default=USUAL_FACTOR, description="多答应几成，1.20–1.30：总有人不来", json_schema_extra={"default": "1.25"}
    )
    yes_rate: _Rate | None = Field(
        default=None, description="预计几成人会答应，例如 0.3；以前办过的活动有记录，就用记录"
    )

    @property
    def places(self) -> Places:
        """200 units at 5 → 40 fit → 50 promised."""
        return places(self.units, self.per_person, self.factor)

    def invited(self, past_rate: Decimal | None = None) -> int | None:
        """How many to ask; None for everybody, where no rate is known."""
        rate = past_rate or self.yes_rate
        return None if rate is None else to_invite(self.places.promised, rate)


class Joining(Part):
    """How somebody says yes."""

    how: Sentence = Field(description="怎么参加，说给客户听的一句话，例如 回复 1 就算报名")
    words: Annotated[tuple[_Short, ...], BeforeValidator(as_list)] = Field(
        default=(), description="除了 1、要、参加、+1、报名，还有哪些话也算答应"
    )
    photo: bool = Field(default=False, description="发一张照片也算参加")
    choices: tuple[_Short, ...] = Field(default=(), description="投票的选项；回复选项或它的序号就是投票")
    open: bool = Field(default=False, description="true：没收到邀请的老客也能参加")


class Answers(Part):
    """What the account says back; each may use the names of a push."""

    yes: Text | None = Field(default=None, description="答应了、有位置时回什么")
    waiting: Text | None = Field(default=None, description="名额满了、排队时回什么")
    declined: Text | None = Field(default=None, description="说不要时回什么")
    withdrawn: Text | None = Field(default=None, description="答应过又说算了时回什么")
    moved_up: Text | None = Field(default=None, description="排队的人有位置了，告诉 TA 什么")
    again: Text | None = Field(default=None, description="已经答应过、又说一遍时回什么")


class CampaignFile(Part):
    """One campaign."""

    name: Ident = Field(description="名字（英文小写），命令里用它：/推送 名字")
    title: str = Field(min_length=1, max_length=60, description="标题，给自己人看")
    kind: CampaignKind = Field(
        default=CampaignKind.PROMOTION,
        description="类型：promotion 大促，arrivals 上新，giveaway 赠送，contest 征集，precise_task 精准任务，"
        "wake_up 唤醒",
    )
    items: Annotated[tuple[_Short, ...], BeforeValidator(as_list), AfterValidator(not_empty)] = Field(
        description="哪些宝贝：标题里的词，例如 [大衣, 围巾]；导入的订单按它认出谁来了；写 全店 就是都算"
    )
    offer: Sentence = Field(description="什么优惠，一句话")
    gift: Sentence = Field(description="送什么，一句话；不送就写 无")
    join: Joining = Field(description="怎么参加")
    from_: Moment = Field(alias="from", description="活动开始：2026-11-11 00:00；或从启动算 +20m、+3d 20:00")
    until: Moment = Field(description="活动结束：日期，或从开始算 +3d 23:59、+4h")
    who: Who = Field(description="给谁")
    stock: Stock | None = Field(default=None, description="数量有限时写；不写就不限")
    took_part: Literal["orders", "said", "proof"] = Field(
        default="orders",
        description="谁算来了：orders 活动期间买了（导入订单后自动认，员工也可以 /到场），said 答应了就算，"
        "proof 交了凭证；不写时 giveaway、contest 是 said，precise_task 是 proof，其余是 orders",
    )
    coupons: PoolName | None = Field(
        default=None,
        description="优惠码从哪个码池里取（wxfleet coupons import 导入的）；消息和回答里写 {{ coupon }}，"
        "一人一码，整个活动里都是同一个",
    )
    benefits: tuple[Benefit, ...] = Field(
        default=(), description="送什么、一共几份、每人几份；奖品和 wxfleet benefits give 里用它的 name"
    )
    giveaway: Giveaway | None = Field(default=None, description="赠送（kind: giveaway）：送哪些断码，怎么抽")
    contest: Contest | None = Field(default=None, description="征集（kind: contest）：征什么、规则、奖品")
    task: PreciseTask | None = Field(
        default=None, description="精准任务（kind: precise_task）：做什么、要几个、凭什么算"
    )
    arrivals: Arrivals | None = Field(default=None, description="上新（kind: arrivals）：选哪几款，每逢哪天")
    wake_up: WakeUp | None = Field(default=None, description="唤醒（kind: wake_up）：多少天没买算睡着了")
    answers: Answers = Field(default_factory=Answers, description="收到回答时回什么；不写就用现成的")
    variables: dict[str, str] = Field(default_factory=dict, description="文案里自己的变量")
    landing: Landing | None = Field(default=None, description="怎么回到店铺")
    phases: Annotated[tuple[PhaseFile, ...], AfterValidator(not_empty)] = Field(
        description="时间线：预热、推送、提醒、感谢，按先后写；提醒和感谢加起来最多两条"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_styles(cls, data: object) -> object:
        """What is voted on, and recognised in the orders, are the styles, where nothing else is written."""
        return with_styles(data) if isinstance(data, Mapping) else data

    @model_validator(mode="before")
    @classmethod
    def _who_took_part(cls, data: object) -> object:
        """What an unwritten `took_part` means depends on the kind."""
        if isinstance(data, Mapping) and data.get("took_part") is None and data.get("kind") in _TOOK_PART:
            return {**data, "took_part": _TOOK_PART[data["kind"]]}
        return data

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> "CampaignFile":
        refuse_misfits(self.misfits(), info)
        return self

    def misfits(self) -> Iterator[Misfit]:
        """What does not go together, all of it, each at its place in the file."""
        for number, phase in enumerate(self.phases):
            yield from (misfit.below("phases", number) for misfit in phase.misfits())
        yield from self._misfits_of_steps()
        yield from self._misfits_of_parts()
        yield from self._misfits_of_tiers()
        names = [benefit.name for benefit in self.benefits]
        for number, name in enumerate(names):
            if name in names[:number]:
                yield Misfit(("benefits", number, "name"), "scheduler.benefit.twice")

    def _misfits_of_steps(self) -> Iterator[Misfit]:
        ids = [phase.id for phase in self.phases]
        for number, phase in enumerate(self.phases):
            if phase.id in ids[:number]:
                yield Misfit(("phases", number, "name" if phase.name else "kind"), "scheduler.campaign.phase_twice")
        results = int(self.giveaway is not None or self.contest is not None)
        later = [number for number, phase in enumerate(self.phases) if phase.kind.follows_up]
        for number in later[max(0, MOST_FOLLOW_UPS - results) :]:
            key = "scheduler.campaign.follow_ups_results" if results else "scheduler.campaign.follow_ups"
            yield Misfit(("phases", number, "kind"), key)
        asked = any(phase.asks for phase in self.phases)
        pushed = any(phase.kind is PhaseKind.PUSH for phase in self.phases)
        if not (asked or self.join.open) or (self.task is not None and not pushed):
            yield Misfit(("phases",), "scheduler.campaign.nobody_asked", at_key=True)

    def _misfits_of_parts(self) -> Iterator[Misfit]:
        for kind, part in _PARTS.items():
            written = getattr(self, part) is not None
            if self.kind is kind and not written:
                yield Misfit(("kind",), f"scheduler.campaign.needs_part.{part}")
            elif written and self.kind is not kind:
                yield Misfit((part,), f"scheduler.campaign.part_of_other.{part}", at_key=True)
        if self.arrivals is not None and self.arrivals.every and self.from_.absolute:
            yield Misfit(("from",), "scheduler.arrivals.fixed")

    def _misfits_of_tiers(self) -> Iterator[Misfit]:
        """A wake-up offers each tier something of its own."""
        told: set[Tier] = set()
        for number, phase in enumerate(self.phases if self.wake_up else ()):
            if not phase.asks:
                continue
            if not phase.tiers:
                yield Misfit(("phases", number, "kind"), "scheduler.wake_up.no_tiers")
            if told.intersection(phase.tiers) or len(set(phase.tiers)) < len(phase.tiers):
                yield Misfit(("phases", number, "tiers"), "scheduler.wake_up.tier_twice")
            told.update(phase.tiers)

    def benefit(self, name: str) -> Benefit:
        """Raises KeyError."""
        return {benefit.name: benefit for benefit in self.benefits}[name]

    def phase(self, name: str) -> PhaseFile:
        """Raises KeyError. A further batch of a precise task, `push-2`, is its push once more."""
        known = {phase.id: phase for phase in self.phases}
        if self.task is not None and name not in known and name.startswith("push-"):
            return next(phase for phase in self.phases if phase.kind is PhaseKind.PUSH)
        return known[name]

    def sent_as(self, phase: PhaseFile) -> Kind:
        """What its messages are, for the gates."""
        if phase.kind is PhaseKind.PUSH:
            return _SENT_AS.get(self.kind, Kind.CAMPAIGN_PUSH)
        return Kind(phase.kind.value)


def campaign_spec(campaign: CampaignFile) -> dict[str, Any]:
    """The campaign as it stands in its row: complete, plain JSON."""
    return campaign.model_dump(mode="json", by_alias=True, exclude_none=True)


def campaign_of(spec: dict[str, Any]) -> CampaignFile:
    """The campaign of a row."""
    return CampaignFile.model_validate(spec)
