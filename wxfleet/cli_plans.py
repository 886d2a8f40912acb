"""Commands about what is planned: moments, push."""

import sys
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.segment_file import load_segments
from operations.audit import Outcome, record
from operations.errors import NotFound
from operations.finding import campaign_named, choices
from operations.requests import Cancel, Continue, Door, Pause, Push, Request
from operations.why import reason_words
from reports.campaigns import progress
from reports.story import short
from rules.quiet_hours import local
from scheduler import pushes
from scheduler.campaign_state import Move, require_move
from scheduler.calendar_files import load_calendar
from scheduler.moments import Calendar
from scheduler.push_file import PushFile, from_spec, load_pushes, with_segment
from storage.tables import Campaign
from texts.catalogue import say
from texts.errors import ConfigurationInvalid, Severity
from texts.nearest import nearest
from texts.problem import ExitCode
from texts.yaml_reader import read_document
from wxfleet.cli_fleet import shop_now_ms
from wxfleet.settings import Settings
from wxfleet.terminal import Terminal, command, table
from wxfleet.usage import NotUnderstood


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    moments = typer.Typer(help=say("cli.moments"), no_args_is_help=True)
    command(moments, "list", "cli.moments.list")(moments_list)
    command(moments, "preview", "cli.moments.preview")(moments_preview)
    app.add_typer(moments, name="moments")
    push = typer.Typer(help=say("cli.push"), no_args_is_help=True)
    for name, function in (
        ("preview", push_preview), ("create", push_create), ("start", push_start), ("pause", push_pause),
        ("resume", push_resume), ("cancel", push_cancel), ("show", push_show), ("list", push_list),
    ):  # fmt: skip
        command(push, name, f"cli.push.{name}")(function)
    app.add_typer(push, name="push")


def moments_list(terminal: Terminal) -> None:
    calendar = _calendar(terminal.settings())
    rows = []
    shown = table(say("cli.col.who"), say("cli.col.name"), say("cli.col.kind"), say("cli.col.time"),
                  say("cli.col.days"), say("cli.col.words"))  # fmt: skip
    for file in calendar.files:
        who = file.persona or "、".join(file.accounts)
        for entry in file.posts:
            at = f"{entry.earliest:%H:%M}" if entry.earliest else say("cli.moments.free")
            days = "、".join(str(day) for day in entry.days)
            rows.append({"who": who, "name": entry.name, "kind": entry.kind.value, "at": at, "days": days,
                         "text": entry.text[0]})  # fmt: skip
            shown.add_row(who, entry.name, say(f"cli.post.{entry.kind}"), at, days, short(entry.text[0]))
    terminal.show(rows, shown)


async def moments_preview(
    terminal: Terminal,
    days: Annotated[int, typer.Option("--days", min=1, max=62, help=say("cli.moments.days"))] = 1,
    from_: Annotated[str | None, typer.Option("--from", help=say("cli.moments.from"))] = None,
) -> None:
    settings = terminal.settings()
    calendar = _calendar(settings)
    first = _day(from_, days) if from_ is not None else await _today(terminal, settings)
    rows = []
    shown = table(say("cli.col.time"), say("cli.col.account"), say("cli.col.kind"), say("cli.col.words"))
    for day in (first + timedelta(days=number) for number in range(days)):
        for account in settings.accounts:
            for entry in calendar.entries(account.id, account.persona, day):
                zone_name = settings.time_zone_of(account)
                at = local(entry.due_ms(account.id, day, zone_name), zone_name)
                rows.append({"at": at.isoformat(), "account": account.id, "kind": entry.kind.value,
                             "name": entry.name, "text": entry.words_on(day)})  # fmt: skip
    for row in sorted(rows, key=lambda row: row["at"]):
        shown.add_row(row["at"][5:16].replace("T", " "), row["account"], say(f"cli.post.{row['kind']}"),
                      short(row["text"]))  # fmt: skip
    if not rows and not terminal.json:
        terminal.note(say("cli.moments.none"))
        return
    terminal.show(sorted(rows, key=lambda row: row["at"]), shown)


async def _today(terminal: Terminal, settings: Settings) -> date:
    """The shop's day: that of its simulated clock where there is one."""
    async with terminal.database(settings) as db, db.read() as connection:
        now_ms = await shop_now_ms(connection, settings)
    return local(now_ms, settings.shop.time_zone).date()


def _day(text: str, days: int) -> date:
    """The first of `days` days. Raises NotUnderstood for what is no date, and beyond the calendar's end."""
    try:
        first = date.fromisoformat(text)
        first + timedelta(days=days)
    except (ValueError, OverflowError) as error:
        raise NotUnderstood(say("usage.date", text=text), hint=say("usage.date.hint"), where="--from") from error
    return first


async def push_preview(terminal: Terminal, file: Annotated[str, typer.Argument(help=say("cli.push.file"))]) -> None:
    settings = terminal.settings(strict=False)
    push = _push(settings, file)
    async with terminal.database(settings) as db, db.read() as connection:
        now_ms = await shop_now_ms(connection, settings)
        seen = await pushes.preview(connection, push, now_ms, shop_zone=settings.shop.time_zone)
    terminal.show(seen.as_json(), _seen(push.title, seen, settings))


async def push_create(terminal: Terminal, file: Annotated[str, typer.Argument(help=say("cli.push.file"))]) -> None:
    settings = terminal.settings()
    push = _push(settings, file)
    async with terminal.database(settings) as db, db.write() as tx:
        now_ms = await shop_now_ms(tx, settings)
        id = await pushes.create(tx, push, "cli", now_ms, shop_zone=settings.shop.time_zone)
        await record(tx, "cli", Push(push=push.name), Door.CLI, Outcome.ASKED, now_ms, f"#{id}")
    terminal.show({"id": id, "name": push.name}, say("cli.push.created", id=id, title=push.title))


async def push_start(
    terminal: Terminal,
    id: Annotated[str, typer.Argument(help=say("cli.push.id"))],
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("cli.yes_option"))] = False,
) -> int:
    settings = terminal.settings()
    async with terminal.database(settings) as db:
        async with db.read() as connection:
            campaign, title = await campaign_named(connection, id)
            await require_move(connection, campaign, Move.START)
            now_ms = await shop_now_ms(connection, settings)
            spec = await connection.scalar(select(Campaign.spec).where(Campaign.id == campaign))
            seen = await pushes.preview(connection, from_spec(spec or {}), now_ms, shop_zone=settings.shop.time_zone)
        terminal.note(_seen(title, seen, settings))
        if not yes and not _agrees(say("cli.push.really", count=seen.recipients)):
            terminal.note(say("cli.push.not_started"))
            return ExitCode.USAGE
        async with db.write() as tx:
            planned = await pushes.start(tx, campaign, now_ms, shop_zone=settings.shop.time_zone)
            await record(tx, "cli", Push(push=title), Door.CLI, Outcome.DONE, now_ms, f"#{campaign}")
    terminal.show({"id": campaign, "planned": planned}, say("cli.push.started", title=title, count=planned))
    return ExitCode.OK


async def push_pause(terminal: Terminal, id: Annotated[str, typer.Argument(help=say("cli.push.id"))]) -> None:
    await _moved(terminal, id, pushes.pause, Pause(target=id))


async def push_resume(terminal: Terminal, id: Annotated[str, typer.Argument(help=say("cli.push.id"))]) -> None:
    await _moved(terminal, id, pushes.resume, Continue(target=id))


async def push_cancel(terminal: Terminal, id: Annotated[str, typer.Argument(help=say("cli.push.id"))]) -> None:
    await _moved(terminal, id, pushes.cancel, Cancel(push=id))


async def push_show(terminal: Terminal, id: Annotated[str, typer.Argument(help=say("cli.push.id"))]) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        row = next(
            (row for row in await progress(connection) if id in (str(row["id"]), row["name"], row["title"])), None
        )
    if row is None:
        raise NotFound(say("cli.push.no_such", id=id), hint=say("cli.push.no_such.hint"))
    lines = [say("cli.push.changed", title=row["title"], state=say(f"cli.push.state.{row['state']}"))]
    lines.append(say("screen.sum.pushes", **{**row["counts"], "skipped": sum(row["skipped"].values())}))
    lines += [
        say("cli.push.excluded", count=count, reason=reason_words(reason)) for reason, count in row["skipped"].items()
    ]
    terminal.show(row, "\n".join(lines))


async def push_list(terminal: Terminal) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        rows = await progress(connection)
    if not rows and not terminal.json:
        terminal.note(say("cli.push.none"))
        return
    shown = table("#", say("cli.col.title"), say("cli.col.state"), say("cli.col.sent"), say("cli.col.pending"),
                  say("cli.col.skipped"))  # fmt: skip
    for row in rows:
        shown.add_row(str(row["id"]), row["title"], say(f"cli.push.state.{row['state']}"),
                      str(row["counts"]["accepted"]), str(row["counts"]["pending"]),
                      str(sum(row["skipped"].values())))  # fmt: skip
    terminal.show(rows, shown)


def _calendar(settings: Settings) -> Calendar:
    calendar, mistakes = load_calendar(settings.moments, media=settings.media)
    if any(mistake.severity is Severity.ERROR for mistake in mistakes):
        raise ConfigurationInvalid(mistakes)
    return calendar


def _push(settings: Settings, file: str) -> PushFile:
    """By the path of a file, or by the name or title of a push in the folder. Raises NotFound, ConfigurationInvalid."""
    path = Path(file)
    segments, wrong = load_segments(settings.segments)
    if any(mistake.severity is Severity.ERROR for mistake in wrong):
        raise ConfigurationInvalid(wrong)
    if path.is_file():
        document = read_document(path, PushFile)
        if document.value is None:
            raise ConfigurationInvalid(document.mistakes)
        push, mistakes = with_segment(document, document.value, segments)
        if mistakes:
            raise ConfigurationInvalid(mistakes)
        return push
    known, mistakes = load_pushes(settings.pushes, segments=segments)
    if any(mistake.severity is Severity.ERROR for mistake in mistakes):
        raise ConfigurationInvalid(mistakes)
    for push in known.values():
        if file in (push.name, push.title):
            return push
    near = nearest(file, list(known))
    hint = say("operations.meant", near=near) if near else choices(list(known), "operations.no_pushes")
    raise NotFound(say("operations.no_push", push=file), hint=hint)


def _seen(title: str, seen: pushes.Preview, settings: Settings) -> str:
    lines = [say("cli.push.audience", title=title, audience=seen.audience, recipients=seen.recipients)]
    lines += [
        say("cli.push.excluded", count=count, reason=reason_words(reason))
        for reason, count in seen.excluded.items()
        if count
    ]
    lines += [say("cli.push.by_account", account=account, count=count) for account, count in seen.by_account.items()]
    if seen.ends_at is not None:
        ends = f"{local(seen.ends_at, settings.shop.time_zone):%m-%d %H:%M}"
        minutes = -(-seen.seconds // 60)
        lines.append(say("cli.push.time", minutes=minutes, ends=ends))
        if seen.beyond_valid_until:
            lines.append(say("cli.push.beyond", count=seen.beyond_valid_until))
    return "\n".join(lines)


def _agrees(question: str) -> bool:
    """A word from the person at the terminal; nobody there is a no."""
    if not sys.stdin.isatty():
        return False
    return typer.confirm(question, err=True)


async def _moved(
    terminal: Terminal, id: str, act: Callable[[AsyncConnection, int, int], Awaitable[object]], asked: Request
) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.write() as tx:
        campaign, title = await campaign_named(tx, id)
        now_ms = await shop_now_ms(tx, settings)
        await act(tx, campaign, now_ms)
        state = await tx.scalar(select(Campaign.state).where(Campaign.id == campaign))
        await record(tx, "cli", asked, Door.CLI, Outcome.DONE, now_ms, f"#{campaign}")
    document = {"id": campaign, "state": state}
    terminal.show(document, say("cli.push.changed", title=title, state=say(f"cli.push.state.{state}")))
