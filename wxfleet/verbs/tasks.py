"""Commands about what is done by hand on the phones: tasks list, done; gifts list, add, budget."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import select

from operations.requests.fleet import Done
from operations.requests.people import Give
from operations.staff_names import done_by, staff_names
from rules.quiet_hours import local
from scheduler.benefits.gifts import GiftKind, budget_of, ledger, yuan
from storage.task_tables import Task
from texts.catalogue import say
from texts.masking import masked
from texts.problem import ExitCode
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.acting import asked
from wxfleet.terminal.terminal import Terminal, command, table

_SHOWN = 200


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    tasks = typer.Typer(help=say("tasks.help"), no_args_is_help=True)
    for name, function in (("list", list_), ("done", done)):
        command(tasks, name, f"tasks.{name}")(function)
    app.add_typer(tasks, name="tasks")
    gifts = typer.Typer(help=say("gifts.help"), no_args_is_help=True)
    for verb, act in (("list", gifts_list), ("add", gifts_add), ("budget", gifts_budget)):
        command(gifts, verb, f"gifts.{verb}")(act)
    app.add_typer(gifts, name="gifts")


async def list_(
    terminal: Terminal,
    holder: Annotated[str | None, typer.Option("--holder", help=say("tasks.holder"))] = None,
    all_: Annotated[bool, typer.Option("--all", help=say("tasks.all"))] = False,
) -> None:
    settings = terminal.settings(strict=False)
    query = select(Task.__table__).order_by(Task.id.desc() if all_ else Task.id).limit(_SHOWN)
    if not all_:
        query = query.where(Task.state == "open")
    if holder is not None:
        query = query.where(Task.holder == holder)
    async with terminal.database(settings) as db, db.read() as connection:
        found = (await connection.execute(query)).all()
        names = await staff_names(connection)
    rows = [_task(row) for row in found]
    terminal.show(rows, _listed(rows, settings.shop.time_zone, names) if rows else say("tasks.none"))


def _task(row: Any) -> dict[str, Any]:
    return {
        "id": row.id, "title": masked(row.title), "kind": row.kind, "account": row.account, "holder": row.holder,
        "state": row.state, "created_ms": row.created_ms, "expires_ms": row.expires_ms, "closed_ms": row.closed_ms,
        "closed_by": row.closed_by,
    }  # fmt: skip


def _listed(rows: Sequence[dict[str, Any]], zone: str, names: Mapping[str, str]) -> Table:
    made = table(*(say(f"tasks.col.{name}") for name in ("id", "what", "account", "holder", "until", "state")))
    for row in rows:
        until = f"{local(row['expires_ms'], zone):%m-%d %H:%M}" if row["expires_ms"] else "—"
        made.add_row(
            str(row["id"]),
            row["title"],
            row["account"],
            done_by(row["holder"], names),
            until,
            say(f"tasks.state.{row['state']}"),
        )
    return made


async def done(terminal: Terminal, which: Annotated[str, typer.Argument(help=say("tasks.which"))]) -> int:
    reply = await asked(terminal, Done(which=which))
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code


async def gifts_list(terminal: Terminal) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        found = await ledger(connection, _SHOWN)
        names = await staff_names(connection)
    rows = [dict(row._mapping) for row in found]
    made = table(*(say(f"gifts.col.{name}") for name in ("id", "day", "who", "what", "occasion", "by", "state")))
    for row in rows:
        made.add_row(
            str(row["id"]), row["day"], f"{row['name']} #{row['person']}",
            say(f"gifts.kind.{row['kind']}", amount=yuan(row["amount_fen"])), row["occasion"],
            done_by(row["done_by"] or row["planned_by"], names), say(f"gifts.state.{row['state']}"),
        )  # fmt: skip
    terminal.show(rows, made if rows else say("gifts.none"))


async def gifts_add(
    terminal: Terminal,
    who: Annotated[str, typer.Argument(help=say("gifts.who"))],
    amount: Annotated[float, typer.Argument(help=say("gifts.amount"), min=0.01, max=100_000)],
    occasion: Annotated[str, typer.Argument(help=say("gifts.occasion"))],
    kind: Annotated[GiftKind, typer.Option("--kind", help=say("gifts.kind"))] = GiftKind.RED_PACKET,
    account: Annotated[str, typer.Option("--account", help=say("gifts.account"))] = "",
    note: Annotated[str, typer.Option("--note", help=say("gifts.note"))] = "",
) -> int:
    wish = Give(who=who, kind=kind.value, amount_fen=round(amount * 100), occasion=occasion, note=note, account=account)
    reply = await asked(terminal, wish)
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code


async def gifts_budget(terminal: Terminal) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        budget = await budget_of(
            connection, settings.gifts, settings.shop.time_zone, await shop_now_ms(connection, settings)
        )
    document = {
        "day": budget.day, "per_day_fen": budget.per_day, "used_today_fen": budget.used_today,
        "left_today_fen": budget.left_today, "per_person_fen": budget.per_person, "person_days": budget.person_days,
    }  # fmt: skip
    text = say(
        "gifts.budget_now", day=budget.day, per_day=yuan(budget.per_day), used=yuan(budget.used_today),
        left=yuan(budget.left_today), per_person=yuan(budget.per_person), days=budget.person_days,
    )  # fmt: skip
    terminal.show(document, text)
