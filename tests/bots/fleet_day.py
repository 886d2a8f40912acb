"""A small fleet on a bad day: everything that can go wrong around a courier, and a recorder that judges."""

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from sqlalchemy import delete, func, insert, select, update

from bots.errors import GatewayUnavailable, OutcomeUnknown, Refused
from bots.gateway import Still
from bots.ownership import shard_of
from rules.gates import WEEK_MS
from rules.kinds import Kind, Surface, gate_of
from rules.limits import Limits
from rules.pacing import DAY_MS, MINUTE_MS
from rules.quiet_hours import within
from rules.roles import Role
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.fleet_tables import Shard, Worker
from storage.outbox import Claimed, NewDelivery
from storage.tables import Account, Delivery, Friendship, Person, Setting
from tests.bots.people import (
    add_account,
    add_campaign,
    befriend,
    lane,
    planned,
    push,
    reply,
)
from tests.bots.processes import Process, silence
from tests.virtual_time import VirtualClock

TIGHT = Limits(
    gap_min_s=1, gap_max_s=3, people_per_minute=3, messages_per_minute=4, messages_per_day=24, pushes_per_day=6,
    replies_kept_per_day=8, trust_days=0,
)  # fmt: skip
ROLES = {"a": Role.SALES, "b": Role.SALES, "c": Role.SALES, "d": Role.ACQUISITION}
ACCOUNTS = tuple(ROLES)
PEOPLE = 6
CAMPAIGNS = 2
ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Call:
    """One message that a gateway was given."""

    at_ms: int
    account: str
    row: Claimed
    outcome: str

    @property
    def may_have_arrived(self) -> bool:
        return self.outcome in ("ok", "hang", "vanish")


@dataclass
class MoodySender:
    """An account's gateway as one process reaches it; its mood is ok | refuse | away | vanish | hang | offline."""

    account: str
    day: "FleetDay"
    hanging: list[asyncio.Event] = field(default_factory=list)

    @property
    def mood(self) -> str:
        return self.day.moods[self.account]

    def can(self, surface: Surface) -> bool:
        return self.mood != "offline"

    async def deliver(self, row: Claimed, still: Still) -> str:
        self.day.hear(Call(self.day.clock.now_ms(), self.account, row, self.mood), busy=bool(self.hanging))
        match self.mood:
            case "refuse":
                raise Refused("no")
            case "away":
                raise GatewayUnavailable("away")
            case "vanish":
                raise OutcomeUnknown("?")
            case "hang":
                self.hanging.append(event := asyncio.Event())
                await event.wait()
        return f"m{row.id}"

    def answer(self) -> None:
        for event in self.hanging:
            event.set()
        self.hanging.clear()


class FleetDay:
    """The world as it really is. Every public method is something that happens; `hear` judges each message."""

    def __init__(self, db: Database, clock: VirtualClock, seed: int, processes: int = 1) -> None:
        self.db = db
        self.clock = clock
        self.random = Random(seed)
        self.moods = dict.fromkeys(ACCOUNTS, "ok")
        self.senders: list[MoodySender] = []
        self.calls: list[Call] = []
        self.mistakes: list[str] = []
        self.opted_out: set[int] = set()
        self.muted: dict[int, int] = {}
        self.paused: set[str] = set()
        self.stop_all = False
        self.campaigns: dict[int, str] = {}
        self.people: list[int] = []
        self.knows: dict[int, list[str]] = {}
        self.serial = 0
        self.born = 0
        self.processes = [self._new_process() for _ in range(processes)]
        self.free = True  # some accounts may have no owner

    async def begin(self) -> None:
        async with self.db.write() as tx:
            for table in (Delivery, Friendship, Person, Campaign, Setting, Account, Shard, Worker):
                await tx.execute(delete(table))
            for account, role in ROLES.items():
                await add_account(tx, account, role=role, limits=TIGHT)
            for number in range(CAMPAIGNS):
                self.campaigns[await add_campaign(tx, name=f"c{number}")] = "running"
            for number in range(PEOPLE):
                accounts = self.random.sample(ACCOUNTS, self.random.randint(1, len(ACCOUNTS)))
                person = None
                for account in accounts:
                    now_ms = self.clock.now_ms()
                    person = await befriend(tx, account, f"w{number}", now_ms=now_ms, person=person)
                assert person is not None
                self.people.append(person)
                self.knows[person] = accounts
        for process in self.processes:
            await process.begin()
        await self.processes[0].take()

    def _new_process(self) -> Process:
        self.born += 1
        lanes = [lane(account, role=role, limits=TIGHT) for account, role in ROLES.items()]
        return Process(f"p{self.born}", self.db, self.clock, lanes, self._new_sender, self.random)

    def _new_sender(self, process: Process, account: str) -> MoodySender:
        self.senders.append(sender := MoodySender(account, self))
        return sender

    # --- what happens -----------------------------------------------------------------------------------------------

    async def write_to(self, kind: Kind, who: int, account: int, count: int = 1, valid_s: int | None = None) -> None:
        """Plan `count` messages of no campaign to somebody; a push ends some day, or a week would follow a week."""
        person, name, contact = self._whom(who, account)
        if gate_of(kind).weekly:
            valid_s = valid_s or 90_000
        valid_ms = None if valid_s is None else self.clock.now_ms() + valid_s * 1000
        rows = []
        for _ in range(count):
            self.serial += 1
            rows.append(reply(name, contact, f"{kind}:{self.serial}", self.clock.now_ms(), kind=kind, person=person,
                              valid_until_ms=valid_ms))  # fmt: skip
        await planned(self.db, rows, self.clock.now_ms())

    async def push_to_all(self, which: int, account: int) -> None:
        """Start a campaign for everybody, or plan it again: the second time from other accounts."""
        campaign = list(self.campaigns)[which % CAMPAIGNS]
        rows: list[NewDelivery] = []
        for who in range(PEOPLE):
            person, name, contact = self._whom(who, account)
            rows.append(push(name, contact, person, campaign, self.clock.now_ms()))
        await planned(self.db, rows, self.clock.now_ms())

    async def opt_out(self, who: int, out: bool) -> None:
        person = self.people[who % PEOPLE]
        value = self.clock.now_ms() if out else None
        await self._set(update(Person).where(Person.id == person).values(opted_out_ms=value))
        (self.opted_out.add if out else self.opted_out.discard)(person)

    async def mute(self, who: int, hours: int) -> None:
        person = self.people[who % PEOPLE]
        self.muted[person] = self.clock.now_ms() + hours * 3_600_000
        await self._set(update(Person).where(Person.id == person).values(muted_until_ms=self.muted[person]))

    async def pause(self, account: int, paused: bool) -> None:
        name = ACCOUNTS[account % len(ACCOUNTS)]
        await self._set(update(Account).where(Account.id == name).values(paused_by="owner" if paused else None))
        (self.paused.add if paused else self.paused.discard)(name)

    async def stop_everything(self, stop: bool) -> None:
        async with self.db.write() as tx:
            await tx.execute(delete(Setting).where(Setting.key == "stop_all"))
            if stop:
                await tx.execute(insert(Setting).values(key="stop_all", value="owner", changed_ms=0))
        self.stop_all = stop

    async def turn_campaign(self, which: int, state: str) -> None:
        campaign = list(self.campaigns)[which % CAMPAIGNS]
        if self.campaigns[campaign] != "cancelled":
            self.campaigns[campaign] = state
            await self._set(update(Campaign).where(Campaign.id == campaign).values(state=state))

    async def turn_gateway(self, account: int, mood: str) -> None:
        name = ACCOUNTS[account % len(ACCOUNTS)]
        self._answer(name)
        self.moods[name] = mood
        for process in self.processes:
            process.courier.wake(name)

    async def break_database(self, when: str, which: int = 0) -> None:
        self._process(which).db.flaw = when

    async def crash(self, which: int = 0) -> None:
        """A process dies in the middle of whatever it does; another one comes, and takes what is free."""
        dead = self._process(which)
        await dead.die()
        await self._replace(dead)

    async def restart(self, which: int = 0) -> None:
        """An orderly stop, and a start. What was frozen can't stop in order."""
        old = self._process(which)
        if not old.frozen:
            self._answer(*ACCOUNTS)
            await old.stop()
            await self._replace(old)

    async def silence(self, which: int) -> None:
        """The others hear nothing of a process that itself goes on as if nothing had happened."""
        await silence(self.db, self._process(which).name)
        self.free = True

    async def freeze(self, which: int) -> None:
        self._process(which).frozen = True
        await self.silence(which)

    async def thaw(self, which: int) -> None:
        """It goes on where it was, with what it believed then."""
        self._process(which).frozen = False

    async def hand_over(self, account: int, which: int) -> None:
        """Whoever serves the account gives it back in order, and another takes it; nothing is left in doubt."""
        name = ACCOUNTS[account % len(ACCOUNTS)]
        self._answer(name)
        for process in self.processes:
            if not process.frozen:
                await process.release(name)
        if not self._process(which).frozen:
            await self._process(which).take([shard_of(name)])
        self.free = True

    async def pass_time(self, step_s: float, steps: int) -> None:
        for _ in range(steps):
            await self.clock.advance(step_s)
            awake = [process for process in self.processes if not process.frozen]
            for process in awake:
                await process.beat()
            if self.free and awake:
                self.free = False
                try:
                    await self.random.choice(awake).take_what_is_free()
                except DatabaseUnavailable:
                    self.free = True
            for process in awake:
                await process.tick()

    def _process(self, which: int) -> Process:
        return self.processes[which % len(self.processes)]

    async def _replace(self, old: Process) -> None:
        new = self._new_process()
        self.processes[self.processes.index(old)] = new
        await new.begin()
        await new.take_what_is_free()

    def _answer(self, *accounts: str) -> None:
        for sender in self.senders:
            if sender.account in accounts:
                sender.answer()

    async def come_to_rest(self) -> None:
        """Everybody's wishes are lifted, all processes and gateways work, and up to sixteen days go by."""
        self.free = True
        for process in self.processes:
            process.frozen = False
        await self.stop_everything(False)
        for number in range(len(ACCOUNTS)):
            await self.pause(number, False)
            await self.turn_gateway(number, "ok")
        for number in range(CAMPAIGNS):
            await self.turn_campaign(number, "running")
        await self.pass_time(2, 4)
        for _ in range(64):
            await self.pass_time(2, 2)
            if not await self._open_rows():
                return
            await self.pass_time(6 * 3600, 1)

    async def _open_rows(self) -> int:
        async with self.db.read() as connection:
            query = select(func.count()).where(Delivery.state.in_(("pending", "sending")))
            return int((await connection.execute(query)).scalar_one())

    # --- the judge --------------------------------------------------------------------------------------------------

    def hear(self, call: Call, *, busy: bool) -> None:
        """Note what a single message must not be, at the moment a gateway is given it.

        Noted, not raised: a courier survives whatever its gateway raises.
        """
        row, gate, person = call.row, gate_of(call.row.kind), call.row.person
        self.calls.append(call)
        mistakes = {
            "from another account": row.account != call.account,
            "to somebody the account does not know": person is None or call.account not in self.knows[person],
            "after the opt-out": gate.marketing and person in self.opted_out,
            "not to be disturbed": gate.keeps_mute and self.muted.get(person or 0, 0) > call.at_ms,
            "at night": gate.marketing and within(call.at_ms, TIGHT.quiet_from, TIGHT.quiet_until, ZONE),
            "after a full stop": gate.stops_with_all and self.stop_all,
            "while paused": row.kind is not Kind.COMMAND_REPLY and call.account in self.paused,
            "campaign not running": row.campaign is not None and self.campaigns[row.campaign] != "running",
            "not this role": ROLES[call.account] not in gate.roles,
            "two at a time": busy,
        }
        self.mistakes += [f"{row.kind} {row.id}: {mistake}" for mistake, made in mistakes.items() if made]

    async def judge(self) -> None:
        """What all messages together must be, and that nothing that was planned is lost."""
        assert self.mistakes == []
        arrived = [call for call in self.calls if call.may_have_arrived]
        assert len({call.row.id for call in arrived}) == len(arrived), "twice"
        for account in ACCOUNTS:
            _judge_pace([call for call in arrived if call.account == account])
        for person in self.people:
            pushes = [call for call in arrived if call.row.person == person and gate_of(call.row.kind).weekly]
            assert all(later.at_ms - earlier.at_ms >= WEEK_MS for earlier, later in pairwise(pushes))
        await self._judge_rows({call.row.id: call for call in self.calls})

    async def _judge_rows(self, last: dict[int, Call]) -> None:
        async with self.db.read() as connection:
            rows = (await connection.execute(select(Delivery.id, Delivery.state, Delivery.reason))).all()
        for id, state, reason in rows:
            call = last.get(id)
            match state:
                case "accepted":
                    assert call is not None and call.outcome in ("ok", "hang")
                case "skipped":
                    assert reason and not (call and call.may_have_arrived)
                case "failed":
                    assert reason and call is not None and not call.may_have_arrived
                case "in_doubt":
                    assert reason and (call is None or call.may_have_arrived or call.outcome in ("refuse", "away"))
                case _:
                    raise AssertionError(f"row {id} is still {state} ({reason}) after sixteen days of peace")

    def _whom(self, who: int, account: int) -> tuple[int, str, str]:
        number = who % PEOPLE
        person = self.people[number]
        return person, self.knows[person][account % len(self.knows[person])], f"w{number}"

    async def _set(self, statement: object) -> None:
        async with self.db.write() as tx:
            await tx.execute(statement)  # type: ignore[call-overload]


def _judge_pace(calls: list[Call]) -> None:
    """No rolling window of one account is ever exceeded, across restarts and crashes too."""
    for index, call in enumerate(calls):
        past = calls[: index + 1]
        minute = [one for one in past if one.at_ms > call.at_ms - MINUTE_MS]
        day = [one for one in past if one.at_ms > call.at_ms - DAY_MS]
        assert len(minute) <= TIGHT.messages_per_minute
        assert len({one.row.to for one in minute}) <= TIGHT.people_per_minute
        assert len(day) <= TIGHT.messages_per_day
        gates = [gate_of(one.row.kind) for one in day]
        assert sum(gate.push_budget for gate in gates) <= TIGHT.pushes_per_day
        others = sum(not gate.answers for gate in gates)
        assert others <= TIGHT.messages_per_day - TIGHT.replies_kept_per_day
    for earlier, later in pairwise(calls):
        assert later.at_ms - earlier.at_ms >= TIGHT.gap_min_s * 1000
