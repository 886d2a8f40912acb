"""A shop of nine accounts and three hundred people, living through a month of virtual time with the real parts.

Planner, courier, gates, calendar, pushes, a campaign, lessons and care are the real ones on a real database; only the
gateways are stand-ins that take everything, or fail now and then. What left is kept as they saw it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from bots.courier import Courier
from bots.errors import GatewayUnavailable, OutcomeUnknown, Refused
from bots.gateway import Still
from bots.lane import LaneConfig
from customers.consent import mute, opt_out
from customers.order import OrderStatus
from personas.book import load_book
from personas.model import Shop
from rules.kinds import Surface
from rules.limits import Limits
from rules.pacing import DAY_MS, MINUTE_MS
from rules.roles import Role
from scheduler.campaign_files.campaign_files import load_campaigns
from scheduler.campaigns import campaigns
from scheduler.campaigns.phases import Phases
from scheduler.care.care import Care
from scheduler.care.care_file import load_care
from scheduler.care.lesson_file import load_lessons
from scheduler.care.lessons import Lessons
from scheduler.moments.calendar_files import load_calendar
from scheduler.planner import Planner, Step
from scheduler.pushes import pushes
from scheduler.pushes.push_file import load_pushes
from scheduler.pushes.push_words import PushWording
from storage.engine import Database
from storage.expiry import Expiry
from storage.order_tables import ImportBatch, Order
from storage.outbox import Claimed
from storage.tables import Account, Friendship, Person
from tests.bots.people import let_sends_finish, nobody_posts
from tests.virtual_time import VirtualClock

ROOT = Path(__file__).parents[2]
SHOP = Shop(name="小林的衣橱", brand="XL", contact="400-000-0000")
CHINA = "Asia/Shanghai"
BEGIN = datetime(2026, 9, 1, 7, 0, tzinfo=ZoneInfo(CHINA))
"""A Tuesday; mid-autumn falls on the 25th."""
DAYS = 30
PEOPLE = 300
TICK_MS = 30 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Member:
    """An account of the shop."""

    id: str
    persona: str
    role: Role
    mirror_of: str | None = None
    zone: str = CHINA


MEMBERS = (
    Member("lin-1", "influencer-lin", Role.SALES),
    Member("lin-2", "influencer-lin-mirror-1", Role.SALES, mirror_of="lin-1"),
    Member("lin-3", "influencer-lin-mirror-2", Role.SALES, mirror_of="lin-1"),
    Member("suye-1", "designer-suye", Role.SALES),
    Member("dubai-1", "ordinary-ahua", Role.SALES, zone="Asia/Dubai"),
    Member("xiaoyu-1", "assistant-xiaoyu", Role.ACQUISITION),
    Member("ahua-1", "ordinary-ahua", Role.ACQUISITION),
    Member("taotao-1", "ordinary-taotao", Role.ACQUISITION),
    Member("qin-1", "mentor-qin", Role.TRAINING),
)
BY_ID = {member.id: member for member in MEMBERS}


@dataclass(frozen=True, slots=True)
class Left:
    """Something that a gateway was given. `outcome`: ok | away (nothing left) | refused | unknown."""

    at_ms: int
    account: str
    row: Claimed
    outcome: str


class Gateway:
    """Takes what it is given; one in fifty fails in one of three ways."""

    def __init__(self, month: "Month", account: str) -> None:
        self._month = month
        self._account = account

    def can(self, surface: Surface) -> bool:
        return True

    async def deliver(self, row: Claimed, still: Still) -> str:
        mood = self._month.random.choice(("away", "refused", "unknown")) if self._month.random.random() < 0.02 else "ok"
        self._month.left.append(Left(self._month.clock.now_ms(), self._account, row, mood))
        if mood == "away":
            raise GatewayUnavailable("away")
        if mood == "refused":
            raise Refused("no")
        if mood == "unknown":
            raise OutcomeUnknown("?")
        return f"m{row.id}"


class Month:
    """Everything that happens. `left` is what the gateways saw; `opted_out` since when who wants nothing."""

    def __init__(self, db: Database, seed: int = 11, *, people: int = PEOPLE, days: int = DAYS) -> None:
        self.db = db
        self.clock = VirtualClock(BEGIN)
        self.random = Random(seed)
        self.left: list[Left] = []
        self.opted_out: dict[int, int] = {}
        self.never_bought: set[int] = set()
        self.refunded: dict[int, int] = {}
        self.stuck: list[str] = []
        self.people: list[int] = []
        self._number = people
        self._days = days
        self._happened: set[tuple[int, int, int]] = set()

    async def live(self) -> None:
        """The whole month, with an hour and a day of downtime, and restarts."""
        await self._open()
        self._start_up()
        end_ms = self.clock.now_ms() + self._days * DAY_MS
        while self.clock.now_ms() < end_ms:
            await self._something_happens()
            await self._work_until(self._next_tick_ms())

    def _next_tick_ms(self) -> int:
        """Every half hour while somebody is awake; nobody plans between two and seven in the morning."""
        now = self.clock.now().astimezone(ZoneInfo(CHINA))
        if 2 <= now.hour < 7:
            return round(now.replace(hour=7, minute=0).timestamp() * 1000)
        return self.clock.now_ms() + (3 * MINUTE_MS if self._campaign_runs(now) else TICK_MS)

    def _campaign_runs(self, now: datetime) -> bool:
        return now.day == CAMPAIGN_DAY and 10 <= now.hour < 13

    async def _work_until(self, end_ms: int) -> None:
        """The planner looks until it finds nothing, then the courier as long as it has something to do."""
        await self.planner.tick()
        for _ in range(3):
            if self.planner._found:
                await self.planner.tick()
        while self.clock.now_ms() < end_ms:
            while await self.courier.tick() or self.courier.in_flight:
                await let_sends_finish()
            await self.courier.tick()  # settles what came back
            wakes = [wake for lane in self.courier._lanes.values() if (wake := lane.wakes_at()) is not None]
            next_ms = min([end_ms, *wakes])
            if next_ms > self.clock.now_ms():
                await self.clock.advance((next_ms - self.clock.now_ms()) / 1000)
            else:
                await self.clock.advance(0.1)

    def _start_up(self) -> None:
        """A process begins: nothing it knows comes from the one before but what the tables say."""
        lessons, _ = load_lessons(ROOT / "lessons")
        calendar, _ = load_calendar(ROOT / "moments", plans=BOOK.moments_plans)
        expiry, phases = Expiry(), Phases(tell=self._tell)
        care = Care(load_care(ROOT / "care.yaml")[0], BOOK, SHOP)
        school = Lessons(lessons, BOOK, SHOP, tell=self._tell_stuck)
        steps = [Step(one.due, one.act) for one in (phases, care, school)]
        steps.append(Step(expiry.due, expiry.close))
        self.planner = Planner(self.db, self.clock, calendar, tell=self._tell, extra=steps)
        wording = PushWording(BOOK, SHOP)
        self.courier = Courier(self.db, self.clock, wording=wording, hand_over=nobody_posts, random=self.random)
        for member in MEMBERS:
            config = LaneConfig(member.id, member.role, member.zone, Limits(), 0, live=True, assisted=False)
            self.courier.add(config, Gateway(self, member.id))

    async def _restart(self, downtime_ms: int) -> None:
        await self.courier.stop()
        await self.clock.advance(downtime_ms / 1000)
        self._start_up()

    async def _tell(self, *_: object) -> None:
        """Staff are not here."""

    async def _tell_stuck(self, tx: object, stuck: object, now_ms: int) -> None:
        self.stuck.append(str(stuck))

    async def _something_happens(self) -> None:
        now = self.clock.now().astimezone(ZoneInfo(CHINA))
        minute = (now.day, now.hour, now.minute // 30 * 30)
        happening = _CALENDAR.get(minute)
        if happening and minute not in self._happened:
            self._happened.add(minute)
            await getattr(self, happening)()
        if self.random.random() < 0.03:
            await self._somebody_opts_out()
        if self.random.random() < 0.02:
            await self._somebody_is_left_alone()

    async def welfare(self) -> None:
        """Staff push what lies in pushes/, whoever had one lately or not."""
        push = next(iter(load_pushes(ROOT / "pushes")[0].values()))
        async with self.db.write() as tx:
            campaign = await pushes.create(tx, push, "staff:owner", self.clock.now_ms())
            await pushes.start(tx, campaign, self.clock.now_ms())

    async def campaign(self) -> None:
        files, _ = load_campaigns(ROOT / "campaigns", self.clock.now_ms(), CHINA)
        async with self.db.write() as tx:
            number = await campaigns.create(tx, files["double-eleven"], "staff:owner", self.clock.now_ms())
            await campaigns.start(tx, number, self.clock.now_ms())

    async def orders_come(self) -> None:
        """The shop's export: a third of the customers have a completed order."""
        now_ms = self.clock.now_ms()
        buyers = [person for person in self.people if person not in self.never_bought][::3]
        async with self.db.write() as tx:
            batch = {"kind": "orders", "files": [], "counts": {}, "created_ms": now_ms, "finished_ms": now_ms}
            number = (await tx.execute(insert(ImportBatch).values(batch).returning(ImportBatch.id))).scalar_one()
            rows = [
                {
                    "number": f"{now_ms}{person}", "member_name": f"m{person}", "person": person, "batch": number,
                    "status": OrderStatus.DONE.value, "paid_fen": 19900, "created_ms": now_ms - 8 * DAY_MS,
                    "paid_ms": now_ms - 8 * DAY_MS,
                }
                for person in buyers
            ]  # fmt: skip
            await tx.execute(insert(Order), rows)

    async def refunds(self) -> None:
        """Some give everything back, and are no customers any more."""
        async with self.db.write() as tx:
            found = select(Order.person).order_by(Order.number).limit(10)
            people = [person for person in (await tx.scalars(found)).all() if person is not None]
            await tx.execute(update(Order).where(Order.person.in_(people)).values(refund_fen=19900))
            await tx.execute(update(Person).where(Person.id.in_(people)).values(level="friend", orders=0))
        self.refunded |= dict.fromkeys(people, self.clock.now_ms())

    async def an_hour_down(self) -> None:
        await self._restart(60 * MINUTE_MS)

    async def a_day_down(self) -> None:
        await self._restart(DAY_MS)

    async def a_restart(self) -> None:
        await self._restart(0)

    async def clock_set(self, by_ms: int) -> None:
        """Somebody, or a time server, sets the clock of the machine; the process goes on."""
        self.clock.set_by(by_ms / 1000)

    async def _somebody_opts_out(self) -> None:
        person = self.random.choice(self.people)
        async with self.db.write() as tx:
            await opt_out(tx, person, by="inbox:1", words="退订", now_ms=self.clock.now_ms())
        self.opted_out.setdefault(person, self.clock.now_ms())

    async def _somebody_is_left_alone(self) -> None:
        person, now_ms = self.random.choice(self.people), self.clock.now_ms()
        async with self.db.write() as tx:
            await mute(tx, person, now_ms + 3 * DAY_MS, by="staff:owner", words="", now_ms=now_ms)

    async def _open(self) -> None:
        limits = Limits().model_dump(mode="json")
        async with self.db.write() as tx:
            rows = [
                {
                    "id": one.id, "persona": one.persona, "role": one.role.value, "time_zone": one.zone,
                    "mirror_of": one.mirror_of, "limits": limits, "opened_ms": 0, "publisher": "webhook",
                    "state": "online",
                }
                for one in MEMBERS
            ]  # fmt: skip
            await tx.execute(insert(Account), rows)
            for number in range(self._number):
                await self._befriend(tx, number)

    async def _befriend(self, tx, number: int) -> None:  # type: ignore[no-untyped-def]
        """Somebody whom one or two of the accounts know; every sixth has not bought, every twentieth is a partner."""
        level = "friend" if number % 6 == 0 else "partner" if number % 20 == 1 else self.random.choice(_LEVELS)
        day = BEGIN.date() + timedelta(days=number % 60)
        values = {
            "created_ms": 0, "level": level, "orders": 0 if level == "friend" else 2, "call_me": f"客{number}",
            "birthday_mmdd": day.month * 100 + day.day,
        }  # fmt: skip
        person = (await tx.execute(insert(Person).values(values).returning(Person.id))).scalar_one()
        self.people.append(person)
        if level == "friend":
            self.never_bought.add(person)
        known_by = self.random.sample([one.id for one in MEMBERS if one.role is not Role.TRAINING], 2)
        if level == "partner":
            known_by.append("qin-1")
        begun_ms = self.clock.now_ms() - 40 * DAY_MS
        await tx.execute(
            insert(Friendship),
            [
                {"account": account, "contact": f"w{number}", "person": person, "since_ms": begun_ms,
                 "last_in_ms": begun_ms + self.random.randrange(DAY_MS)}
                for account in known_by
            ],
        )  # fmt: skip


BOOK = load_book(ROOT / "personas")[0]
CAMPAIGN_DAY = 15
_LEVELS = ("VIP1", "VIP1", "VIP2", "VIP3")
_CALENDAR = {
    (2, 10, 0): "welfare",
    (3, 9, 0): "orders_come",
    (5, 11, 0): "welfare",  # too early for whoever got the first
    (6, 15, 0): "an_hour_down",
    (8, 20, 30): "welfare",
    (10, 12, 0): "a_restart",
    (CAMPAIGN_DAY, 10, 0): "campaign",
    (17, 16, 0): "refunds",
    (19, 10, 0): "welfare",
    (21, 11, 0): "a_day_down",
    (24, 9, 0): "orders_come",
    (26, 10, 0): "welfare",
}
"""(day of the month, hour, minute) in China and what happens then."""
