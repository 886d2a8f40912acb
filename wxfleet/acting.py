"""Who acts at the terminal, and with which right: for commands that do their work themselves, without the desk."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from operations.asking import Reply
from operations.audit import Outcome
from operations.long_acts import NOBODY, carried_out
from operations.requests import Door, Request
from operations.staff import StaffRole
from storage.engine import Database
from texts.catalogue import say
from wxfleet.cli_fleet import acting_staff, keep_staff, shop_now_ms
from wxfleet.settings import Settings
from wxfleet.terminal import Terminal
from wxfleet.wiring import desk_of

T = TypeVar("T")
AsStaff = Annotated[str, typer.Option("--as", help=say("privacy.as"))]


def who_acts(settings: Settings, as_staff: str) -> str:
    """That member of the staff, else the first owner; in a shop that named no staff whoever sits there."""
    owners = (member.id for member in settings.staff if member.role is StaffRole.OWNER)
    return as_staff or next(owners, NOBODY)


async def done_at_terminal(
    db: Database,
    settings: Settings,
    request: Request,
    now_ms: int,
    act: Callable[[], Awaitable[T]],
    *,
    as_staff: str = "",
    outcome: Outcome = Outcome.DONE,
    told: Callable[[T], str] = lambda result: "",
) -> T:
    """Do `act` as `who_acts`, with their right to it, and write it into the log with what it came to.

    Raises NotStaff, NotAllowed, and what `act` raises.
    """
    await keep_staff(db, settings)
    staff = who_acts(settings, as_staff)
    return await carried_out(db, staff, request, Door.CLI, now_ms, act, outcome=outcome, told=told)


async def tried(terminal: Terminal, request: Request) -> Reply:
    """What the desk would answer the first owner; nothing of it is kept."""
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db:
        await keep_staff(db, settings)
        async with db.write() as tx:
            trial = await tx.begin_nested()
            now_ms = await shop_now_ms(tx, settings)
            reply = await desk_of(settings).act(tx, acting_staff(settings), request, Door.CLI, now_ms)
            await trial.rollback()
            return reply
