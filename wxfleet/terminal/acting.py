"""Who acts at the terminal, and with which right: by the desk as in the chat, or where a command works by itself."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from commands.chat import Chat
from operations.asking import Reply
from operations.audit import Outcome
from operations.errors import NotStaff
from operations.long_acts import NOBODY, carried_out
from operations.requests.house import Confirm
from operations.requests.request import Door, Request
from operations.staff import StaffRole
from storage.engine import Database
from texts.catalogue import say
from wxfleet.reading.settings import Settings
from wxfleet.running.enrolment import enrol_staff
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.terminal import Terminal
from wxfleet.terminal.unserved import newest_request, unless_unserved
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


async def said(terminal: Terminal, line: str, staff: str | None) -> Reply:
    """One staff command, by the same desk as in the chat. `staff` None: the first owner of config.yaml."""
    settings = terminal.settings(strict=False)
    desk = desk_of(settings)
    async with terminal.database(settings) as db:
        await keep_staff(db, settings)
        async with db.write() as tx:
            now_ms = await shop_now_ms(tx, settings)
            who = staff or acting_staff(settings)
            before = await newest_request(tx)
            reply = await Chat(desk, settings.shop.time_zone).run_line(tx, who, line, Door.CLI, now_ms)
            return await unless_unserved(tx, settings, reply, before)


async def asked(terminal: Terminal, request: Request, *, confirmed: bool = False, as_staff: str = "") -> Reply:
    """What `as_staff`, else the first owner, asks for by options instead of words. `confirmed`: what needs a code is
    done at once, in one transaction: whoever asks for something else meanwhile, in the chat or another window, voids
    no code.
    """
    settings = terminal.settings(strict=False)
    desk, who = desk_of(settings), as_staff or acting_staff(settings)
    async with terminal.database(settings) as db:
        await keep_staff(db, settings)
        async with db.write() as tx:
            now_ms = await shop_now_ms(tx, settings)
            reply = await desk.act(tx, who, request, Door.CLI, now_ms)
            if not confirmed or reply.code is None:
                return reply
            return await desk.act(tx, who, Confirm(reply.code), Door.CLI, now_ms)


async def keep_staff(db: Database, settings: Settings) -> None:
    """Staff of the file are known before the first run too."""
    async with db.write() as tx:
        await enrol_staff(tx, settings)


def acting_staff(settings: Settings) -> str:
    owner = next((member.id for member in settings.staff if member.role is StaffRole.OWNER), None)
    if owner is None:
        raise NotStaff(say("cli.no_owner"), hint=say("cli.no_owner.hint"))
    return owner


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
