"""Commands about what is known of a customer: customers show, set, tag, note."""

from typing import Annotated

import typer

from commands.errors import NotUnderstood
from customers.profiles.profile_view import profile_view
from operations.finding import person_named
from operations.personal_data import reveal_person
from operations.requests.people import Note, SetProfile, Tag
from operations.requests.request import Door, Request
from operations.showing import document_of, page_of
from operations.who_has_them import who_has_them
from texts.catalogue import say
from wxfleet.plain_console import harmless
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.acting import AsStaff, acting_staff, asked, keep_staff, tried
from wxfleet.terminal.terminal import Terminal, command
from wxfleet.verbs.merges import DryRun, entry, told

_LINES = 20
"""Of notes, wishes and changes on the screen."""
_LINES_AS_JSON = 500
Who = Annotated[str, typer.Argument(help=say("profile.cli.who"))]


def add_to(customers: typer.Typer) -> None:
    """Put these commands into the group `customers`."""
    for name, function in (("show", show), ("set", set_), ("tag", tag), ("note", note)):
        command(customers, name, f"profile.cli.{name}")(function)


async def show(
    terminal: Terminal,
    who: Who,
    reveal: Annotated[bool, typer.Option("--reveal", help=say("profile.cli.reveal"))] = False,
    as_: AsStaff = "",
) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db:
        async with db.read() as connection:
            meant = await person_named(connection, entry(who))
            now_ms = await shop_now_ms(connection, settings)
        if reveal:
            await keep_staff(db, settings)
            await reveal_person(db, as_ or acting_staff(settings), meant.id, Door.CLI, now_ms)
        async with db.read() as connection:
            view = await profile_view(connection, meant.id, _LINES_AS_JSON if terminal.json else _LINES)
            now = await who_has_them(connection, meant.id, now_ms)
    zone = settings.shop.time_zone
    text = page_of(meant, view, now.lines(zone, now_ms), zone, whole=reveal)
    terminal.show(document_of(meant, view, now, whole=reveal), text, whole=reveal)


async def set_(
    terminal: Terminal,
    who: Who,
    fields: Annotated[list[str], typer.Argument(metavar="KEY=VALUE…", help=say("profile.cli.fields"))],
    dry_run: DryRun = False,
) -> int:
    written: dict[str, str] = {}
    for one in fields:
        name, equals, value = harmless(one).partition("=")
        if not equals or not name.strip():
            raise NotUnderstood(say("profile.cli.no_equals", word=one[:40]), hint=say("profile.cli.no_equals.hint"))
        written[name.strip()] = value
    return await _done(terminal, SetProfile(who=entry(who), fields=written), dry_run=dry_run)


async def tag(
    terminal: Terminal,
    who: Who,
    tags: Annotated[list[str] | None, typer.Argument(metavar="[TAG]…", help=say("profile.cli.tags"))] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", "-r", help=say("profile.cli.remove"))] = None,
    dry_run: DryRun = False,
) -> int:
    add, off = (tuple(harmless(word) for word in words or ()) for words in (tags, remove))
    return await _done(terminal, Tag(who=entry(who), add=add, remove=off), dry_run=dry_run)


async def note(
    terminal: Terminal,
    who: Who,
    text: Annotated[str, typer.Argument(help=say("profile.cli.text"))],
    dry_run: DryRun = False,
) -> int:
    return await _done(terminal, Note(who=entry(who), text=text), dry_run=dry_run)


async def _done(terminal: Terminal, request: Request, *, dry_run: bool) -> int:
    """By the same desk as in the chat."""
    if not dry_run:
        return told(terminal, await asked(terminal, request))
    reply = await tried(terminal, request)
    code = told(terminal, reply)
    if reply.ok:
        terminal.note(say("profile.cli.dry_run"))
    return code
