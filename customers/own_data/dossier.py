"""Everything that is known of one person, as they may ask for it: as a document, a text or a workbook."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Table, cast, or_, select
from sqlalchemy import Text as SqlText
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import CannotExport
from customers.own_data.dossier_words import heading, readable
from customers.own_data.holdings import OF_PEOPLE
from customers.own_data.identity import identity_of
from customers.own_data.personal_data import says
from storage.customer_tables import BoughtItem, SearchTerm
from storage.order_tables import Claim
from storage.staff_tables import Audit
from texts.catalogue import say
from texts.os_words import os_reason

Dossier = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by table, each without what is empty; times in epoch ms, amounts in fen."""

_DERIVED = (SearchTerm, BoughtItem)
"""Pieces of names and titles that stand whole in the other tables."""
FORMATS = (".json", ".txt", ".xlsx")
_VEILED, _SAID = "***", 4
_LONGEST_CELL = 32_767  # characters; Excel's limit


async def everything_about(tx: AsyncConnection, person: int) -> Dossier:
    """All rows of the person, and what staff asked about them. Raises NoSuchPerson. `tx` must be able to write."""
    who = await identity_of(tx, person)
    found: dict[str, list[dict[str, Any]]] = {}
    for model, holding in OF_PEOPLE.items():
        if model in _DERIVED:
            continue
        table = model.__table__
        assert isinstance(table, Table)  # noqa: S101  # every model of ours is one
        assert holding.theirs is not None  # noqa: S101  # what makes it a table of people
        query = select(*table.columns).where(holding.theirs(table, who)).order_by(*table.primary_key.columns)
        found[table.name] = [_plain(table.columns.keys(), row) for row in (await tx.execute(query)).all()]
    for claim in found[Claim.__tablename__]:
        if claim["order_number"] in who.hinted:  # all that they said of it; the whole number would prove more
            claim["order_number"] = _VEILED + claim["order_number"][-_SAID:]
    asked = cast(Audit.request, SqlText)
    numbers = [f'"who": "{sign}{number}"' for number in who.people for sign in ("", "#")]
    numbers += [f'"person": {number}{end}' for number in who.people for end in ("}", ",")]
    about = or_(says(Audit.request, who.firm), says(Audit.detail, who.firm), *(asked.contains(n) for n in numbers))
    audit = Audit.__table__
    rows = (await tx.execute(select(*audit.columns).where(about).order_by(Audit.id))).all()
    found[Audit.__tablename__] = [_plain(audit.columns.keys(), row) for row in rows]
    return {name: rows for name, rows in found.items() if rows}


def _plain(keys: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    return {key: value for key, value in zip(keys, row, strict=True) if value not in (None, "", {}, [])}


def as_text(dossier: Dossier, zone: str) -> str:
    """For the person: a heading for each kind of thing, one thing after the other."""
    parts = [f"{say('dossier.title')}\n{say('dossier.intro', zone=zone)}"]
    for name, rows in _readable(dossier, zone).items():
        lines = [say("privacy.head", part=heading(name), count=len(rows))]
        for row in rows:
            lines += ["", *(say("dossier.pair", name=key, value=value) for key, value in row.items())]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _readable(dossier: Dossier, zone: str) -> dict[str, list[dict[str, str]]]:
    """Only what says something to a person."""
    shown = {name: [readable(name, row, zone) for row in rows] for name, rows in dossier.items()}
    said = {name: [row for row in rows if row] for name, rows in shown.items()}
    return {name: rows for name, rows in said.items() if rows}


def require_format(place: Path) -> None:
    """Raises CannotExport when `write_dossier` would not know what to write."""
    if place.suffix.lower() not in FORMATS:
        raise CannotExport("format", place, formats=say("texts.comma").join(FORMATS))


def write_dossier(place: Path, dossier: Dossier, zone: str) -> None:
    """Into a file of one of `FORMATS`, whole or not at all. Raises CannotExport."""
    require_format(place)
    part = place.with_name(f".{place.name}.part")
    try:
        if place.suffix.lower() == ".xlsx":
            _write_workbook(part, dossier, zone)
        else:
            json_wanted = place.suffix.lower() == ".json"
            text = json.dumps(dossier, ensure_ascii=False, indent=2) if json_wanted else as_text(dossier, zone)
            part.write_text(text + "\n", encoding="utf-8")
        os.chmod(part, 0o600)  # it holds everything about somebody
        os.replace(part, place)
    except OSError as error:
        raise CannotExport("unwritable", place, error=os_reason(error)) from error
    finally:
        part.unlink(missing_ok=True)


def _write_workbook(place: Path, dossier: Dossier, zone: str) -> None:
    import xlsxwriter  # only where somebody wants a workbook: it takes a while to load
    from xlsxwriter.exceptions import FileCreateError

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    try:
        with xlsxwriter.Workbook(str(place), options) as book:
            bold = book.add_format({"bold": True})
            for name, shown in _readable(dossier, zone).items():
                sheet = book.add_worksheet(heading(name)[:31])
                keys = list(dict.fromkeys(key for row in shown for key in row))
                sheet.freeze_panes(1, 0)
                sheet.set_column(0, max(0, len(keys) - 1), 18)
                for column, key in enumerate(keys):
                    sheet.write_string(0, column, key, bold)
                for line, row in enumerate(shown, 1):
                    for column, key in enumerate(keys):
                        sheet.write_string(line, column, row.get(key, "")[:_LONGEST_CELL])
    except FileCreateError as error:
        raise error.args[0] from error
