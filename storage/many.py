"""Many rows go to a statement as one JSON value: its words are the same however many there are.

So PostgreSQL plans it once, and neither database looks rows up one statement after another.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    Subquery,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from storage.ahead import Ahead, AsksMore
from storage.statements import Ready, ready

_ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Many:
    """A statement over rows that are handed to it, each with the values of `columns`."""

    columns: tuple[str, ...]
    statement: Ready

    async def rows(self, tx: AsyncConnection, many: Sequence[Mapping[str, Any]]) -> Sequence[Sequence[Any]]:
        """What it brings for these, as the driver gives it. Raises sqlalchemy's DBAPIError."""
        return await self.statement.rows(tx, rows=self._packed(many))

    async def change(self, tx: AsyncConnection, many: Sequence[Mapping[str, Any]]) -> int:
        """Run it for these and say how many rows it changed. Raises sqlalchemy's DBAPIError."""
        return await self.statement.change(tx, rows=self._packed(many))

    async def later(self, tx: AsyncConnection, **row: Any) -> None:
        """Change what nobody reads before `tx` ends; where many are handled at once, with that of the others."""
        if isinstance(tx, Ahead):
            tx.note(self.write, row)
        else:
            await self.change(tx, [row])

    async def surely(self, tx: AsyncConnection, **row: Any) -> bool:
        """Change a row that `tx` has locked and found such that this changes it, once. Was it changed?

        Where many are handled at once, with those of the others. Raises AsksMore the second time.
        """
        if not isinstance(tx, Ahead):
            return await self.change(tx, [row]) > 0
        if row in tx.noted(self.write):
            raise AsksMore
        tx.note(self.write, row)
        return True

    async def write(self, tx: AsyncConnection, many: Sequence[Mapping[str, Any]]) -> None:
        """What was noted for later."""
        await self.change(tx, many)

    def _packed(self, many: Sequence[Mapping[str, Any]]) -> str:
        return json.dumps([[row[column] for column in self.columns] for row in many])


def over_many(statement: Callable[[Subquery], Executable], **columns: TypeEngine[Any]) -> Many:
    """`statement` is made of the table of the rows that it will be handed, one for each database."""
    return Many(
        tuple(columns),
        ready(statement(_handed("postgresql", columns)), on_sqlite=statement(_handed("sqlite", columns))),
    )


def _handed(dialect: str, columns: Mapping[str, TypeEngine[Any]]) -> Subquery:
    cell = _on_sqlite() if dialect == "sqlite" else _on_postgresql()
    return select(*(cell(place, columns[name]).label(name) for place, name in enumerate(columns))).subquery("handed")


def _on_sqlite() -> Callable[[int, TypeEngine[Any]], ColumnElement[Any]]:
    row = func.json_each(bindparam(_ROWS)).table_valued("value", name="each").c.value
    return lambda place, kind: type_coerce(func.json_extract(row, literal_column(f"'$[{place}]'")), kind)


def _on_postgresql() -> Callable[[int, TypeEngine[Any]], ColumnElement[Any]]:
    array = cast(bindparam(_ROWS, type_=Text), JSON)
    row = func.json_array_elements(array).table_valued("value", name="each").render_derived().c.value
    return lambda place, kind: cast(row.op("->>")(literal_column(str(place))), kind)
