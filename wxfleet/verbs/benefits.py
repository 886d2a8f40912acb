"""Commands about what campaigns give away: benefits list, give, undo."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.finding import campaign_named, described, person_named
from operations.requests.pushes import GiveBenefit, UndoBenefit
from operations.staff_names import done_by, staff_names
from rules.quiet_hours import local
from scheduler.benefits import benefits
from scheduler.benefits.benefits import Given, Stock
from scheduler.benefits.coupon_pools import masked_code
from scheduler.benefits.coupons import root_of
from scheduler.benefits.gifts import yuan
from texts.catalogue import say
from texts.problem import ExitCode
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.acting import AsStaff, done_at_terminal
from wxfleet.terminal.terminal import Terminal, command, table

_SHOWN = 200
Named = Annotated[str, typer.Argument(help=say("benefits.campaign"))]
Note = Annotated[str, typer.Option("--note", help=say("benefits.note"))]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    group = typer.Typer(help=say("benefits.help"), no_args_is_help=True)
    for name, function in (("list", list_), ("give", give), ("undo", undo)):
        command(group, name, f"benefits.{name}")(function)
    app.add_typer(group, name="benefits")


async def list_(
    terminal: Terminal,
    campaign: Annotated[str, typer.Option("--campaign", help=say("benefits.campaign"))] = "",
    lines: Annotated[bool, typer.Option("--ledger", help=say("benefits.ledger"))] = False,
) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        of = await _campaign(connection, campaign) if campaign else None
        if lines:
            rows = [_line(row) for row in await benefits.ledger(connection, _SHOWN, of)]
            shown = _ledger(rows, settings.shop.time_zone, await staff_names(connection))
        else:
            found = await benefits.stocks(connection, of)
            rows, shown = [_stock(*one) for one in found], _stocks(found)
    terminal.show(rows, shown if rows else say("benefits.none"))


async def give(
    terminal: Terminal,
    campaign: Named,
    benefit: Annotated[str, typer.Argument(help=say("benefits.benefit"))],
    who: Annotated[str, typer.Argument(help=say("benefits.who"))],
    units: Annotated[int, typer.Option("--units", help=say("benefits.units"), min=1, max=1000)] = 1,
    note: Note = "",
    as_: AsStaff = "",
) -> int:
    settings = terminal.settings(strict=False)
    by = f"staff:{as_}" if as_ else "cli"
    async with terminal.database(settings) as db:
        async with db.read() as connection:
            now_ms = await shop_now_ms(connection, settings)

        async def act() -> tuple[str, Given]:
            async with db.write() as tx:
                person = await person_named(tx, who)
                of = await _campaign(tx, campaign)
                given = await benefits.give(
                    tx, campaign=of, benefit=benefit, person=person.id, by=by, now_ms=now_ms, units=units,
                    note=note[:200],
                )  # fmt: skip
                return described(person), given

        wanted = GiveBenefit(campaign=campaign, benefit=benefit, who=who, units=units, note=note)
        name, given = await done_at_terminal(db, settings, wanted, now_ms, act, as_staff=as_, told=_noted)
    left = say("benefits.no_end") if given.left is None else str(given.left)
    text = say("benefits.given", who=name, title=given.title, units=given.units, line=given.id, left=left)
    if given.code:
        text += "\n" + say("benefits.code", code=given.code)
    document = {"line": given.id, "benefit": given.benefit, "units": given.units, "left": given.left,
                "code": given.code}  # fmt: skip
    terminal.show(document, text)
    return ExitCode.OK


def _noted(done: tuple[str, Given]) -> str:
    return f"benefit:{done[1].id}"


async def undo(
    terminal: Terminal,
    line: Annotated[int, typer.Argument(help=say("benefits.line"))],
    note: Note = "",
    as_: AsStaff = "",
) -> int:
    settings = terminal.settings(strict=False)
    by = f"staff:{as_}" if as_ else "cli"
    async with terminal.database(settings) as db:
        async with db.read() as connection:
            now_ms = await shop_now_ms(connection, settings)

        async def act() -> int:
            async with db.write() as tx:
                return await benefits.undo(tx, line, by=by, now_ms=now_ms, note=note[:200])

        wanted = UndoBenefit(line=line, note=note)
        id = await done_at_terminal(db, settings, wanted, now_ms, act, as_staff=as_, told=str)
    terminal.show({"line": id, "reverses": line}, say("benefits.undid", line=line, id=id))
    return ExitCode.OK


async def _campaign(connection: AsyncConnection, word: str) -> int:
    return await root_of(connection, (await campaign_named(connection, word))[0])


def _stock(campaign: int, title: str, stock: Stock) -> dict[str, Any]:
    return {
        "campaign": campaign, "campaign_title": title, "benefit": stock.benefit, "title": stock.title,
        "units": stock.units, "given": stock.given, "left": stock.left, "per_person": stock.per_person,
        "value_fen": stock.value_fen,
    }  # fmt: skip


def _stocks(found: Sequence[tuple[int, str, Stock]]) -> Table:
    columns = ("campaign", "benefit", "title", "units", "given", "left", "per_person", "value")
    made = table(*(say(f"benefits.col.{name}") for name in columns))
    for campaign, title, stock in found:
        made.add_row(
            f"{title} #{campaign}", stock.benefit, stock.title, _number(stock.units), str(stock.given),
            _number(stock.left), str(stock.per_person), "—" if stock.value_fen is None else yuan(stock.value_fen),
        )  # fmt: skip
    return made


def _line(row: Any) -> dict[str, Any]:
    return {
        "line": row.id, "at_ms": row.at_ms, "person": row.person, "who": row.who, "campaign": row.campaign,
        "benefit": row.name, "title": row.title, "units": row.units,
        "value_fen": None if row.value_fen is None else row.value_fen * row.units,
        "code": masked_code(row.coupon) if row.coupon else None, "by": row.by, "reverses": row.reverses,
        "note": row.note,
    }  # fmt: skip


def _ledger(rows: Sequence[dict[str, Any]], zone_name: str, names: Mapping[str, str]) -> Table:
    columns = ("line", "at", "who", "title", "units", "code", "by", "note")
    made = table(*(say(f"benefits.col.{name}") for name in columns))
    for row in rows:
        note = say("benefits.reverses", line=row["reverses"]) if row["reverses"] else ""
        made.add_row(
            str(row["line"]), f"{local(row['at_ms'], zone_name):%m-%d %H:%M}", f"{row['who']} #{row['person']}",
            row["title"], f"{row['units']:+d}", row["code"] or "—", done_by(row["by"], names),
            f"{note}{row['note']}",
        )  # fmt: skip
    return made


def _number(units: int | None) -> str:
    return say("benefits.no_end") if units is None else str(units)
