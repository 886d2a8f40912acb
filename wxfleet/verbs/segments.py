"""Commands about segments: list, preview."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from customers.segments.segment_file import Segment, load_segments
from customers.segments.segments import Member, Preview, count, first, preview
from customers.standing.ladder import Ladder, current, load_ladder
from operations.errors import NotFound
from rules.quiet_hours import local
from texts.catalogue import say
from texts.errors import ConfigurationInvalid, Severity
from texts.nearest import nearest
from wxfleet.reading.settings import Settings
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.terminal import Terminal, command, table

_ACCOUNTS_SHOWN = 12


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    segments = typer.Typer(help=say("cli.segments"), no_args_is_help=True)
    command(segments, "list", "cli.segments.list")(segments_list)
    command(segments, "preview", "cli.segments.preview")(segments_preview)
    app.add_typer(segments, name="segments")


async def segments_list(terminal: Terminal) -> None:
    settings = terminal.settings(strict=False)
    segments = _segments(settings)
    rows = []
    shown = table(say("cli.segments.name"), say("cli.segments.title"), say("cli.segments.people"))
    async with terminal.database(settings) as db, db.read() as connection:
        now_ms = await shop_now_ms(connection, settings)
        for segment in segments.values():
            people = await count(connection, segment, now_ms, settings.shop.time_zone)
            rows.append({"name": segment.name, "title": segment.title, "people": people})
            shown.add_row(segment.name, segment.title, str(people))
    if not rows and not terminal.json:
        terminal.note(say("cli.segments.none", folder=settings.segments))
        return
    terminal.show(rows, shown)


async def segments_preview(
    terminal: Terminal, name: Annotated[str, typer.Argument(help=say("cli.segments.which"))]
) -> None:
    settings = terminal.settings(strict=False)
    segment = _named(_segments(settings), name)
    zone = settings.shop.time_zone
    async with terminal.database(settings) as db, db.read() as connection:
        now_ms = await shop_now_ms(connection, settings)
        ladder = await current(connection)
        named = await first(connection, segment, now_ms, zone)
        if named and not terminal.json:  # at once; counting a million takes longer
            terminal.show({}, _people(named, ladder, zone))
        seen = await preview(connection, segment, now_ms, zone, named)
    if terminal.json:
        terminal.show(_as_json(segment, seen, zone), "")
        return
    if not named:
        terminal.show({}, _people(seen.people, ladder, zone))
    terminal.note(_summary(segment, seen))


def _segments(settings: Settings) -> dict[str, Segment]:
    """Raises ConfigurationInvalid: half a condition would be another segment."""
    ladder, _ = load_ladder(settings.ladder)
    accounts = [account.id for account in settings.accounts]
    segments, mistakes = load_segments(Path(settings.segments), ladder.ids if ladder else None, accounts)
    if any(mistake.severity is Severity.ERROR for mistake in mistakes):
        raise ConfigurationInvalid(mistakes)
    return segments


def _named(segments: dict[str, Segment], name: str) -> Segment:
    """By name or title. Raises NotFound with the nearest."""
    found = next((one for one in segments.values() if name in (one.name, one.title)), None)
    if found is None:
        near = nearest(name, list(segments))
        hint = say("operations.meant", near=near) if near else say("cli.segments.look")
        raise NotFound(say("cli.segments.no_such", name=name), hint=hint)
    return found


def _as_json(segment: Segment, seen: Preview, zone: str) -> dict[str, Any]:
    return {
        "name": segment.name, "title": segment.title, "count": seen.count, "unreachable": seen.unreachable,
        "by_account": seen.by_account, "people": [_person(member, zone) for member in seen.people],
    }  # fmt: skip


def _person(member: Member, zone: str) -> dict[str, Any]:
    return {
        "id": member.id, "name": member.name, "level": member.level, "tier": member.tier, "orders": member.orders,
        "net_paid": member.net_paid_fen / 100, "last_order": _day(member, zone),
    }  # fmt: skip


def _day(member: Member, zone: str) -> str | None:
    return None if member.last_order_ms is None else local(member.last_order_ms, zone).date().isoformat()


def _people(people: Sequence[Member], ladder: Ladder, zone: str) -> Table:
    shown = table(
        "id", say("cli.col.name"), say("cli.col.level"), say("cli.segments.tier"), say("cli.col.orders"),
        say("cli.col.paid"), say("cli.segments.last_order"),
    )  # fmt: skip
    for member in people:
        tier = say(f"cli.segments.tier.{member.tier}") if member.tier else "—"
        shown.add_row(
            str(member.id), member.name or "—", ladder.name_of(member.level), tier, str(member.orders),
            f"{member.net_paid_fen / 100:.2f}", _day(member, zone) or "—",
        )  # fmt: skip
    return shown


def _summary(segment: Segment, seen: Preview) -> str:
    lines = [say("cli.segments.sum", title=segment.title, count=seen.count, shown=len(seen.people))]
    accounts = list(seen.by_account.items())
    if accounts:
        listed = say("texts.comma").join(f"{account} {number}" for account, number in accounts[:_ACCOUNTS_SHOWN])
        more = say("cli.segments.more", number=len(accounts) - _ACCOUNTS_SHOWN)
        lines.append(
            say("cli.segments.by_account", accounts=listed + (more if len(accounts) > _ACCOUNTS_SHOWN else ""))
        )
    if seen.unreachable:
        lines.append(say("cli.segments.unreachable", number=seen.unreachable))
    return "\n".join(lines)
