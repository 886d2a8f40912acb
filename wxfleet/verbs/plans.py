"""Commands about pushes."""

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.segments.segment_file import load_segments
from operations.audit import Outcome
from operations.campaigning import view_text
from operations.errors import NotFound
from operations.finding import campaign_named, choices
from operations.pushing import cancelled_words
from operations.requests.fleet import Pause
from operations.requests.pushes import Cancel, Continue, Push, TryPush
from operations.requests.request import Request
from operations.why import reason_words
from reports.campaigns import progress
from rules.quiet_hours import local
from scheduler.campaign_files.goal_rule import require_goal
from scheduler.campaign_state import Move, require_move
from scheduler.campaigns import steering
from scheduler.pushes import pushes
from scheduler.pushes.push_file import PushFile, from_spec, load_pushes, with_segment
from scheduler.pushes.push_planning import PushPlanning
from scheduler.pushes.recalls import Outcome as RecallOutcome
from scheduler.pushes.recalls import outcome_of
from storage.campaign_tables import Campaign
from texts.catalogue import say
from texts.errors import ConfigurationInvalid, Severity
from texts.nearest import nearest
from texts.problem import ExitCode
from texts.yaml_reader import read_document
from wxfleet.reading.settings import Settings
from wxfleet.running.shop_now import fleet_runs, shop_now_ms
from wxfleet.telling import tell_of_campaign
from wxfleet.terminal.acting import AsStaff, asked, done_at_terminal, who_acts
from wxfleet.terminal.terminal import Terminal, command, table
from wxfleet.verbs import campaigns

Id = Annotated[str, typer.Argument(help=say("cli.push.id"))]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    push = typer.Typer(help=say("cli.push"), no_args_is_help=True)
    for name, function in (
        ("preview", push_preview), ("create", push_create), ("start", push_start), ("pause", push_pause),
        ("resume", push_resume), ("cancel", push_cancel), ("show", push_show), ("list", push_list),
        ("test", push_test),
    ):  # fmt: skip
        command(push, name, f"cli.push.{name}")(function)
    app.add_typer(push, name="push")


async def push_preview(terminal: Terminal, file: Annotated[str, typer.Argument(help=say("cli.push.file"))]) -> None:
    settings = terminal.settings(strict=False)
    if campaign := campaigns.campaign_file(settings, file):
        await campaigns.preview(terminal, settings, campaign)
        return
    push = _push(settings, file)
    async with terminal.database(settings) as db, db.read() as connection:
        now_ms = await shop_now_ms(connection, settings)
        seen = await pushes.preview(connection, push, now_ms, shop_zone=settings.shop.time_zone)
    terminal.show(seen.as_json(), _seen(push.title, seen, settings))


async def push_create(
    terminal: Terminal, file: Annotated[str, typer.Argument(help=say("cli.push.file"))], as_: AsStaff = ""
) -> None:
    settings = terminal.settings()
    if campaign := campaigns.campaign_file(settings, file):
        await campaigns.create(terminal, settings, campaign, as_)
        return
    push = _push(settings, file)
    require_goal(settings.shop.goal, push)
    async with terminal.database(settings) as db:
        async with db.read() as connection:
            now_ms = await shop_now_ms(connection, settings)

        async def write() -> int:
            async with db.write() as tx:
                return await pushes.create(tx, push, "cli", now_ms, shop_zone=settings.shop.time_zone)

        id = await done_at_terminal(
            db, settings, Push(push=push.name), now_ms, write, as_staff=as_, outcome=Outcome.ASKED, told="#{}".format
        )
    terminal.show({"id": id, "name": push.name}, say("cli.push.created", id=id, title=push.title))


async def push_test(
    terminal: Terminal,
    file: Annotated[str, typer.Argument(help=say("cli.push.file"))],
    to: Annotated[str, typer.Option("--to", help=say("cli.push.to"))] = "",
) -> int:
    push = _push(terminal.settings(strict=False), file)
    reply = await asked(terminal, TryPush(push=push.name, to=to))
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code


async def push_start(
    terminal: Terminal,
    id: Annotated[str, typer.Argument(help=say("cli.push.id"))],
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("cli.yes_option"))] = False,
    as_: AsStaff = "",
) -> int:
    settings = terminal.settings()
    async with terminal.database(settings) as db:
        async with db.read() as connection:
            campaign, title = await campaign_named(connection, id)
            await require_move(connection, campaign, Move.START)
            now_ms = await shop_now_ms(connection, settings)
            timeline = await campaigns.seen_again(connection, settings, campaign, now_ms)
        if timeline is not None:
            terminal.note(view_text(title, timeline, settings.shop.time_zone))
            if not yes and not _agrees(say("cli.push.really", count=timeline.recipients)):
                terminal.note(say("cli.push.not_started"))
                return ExitCode.USAGE
            await campaigns.start(terminal, settings, db, campaign, title, as_)
            return ExitCode.OK
        async with db.read() as connection:
            spec = from_spec(await connection.scalar(select(Campaign.spec).where(Campaign.id == campaign)) or {})
            zone = settings.shop.time_zone
            seen = await pushes.preview(connection, spec, now_ms, shop_zone=zone, campaign=campaign)
            checked = await pushes.check(connection, campaign, now_ms, shop_zone=zone)
        terminal.note(_seen(title, seen, settings))
        if not yes and not _agrees(say("cli.push.really", count=seen.recipients)):
            terminal.note(say("cli.push.not_started"))
            return ExitCode.USAGE

        async def begin() -> None:
            async with db.write() as tx:
                await pushes.start(tx, campaign, now_ms, shop_zone=zone, checked=checked)

        wanted, noted = Push(push=title), f"#{campaign}"
        await done_at_terminal(db, settings, wanted, now_ms, begin, as_staff=as_, told=lambda _: noted)
        if not await fleet_runs(db, settings):  # nobody else writes its rows
            planning = PushPlanning(
                db, lambda: now_ms, tell=tell_of_campaign, shop_zone=zone, always_ask=settings.always_ask
            )
            await planning.carry_on(campaign)
    document = {"id": campaign, "planned": seen.recipients}
    key = "cli.push.started_asks" if settings.always_ask or spec.confirm else "cli.push.started"
    terminal.show(document, say(key, title=title, count=seen.recipients, id=campaign))
    return ExitCode.OK


async def push_pause(terminal: Terminal, id: Id, as_: AsStaff = "") -> None:
    who = who_acts(terminal.settings(strict=False), as_)
    await _moved(terminal, id, partial(steering.pause, reason=f"staff:{who}"), Pause(target=id), as_)


async def push_resume(terminal: Terminal, id: Id, as_: AsStaff = "") -> None:
    await _moved(terminal, id, steering.resume, Continue(target=id), as_)


async def push_cancel(terminal: Terminal, id: Id, as_: AsStaff = "") -> None:
    await _moved(terminal, id, steering.cancel, Cancel(push=id), as_)


async def push_show(terminal: Terminal, id: Annotated[str, typer.Argument(help=say("cli.push.id"))]) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        row = next(
            (row for row in await progress(connection) if id in (str(row["id"]), row["name"], row["title"])), None
        )
        phases = await campaigns.progress_of(connection, row["id"]) if row else {}
        zone = settings.shop.time_zone
        below = await campaigns.progress_lines(connection, phases, zone, row["id"]) if row and phases else []
        recall = await outcome_of(connection, row["id"]) if row else RecallOutcome()
    if row is None:
        raise NotFound(say("cli.push.no_such", id=id), hint=say("cli.push.no_such.hint"))
    lines = [say("cli.push.changed", title=row["title"], state=say(f"cli.push.state.{row['state']}"))]
    if row["counts"]["planned"] or not phases:
        lines.append(say("screen.sum.pushes", **{**row["counts"], "skipped": sum(row["skipped"].values())}))
    lines += campaigns.why_lines(row)
    if recall.tried:
        lines.append(say("cli.push.recall", **dict[str, Any](recall.as_json())))
    terminal.show(row | phases | {"recall": recall.as_json()}, "\n".join([*lines, *below]))


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
        title = row["title"] if row["parent"] is None else f"  └ {row['title']}"
        shown.add_row(str(row["id"]), title, say(f"cli.push.state.{row['state']}"),
                      str(row["counts"]["accepted"]), str(row["counts"]["pending"]),
                      str(sum(row["skipped"].values())))  # fmt: skip
    terminal.show(rows, shown)


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
    lines += [say("cli.push.fault", why=fault) for fault in seen.faults]
    if seen.friendless:
        lines.append(say("operations.push.friendless"))
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
    terminal: Terminal,
    id: str,
    act: Callable[[AsyncConnection, int, int], Awaitable[object]],
    wanted: Request,
    as_staff: str,
) -> None:
    """With the right that the chat asks for, too, and in the log with who did it."""
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db:
        async with db.read() as connection:
            campaign, title = await campaign_named(connection, id)
            now_ms = await shop_now_ms(connection, settings)

        async def move() -> tuple[object, str | None]:
            async with db.write() as tx:
                came = await act(tx, campaign, now_ms)
                return came, await tx.scalar(select(Campaign.state).where(Campaign.id == campaign))

        noted = f"#{campaign}"
        came, state = await done_at_terminal(
            db, settings, wanted, now_ms, move, as_staff=as_staff, told=lambda _: noted
        )
    document: dict[str, object] = {"id": campaign, "state": state}
    if isinstance(came, steering.Cancelled):
        recall = came.recall
        document |= {"waiting": came.waiting, "sent": recall.sent, "recalling": recall.trying, "stays": recall.stays,
                     "joined": came.joined}  # fmt: skip
        terminal.show(document, cancelled_words(title, came))
        return
    terminal.show(document, say("cli.push.changed", title=title, state=say(f"cli.push.state.{state}")))
