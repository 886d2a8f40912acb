"""Importing the shop's order export: every file as often as anybody likes, each order once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from customers.do_not_contact import without_the_erased
from customers.imports.import_batches import (
    TABLES,
    alone,
    finish_interrupted,
    finish_orders,
    known_shops,
    open_batch,
    whose,
)
from customers.imports.import_result import ImportResult, OnProgress, RowError
from customers.imports.order_files import OrderFile, OrderOptions, open_files, shop_name, shops_of
from customers.imports.order_writing import Sorted, Sorter, known_orders, owners_of, write_orders
from customers.merging.stand_ins import is_masked
from customers.order import OrderRow
from storage.engine import Database
from storage.row_estimates import learn_anew
from storage.strides import Breathe, Strides, no_need

FIRST_ROWS, MOST_ROWS = 1_000, 10_000
"""Of a transaction: to begin with, and at most, because they all stand in memory."""

_AS_THEY_ARE = OrderOptions(any_shop=True)


async def import_orders(
    db: Database,
    files: Sequence[Path],
    options: OrderOptions = _AS_THEY_ARE,
    *,
    dry_run: bool = False,
    by: str = "cli",
    now_ms: int,
    on_progress: OnProgress = lambda file, done, rows: None,
    breathe: Breathe = no_need,
) -> ImportResult:
    """Read order exports into the orders, in short transactions, then count anew what people bought.

    A row that can't be believed is refused with the reason and the cure, the others go on. An import that was cut off
    is simply repeated. Raises TableUnreadable, NotAnOrderExport and OtherShop before anything is written.
    """
    async with db.read() as connection:
        shops = await known_shops(connection)
    found, left_out = await asyncio.to_thread(open_files, files, options, frozenset(shops))
    if not dry_run:
        await finish_interrupted(db, now_ms, breathe)
    shops |= shops_of([file.table for file in found])
    if options.shop:
        shops[shop_name(options.shop)] = options.shop
    strides = Strides(db, breathe, first=FIRST_ROWS, most=MOST_ROWS)
    importing = _Import(db, strides, options, dry_run=dry_run, by=by, now_ms=now_ms, shops=sorted(shops.values()))
    importing.result.files = [file.table.file for file in found]
    importing.result.left_out = left_out
    for file in _newest_first(found):
        await importing.take_file(file, on_progress)
    if importing.result.batch is not None:
        on_progress("", 1.0, importing.result.rows)
    await importing.finish(breathe)
    return importing.result


def _newest_first(files: Sequence[OrderFile]) -> list[OrderFile]:
    """Of equally old ones the last named first. What is older then adds only what had come of an order by its time."""
    order = sorted(range(len(files)), key=lambda place: (files[place].saved_ms, place), reverse=True)
    return [files[place] for place in order]


class _Import:
    def __init__(
        self,
        db: Database,
        strides: Strides,
        options: OrderOptions,
        *,
        dry_run: bool,
        by: str,
        now_ms: int,
        shops: list[str],
    ) -> None:
        self._db = db
        self._strides = strides
        self._dry_run = dry_run
        self._by = by
        self._now_ms = now_ms
        self._shops = shops
        self._sorter = Sorter(overwrite=options.overwrite)
        self.result = ImportResult()

    async def take_file(self, file: OrderFile, on_progress: OnProgress) -> None:
        blocks = file.blocks(lambda: self._strides.rows)
        # Reading and judging costs the machine something: done in a thread, a transaction's worth at a time.
        while block := await asyncio.to_thread(next, blocks, None):
            await self._take(block, file.absent)
            on_progress(file.table.file, file.table.reading.done, self.result.rows)

    async def _take(self, rows: Sequence[OrderRow | RowError], absent: frozenset[str]) -> None:
        self.result.rows += len(rows)
        self.result.refuse([row for row in rows if isinstance(row, RowError)])
        orders: Sequence[OrderRow] = [row for row in rows if isinstance(row, OrderRow)]
        self.result.masked += sum(is_masked(order.member_name) for order in orders)
        if self._dry_run:
            async with self._db.read() as connection:
                orders = await without_the_erased(connection, orders)
                known = await known_orders(connection, {order.number for order in orders})
                found = self._sorter.sort(orders, known, absent)
                self.result.matched, self.result.unmatched = await self._would_match(connection, found)
            self._count(found.counts)
            return
        async with self._strides.write() as tx:
            await alone(tx)
            orders = await without_the_erased(tx, orders)
            counts, batch = await self._write(tx, orders, absent)
        self._count(counts)
        self.result.batch = batch

    async def _would_match(self, tx: AsyncConnection, found: Sorted) -> tuple[int, int]:
        """How many of all new and changed orders so far bear a member name that we know, and how many do not."""
        orders = (*found.new.values(), *found.changed.values())
        owners = await owners_of(tx, {order.member_name for order in orders})
        matched = sum(order.member_name in owners for order in orders)
        return self.result.matched + matched, self.result.unmatched + len(orders) - matched

    async def _write(
        self, tx: AsyncConnection, orders: Sequence[OrderRow], absent: frozenset[str]
    ) -> tuple[dict[str, int], int | None]:
        known = await known_orders(tx, {order.number for order in orders})
        found = self._sorter.sort(orders, known, absent)
        batch = self.result.batch
        if found.new or found.changed:
            if batch is None:
                batch = await open_batch(tx, "orders", self.result.files, self._shops, self._by, self._now_ms)
            await write_orders(tx, batch, found, known)
        return found.counts, batch

    def _count(self, counts: dict[str, int]) -> None:
        result = self.result
        result.new += counts["new"]
        result.changed += counts["changed"]
        result.unchanged += counts["unchanged"] + counts["older"]
        result.older += counts["older"]

    async def finish(self, breathe: Breathe) -> None:
        """Give the new orders to their people and count anew; without changes there is nothing to do."""
        self.result.in_order()
        self._sorter.forget()
        batch = self.result.batch
        if batch is not None:
            await finish_orders(self._db, batch, self.result.counts(), self._now_ms, breathe)
            async with self._db.read() as connection:
                self.result.matched, self.result.unmatched = await whose(connection, batch)
            await learn_anew(self._db, TABLES, changed=self.result.written)
