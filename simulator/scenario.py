"""What a simulated world is made of: plain data, handed in by whoever starts it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simulator.seeds import dice

THRESHOLD = 3000
"""Friends above which a third no longer sees the Moments; folklore of the trade."""

_NEAR_THRESHOLD = THRESHOLD - 10


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """One simulated account. `friends` counts its siblings and the staff too; None lets the seed choose."""

    id: str
    role: str  # acquisition | sales | training
    nickname: str
    friends: int | None = None
    holder: str = ""  # id of the staff member who holds the phone
    logged_in: bool = True
    gives_message_ids: bool = True
    times_in_seconds: bool = False


@dataclass(frozen=True, slots=True)
class StaffPlan:
    """Somebody who commands the fleet from their own WeChat."""

    id: str
    name: str
    contact: str
    role: str = "owner"  # owner | operator | service | viewer


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """Where new people come from, and whom its QR code shows."""

    code: str
    name: str
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """A group of customers. `accounts` sit in it, the first owns it, with so many of its friends from the start."""

    id: str
    topic: str
    accounts: tuple[str, ...]
    people: int = 20


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a staff member says. `where` is 'room' or the id of an account they write to."""

    minute: float  # after the start of the world's day, virtual minutes
    staff: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """Something that breaks by itself. `kind` is the name of a method of `simulator.faults.Faults`."""

    minute: float  # after the start, virtual minutes
    account: str
    kind: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world. Equal scenarios on equal clocks give equal worlds."""

    seed: int
    accounts: tuple[AccountPlan, ...]
    staff: tuple[StaffPlan, ...] = ()
    staff_room: str = ""
    desk: str = ""
    channels: tuple[ChannelPlan, ...] = ()
    rooms: tuple[RoomPlan, ...] = ()
    shop: str = "小林的衣橱"
    brand: str = "XL"
    zone: str = "Asia/Shanghai"
    script: tuple[Step, ...] = ()
    faults: tuple[PlannedFault, ...] = ()
    repeated_events: float = 0.02  # share of the events that a gateway sends twice
    known_buyers: int = 150  # friends whose remark carries the shop's member name
    claiming_buyers: int = 96  # friends who say their order number some day
    new_buyers: int = 200  # who add an account after their parcel came
    other_buyers: int = 150  # who are nobody's friend
    requests_per_minute: float = 2.0
    chats_per_hour: float = 40.0
    claims_per_hour: float = 12.0
    opt_outs_per_hour: float = 6.0
    look_alikes_per_hour: float = 6.0
    leaves_per_hour: float = 4.0
    outsiders_per_hour: float = 1.0  # commands tried by people who are not staff
    joins_per_hour: float = 4.0  # people who come into each room
    room_questions_per_hour: float = 3.0  # put to one of the accounts in it, by its name

    def account(self, id: str) -> AccountPlan:
        return next(plan for plan in self.accounts if plan.id == id)


def shop_day(
    *,
    seed: int,
    accounts: Sequence[AccountPlan],
    staff: Sequence[StaffPlan],
    channels: Sequence[ChannelPlan],
    staff_room: str,
    desk: str,
    push: str,
    shop: str = "小林的衣橱",
    brand: str = "XL",
    zone: str = "Asia/Shanghai",
    push_minute: float = 12,
    campaign: str = "",
    rooms: Sequence[RoomPlan] = (),
) -> Scenario:
    """The day of a clothing shop: people come, ask, claim, leave; staff look, push and tick off.

    `push` is the name by which staff start the welfare push at `push_minute`, `campaign` of what they start first; ''
    for none.
    """
    plans = tuple(_with_habits(seed, number, plan, len(accounts)) for number, plan in enumerate(accounts))
    return Scenario(
        seed=seed,
        accounts=plans,
        staff=tuple(staff),
        staff_room=staff_room,
        desk=desk,
        channels=tuple(channels),
        rooms=tuple(rooms),
        shop=shop,
        brand=brand,
        zone=zone,
        script=tuple(_script(plans, staff, desk, staff_room, push, push_minute, campaign)),
        known_buyers=min(150, 20 * len(plans)),
        claiming_buyers=min(96, 12 * len(plans)),
        requests_per_minute=min(2.0, 0.25 * len(plans)),
        chats_per_hour=min(40.0, 6.0 * len(plans)),
    )


def _with_habits(seed: int, number: int, plan: AccountPlan, among: int) -> AccountPlan:
    """Gateways differ: some give no message ids, some tell the time in seconds."""
    friends = plan.friends
    if friends is None:
        friends = _friends_by_seed(seed, number, plan, among)
    return replace(plan, friends=friends, gives_message_ids=number % 4 != 3, times_in_seconds=number % 2 == 1)


def _friends_by_seed(seed: int, number: int, plan: AccountPlan, among: int) -> int:
    """One account alone is a beginner's; in a matrix the first one is nearly full."""
    roll = dice(seed, "friends", plan.id)
    if among == 1:
        return roll.randrange(30, 80)
    if number == 0 and plan.role == "acquisition":
        return _NEAR_THRESHOLD
    return roll.randrange(160, 640)


def _script(
    accounts: Sequence[AccountPlan],
    staff: Sequence[StaffPlan],
    desk: str,
    room: str,
    push: str,
    push_minute: float,
    campaign: str,
) -> list[Step]:
    if not staff or not accounts:
        return []
    boss = next((member for member in staff if member.role == "owner"), staff[0])
    second = next((member for member in staff if member.id != boss.id), boss)
    first = desk or accounts[0].id
    together = "room" if room else first
    rested = next((plan.id for plan in reversed(accounts) if plan.id != first), None)
    steps = [
        Step(2, boss.id, together, "/状态"),
        Step(4, second.id, first, "/帮助"),
        Step(6, boss.id, first, "＃账号"),
        Step(45, second.id, together, "/状态"),
        Step(52, boss.id, first, "/为什么 {buyer}"),
    ]
    if push:
        steps += [
            Step(push_minute - 3, boss.id, together, f"/预览 {push}"),
            Step(push_minute, boss.id, together, f"/推送 {push}"),
        ]
    if campaign:
        steps.append(Step(7, boss.id, together, f"/推送 {campaign}"))
        steps.append(Step(95, boss.id, together, f"/到场 {campaign} 全部"))
    if rested is not None:
        steps += [Step(30, boss.id, first, f"/暂停 {rested}"), Step(38, boss.id, first, f"/恢复 {rested}")]
    return sorted(steps, key=lambda step: step.minute)
