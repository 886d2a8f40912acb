"""The files of an import of customers, looked at before anything is written: do they tell who somebody is?"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from customers.channels.channels import ChannelConfig
from customers.errors import NotACustomerTable
from customers.imports.cells import RowRefused
from customers.imports.customer_columns import ACCOUNT, COLUMNS, RECOGNISED_BY, REMARK
from customers.imports.customer_rows import CustomerRow, read_customer
from customers.imports.import_result import RowError
from customers.imports.order_columns import COLUMNS as ORDER_COLUMNS
from customers.imports.order_columns import NUMBER, PAID, STATUS
from texts.table_columns import places
from texts.table_files import LeftOut, opened
from texts.tables import Row, Table, read_table


@dataclass(frozen=True, slots=True)
class CustomerOptions:
    """What the operator says of the files.

    `mapping` names their headers ({header: our column}). `account` is whose friends they hold, where they do not say.
    `accounts` (their ids) and `channels` are those of the configuration. `today` in the shop: nobody is born later.
    `optional`: files that came out of a folder; one that is no table of customers is left out.
    """

    today: date
    mapping: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    accounts: Sequence[str] = ()
    channels: Sequence[ChannelConfig] = ()
    optional: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class CustomerFile:
    """A table of customers whose header was found."""

    table: Table
    options: CustomerOptions

    def blocks(self, size: Callable[[], int]) -> Iterator[list[CustomerRow]]:
        """Its customers, each time `size` rows of them, with the mistakes in them."""
        source = self.table.rows()
        while block := [self._read(row) for row in itertools.islice(source, size())]:
            yield block

    def error(self, row: int, problem: RowRefused) -> RowError:
        """Why a row is refused, with the header that stands in the file."""
        header = self.table.found.get(problem.column, problem.column)
        return RowError(self.table.file, row, header, problem.reason)

    def errors(self, row: CustomerRow) -> list[RowError]:
        """Every mistake of the row."""
        return [self.error(row.number, mistake) for mistake in row.mistakes]

    def _read(self, row: Row) -> CustomerRow:
        return read_customer(row.number, row.cells, self.options.today, account=self.options.account)


def open_customer_files(paths: Sequence[Path], options: CustomerOptions) -> tuple[list[CustomerFile], list[LeftOut]]:
    """All of them, in the order given, and what is left out. Raises TableUnreadable and NotACustomerTable."""
    found, left_out = opened(paths, lambda path: _open(path, options), options.optional)
    return [CustomerFile(table, options) for _, table in found], left_out


def _open(path: Path, options: CustomerOptions) -> Table:
    table = read_table(path, COLUMNS, options.mapping)
    orders = places(table.headers, ORDER_COLUMNS, {})
    if NUMBER in orders and (STATUS in orders or PAID in orders):
        raise NotACustomerTable(table.file, "orders")
    by_remark = REMARK in table.found and (ACCOUNT in table.found or bool(options.account))
    if not by_remark and not any(column in table.found for column in RECOGNISED_BY):
        raise NotACustomerTable(table.file, "nobody")
    return table
