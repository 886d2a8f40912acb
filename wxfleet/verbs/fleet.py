"""Commands about the fleet as it runs: run, status, accounts, command, staff, stop-all."""

import re
from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy import select

from bots.ownership import wall_of
from customers.referrals.referral_list import thanks_due
from operations.open_matters import repairs_now
from operations.requests.fleet import ResumeAll
from operations.staff import StaffRole
from reports.backlog import backlog
from reports.status import fleet_status
from reports.workers import crew_now
from rules.quiet_hours import local
from storage.staff_tables import StaffContact, StaffMember
from texts.catalogue import say
from texts.problem import ExitCode, Problem
from wxfleet.clocks import wall_ms
from wxfleet.reading.settings import examine_strictly
from wxfleet.running import logs
from wxfleet.running.crew_words import crew_json, crew_lines
from wxfleet.running.screen import Screen, summary_text
from wxfleet.running.service import Service, data_folder
from wxfleet.running.shop_now import is_running, shop_now_ms
from wxfleet.terminal.acting import asked, said
from wxfleet.terminal.fleet_table import account_json, accounts_table, as_it_is
from wxfleet.terminal.terminal import Terminal, command, table
from wxfleet.verbs import staff_log

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
    staff_log.add_to(staff, shop_now_ms)
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
        running = is_running(crew, settings)
        fleet = as_it_is(await fleet_status(connection, now_ms), crew, running=running)
        repairs = await repairs_now(connection, now_ms, settings.shop.time_zone)
        thanks = await thanks_due(connection)
    document = {
        "running": running, "states": dict(fleet.states), "stop_all": fleet.stopped and asdict(fleet.stopped),
        "waiting": fleet.waiting,
        "tasks": fleet.tasks, "pending": fleet.pending, "in_doubt": fleet.in_doubt,
        "accounts": [account_json(account) for account in fleet.accounts],
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
    terminal.show(document, accounts_table(fleet))


async def command_(
    terminal: Terminal,
    line: Annotated[str, typer.Argument(help=say("cli.command.line"))],
    as_: Annotated[str | None, typer.Option("--as", help=say("cli.command.as"))] = None,
) -> int:
    reply = await said(terminal, line, as_)
    if not reply.ok and not terminal.json:
        terminal.note(reply.text)
        return reply.exit_code
    terminal.show(reply.as_json(), reply.text)
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
