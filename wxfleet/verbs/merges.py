"""Commands about who is who: customers merge, unmerge, merges."""

from typing import Annotated

import typer

from customers.finding.people import FoundPerson
from customers.merging.merge_list import Merged, merges
from customers.profiles.profile_words import said_by
from operations.asking import Reply
from operations.finding import described, person_named
from operations.requests.people import Bind, Unmerge
from rules.quiet_hours import local
from texts.catalogue import say
from texts.problem import ExitCode
from wxfleet.terminal.acting import asked, tried
from wxfleet.terminal.terminal import Terminal, command

_WHO = typer.Argument(help=say("merges.who"))
DryRun = Annotated[bool, typer.Option("--dry-run", help=say("cli.dry_run"))]


def add_to(customers: typer.Typer) -> None:
    """Put these commands into the group `customers`."""
    for name, function in (("merge", merge), ("unmerge", unmerge), ("merges", merges_)):
        command(customers, name, f"merges.{name}")(function)


async def merge(
    terminal: Terminal,
    keep: Annotated[str, typer.Argument(metavar="A", help=say("merges.keep"))],
    gone: Annotated[str, typer.Argument(metavar="B", help=say("merges.gone"))],
    dry_run: DryRun = False,
) -> int:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        one, other = [await person_named(connection, entry(who)) for who in (keep, gone)]
    if dry_run:
        text = say("merges.would", one=_line(one), other=_line(other))
        terminal.show({"keep": one.id, "gone": other.id, "dry_run": True}, text)
        return ExitCode.OK
    return told(terminal, await asked(terminal, Bind(who=f"#{one.id}", what=f"#{other.id}", sure=True)))


async def unmerge(
    terminal: Terminal,
    numbers: Annotated[list[int], typer.Argument(min=1, help=say("merges.number"))],
    dry_run: DryRun = False,
) -> int:
    wanted = Unmerge(numbers=tuple(numbers))
    if not dry_run:
        return told(terminal, await asked(terminal, wanted))
    refused = await tried(terminal, wanted)  # an erased one, one undone before, a later one above it
    if not refused.ok:
        return told(terminal, refused)
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        found = [one for number in dict.fromkeys(numbers) for one in await merges(connection, number=number)]
    lines = [_merge_line(one, settings.shop.time_zone) for one in found]
    terminal.show([one.as_json() for one in found], say("merges.would_part", merge="\n".join(lines)))
    return ExitCode.OK


async def merges_(terminal: Terminal, who: Annotated[str | None, _WHO] = None) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        person = None if who is None else (await person_named(connection, entry(who))).id
        found = await merges(connection, person=person)
    lines = [_merge_line(one, settings.shop.time_zone) for one in found]
    terminal.show([one.as_json() for one in found], "\n".join(lines) or say("merges.none"))


def entry(who: str) -> str:
    """A bare number is an entry here, never the end of a phone."""
    return f"#{who}" if who.isascii() and who.isdigit() and len(who) <= 15 else who


def _line(person: FoundPerson) -> str:
    friendships = len(person.friendships)
    return say("merges.person", id=person.id, who=described(person), orders=person.orders, friendships=friendships)


def _merge_line(one: Merged, zone: str) -> str:
    at = f"{local(one.at_ms, zone):%Y-%m-%d %H:%M}"
    key = "merges.line.member" if one.member_name else "merges.line"
    text = say(
        key, number=one.number, at=at, kept=one.kept, gone=one.gone, member=one.member_name or "",
        evidence=_evidence(one.evidence), by=_by(one.by),
    )  # fmt: skip
    return text + (say("merges.line.undone", by=_by(one.undone_by)) if one.undone_by else "")


def _evidence(evidence: str) -> str:
    """`order 3214…` is 订单 3214…"""
    if evidence == "erased":
        return say("merges.evidence.erased")
    kind, blank, which = evidence.partition(" ")
    return say("merges.evidence.order", number=which) if blank and kind == "order" else said_by(evidence)


def _by(by: str) -> str:
    return say("merges.by.evidence") if by == "evidence" else said_by(by)


def told(terminal: Terminal, reply: Reply) -> int:
    """Pass the desk's answer on; returns the exit code."""
    if not reply.ok and not terminal.json:
        terminal.note(reply.text)
        return reply.exit_code
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code
