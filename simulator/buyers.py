"""Who buys, and how: from the faithful ones who like the whole shop to those who came once for a coupon."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from simulator import names
from simulator.seeds import dice

DAY_MS = 86_400_000
_PAST_DAYS = 720.0
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"

FRIENDS = 0.4
"""Share of the buyers of a long history who have added one of the shop's accounts."""

CHANNELS = (
    ("parcel-card", 0.45), ("sms", 0.12), ("taobao-group", 0.10), ("official-account", 0.08), ("referral", 0.14),
    ("live", 0.06), ("store", 0.05),
)  # fmt: skip
"""Where friends come from, and how many of them: 包裹卡, 短信, 淘宝群, 公众号, 老带新, 直播, 门店."""

REFERRED = "referral"


class Segment(StrEnum):
    """What somebody is worth to the shop; gold and growth together are the best fifth."""

    GOLD = "gold"
    GROWTH = "growth"
    ORDINARY = "ordinary"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Habit:
    """`goes_on`: the chance of another order after each; `gap_days`: between two of them, on average."""

    share: float
    goes_on: float
    gap_days: float
    sends_back: float


HABITS = {
    Segment.GOLD: Habit(0.05, 0.85, 30, 0.03),
    Segment.GROWTH: Habit(0.15, 0.72, 55, 0.05),
    Segment.ORDINARY: Habit(0.50, 0.26, 100, 0.07),
    Segment.LOW: Habit(0.30, 0.05, 160, 0.12),
}
FRIENDS_GO_ON = 0.14
"""How much likelier a friend orders again than somebody the shop can't talk to."""

_ONE_THING = 0.2
"""Share of the buyers who know one product and take it again and again."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """One buyer of the shop. Times in epoch ms; `since_ms` is None for whoever is nobody's friend."""

    number: int
    member_name: str
    receiver: str
    city: str
    phone: str
    segment: Segment
    one_thing: bool
    first_ms: int
    since_ms: int | None
    channel: str | None
    referred_by: int | None


def buyer(seed: int, number: int, start_ms: int) -> Buyer:
    """The buyer of that number in the past before `start_ms`; who brought them has a lower number."""
    roll = dice(seed, "buyer", number)
    first_ms = start_ms - round(min(_PAST_DAYS, roll.expovariate(1 / 200)) * DAY_MS) - DAY_MS // 24
    first_ms -= first_ms % 1000
    channel = _channel(roll.random()) if roll.random() < FRIENDS else None
    since_ms = None
    if channel is not None:
        # The card lies in the parcel: they come a few days after the first order, some much later.
        days = roll.uniform(2, 6) if roll.random() < 0.8 else roll.uniform(6, 90)
        since_ms = min(first_ms + round(days * DAY_MS), start_ms)
    return Buyer(
        number=number,
        member_name=names.member_name(seed, number),
        receiver=_SURNAMES[int(roll.random() * len(_SURNAMES))] + names.sweet_name(seed, number),
        city=names.CITIES[int(roll.random() * len(names.CITIES))],
        phone=f"1{3 + int(roll.random() * 7)}{int(roll.random() * 10)}****{int(roll.random() * 10_000):04d}",
        segment=_segment(roll),
        one_thing=roll.random() < _ONE_THING,
        first_ms=first_ms,
        since_ms=since_ms,
        channel=channel,
        referred_by=int(roll.random() * number) if channel == REFERRED and number else None,
    )


def _segment(roll: Random) -> Segment:
    chance = roll.random()
    for segment, habit in HABITS.items():
        chance -= habit.share
        if chance < 0:
            return segment
    return Segment.LOW


def _channel(chance: float) -> str:
    for code, share in CHANNELS:
        chance -= share
        if chance < 0:
            return code
    return CHANNELS[0][0]
