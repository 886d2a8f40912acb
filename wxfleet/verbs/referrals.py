"""Commands about who brought whom: referrals list, add, deliver, card; partners statement."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bots.referral_hello import REFERRAL
from customers.finding.people import shown as people_shown
from customers.referrals.referral_list import Brought, referrals
from customers.referrals.referrals import ReferralState
from customers.referrals.share_codes import share_code_of
from operations.finding import called, person_named
from operations.requests.people import Deliver, Refer
from rules.quiet_hours import local
from texts.catalogue import say
from texts.problem import ExitCode
from wxfleet.reading.settings import examine_strictly
from wxfleet.terminal.acting import asked
from wxfleet.terminal.card_printing import Shop, friend_on_card, print_card
from wxfleet.terminal.statement_sheet import month_of, statement_table, write_statement
from wxfleet.terminal.terminal import Terminal, command, table
from wxfleet.verbs.channels import account_for, channel_named

New = Annotated[str, typer.Argument(help=say("referrals.new"))]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    group = typer.Typer(help=say("referrals.help"), no_args_is_help=True)
    for name, function in (("list", list_), ("add", add), ("deliver", deliver), ("card", card)):
        command(group, name, f"referrals.{name}")(function)
    app.add_typer(group, name="referrals")
    partners = typer.Typer(help=say("partners.help"), no_args_is_help=True)
    command(partners, "statement", "partners.statement")(partners_statement)
    app.add_typer(partners, name="partners")


async def list_(
    terminal: Terminal,
    state: Annotated[ReferralState | None, typer.Option("--state", help=say("referrals.state"))] = None,
    who: Annotated[str | None, typer.Option("--who", help=say("referrals.who"))] = None,
) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        person = None if who is None else (await person_named(connection, who)).id
        found = await referrals(connection, state=state, who=person)
    rows = [_json(row) for row in found]
    terminal.show(rows, _listed(found, settings.shop.time_zone) if found else say("referrals.none"))


def _json(row: Brought) -> dict[str, Any]:
    return {
        "person": row.person, "name": row.person_name, "referrer": row.referrer, "referrer_name": row.referrer_name,
        "state": row.state.value, "evidence": row.evidence, "benefit": row.benefit, "order": row.order_number,
        "registered_ms": row.at_ms, "due_ms": row.due_ms, "delivered_ms": row.delivered_ms,
        "delivered_by": row.delivered_by,
    }  # fmt: skip


def _listed(found: Sequence[Brought], zone: str) -> Table:
    made = table(*(say(f"referrals.col.{name}") for name in ("new", "old", "when", "state", "benefit")))
    for row in found:
        state = say(f"referrals.state.{'refunded' if _given_and_refunded(row) else row.state}")
        made.add_row(
            f"{row.person_name} #{row.person}", f"{row.referrer_name} #{row.referrer}",
            f"{local(row.at_ms, zone):%Y-%m-%d}", state, row.benefit or "—",
        )  # fmt: skip
    return made


def _given_and_refunded(row: Brought) -> bool:
    return row.state is ReferralState.REVERSED and row.delivered_ms is not None


async def add(terminal: Terminal, new: New, old: Annotated[str, typer.Argument(help=say("referrals.old"))]) -> int:
    reply = await asked(terminal, Refer(who=new, old=old))
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code


async def deliver(
    terminal: Terminal, new: New, what: Annotated[str, typer.Option("--what", help=say("referrals.what"))] = ""
) -> int:
    reply = await asked(terminal, Deliver(who=new, what=what))
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code


async def card(
    terminal: Terminal,
    who: Annotated[str, typer.Argument(help=say("referrals.old"))],
    out: Annotated[Path, typer.Option("-o", "--out", help=say("channels.out"))],
    channel: Annotated[str, typer.Option("--channel", help=say("referrals.channel"))] = REFERRAL,
    account: Annotated[str | None, typer.Option("--account", help=say("channels.account"))] = None,
    font: Annotated[Path | None, typer.Option("--font", help=say("channels.font"))] = None,
) -> None:
    examination = examine_strictly(terminal.config, terminal.home)
    settings = examination.settings
    assert settings is not None  # noqa: S101  # examine_strictly raises otherwise
    by = channel_named(settings, channel)
    async with terminal.database(settings) as db:
        async with db.write() as tx:
            person = await person_named(tx, who)
            code = await share_code_of(tx, person.id)
        async with db.read() as connection:
            member = (await people_shown(connection, [person.id]))[0]
            chosen = await account_for(connection, settings, by, account)
            printed = await print_card(
                connection, Shop(settings, examination.book), chosen, out,
                benefit=by.benefit, code=code, font=font, friend=friend_on_card(member, settings.shop.style),
            )  # fmt: skip
    document: dict[str, Any] = {
        "person": member.id,
        "code": code,
        "file": printed.file,
        "account": printed.account,
        "qr": printed.qr,
    }
    terminal.show(document, say("referrals.card_made", who=called(member), **document))


async def partners_statement(
    terminal: Terminal,
    month: Annotated[str, typer.Argument(help=say("partners.month"))],
    xlsx: Annotated[Path | None, typer.Option("--xlsx", help=say("partners.xlsx"))] = None,
) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        made = await month_of(connection, month, settings.shop.time_zone)
    if xlsx is not None:
        write_statement(xlsx, made)
        terminal.note(say("partners.written", file=xlsx))
    terminal.show(made.as_json(), statement_table(made) if made.rows else say("partners.nothing", month=month))
