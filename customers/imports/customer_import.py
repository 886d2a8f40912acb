"""Importing customers from an earlier tool or a sheet made by hand: as often as anybody likes, each person once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.channels.channels import channel_of
from customers.imports.cells import RowRefused
from customers.imports.customer_files import CustomerFile, CustomerOptions, open_customer_files
from customers.imports.customer_matching import Matcher, accounts_named
from customers.imports.customer_rows import CustomerRow
from customers.imports.customer_writing import Changed, together, write_customers
from customers.imports.import_batches import TABLES, alone, open_batch
from customers.imports.import_result import ImportResult, OnProgress, RowError
from storage.engine import Database
from storage.order_tables import ImportBatch
from storage.row_estimates import learn_anew
from storage.strides import Breathe, Strides, no_need

KIND = "customers"
FIRST_ROWS, MOST_ROWS = 200, 2_000
"""Of a transaction: to begin with, and at most."""
_ATTEMPTS = 3


async def import_customers(
    db: Database,
    files: Sequence[Path],
    options: CustomerOptions,
    *,
    dry_run: bool = False,
    by: str = "cli",
    now_ms: int,
    on_progress: OnProgress = lambda file, done, rows: None,
    breathe: Breathe = no_need,
) -> ImportResult:
    """Read tables of customers into the people we know, in short transactions.

    People are known by what names one of them only; what may mean several is refused with the reason, the other rows
    go on. An empty cell deletes nothing. An import that was cut off is simply repeated. Raises TableUnreadable
    and NotACustomerTable before anything is written.
    """
    found, left_out = await asyncio.to_thread(open_customer_files, files, options)
    async with db.read() as connection:
        accounts = await accounts_named(connection, options.accounts)
    strides = Strides(db, breathe, first=FIRST_ROWS, most=MOST_ROWS)
    importing = _Import(db, strides, Matcher(accounts), dry_run=dry_run, by=by, now_ms=now_ms)
    importing.result.files = [file.table.file for file in found]
    importing.result.left_out = left_out
    for file in found:
        await importing.take_file(file, on_progress)
    await importing.finish()
    return importing.result


class _Import:
    def __init__(
        self, db: Database, strides: Strides, matcher: Matcher, *, dry_run: bool, by: str, now_ms: int
    ) -> None:
        self._db = db
        self._strides = strides
        self._matcher = matcher
        self._dry_run = dry_run
        self._by = by
        self._now_ms = now_ms
        self.result = ImportResult()

    async def take_file(self, file: CustomerFile, on_progress: OnProgress) -> None:
        blocks = file.blocks(lambda: self._strides.rows)
        while block := await asyncio.to_thread(next, blocks, None):
            self.result.rows += len(block)
            rows = self._believed(file, block)
            if self._dry_run:
                async with self._db.read() as connection:
                    await self._matcher.look(connection, rows)
                self._count(*self._sorted(file, rows))
            else:
                await self._write(file, rows)
            on_progress(file.table.file, file.table.reading.done, self.result.rows)

    def _believed(self, file: CustomerFile, block: Sequence[CustomerRow]) -> list[CustomerRow]:
        """Rows without mistakes, and those whose wish counts all the same."""
        rows = [row for row in block if not row.mistakes or (row.opted_out and not row.nobody)]
        self.result.passed_over += [error for row in rows for error in file.errors(row)]
        taken = {row.number for row in rows}
        self.result.refuse([error for row in block if row.number not in taken for error in file.errors(row)])
        return rows

    async def _write(self, file: CustomerFile, rows: Sequence[CustomerRow]) -> None:
        """One block in one transaction; begun anew when a fleet beside us made one of these people meanwhile."""
        for attempt in range(1, _ATTEMPTS + 1):
            self._matcher.forget()
            try:
                async with self._strides.write() as tx:
                    await alone(tx)
                    await self._matcher.look_alone(tx, rows)
                    changes, new, errors = self._sorted(file, rows)
                    batch = await self._put(tx, changes)
            except IntegrityError:
                if attempt == _ATTEMPTS:
                    raise
                continue
            self._matcher.written()
            self.result.batch = batch
            self._count(changes, new, errors)
            return

    def _sorted(self, file: CustomerFile, rows: Sequence[CustomerRow]) -> tuple[list[Changed], int, list[RowError]]:
        """What the rows change, how many of them bring somebody new, and which are refused."""
        changes: list[Changed] = []
        new, errors = 0, list[RowError]()
        for row in rows:
            try:
                entry = self._matcher.entry_of(row)
            except RowRefused as problem:
                errors.append(file.error(row.number, problem))
                continue
            fresh = entry.id < 0 and not entry.spoken_of
            channel = (channel_of(row.channel, file.options.channels) or row.channel) if row.channel else ""
            mine, account = self._matcher.friendships(entry, row), self._matcher.unmet(row)
            change = entry.take(row, channel, mine, homeless=bool(channel) and not mine and not account)
            if account:
                entry.meet(change, account, row, channel)
            self._matcher.learned(entry)
            if change:
                changes.append((entry, change))
                new += fresh
        return changes, new, errors

    async def _put(self, tx: AsyncConnection, changes: Sequence[Changed]) -> int | None:
        batch = self.result.batch
        if changes:
            if batch is None:
                batch = await open_batch(tx, KIND, self.result.files, [], self._by, self._now_ms)
            await write_customers(tx, batch, together(changes), self._now_ms)
        return batch

    def _count(self, changes: Sequence[Changed], new: int, errors: Sequence[RowError]) -> None:
        result = self.result
        result.refuse(errors)
        result.new += new
        result.homeless_channels += sum(change.homeless_channel for _, change in changes)
        result.changed += len(changes) - new
        result.unchanged = result.rows - result.new - result.changed - result.refused

    async def finish(self) -> None:
        """The batch is complete; those that were cut off before are as complete as they will be."""
        self.result.in_order()
        if self._dry_run:
            return
        unfinished = ImportBatch.finished_ms.is_(None) & (ImportBatch.kind == KIND)
        async with self._db.write() as tx:
            if self.result.batch is not None:
                done = {"counts": self.result.counts(), "finished_ms": self._now_ms}
                await tx.execute(update(ImportBatch).where(ImportBatch.id == self.result.batch).values(done))
            await tx.execute(update(ImportBatch).where(unfinished).values(finished_ms=self._now_ms))
        await learn_anew(self._db, TABLES, changed=self.result.written)
