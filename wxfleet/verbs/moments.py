"""Commands about Moments: what the calendar says, and what it will look like."""

from datetime import date, datetime, time, timedelta
from typing import Annotated

import typer

from bots.account import AccountConfig
from operations.errors import NotFound
from reports.story import short
from rules.quiet_hours import local, to_ms, zone
from scheduler.days import lunar_words
from scheduler.moments.calendar_preview import SpanPreview, note_lines, preview_span
from scheduler.moments.day_slots import Poster
from scheduler.moments.moments import Calendar, Entry
from texts.catalogue import say
from texts.errors import ConfigurationInvalid, Severity
from texts.nearest import nearest
from wxfleet.reading.moments_calendar import book_of, read_calendar_of
from wxfleet.reading.settings import Settings
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.terminal import Terminal, command, table
from wxfleet.terminal.usage import NotUnderstood
from wxfleet.verbs import materials


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    moments = typer.Typer(help=say("cli.moments"), no_args_is_help=True)
    command(moments, "list", "cli.moments.list")(moments_list)
    command(moments, "preview", "cli.moments.preview")(moments_preview)
    command(moments, "post", "cli.moments.post")(materials.post)
    app.add_typer(moments, name="moments")


def moments_list(terminal: Terminal) -> None:
    calendar = calendar_of(terminal.settings())
    rows = []
    shown = table(say("cli.col.who"), say("cli.col.name"), say("cli.col.kind"), say("cli.col.time"),
                  say("cli.col.days"), say("cli.col.words"))  # fmt: skip
    comma = say("texts.comma")
    for file in calendar.files:
        who = file.persona or comma.join(file.accounts)
        for entry in file.posts:
            days = comma.join(entry.days)
            if entry.except_:
                days = say("cli.moments.except", days=days, but=comma.join(entry.except_))
            rows.append({"who": who, "name": entry.name, "kind": entry.kind.value, "at": _clock(entry), "days": days,
                         "text": entry.text[0], "item": entry.item, "topic": entry.topic})  # fmt: skip
            kind = say(f"scheduler.post.{entry.kind}")
            shown.add_row(who, entry.name, kind, _clock(entry), days, short(entry.text[0]))
    terminal.show(rows, shown, whole=True)  # the shop's own words


def _clock(entry: Entry) -> str:
    span = f"{entry.earliest:%H:%M}" if entry.earliest else ""
    if entry.window is not None:
        span += f"-{entry.window.end:%H:%M}"
    return say("cli.moments.free_in", span=span) if entry.free else span


async def moments_preview(
    terminal: Terminal,
    days: Annotated[int, typer.Option("--days", min=1, max=62, help=say("cli.moments.days"))] = 1,
    from_: Annotated[str | None, typer.Option("--from", help=say("cli.moments.from"))] = None,
    account: Annotated[str | None, typer.Option("--account", help=say("cli.moments.account"))] = None,
) -> None:
    settings = terminal.settings()
    calendar = calendar_of(settings)
    first = _day(from_, days) if from_ is not None else None
    people = _posters(settings, account)
    async with terminal.database(settings) as db, db.read() as connection:
        now_ms = await shop_now_ms(connection, settings)
        first = first or local(now_ms, settings.shop.time_zone).date()
        span = await preview_span(connection, calendar, people, first, days, now_ms, media=settings.media)
    span.mirrors = _mirrors(settings, people)
    if not span.shown and not terminal.json:
        terminal.note(span.past_words or say("cli.moments.none"))
        return
    shown = table(say("cli.col.time"), say("cli.col.account"), say("cli.col.kind"), say("cli.col.words"))
    last = None
    for line in span.shown:
        if line.day != last:
            weekday = say(f"scheduler.weekday.{line.day.isoweekday()}")
            shown.add_row(f"{line.day:%m-%d}", weekday, "", lunar_words(line.day), style="bold")
        last = line.day
        reason = say("cli.moments.skipped", reason=say(f"reason.{line.skipped}")) if line.skipped else ""
        kind = say(f"scheduler.post.{line.kind}")
        shown.add_row(line.clock, line.account, kind, f"{reason}{short(line.text)}")
    terminal.show(span.as_json(), shown, whole=True)  # the shop's own words
    _ending(terminal, span)


def _ending(terminal: Terminal, span: SpanPreview) -> None:
    """What went by, who follows, the shares and the warnings, beside the table."""
    if span.past_words:
        terminal.note(span.past_words)
    comma = say("texts.comma")
    for source, mirrors in span.mirrors.items():
        terminal.note(say("cli.moments.mirrors", source=source, mirrors=comma.join(mirrors)))
    if span.shares:
        each = [f"{say(f'scheduler.post.{kind}')} {percent}%" for kind, percent in span.shares.items()]
        terminal.note(say("scheduler.preview.shares", shares=comma.join(each)))
    lines = note_lines(span)
    if lines:
        terminal.note(say("scheduler.preview.warnings", number=len(lines)))
        for line in lines:
            terminal.note(f"  · {line}")


def calendar_of(settings: Settings) -> Calendar:
    """The calendar with the personas' mix and times. Raises ConfigurationInvalid."""
    calendar, mistakes = read_calendar_of(settings, book_of(settings))
    if any(mistake.severity is Severity.ERROR for mistake in mistakes):
        raise ConfigurationInvalid(mistakes)
    return calendar


def _posters(settings: Settings, account: str | None) -> list[Poster]:
    """Everybody who posts by themselves, by the files: a fleet that never ran has no tables to ask. Raises NotFound."""
    book = book_of(settings)
    own = [one for one in settings.accounts if book.get(one.persona).mirror_of is None]
    if account is not None and account not in {one.id for one in own}:
        near = nearest(account, [one.id for one in own])
        hint = say("operations.meant", near=near) if near else say("cli.moments.account.hint")
        raise NotFound(say("cli.moments.no_account", account=account), hint=hint)
    return [_poster(settings, one) for one in own if account in (None, one.id)]


def _poster(settings: Settings, one: AccountConfig) -> Poster:
    name = settings.time_zone_of(one)
    opened = datetime.combine(one.opened, time(), tzinfo=zone(name)) if one.opened else None
    limits = settings.limits_of(one)
    return Poster(one.id, one.persona, one.role, name, limits, to_ms(opened) if opened else None)


def _mirrors(settings: Settings, people: list[Poster]) -> dict[str, list[str]]:
    book = book_of(settings)
    followers = {
        poster.id: [one.id for one in settings.accounts if book.get(one.persona).mirror_of == poster.persona]
        for poster in people
    }
    return {source: mirrors for source, mirrors in followers.items() if mirrors}


def _day(text: str, days: int) -> date:
    """The first of `days` days. Raises NotUnderstood for what is no date, and beyond the calendar's end."""
    try:
        first = date.fromisoformat(text)
        first + timedelta(days=days + 1)
        first - timedelta(days=31)
    except (ValueError, OverflowError) as error:
        raise NotUnderstood(say("usage.date", text=text), hint=say("usage.date.hint"), where="--from") from error
    return first
