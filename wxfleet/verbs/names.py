"""Command about people without a usable name: customers names, as a list and as a sheet to fill in."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from customers.imports.customer_columns import ACCOUNT, CONTACT, ENTRY, MEMBER, NICKNAME, REMARK
from customers.profiles.names import Nameless, nameless
from customers.profiles.profile_fields import FIELDS
from texts.catalogue import say
from texts.masking import masked
from texts.problem import ExitCode, Problem
from wxfleet.terminal.csv_sheet import put_in_place, write_csv
from wxfleet.terminal.terminal import Terminal, command, table

_SHOWN = 50
_ORDERS, _PAID = "订单数", "累计实付"
_HEADERS = (ENTRY, FIELDS["call_me"].names[0], NICKNAME, REMARK, MEMBER, _ORDERS, _PAID, ACCOUNT, CONTACT)
"""Those of `import customers`, so that the sheet comes back; whatever language the screen speaks."""


class SheetNotWritten(Problem):
    """The file of people without a name is no CSV, or the system refuses it."""

    def __init__(self, reason: str, place: Path, **values: Any) -> None:
        if reason == "format":
            self.exit_code = ExitCode.USAGE
        super().__init__(say(f"names.{reason}", **values), hint=say(f"names.{reason}.hint"), where=str(place))


def add_to(customers: typer.Typer) -> None:
    """Put the command into `wxfleet customers`."""
    command(customers, "names", "names.help")(names)


async def names(
    terminal: Terminal,
    limit: Annotated[int, typer.Option("--limit", min=1, help=say("names.limit"))] = _SHOWN,
    out: Annotated[Path | None, typer.Option("--output", "-o", help=say("names.output"))] = None,
) -> None:
    if out is not None and out.suffix.lower() != ".csv":
        raise SheetNotWritten("format", out)
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        found = [person async for person in nameless(connection, None if out else limit)]
    if out is not None:
        why_not = put_in_place(out, lambda part: write_csv(part, _lines(found)))
        if why_not:
            raise SheetNotWritten("refused", out, error=why_not)
        terminal.note(say("names.written", count=len(found), file=out))
    shown = found[:limit]
    if not shown and not terminal.json:
        terminal.note(say("names.nobody"))
        return
    terminal.show([_as_json(person) for person in shown], _table(shown))
    terminal.note(say("names.how", id=shown[0].id) if shown else "")


def _as_json(person: Nameless) -> dict[str, Any]:
    return {
        "id": person.id, "name": person.name, "member_name": person.member_name, "level": person.level,
        "orders": person.orders, "net_paid": person.net_paid_fen / 100,
        "friendships": [
            {"account": view.account, "contact": view.contact, "nickname": view.nickname, "remark": view.remark}
            for view in person.views
        ],
    }  # fmt: skip


def _table(people: Sequence[Nameless]) -> Table:
    columns = ("id", "nickname", "remark", "member", "orders", "paid", "account")
    shown = table(*(say(f"names.col.{name}") for name in columns))
    for person in people:
        shown.add_row(
            f"#{person.id}", _each(view.nickname for view in person.views) or "—",
            _each(view.remark for view in person.views) or "—", person.member_name or "—", str(person.orders),
            f"{person.net_paid_fen / 100:.2f}", _each(view.account for view in person.views),
        )  # fmt: skip
    return shown


def _lines(people: Iterable[Nameless]) -> Iterator[Sequence[str | int]]:
    yield _HEADERS
    for person in people:
        view = person.views[0]
        yield (
            f"#{person.id}", "", masked(view.nickname), masked(view.remark), person.member_name or "", person.orders,
            f"{person.net_paid_fen / 100:.2f}", view.account, view.contact,
        )  # fmt: skip


def _each(words: Iterable[str]) -> str:
    return say("texts.comma").join(dict.fromkeys(word for word in words if word))
