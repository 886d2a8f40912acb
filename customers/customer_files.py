"""The files of an import of customers, looked at before anything is written: do they tell who somebody is?"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from customers.cells import RowRefused
from customers.channels import ChannelConfig
from customers.customer_columns import ACCOUNT, COLUMNS, RECOGNISED_BY, REMARK
from customers.customer_rows import CustomerRow, read_customer
from customers.errors import NotACustomerTable
from customers.import_result import RowError
from customers.order_columns import COLUMNS as ORDER_COLUMNS
from customers.order_columns import NUMBER, PAID, STATUS
from texts.table_columns import places
from texts.tables import Row, Table, read_table


@dataclass(frozen=True, slots=True)
class CustomerOptions:
    """What the operator says of the files.

    `mapping` names their headers ({header: our column}). `account` is whose friends they hold, where they do not say.
    `accounts` (their ids) and `channels` are those of the configuration. `today` in the shop: nobody is born later.
    """

    today: date
    mapping: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    accounts: Sequence[str] = ()
    channels: Sequence[ChannelConfig] = ()


@dataclass(frozen=True, slots=True)
class CustomerFile:
    """A table of customers whose header was found."""

    table: Table
    options: CustomerOptions

    def blocks(self, size: Callable[[], int]) -> Iterator[list[CustomerRow | RowError]]:
        """Its customers, each time `size` rows of them, and what can't be believed."""
        source = self.table.rows()
        while block := [self._read(row) for row in itertools.islice(source, size())]:
            yield block

    def error(self, row: int, problem: RowRefused) -> RowError:
        """Why a row is refused, with the header that stands in the file."""
        header = self.table.found.get(problem.column, problem.column)
        return RowError(self.table.file, row, header, problem.reason)

    def _read(self, row: Row) -> CustomerRow | RowError:
        try:
            return read_customer(row.number, row.cells, self.options.today, account=self.options.account)
        except RowRefused as problem:
            return self.error(row.number, problem)


def open_customer_files(paths: Sequence[Path], options: CustomerOptions) -> list[CustomerFile]:
    """All of them, in the order given. Raises TableUnreadable and NotACustomerTable."""
    return [CustomerFile(_open(path, options), options) for path in paths]


def _open(path: Path, options: CustomerOptions) -> Table:
    table = read_table(path, COLUMNS, options.mapping)
    orders = places(table.headers, ORDER_COLUMNS, {})
    if NUMBER in orders and (STATUS in orders or PAID in orders):
        raise NotACustomerTable(table.file, "orders")
    by_remark = REMARK in table.found and (ACCOUNT in table.found or bool(options.account))
    if not by_remark and not any(column in table.found for column in RECOGNISED_BY):
        raise NotACustomerTable(table.file, "nobody")
    return table
