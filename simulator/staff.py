"""What staff do all day: commands by the script, codes confirmed, task packages ticked off."""

import re
from dataclasses import dataclass
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

_CODE = re.compile(r"/确认\s*(\d{4,6})")
_PACKAGE = re.compile(r"/完成")
_ASKS_FOR_CODE = ("/推送", "/全部恢复", "/发圈", "/继续")
_CODE_WAIT_MS = 5 * 60_000
_OWN_WORDS_MS = 90_000
"""A message so soon after their own words is an answer, not a task package."""

_TICK_REST_MS = 10 * 60_000


@dataclass(slots=True)
class _Habits:
    """What one member keeps in mind."""

    code_until_ms: dict[str, int]  # where they wait for a code, and how long
    ticked_ms: int | None = None  # when they last saw to a task package


class Staff:
    """The owner and whoever else commands. They answer codes and packages, nothing else."""

    def __init__(self, world: World, agenda: Agenda) -> None:
        self.world = world
        self.agenda = agenda
        self.scenario = world.scenario
        self._by_id = {member.id: member for member in self.scenario.staff}
        self._habits = {member.id: _Habits({}) for member in self.scenario.staff}
        world.on_received(self._heard)

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
        habits = self._habits[member.id]
        said_ms = self.world.record.last_said_ms(member.contact, received.account)
        answers = said_ms is not None and received.at_ms - said_ms < _OWN_WORDS_MS
        rests = habits.ticked_ms is not None and received.at_ms - habits.ticked_ms < _TICK_REST_MS
        if answers or rests or not _PACKAGE.search(received.text):
            return
        habits.ticked_ms = received.at_ms
        roll = dice(self.scenario.seed, "tick", member.id, received.message_id)
        self.agenda.after(roll.uniform(2, 8), lambda: self._say(member, received.account, lines.TICK_OFF))
