"""What staff do all day: commands by the script, codes confirmed, task packages ticked off."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from simulator import lines
from simulator.agenda import Agenda
from simulator.crowd import FILE_HELPER
from simulator.messages import Kind
from simulator.record import Received
from simulator.scenario import StaffPlan, Step
from simulator.seeds import dice
from simulator.world import World

_CODE = re.compile(r"/(?:确认|confirm)\s*(\d{4,6})")
_PACKAGE = re.compile(r"/完成|/done\b")
_ASKS_FOR_CODE = ("/推送", "/全部恢复", "/发圈", "/继续")
_PROFILE_LINE = re.compile(r"^(昵称|个性签名|头像|朋友圈封面|地区|朋友圈可见范围)：(.+)$", re.MULTILINE)
_NO_POST = re.compile(r"【(点赞|红包|礼物|群)】")
_CODE_WAIT_MS = 20 * 60_000
"""At sixty-fold speed twenty seconds of the wall: a busy machine may take that long to answer."""
_COMMAND = re.compile(r"/[\u4e00-\u9fff]{2,}|/[a-z]{2,}")
_MOST_COMMANDS = 2
"""A text that names more of them explains commands; a package names one or two ways to tick it off."""

_QUOTES = ("「", "“", '"')

_OWN_WORDS_MS = 45_000
"""A message so soon after their own words is an answer, not a task package."""

_TICK_REST_MS = 10 * 60_000


@dataclass(slots=True)
class _Habits:
    """What one member keeps in mind."""

    code_until_ms: dict[str, int] = field(default_factory=dict)  # where they wait for a code, and how long
    to_do: list[Received] = field(default_factory=list)  # task packages, not yet seen to
    seen: set[str] = field(default_factory=set)  # texts of packages: a copy is no new task
    ticked_ms: int | None = None  # when they last saw to their packages


class Staff:
    """The owner and whoever else commands. They answer codes and packages, scan what is to be scanned, nothing else."""

    def __init__(self, world: World, agenda: Agenda) -> None:
        self.world = world
        self.agenda = agenda
        self.scenario = world.scenario
        self._by_id = {member.id: member for member in self.scenario.staff}
        self._habits = {member.id: _Habits() for member in self.scenario.staff}
        self._scanning: set[str] = set()
        world.on_received(self._heard)
        world.on_code(self._scan)

    def begin(self) -> None:
        """Start today's script now, and every day again at this hour."""
        self._day()

    def _day(self) -> None:
        for step in self.scenario.script:
            if step.staff in self._by_id:
                self.agenda.after(step.minute, lambda step=step: self._follow(step))  # type: ignore[misc]
        zone = ZoneInfo(self.scenario.zone)
        now = datetime.fromtimestamp(self.world.clock.now_ms() / 1000, UTC).astimezone(zone)
        self.agenda.at(round((now + timedelta(days=1)).timestamp() * 1000), self._day)

    def _follow(self, step: Step) -> None:
        member = self._by_id[step.staff]
        text = step.text.format(buyer=next(self.world.crowd.known_names(), "花花"))
        where = self.scenario.staff_room if step.where == "room" else step.where
        if step.text.startswith(_ASKS_FOR_CODE):
            self._habits[member.id].code_until_ms[where] = self.world.clock.now_ms() + _CODE_WAIT_MS
        self._say(member, where, text)

    def _say(self, member: StaffPlan, where: str, text: str) -> None:
        account = where if where in self.world.accounts else self.scenario.desk
        if account and account not in self.world.attached:
            self.agenda.after(1, lambda: self._say(member, where, text))
        else:
            self.world.say(member.contact, where, Kind.TEXT, text)

    def _scan(self, account: str) -> None:
        """Whoever holds the phone scans the code, some minutes after it was first shown."""
        if account in self._scanning:
            return
        self._scanning.add(account)
        roll = dice(self.scenario.seed, "scan", account, self.world.clock.now_ms())

        def let_in() -> None:
            self._scanning.discard(account)
            self.world.log_in(account)

        self.agenda.after(roll.uniform(1, 4), let_in)

    # --- what they read ---------------------------------------------------------------------------------------------

    def _heard(self, received: Received) -> None:
        if received.kind is not Kind.TEXT:
            return
        if received.to == self.scenario.staff_room:
            for member in self.scenario.staff:
                self._read_code(member, received.to, received)
        elif reader := self.world.staff.get(received.to):
            self._read_code(reader, received.account, received)
            self._read_package(reader, received)
        elif received.to == f"{FILE_HELPER}:{received.account}":
            holder = self._by_id.get(self.world.accounts[received.account].plan.holder)
            if holder is not None:
                self._read_package(holder, received)

    def _read_code(self, member: StaffPlan, where: str, received: Received) -> None:
        waits = self._habits[member.id].code_until_ms
        found = _CODE.search(received.text)
        if found is None or received.at_ms > waits.get(where, 0):
            return
        del waits[where]
        roll = dice(self.scenario.seed, "confirm", member.id, received.message_id)
        text = lines.CONFIRM.format(code=found[1])
        self.agenda.after(roll.uniform(0.25, 0.7), lambda: self._say(member, where, text))

    def _read_package(self, member: StaffPlan, received: Received) -> None:
        """Remember a task package, and plan to see to all that are open: soon, but not every few minutes."""
        habits = self._habits[member.id]
        said_ms = self.world.record.last_said_ms(member.contact, received.account)
        answers = said_ms is not None and received.at_ms - said_ms < _OWN_WORDS_MS
        if answers or received.text in habits.seen or not _is_package(received.text):
            return
        habits.seen.add(received.text)
        habits.to_do.append(received)
        if len(habits.to_do) == 1:
            roll = dice(self.scenario.seed, "tick", member.id, received.message_id)
            when_ms = received.at_ms + round(roll.uniform(2, 8) * 60_000)
            self.agenda.at(max(when_ms, (habits.ticked_ms or 0) + _TICK_REST_MS), lambda: self._see_to_it(member))

    def _see_to_it(self, member: StaffPlan) -> None:
        """Post on the phones what the packages say, then tell the fleet."""
        habits = self._habits[member.id]
        done, habits.to_do = habits.to_do, []
        habits.ticked_ms = self.world.clock.now_ms()
        for package in done:
            for account in self._named_in(package, member):
                if wishes := _profile_in(package.text):
                    self._set_profile(account, wishes)
                    continue
                if _NO_POST.match(package.text):
                    continue
                self.world.publish(account, f"phone:{package.message_id}:{account}", "by_phone", package.text)
        self._say(member, done[-1].account, lines.TICK_OFF)

    def _set_profile(self, account: str, wishes: dict[str, str]) -> None:
        """What a card shows; pictures and the like are the phone's own affair."""
        if self.world.accounts[account].logged_in:
            self.world.set_profile(account, name=wishes.get("昵称"), signature=wishes.get("个性签名"))

    def _named_in(self, package: Received, member: StaffPlan) -> list[str]:
        """The accounts on this member's phone that a package speaks of; its sender when it names none."""
        own = [plan for plan in self.scenario.accounts if plan.holder == member.id]
        named = [plan.id for plan in own if plan.id in package.text or plan.nickname in package.text]
        return named or [package.account]


def _profile_in(text: str) -> dict[str, str]:
    """The lines of a package that asks for another profile; nothing for any other package."""
    return dict(_PROFILE_LINE.findall(text))


def _is_package(text: str) -> bool:
    """Does it ask for something to be done on the phone, and say how to tick that off?"""
    if text.startswith(_QUOTES):  # what they wrote themselves, given back with an answer
        return False
    return _PACKAGE.search(text) is not None and len(set(_COMMAND.findall(text))) <= _MOST_COMMANDS
