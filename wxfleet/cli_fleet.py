"""Commands about the fleet as it runs: run, status, accounts, command, staff, stop-all."""

import re
from dataclasses import asdict, replace
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.ownership import wall_of
from commands.chat import Chat
from customers.referral_list import thanks_due
from operations.asking import Reply
from operations.errors import NotStaff
from operations.open_matters import repairs_now
from operations.requests import Confirm, Door, Request, ResumeAll
from operations.staff import StaffRole
from reports.backlog import backlog
from reports.status import AccountStatus, FleetStatus, fleet_status
from reports.workers import Crew, crew_now
from rules.quiet_hours import local
from storage.engine import Database
from storage.tables import Setting, StaffContact, StaffMember
from texts.catalogue import say
from texts.problem import ExitCode, Problem
from wxfleet import cli_staff_log, logs
from wxfleet.clocks import wall_ms
from wxfleet.crew_words import crew_json, crew_lines
from wxfleet.lock import is_held
from wxfleet.new_account import add_account
from wxfleet.screen import Screen, summary_text
from wxfleet.service import Service, data_folder
from wxfleet.settings import Settings, examine_strictly
from wxfleet.terminal import Terminal, command, table
from wxfleet.unserved import newest_request, unless_unserved
from wxfleet.wiring import desk_of

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    command(app, "run", "cli.run")(run)
    command(app, "status", "cli.status")(status)
    command(app, "command", "cli.command")(command_)
    staff = typer.Typer(help=say("cli.staff"), no_args_is_help=True)
    command(staff, "list", "cli.staff.list")(staff_list)
    command(staff, "invite", "cli.staff.invite")(staff_invite)
    cli_staff_log.add_to(staff, shop_now_ms)
    app.add_typer(staff, name="staff")
    command(app, "stop-all", "cli.stop_all")(stop_all)
    command(app, "resume-all", "cli.resume_all")(resume_all)


async def run(
    terminal: Terminal,
    for_: Annotated[str | None, typer.Option("--for", help=say("cli.run.for"), metavar="60s")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help=say("cli.run.quiet"))] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help=say("cli.run.verbose"))] = False,
) -> None:
    wall_s = None if for_ is None else span_s(for_)
    examination = examine_strictly(terminal.config, terminal.home)
    settings = examination.settings
    assert settings is not None  # noqa: S101  # examine_strictly raises otherwise
    logs.set_up(data_folder(settings), verbose=verbose, secrets=settings.secrets(), config=settings.log)
    screen = Screen(settings, examination.book, quiet=quiet)
    ran = await Service(examination, screen).run(wall_s)
    terminal.show(ran.document, summary_text(ran.document))


def span_s(text: str) -> float:
    """'60s', '5m', '1h' or a bare number of seconds. Raises Problem for anything else."""
    found = _SPAN.fullmatch(text.strip())
    if not found:
        problem = Problem(say("cli.run.for.wrong", text=text), hint=say("cli.run.for.hint"), where="--for")
        problem.exit_code = ExitCode.USAGE
        raise problem
    return float(found[1]) * _SECONDS[found[2]]


async def status(terminal: Terminal) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        now_ms = await shop_now_ms(connection, settings)
        crew = await crew_now(connection, wall_ms=await wall_of(connection, wall_ms()))
        lag = await backlog(connection, now_ms)
        running = _is_running(crew, settings)
        fleet = _as_it_is(await fleet_status(connection, now_ms), crew, running=running)
        repairs = await repairs_now(connection, now_ms, settings.shop.time_zone)
        thanks = await thanks_due(connection)
    document = {
        "running": running, "states": dict(fleet.states), "stop_all": fleet.stopped and asdict(fleet.stopped),
        "waiting": fleet.waiting,
        "tasks": fleet.tasks, "pending": fleet.pending, "in_doubt": fleet.in_doubt,
        "accounts": [_account_json(account) for account in fleet.accounts],
        "thanks_due": thanks.number,
        **crew_json(crew, lag),
        "repairs": [repair.as_json() for repair in repairs],
    }  # fmt: skip
    if terminal.json:
        terminal.show(document, "")
        return
    lines = [say("cli.status.running") if running else say("cli.status.not_running")]
    lines += crew_lines(crew, lag, zone=settings.shop.time_zone, running=running)
    if fleet.stopped:
        since = f"{local(fleet.stopped.at_ms, settings.shop.time_zone):%m-%d %H:%M}"
        lines.append(say("cli.status.stopped", who=fleet.stopped.name, since=since))
    lines += [say("cli.status.repair", line=repair.line) for repair in repairs]
    lines.append(say("cli.status.open", waiting=fleet.waiting, tasks=fleet.tasks, pending=fleet.pending,
                     doubt=fleet.in_doubt))  # fmt: skip
    terminal.show(document, "\n".join(lines))
    terminal.show(document, _accounts_table(fleet))


async def accounts_list(terminal: Terminal) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        crew = await crew_now(connection, wall_ms=await wall_of(connection, wall_ms()))
        now_ms = await shop_now_ms(connection, settings)
        running = _is_running(crew, settings)
        fleet = _as_it_is(await fleet_status(connection, now_ms), crew, running=running)
    terminal.show([_account_json(account) for account in fleet.accounts], _accounts_table(fleet))


def accounts_new(
    terminal: Terminal,
    like: Annotated[str, typer.Option("--like", help=say("cli.accounts.new.like"))],
    id: Annotated[str | None, typer.Option("--id", help=say("cli.accounts.new.id"))] = None,
) -> None:
    added = add_account(terminal.config, like, new_id=id, home=terminal.home)
    document = {"id": added.id, "persona": added.persona, "files": [str(path) for path in added.files]}
    terminal.show(document, added.next_steps)


async def command_(
    terminal: Terminal,
    line: Annotated[str, typer.Argument(help=say("cli.command.line"))],
    as_: Annotated[str | None, typer.Option("--as", help=say("cli.command.as"))] = None,
) -> int:
    reply = await said(terminal, line, as_)
    if not reply.ok and not terminal.json:
        terminal.note(reply.text)
        return reply.exit_code
    same = say("cli.command.confirm_as", staff=as_) if as_ and reply.code else ""
    terminal.show(reply.as_json(), f"{reply.text}\n{same}".rstrip())
    return ExitCode.OK if reply.ok else reply.exit_code


async def staff_list(terminal: Terminal) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        rows = (await connection.execute(select(StaffMember).where(StaffMember.removed.is_(False)))).all()
        contacts: dict[str, list[str]] = {}
        for contact, staff in await connection.execute(select(StaffContact.contact, StaffContact.staff)):
            contacts.setdefault(staff, []).append(contact)
    shown = table("id", say("cli.col.name"), say("cli.col.rights"), say("cli.col.shift"), say("cli.col.known"))
    listed = []
    for row in rows:
        known = contacts.get(row.id, [])
        listed.append({"id": row.id, "name": row.name, "role": row.role, "shift": row.shift, "known": bool(known)})
        answer = say("cli.yes") if known else say("cli.staff.unknown", id=row.id)
        shown.add_row(row.id, row.name, say(f"cli.rights.{row.role}"), row.shift or "—", answer)
    terminal.show(listed, shown)


async def staff_invite(
    terminal: Terminal,
    name: Annotated[str, typer.Argument(help=say("cli.staff.invite.name"))] = "",
    role: Annotated[StaffRole, typer.Option("--role", help=say("cli.staff.invite.role"))] = StaffRole.SERVICE,
    room: Annotated[bool, typer.Option("--room", help=say("cli.staff.invite.room"))] = False,
) -> int:
    line = "/邀请 群" if room else f"/邀请 {name or say('cli.staff.new_one')} {role.value}"
    reply = await said(terminal, line, None)
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code


async def stop_all(terminal: Terminal) -> int:
    reply = await said(terminal, "/全停", None)
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code


async def resume_all(
    terminal: Terminal, yes: Annotated[bool, typer.Option("--yes", "-y", help=say("cli.yes_option"))] = False
) -> int:
    reply = await asked(terminal, ResumeAll(), confirmed=yes)
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code


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
    from wxfleet.enrolment import enrol_staff

    async with db.write() as tx:
        await enrol_staff(tx, settings)


def acting_staff(settings: Settings) -> str:
    owner = next((member.id for member in settings.staff if member.role is StaffRole.OWNER), None)
    if owner is None:
        raise NotStaff(say("cli.no_owner"), hint=say("cli.no_owner.hint"))
    return owner


async def shop_now_ms(connection: AsyncConnection, settings: Settings) -> int:
    """Now in the shop: the wall's time, or what the simulated world's clock showed last."""
    if settings.all_simulated:
        shown = await connection.scalar(select(Setting.value).where(Setting.key == "world_now_ms"))
        if shown is not None:
            return int(shown)
    return wall_ms()


def _as_it_is(fleet: FleetStatus, crew: Crew, *, running: bool) -> FleetStatus:
    """A process that was killed wrote down that its accounts were online; whom nobody serves is stopped."""
    dark = {one.id for one in fleet.accounts if not running or one.id in crew.ownerless_accounts}
    accounts = (replace(one, state="stopped", detail=None) if one.id in dark else one for one in fleet.accounts)
    return replace(fleet, accounts=tuple(accounts))


async def fleet_runs(db: Database, settings: Settings) -> bool:
    """Does a process serve the accounts of this database now?"""
    async with db.read() as connection:
        return _is_running(await crew_now(connection, wall_ms=await wall_of(connection, wall_ms())), settings)


def _is_running(crew: Crew, settings: Settings) -> bool:
    """On SQLite the lock says it at once; on PostgreSQL the heartbeats do."""
    if settings.database_url.startswith("sqlite"):
        return is_held(data_folder(settings))
    return any(worker.alive for worker in crew.workers)


def _account_json(account: AccountStatus) -> dict[str, object]:
    return {
        "id": account.id, "persona": account.persona, "role": account.role, "state": account.shown_state,
        "friends": account.friends, "accepted_today": account.accepted_today,
        "messages_today": account.messages_today, "moments_today": account.moments_today,
    }  # fmt: skip


def _accounts_table(fleet: FleetStatus) -> Table:
    shown = table(
        say("cli.col.account"), say("cli.col.role"), say("cli.col.state"), say("cli.col.friends"),
        say("cli.col.accepted"), say("cli.col.messages"), say("cli.col.moments"),
    )  # fmt: skip
    for account in fleet.accounts:
        state = say(f"cli.state.{account.shown_state}")
        shown.add_row(
            account.id, say(f"cli.role.{account.role}"), f"{state} {account.detail or ''}".strip(),
            f"{account.friends}/{account.friends_cap}", f"{account.accepted_today}/{account.accepts_allowed}",
            str(account.messages_today), str(account.moments_today),
        )  # fmt: skip
    return shown
