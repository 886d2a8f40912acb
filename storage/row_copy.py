"""Rows from one database into another as they are: every table, page by page, with a digest that proves it.

JSON travels as the text it is stored as, so that nothing of it is read and written differently. PostgreSQL keeps
neither NUL characters nor halves of characters in a text; they become U+FFFD, and are counted.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from sqlalchemy import JSON, Column, Insert, Table, Text, bindparam, cast, delete, func, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.driver_words import translate
from storage.errors import RowRefused
from storage.every_table import METADATA
from texts.catalogue import say
from texts.problem import Problem

PAGE_ROWS = 2_000
PROCESSES = frozenset({"shards", "workers"})
"""Tables about processes, not about the shop: they do not make a database occupied."""

Progress = Callable[[str, int], None]
"""Called with a table and how many more of its rows are done."""

Row = tuple[Any, ...]
_UNKEPT = re.compile("[\x00\ud800-\udfff]")
_UNKEPT_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})")
_REPLACEMENT = "�"


@dataclass(slots=True)
class Digest:
    """How many rows, and the sum of their hashes: the same for the same rows in whatever order they come."""

    rows: int = 0
    total: int = 0

    def add(self, page: Iterable[Row]) -> None:
        for row in page:
            self.rows += 1
            self.total += int.from_bytes(blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=16).digest())


@dataclass(slots=True)
class Copied:
    """What was copied: a digest by table, and how many texts could not be kept whole."""

    tables: dict[str, Digest] = field(default_factory=dict)
    mended: int = 0

    @property
    def rows(self) -> int:
        return sum(digest.rows for digest in self.tables.values())


def all_tables() -> Sequence[Table]:
    """Every table of the fleet; whoever refers to another comes after it."""
    return METADATA.sorted_tables


async def count_rows(tx: AsyncConnection) -> dict[str, int]:
    """Rows by table, of the tables that are there."""
    there = set(await tx.run_sync(lambda connection: inspect(connection).get_table_names()))
    tables = [table for table in all_tables() if table.name in there]
    return {table.name: int(await tx.scalar(select(func.count()).select_from(table)) or 0) for table in tables}


async def clear_rows(tx: AsyncConnection) -> None:
    for table in reversed(all_tables()):
        await tx.execute(delete(table))


async def copy_rows(source: AsyncConnection, target: AsyncConnection, url: str, on_progress: Progress) -> Copied:
    """Write all rows of `source` into the empty tables of `target`, which `url` names in errors.

    Raises RowRefused where the target does not take a row, DiskFull, DatabaseUnavailable.
    """
    copied = Copied()
    strict = target.dialect.name == "postgresql"
    for table in all_tables():
        digest = copied.tables[table.name] = Digest()
        async for page in _pages(source, table):
            if strict:
                page, mended = _kept(table, page)
                copied.mended += mended
            digest.add(page)
            await _write(target, table, page, url)
            on_progress(table.name, len(page))
    return copied


async def digests_of(tx: AsyncConnection, on_progress: Progress) -> dict[str, Digest]:
    """What stands in the tables now, by table."""
    found = {}
    for table in all_tables():
        digest = found[table.name] = Digest()
        async for page in _pages(tx, table):
            digest.add(page)
            on_progress(table.name, len(page))
    return found


async def advance_ids(tx: AsyncConnection) -> None:
    """Let the next insert take an id that is free. Never lowers a sequence: an id that was given is not given again."""
    if tx.dialect.name != "postgresql":
        return  # SQLite asks the table itself
    for table in all_tables():
        column = table.autoincrement_column
        if column is None:
            continue
        name = await tx.scalar(
            text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
        )
        highest = await tx.scalar(select(func.max(column)))
        if name is not None and highest is not None:
            await tx.execute(
                text(f"SELECT setval('{name}', GREATEST(:highest, (SELECT last_value FROM {name})))"),
                {"highest": highest},
            )


async def _pages(tx: AsyncConnection, table: Table) -> AsyncIterator[list[Row]]:
    result = await tx.stream(select(*(_read(column) for column in table.columns)))
    async for page in result.partitions(PAGE_ROWS):
        yield [tuple(row) for row in page]


def _is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON)


def _read(column: Column[Any]) -> Any:
    return cast(column, Text) if _is_json(column) else column


async def _write(tx: AsyncConnection, table: Table, page: Sequence[Row], url: str) -> None:
    try:
        if tx.dialect.name == "postgresql":
            await _stream_in(tx, table, page)
        else:
            await tx.execute(_insert(table), [{f"v{n}": value for n, value in enumerate(row)} for row in page])
    except StatementError as error:
        known = translate(error, url) if isinstance(error, DBAPIError) else None
        raise (known if isinstance(known, Problem) else _refused(table, url, error)) from error


def _insert(table: Table) -> Insert:
    """For SQLite, which takes JSON as the text it is."""
    types = [Text() if _is_json(column) else column.type for column in table.columns]
    names = enumerate(table.columns)
    return insert(table).values({column.key: bindparam(f"v{n}", type_=types[n]) for n, column in names})


async def _stream_in(tx: AsyncConnection, table: Table, page: Sequence[Row]) -> None:
    """PostgreSQL's own way for many rows, several times as fast as INSERT. Raises sqlalchemy's DBAPIError."""
    connection: Any = (await tx.get_raw_connection()).driver_connection
    quote = tx.dialect.identifier_preparer.quote
    columns = ", ".join(quote(column.name) for column in table.columns)
    statement = f"COPY {quote(table.name)} ({columns}) FROM STDIN"
    driver_error = tx.dialect.loaded_dbapi.Error
    try:
        async with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in page:
                await copy.write_row(row)
    except driver_error as error:
        raise DBAPIError.instance(statement, None, error, driver_error, dialect=tx.dialect) from error


def _refused(table: Table, url: str, error: StatementError) -> RowRefused:
    reason = (str(error.orig).strip().splitlines() or ["?"])[0]
    return RowRefused(
        say("database.row_refused", table=table.name, reason=reason), hint=say("database.row_refused.hint"), where=url
    )


def _kept(table: Table, page: list[Row]) -> tuple[list[Row], int]:
    """The page as PostgreSQL can keep it, and in how many texts something had to be replaced."""
    documents = [_is_json(column) for column in table.columns]
    mended = 0
    kept = []
    for row in page:
        values = list(row)
        for number, value in enumerate(row):
            if isinstance(value, str):
                values[number] = _kept_json(value) if documents[number] else _UNKEPT.sub(_REPLACEMENT, value)
                mended += values[number] != value
        kept.append(tuple(values))
    return kept, mended


def _kept_json(document: str) -> str:
    """A document without what PostgreSQL takes but can't read again. Pairs of halves are whole characters."""
    if not _UNKEPT_ESCAPE.search(document) and not _UNKEPT.search(document):
        return document
    whole = json.loads(document)
    mended = _mended(whole)
    return document if mended == whole else json.dumps(mended)


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return _UNKEPT.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        return [_mended(one) for one in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(one) for key, one in value.items()}
    return value
