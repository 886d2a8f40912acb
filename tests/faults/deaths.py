"""Deaths at exact points: a fleet process that kills itself with SIGKILL at its n-th commit, statement or send.

The points are SQLAlchemy's own events and the door of the gateway adapter. A process that is not to die runs the same
code without any of it. On SIGUSR1 it suffers what the file `suffering.json` in its folder says: see `Suffering`.
"""

import itertools
import json
import os
import resource
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Engine, Pool, event

Point = Literal["statement", "before_commit", "after_commit", "before_send", "after_send", "last_moment"]
POINTS: tuple[Point, ...] = ("statement", "before_commit", "after_commit", "before_send", "after_send")
"""Those that a drill chooses from. 'last_moment': a send was found to be allowed, and its bytes are not written yet."""

DISK_BYTES = 64 * 1024
"""Beyond this no file of a process with a full disk grows."""

SUFFERING = "suffering.json"
"""Lies in the folder in which the process was started."""


@dataclass(frozen=True, slots=True)
class Death:
    """Die at the `count`-th passing of `point`, 1 being the first; with SIGSTOP as `by` it is frozen there."""

    point: Point
    count: int
    by: int = signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Suffering:
    """Its disk is full; its wall clock shows a time that is so many seconds off. The clocks of the kernel go on."""

    disk_full: bool = False
    clock_off_s: float = 0.0


def arrange(death: Death | None) -> None:
    """Prepare this process for what it is to suffer."""
    wall, off = time.time, 0.0
    file = Path.cwd() / SUFFERING
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def suffer(*_: object) -> None:
        nonlocal off
        now = Suffering(**json.loads(file.read_text(encoding="utf-8")))
        off = now.clock_off_s
        resource.setrlimit(resource.RLIMIT_FSIZE, (DISK_BYTES if now.disk_full else hard, hard))

    time.time = lambda: wall() + off
    signal.signal(signal.SIGUSR1, suffer)
    if death is None:
        return
    passing = itertools.count(1)

    def pass_by(*_: Any, **__: Any) -> None:
        if next(passing) == death.count:
            os.kill(os.getpid(), death.by)

    match death.point:
        case "statement":
            event.listen(Engine, "before_cursor_execute", pass_by)
        case "before_commit":
            event.listen(Engine, "commit", pass_by)
        case "after_commit":
            _after_commits(pass_by)
        case "before_send" | "after_send":
            _at_sends(pass_by, after=death.point == "after_send")
        case "last_moment":
            _at_last_moments(pass_by)


def _after_commits(pass_by: Callable[[], None]) -> None:
    """A connection that goes back to its pool after a commit has it on the disk, and nobody has acted upon it."""
    committed: set[int] = set()
    event.listen(Engine, "commit", lambda connection: committed.add(id(connection.connection.dbapi_connection)))

    def back(connection: Any, _record: Any) -> None:
        if id(connection) in committed:
            committed.discard(id(connection))
            pass_by()

    event.listen(Pool, "checkin", back)


def _at_sends(pass_by: Callable[[], None], *, after: bool) -> None:
    from bots.wechaty_gateway import WechatyGateway

    send = WechatyGateway.send

    async def dying(self: WechatyGateway, *arguments: Any, **named: Any) -> str:
        if not after:
            pass_by()
        id = await send(self, *arguments, **named)
        if after:
            pass_by()
        return id

    WechatyGateway.send = dying  # type: ignore[method-assign]


def _at_last_moments(pass_by: Callable[[], None]) -> None:
    from bots.wechaty_unary import Processor, Reply

    ask = Processor.ask
    path = (b":path", b"/wechaty.Puppet/MessageSendText")

    def late(self: Processor, headers: Sequence[tuple[bytes, bytes]], question: bytes) -> Reply:
        if path in headers:
            pass_by()
        return ask(self, headers, question)

    Processor.ask = late  # type: ignore[method-assign]
