"""Many rows at once, on each database's own fast way."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, SQLColumnExpression, Text, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

Values = tuple[Any, ...]
"""One row, as the driver takes it: JSON as text, an enum's value."""


def among(tx: AsyncConnection, what: SQLColumnExpression[Any], texts: Collection[str]) -> ColumnElement[bool]:
    """`what IN (texts)` with one parameter, however many texts there are."""
    if tx.dialect.name == "sqlite":
        each = func.json_each(json.dumps(list(texts))).table_valued("value")
        return what.in_(select(each.c.value))
    return what == func.any(literal(list(texts), ARRAY(Text)))


def among_ids(tx: AsyncConnection, what: SQLColumnExpression[Any], ids: Collection[int]) -> ColumnElement[bool]:
    """`what IN (ids)` with one parameter, however many ids there are."""
    if tx.dialect.name == "sqlite":
        each = func.json_each(json.dumps(list(ids))).table_valued("value")
        return what.in_(select(each.c.value))
    return what == func.any(literal(list(ids), ARRAY(BigInteger)))


async def insert_rows(tx: AsyncConnection, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
    """Append rows: by the driver's own loop on SQLite, by COPY on PostgreSQL. Raises sqlalchemy's DBAPIError."""
    if not rows:
        return
    quote = tx.dialect.identifier_preparer.quote
    into = f"{quote(table)} ({', '.join(map(quote, columns))})"
    if tx.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        await tx.exec_driver_sql(f"INSERT INTO {into} VALUES ({marks})", list(rows))
    else:
        await _copy(tx, f"COPY {into} FROM STDIN", rows)


async def _copy(tx: AsyncConnection, statement: str, rows: Sequence[Values]) -> None:
    connection: Any = (await tx.get_raw_connection()).driver_connection
    driver_error = tx.dialect.loaded_dbapi.Error
    try:
        async with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                await copy.write_row(row)
    except driver_error as error:
        raise DBAPIError.instance(statement, None, error, driver_error, dialect=tx.dialect) from error
