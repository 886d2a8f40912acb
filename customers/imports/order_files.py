"""The files of an import of orders, looked at before anything is written: are they all exports, and of this shop?"""

import itertools
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from customers.errors import NotAnOrderExport, OtherShop
from customers.imports.cells import RowRefused, text_of, unquoted
from customers.imports.import_result import RowError
from customers.imports.order_columns import COLUMNS, FIELDS_OF, MOBILE, NEEDED, NUMBER, PHONE, SHOP
from customers.imports.order_rows import looks_rounded, read_row
from customers.order import OrderRow
from texts.catalogue import say
from texts.table_files import LeftOut, opened
from texts.tables import Row, Table, read_table

_ENOUGH_TO_JUDGE = 3  # different order numbers


@dataclass(frozen=True, slots=True)
class OrderOptions:
    """What the operator says of the files.

    `mapping` names their headers ({header: our column}). `shop` is the shop they belong to; `any_shop` accepts those
    of other shops. `overwrite`: the files are right even where they look older than what is known. `optional`: files
    that came out of a folder; one that is no export of orders is left out.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    shop: str = ""
    any_shop: bool = False
    overwrite: bool = False
    optional: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class OrderFile:
    """An export whose header was found. `shops`: those it may speak of, any when None."""

    table: Table
    rounded: bool
    absent: frozenset[str]
    shop: str
    shops: frozenset[str] | None
    saved_ms: float

    def blocks(self, size: Callable[[], int]) -> Iterator[list[OrderRow | RowError]]:
        """Its orders, each time `size` rows of them, and what can't be believed."""
        source = self.table.rows()
        while block := [self._read(row) for row in itertools.islice(source, size())]:
            yield block

    def _read(self, row: Row) -> OrderRow | RowError:
        try:
            order = read_row(row.cells, rounded=self.rounded)
            if not order.shop:
                return order._replace(shop=self.shop) if self.shop else order
            if self.shops is not None and shop_name(order.shop) not in self.shops:
                raise RowRefused(SHOP, "other_shop", order.shop)
            return order
        except RowRefused as problem:
            header = self.table.found.get(problem.column, problem.column)
            return RowError(self.table.file, row.number, header, problem.reason)


def shop_name(text: str) -> str:
    """A shop's name as it is compared."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def open_files(
    paths: Sequence[Path], options: OrderOptions, known_shops: frozenset[str]
) -> tuple[list[OrderFile], list[LeftOut]]:
    """All of them, in the order given, and what is left out. Raises TableUnreadable, NotAnOrderExport and OtherShop."""
    found, left_out = opened(paths, lambda path: _open(path, options), options.optional)
    shops = _allowed([table for _, table in found], options, known_shops)
    files = [
        OrderFile(
            table=table,
            rounded=_rounded(table),
            absent=_absent(table),
            shop=options.shop,
            shops=shops,
            saved_ms=path.stat().st_mtime_ns / 1e6,
        )
        for path, table in found
    ]
    return files, left_out


def shops_of(tables: Sequence[Table]) -> dict[str, str]:
    """The shops that the first rows speak of: {name as compared: name as written}."""
    named = [text_of(row.cells.get(SHOP)) for table in tables for row in table.sample]
    return {shop_name(name): name for name in named if name}


def _open(path: Path, options: OrderOptions) -> Table:
    table = read_table(path, COLUMNS, options.mapping)
    missing = [column for column in NEEDED if column not in table.found]
    if missing:
        raise NotAnOrderExport(table.file, say("texts.comma").join(missing))
    return table


def _allowed(tables: Sequence[Table], options: OrderOptions, known: frozenset[str]) -> frozenset[str] | None:
    """Which shops the rows may name; None for any."""
    if options.any_shop:
        return None
    expected = frozenset({shop_name(options.shop)}) if options.shop else known
    for table in tables:
        theirs = shops_of([table])
        strange = [written for name, written in theirs.items() if expected and name not in expected]
        if strange:
            raise OtherShop(table.file, say("texts.comma").join(strange), say("texts.comma").join(sorted(expected)))
        expected = expected or frozenset(theirs)
    return expected or None


def _rounded(table: Table) -> bool:
    """Do all order numbers of the first rows end in zeros, as after a visit in a spreadsheet?"""
    numbers = {unquoted(text_of(row.cells.get(NUMBER))) for row in table.sample}
    return len(numbers) >= _ENOUGH_TO_JUDGE and all(map(looks_rounded, numbers))


def _absent(table: Table) -> frozenset[str]:
    """The fields of an order of which this table has no column."""
    absent = {name for column, names in FIELDS_OF.items() if column not in table.found for name in names}
    if MOBILE not in table.found and PHONE not in table.found:
        absent.add("phone")
    return frozenset(absent)
