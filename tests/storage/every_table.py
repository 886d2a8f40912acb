"""Rows for every table there is, made from its columns, so that a new table is covered by being there."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, String, Table, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.row_copy import all_tables

AWKWARD = '小林\'s "衣橱" 🌸\r\n\t\\N %s ${X} \u2028é e\u0301'
LARGE = 2**53 + 1


async def fill(tx: AsyncConnection, *, rows: int = 3) -> None:
    """Rows from number 1 on in each table; the first has a value in every column, the others nulls where they may."""
    for table in all_tables():
        for row in (_row(table, number, 1) for number in range(1, rows + 1)):  # one by one: they have different columns
            await tx.execute(insert(table).values(row))


async def add_to_each(tx: AsyncConnection, *, number: int) -> list[str]:
    """One row more in each table that numbers its own rows, without saying the number. Returns those tables."""
    numbered = [table for table in all_tables() if table.autoincrement_column is not None]
    for table in numbered:
        row = _row(table, number, number)
        del row[table.autoincrement_column.key]  # type: ignore[union-attr]
        await tx.execute(insert(table).values(row))
    return [table.name for table in numbered]


async def stored(tx: AsyncConnection, table: Table) -> list[tuple[Any, ...]]:
    """The rows as the database keeps them, JSON as its text, in the order of the key's text."""
    columns = ", ".join(
        f'CAST("{column.name}" AS text)' if isinstance(column.type, JSON) else f'"{column.name}"'
        for column in table.columns
    )
    rows = (await tx.execute(text(f"SELECT {columns} FROM {table.name}"))).all()
    booleans = [isinstance(column.type, Boolean) for column in table.columns]
    plain = [
        tuple(bool(v) if is_flag and v is not None else v for v, is_flag in zip(r, booleans, strict=True)) for r in rows
    ]
    return sorted(plain, key=repr)


def _row(table: Table, number: int, first: int) -> dict[str, Any]:
    whole = number == first
    return {
        column.key: 1 if column.foreign_keys else _value(column, number)
        for column in table.columns
        if whole or not column.nullable or column.primary_key
    }


def _value(column: Column[Any], number: int) -> Any:
    kind = column.type
    if column.primary_key and isinstance(kind, Integer | BigInteger):
        return number
    if isinstance(kind, JSON):
        return {"say": [AWKWARD, number, 0.5, None, True, {"深": LARGE}]}
    if isinstance(kind, Boolean):
        return number % 2 == 1
    if isinstance(kind, Integer | BigInteger):
        return number if isinstance(kind, Integer) and not isinstance(kind, BigInteger) else LARGE + number
    short = f"{column.name[:6]}{number}"
    return short if isinstance(kind, String) and kind.length else f"{short} {AWKWARD}"
