"""What a person sees while the fleet runs: what happens, in their words, and where to look next. On stderr."""

from collections.abc import Sequence
from typing import Any

import segno
from sqlalchemy.ext.asyncio import AsyncConnection

from commands.catalogue import COMMANDS
from customers.imports.import_result import ImportResult
from customers.standing.ladder import load_ladder
from operations.repairs import RepairLine, noted_repairs
from operations.requests.request import Verb
from personas.book import Book
from reports.story import Line, told
from rules.clock import Clock
from rules.quiet_hours import local
from storage.engine import Database
from texts.catalogue import language, say
from texts.problem import Problem
from wxfleet.plain_console import PlainConsole
from wxfleet.reading.settings import Settings
from wxfleet.wiring import House

LOOK_WALL_MS = 1_500
REST_WALL_MS = 5_000
"""Between two looks while nothing happens: the screen was a third of what an idle fleet costs."""
LINES_A_LOOK = 6
"""More than this in a second and a half nobody can read."""
_STYLES = {
    "friend": "green", "welcome": "green", "talk": "", "moment": "magenta", "task": "magenta", "push": "yellow",
    "command": "cyan", "person": "bold",
}  # fmt: skip


class Screen:
    """`quiet` shows only what needs a person: QR codes and trouble."""

    def __init__(self, settings: Settings, book: Book, *, quiet: bool = False) -> None:
        self._settings = settings
        self._names = {account.id: self._name(account.id, book) for account in settings.accounts}
        # Of two commands that ask for the same, the first.
        self._verbs = {c.verb.value: f"/{c.names[0 if language() == 'zh' else 1]}" for c in reversed(COMMANDS)}
        self._verbs[Verb.PREVIEW_MOMENTS.value] = self._verbs[Verb.PREVIEW.value]
        for verb in (Verb.LOSE_ACCOUNT, Verb.FIND_ACCOUNT):
            self._verbs[verb.value] = self._verbs[Verb.ACCOUNTS.value]
        self._zone = settings.shop.time_zone
        self._quiet = quiet
        self._console = PlainConsole(stderr=True, highlight=False, soft_wrap=True)
        self._db: Database | None = None
        self._clock: Clock | None = None
        self._online = 0
        self._repairs: dict[str, RepairLine] = {}
        self._house: House | None = None

    def _name(self, account: str, book: Book) -> str:
        config = next(config for config in self._settings.accounts if config.id == account)
        return f"{book.resolved(config.persona).name}({account})"

    def imported(self, result: ImportResult) -> None:
        """The simulated shop's export was read."""
        if result.new:
            self._print(say("screen.imported", new=result.new, rows=result.rows))

    def opens(self, db: Database, clock: Clock, house: House) -> None:
        """Say what this is, what mode it is in, and where to look."""
        self._db, self._clock, self._house = db, clock, house
        settings = self._settings
        begins = local(clock.now_ms(), self._zone)
        self._print(say("screen.opens", shop=settings.shop.name, count=len(settings.accounts)), "bold")
        if settings.all_simulated:
            speed = f"{settings.simulator.speed:g}"
            self._print(say("screen.simulated", speed=speed, begins=f"{begins:%m-%d %H:%M}"))
        elif settings.mode == "dry_run":
            self._print(say("screen.dry_run"), "yellow")
        else:
            armed = sum(account.armed for account in settings.accounts if not account.simulated)
            self._print(say("screen.live", armed=armed), "bold red")
        self._print(say("screen.where_to_look"), "dim")
        ladder, _ = load_ladder(settings.ladder)
        if ladder is not None and ladder.discounted():
            self._print(ladder.reminder(), "dim")

    async def watch(self) -> None:
        """Tell what happens, as it happens, until cancelled."""
        if self._db is None or self._clock is None:
            raise RuntimeError("opens() comes first")
        seen_ms = self._clock.now_ms()
        wall_ms = LOOK_WALL_MS
        while True:
            await self._clock.sleep(self._clock.span_ms(wall_ms) / 1000)
            moved = self._say_states()
            lines: Sequence[Line] = ()
            # What was committed a moment ago may bear an earlier time: look a little behind the present.
            until_ms = self._clock.now_ms() - self._clock.span_ms(LOOK_WALL_MS)
            try:
                async with self._db.read() as connection:
                    await self._say_repairs(connection)
                    if until_ms > seen_ms and not self._quiet:
                        lines = await told(connection, seen_ms, until_ms, self._names, self._verbs)
                        self._tell(lines, until_ms)
                        seen_ms = until_ms
            except Problem:
                """The heartbeat says it."""
            wall_ms = LOOK_WALL_MS if lines or moved else min(2 * wall_ms, REST_WALL_MS)

    def _tell(self, lines: Sequence[Line], until_ms: int) -> None:
        at = f"{local(until_ms, self._zone):%H:%M}"
        for line in lines[:LINES_A_LOOK]:
            self._print(f"{at}  {line.text}", _STYLES.get(line.topic, ""))
        if len(lines) > LINES_A_LOOK:
            self._print(say("screen.more", count=len(lines) - LINES_A_LOOK), "dim")

    async def _say_repairs(self, connection: AsyncConnection) -> None:
        """What needs a person is shown once when it comes, quiet or not, and once when it is mended."""
        open_now = {repair.key: repair for repair in await noted_repairs(connection)}
        for key, repair in open_now.items():
            if key not in self._repairs:
                self._console.print(say("screen.repair", line=repair.line), style="yellow")
        for key in self._repairs.keys() - open_now.keys():
            self._print(say("screen.mended", text=self._repairs[key].text), "green")
        self._repairs = open_now

    def scan(self, account: str, code: str) -> None:
        """A QR code to scan, drawn with characters."""
        self._console.print(say("screen.scan", account=self._names.get(account, account)), style="bold")
        self._console.print(qr_text(code))

    def trouble(self, problem: Problem) -> None:
        """Something is wrong with the whole house. Said once, until it is well again."""
        self._console.print(str(problem), style="bold red")

    def warn(self, text: str) -> None:
        self._console.print(text, style="yellow")

    def well_again(self) -> None:
        self._console.print(say("screen.well_again"), style="green")

    def closing(self) -> None:
        self._print(say("screen.closing"), "dim")

    def _say_states(self) -> bool:
        """Whether accounts came or went."""
        states = self._house.fleet.states() if self._house else {}
        online = sum(state.value in ("online", "paused") for state in states.values())
        if online != self._online:
            self._online = online
            self._print(say("screen.online", online=online, count=len(states)), "dim")
            return True
        return False

    def _print(self, text: str, style: str = "") -> None:
        if not self._quiet:
            self._console.print(text, style=style or None)


def qr_text(code: str) -> str:
    """A QR code of half blocks, dark on light whatever the terminal's colours."""
    rows: Sequence[Sequence[int]] = [list(row) for row in segno.make(code, error="l").matrix_iter(border=2)]
    lines = []
    for upper, lower in zip(rows[::2], [*rows[1::2], [0] * len(rows[0])], strict=False):
        lines.append("".join(_BLOCKS[bool(a), bool(b)] for a, b in zip(upper, lower, strict=True)))
    return "\n".join(lines)


_BLOCKS = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}


def summary_text(document: dict[str, Any]) -> str:
    """The document of a run, for a person."""
    moments, pushes, talk = document["moments"], document["pushes"], document["conversations"]
    lines = [
        say("screen.sum.friends", **document["friends"]),
        say("screen.sum.moments", published=moments["published"], assisted=moments["assisted"],
            skipped=sum(moments["skipped"].values())),
        say("screen.sum.pushes", planned=pushes["planned"], accepted=pushes["accepted"], pending=pushes["pending"],
            skipped=sum(pushes["skipped"].values()), failed=pushes["failed"],
            doubt=pushes["in_doubt"] + pushes["unknown"]),
        say("screen.sum.conversations", **talk),
        say("screen.sum.commands", **document["commands"]),
    ]  # fmt: skip
    if talk["dry_run"]:
        lines.append(say("screen.sum.dry_run", count=talk["dry_run"]))
    return "\n".join(lines)
