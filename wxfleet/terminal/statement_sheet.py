"""The monthly statement of partners, for the screen, for scripts and as a workbook."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import xlsxwriter
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection
from xlsxwriter.exceptions import FileCreateError

from customers.referrals.partners import StatementRow, month_bounds, statement
from texts.catalogue import say
from texts.masking import masked
from texts.os_words import os_reason
from texts.problem import Problem
from wxfleet.terminal.terminal import table
from wxfleet.terminal.usage import NotUnderstood

_COLUMNS = ("partner", "tier", "person", "orders", "net")


@dataclass(frozen=True, slots=True)
class Statement:
    """One month, with a sum for each partner."""

    month: str
    rows: Sequence[StatementRow]

    def by_partner(self) -> Iterator[tuple[int, str, list[StatementRow]]]:
        for (id, name), rows in groupby(self.rows, key=lambda row: (row.partner, row.partner_name)):
            yield id, name, list(rows)

    def as_json(self) -> dict[str, Any]:
        partners = [
            {
                "partner": id, "name": name, "orders": sum(row.orders for row in rows),
                "net": sum(row.net_fen for row in rows) / 100,
                "tiers": {f"{tier}": sum(row.net_fen for row in rows if row.tier == tier) / 100 for tier in (1, 2)},
                "rows": [
                    {"person": row.person, "name": row.person_name, "tier": row.tier, "orders": row.orders,
                     "net": row.net_fen / 100}
                    for row in rows
                ],
            }
            for id, name, rows in self.by_partner()
        ]  # fmt: skip
        return {"month": self.month, "definition": say("partners.definition"), "partners": partners}


async def month_of(connection: AsyncConnection, month: str, zone: str) -> Statement:
    """The statement of a month like 2026-10. Raises NotUnderstood."""
    try:
        bounds = month_bounds(month, zone)
    except ValueError:
        raise NotUnderstood(say("partners.no_month", month=month), hint=say("partners.no_month.hint")) from None
    return Statement(month, await statement(connection, *bounds))


def statement_table(made: Statement) -> Table:
    shown = table(*(say(f"partners.col.{name}") for name in _COLUMNS))
    for _, name, rows in made.by_partner():
        for row in rows:
            tier = say(f"partners.tier.{row.tier}")
            shown.add_row(name, tier, row.person_name, str(row.orders), f"{row.net_fen / 100:.2f}")
        orders, net = sum(row.orders for row in rows), sum(row.net_fen for row in rows) / 100
        shown.add_row(say("partners.sum", name=name), "", "", str(orders), f"{net:.2f}", style="bold")
    shown.caption = say("partners.definition")
    shown.caption_justify = "left"
    return shown


def write_statement(file: Path, made: Statement) -> None:
    """As XLSX: one sheet, below it what is counted and that paying out is the shop's business. Raises Problem."""
    try:
        with xlsxwriter.Workbook(str(file), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
            bold, money = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
            sheet = book.add_worksheet(made.month)
            sheet.set_column(0, 2, 20)
            sheet.set_column(3, 4, 12)
            sheet.freeze_panes(1, 0)
            sheet.write_row(0, 0, [say(f"partners.col.{name}") for name in _COLUMNS], bold)
            at = 1
            for _, name, rows in made.by_partner():
                for row in rows:
                    sheet.write_string(at, 0, masked(name))
                    sheet.write_string(at, 1, say(f"partners.tier.{row.tier}"))
                    sheet.write_string(at, 2, masked(row.person_name))
                    sheet.write_number(at, 3, row.orders)
                    sheet.write_number(at, 4, row.net_fen / 100, money)
                    at += 1
                sheet.write_string(at, 0, masked(say("partners.sum", name=name)), bold)
                sheet.write_number(at, 3, sum(row.orders for row in rows), bold)
                sheet.write_number(at, 4, sum(row.net_fen for row in rows) / 100, money)
                at += 1
            sheet.write_string(at + 1, 0, say("partners.definition"))
    except FileCreateError as error:
        raise Problem(say("channels.cannot_write", file=file, reason=os_reason(error.args[0]))) from error
