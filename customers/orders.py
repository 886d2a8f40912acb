"""Importing the shop's order export: every file as often as anybody likes, each order once."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.claims import settle_remembered
from customers.errors import NotAnOrderExport
from customers.order_rows import COLUMNS, NEEDED, OrderRow, RowRefused, read_row
from customers.purchases import link_orders, recompute
from storage.engine import Database
from storage.tables import ImportBatch, Order
from texts.catalogue import say
from texts.tables import Row, Table, read_table

_ROWS_A_TRANSACTION = 500
_MOST_ERRORS = 1000  # kept for the reader; all are counted


@dataclass(frozen=True, slots=True)
class RowError:
    """A cell that can't be believed. `row` is the number a spreadsheet program shows."""

    file: str
    row: int
    column: str
    reason: str


@dataclass(slots=True)
class ImportResult:
    """What an import did, or in a dry run would do: `rows` is the sum of new, changed, unchanged and refused.

    `batch` is None when nothing was written.
    """

    files: list[str] = field(default_factory=list)
    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    errors: list[RowError] = field(default_factory=list)
    batch: int | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def import_orders(db: Database, files: Sequence[Path], *, dry_run: bool = False, now_ms: int) -> ImportResult:
    """Read order exports into the orders, in short transactions, then count anew what people bought.

    A row that can't be believed is refused with the reason and the cure, the others go on. Raises TableUnreadable and
    NotAnOrderExport before anything of that file is written.
    """
    importing = _Import(db, dry_run, now_ms)
    tables = [await asyncio.to_thread(_open, path) for path in files]
    for table in tables:
        importing.result.files.append(table.file)
        while rows := await asyncio.to_thread(_next_rows, table):
            await importing.take(rows)
    await importing.finish()
    return importing.result


def _open(path: Path) -> Table:
    table = read_table(path, set(COLUMNS))
    missing = [column for column in NEEDED if column not in table.headers]
    if missing:
        raise NotAnOrderExport(table.file, say("texts.comma").join(missing))
    return table


def _next_rows(table: Table) -> list[OrderRow | RowError]:
    """Reading and judging costs the machine something: done in a thread, a transaction's worth at a time."""
    return [_read(table.file, row) for row in itertools.islice(table.rows, _ROWS_A_TRANSACTION)]


def _read(file: str, row: Row) -> OrderRow | RowError:
    try:
        return read_row(row.cells)
    except RowRefused as problem:
        return RowError(file, row.number, problem.column, problem.reason)


class _Import:
    def __init__(self, db: Database, dry_run: bool, now_ms: int) -> None:
        self._db = db
        self._dry_run = dry_run
        self._now_ms = now_ms
        self._seen: dict[str, dict[str, Any]] = {}  # what a dry run would have written so far
        self._former: set[int] = set()  # people who lost an order to another member name
        self.result = ImportResult()

    async def take(self, rows: Sequence[OrderRow | RowError]) -> None:
        refused = [row for row in rows if isinstance(row, RowError)]
        orders = [row for row in rows if isinstance(row, OrderRow)]
        self.result.rows += len(rows)
        self.result.refused += len(refused)
        self.result.errors += refused[: max(0, _MOST_ERRORS - len(self.result.errors))]
        if self._dry_run:
            async with self._db.read() as connection:
                new, changed = await self._sort(connection, orders)
            self._seen |= new | changed
            return
        async with self._db.write() as tx:
            new, changed = await self._sort(tx, orders)
            await self._write(tx, new, changed)

    async def _sort(
        self, tx: AsyncConnection, orders: Sequence[OrderRow]
    ) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
        """New and changed orders by number, the last row of a number winning; counts go into the result."""
        known = await _known(tx, [order.number for order in orders])
        known |= {order.number: self._seen[order.number] for order in orders if order.number in self._seen}
        new: dict[str, dict[str, Any]] = {}
        changed: dict[str, dict[str, Any]] = {}
        for order in orders:
            values = {**asdict(order), "status": order.status.value}
            before = known.get(order.number)
            known[order.number] = values
            if before == values:
                self.result.unchanged += 1
            elif before is None or order.number in new:
                new[order.number] = values
                self.result.new += before is None
                self.result.changed += before is not None
            else:
                changed[order.number] = values
                self.result.changed += 1
        return new, changed

    async def _write(
        self, tx: AsyncConnection, new: dict[str, dict[str, Any]], changed: dict[str, dict[str, Any]]
    ) -> None:
        if not new and not changed:
            return
        batch = self.result.batch or await self._open_batch(tx)
        if new:
            await tx.execute(insert(Order), [{**values, "batch": batch} for values in new.values()])
        await self._release(tx, changed)
        for number, values in changed.items():
            statement = update(Order).where(Order.number == number)
            await tx.execute(statement.values({**values, "batch": batch}))
        self.result.batch = batch

    async def _release(self, tx: AsyncConnection, changed: dict[str, dict[str, Any]]) -> None:
        """An order under another member name leaves whose it was; linking decides anew."""
        query = select(Order.number, Order.member_name, Order.person)
        owned = query.where(Order.number.in_(changed), Order.person.is_not(None))
        moved = [row for row in await tx.execute(owned) if row.member_name != changed[row.number]["member_name"]]
        self._former |= {row.person for row in moved}
        await tx.execute(update(Order).where(Order.number.in_([row.number for row in moved])).values(person=None))

    async def _open_batch(self, tx: AsyncConnection) -> int:
        row = {"kind": "orders", "files": self.result.files, "counts": {}, "created_ms": self._now_ms}
        return (await tx.execute(insert(ImportBatch).values(row).returning(ImportBatch.id))).scalar_one()

    async def finish(self) -> None:
        """Give the new orders to their people and count anew; without changes there is nothing to do."""
        result = self.result
        if result.batch is None:
            return
        async with self._db.write() as tx:
            await link_orders(tx, batch=result.batch)
        async with self._db.write() as tx:
            await settle_remembered(tx, result.batch, self._now_ms)
        async with self._db.write() as tx:
            await recompute(tx, batch=result.batch)
            await recompute(tx, self._former)
            counts = {name: getattr(result, name) for name in ("rows", "new", "changed", "unchanged", "refused")}
            await tx.execute(
                update(ImportBatch).where(ImportBatch.id == result.batch).values(counts=counts, files=result.files)
            )


async def _known(tx: AsyncConnection, numbers: Sequence[str]) -> dict[str, dict[str, Any]]:
    columns = [getattr(Order, name) for name in OrderRow.__dataclass_fields__]
    rows = await tx.execute(select(*columns).where(Order.number.in_(numbers)))
    return {row.number: dict(row._mapping) for row in rows.all()}
