"""Orders of an import against what is known of them: which are new, which changed, and their rows."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Text, bindparam, cast, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.do_not_contact import is_pseudonym
from customers.merging.stand_ins import is_masked
from customers.order import OrderRow, OrderStatus
from storage.bulk import among, insert_rows
from storage.customer_tables import OrderVersion
from storage.order_tables import Order
from storage.tables import Person

_FIELDS = OrderRow._fields
_RANK = {status.value: rank for rank, status in enumerate(OrderStatus)}

Progress = tuple[int, int, bool]
"""How far an order had come: its status in the order of its life, what was refunded, whether it was paid."""


def progress(order: OrderRow) -> Progress:
    return _RANK[order.status], order.refund_fen, order.paid_ms is not None


class KnownOrder(NamedTuple):
    """An order as it stands in the database."""

    row: OrderRow
    person: int | None
    batch: int

    def as_json(self) -> dict[str, Any]:
        """All of it, to put it back."""
        return {**self.row._asdict(), "person": self.person, "batch": self.batch}


@dataclass(slots=True)
class Sorted:
    """What a block of rows comes to: new orders and changed ones by number, and the counts."""

    new: dict[str, OrderRow] = field(default_factory=dict)
    changed: dict[str, OrderRow] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("new", "changed", "unchanged", "older"), 0))


class Sorter:
    """Compares rows with what is known, and with what this import brought before.

    An order never goes back: a row that tells less progress than we know is an older export's and changes nothing,
    unless it is to `overwrite`. Of several rows of one import the furthest counts, of equal ones the first: files are
    read the newest first, so an import of the same files comes to the same.
    """

    def __init__(self, *, overwrite: bool) -> None:
        self._overwrite = overwrite
        # A million orders in some 80 MB: numbers as such, and few different progresses.
        self._seen: dict[int, Progress] = {}
        self._same: dict[Progress, Progress] = {}

    def forget(self) -> None:
        """All rows were read: the memory is wanted for what follows."""
        self._seen.clear()

    def sort(self, orders: Sequence[OrderRow], known: Mapping[str, KnownOrder], absent: Collection[str]) -> Sorted:
        """Take the rows in their order; fields that are `absent` from the file stay as they are known."""
        found = Sorted()
        for order in orders:
            found.counts[self._take(order, known, absent, found)] += 1
        return found

    def _take(self, order: OrderRow, known: Mapping[str, KnownOrder], absent: Collection[str], found: Sorted) -> str:
        number, now = int(order.number), progress(order)
        seen = self._seen.get(number)
        if seen is not None and now <= seen:
            return "unchanged"
        self._seen[number] = self._same.setdefault(now, now)
        before = known.get(order.number)
        if before is None:
            found.new[order.number] = order
            return "new" if seen is None else "changed"
        if absent:
            order = order._replace(**{name: getattr(before.row, name) for name in absent})
        order = _unmasked(order, before.row)
        if order == before.row:
            return "unchanged"
        if not self._overwrite and progress(order) < progress(before.row):
            return "older"
        found.changed[order.number] = order
        return "changed"


def _unmasked(order: OrderRow, known: OrderRow) -> OrderRow:
    """A later export that masks what an earlier one said whole takes nothing of it away."""
    if not is_masked(order.member_name) or is_masked(known.member_name):
        return order
    if is_pseudonym(known.member_name):  # of somebody erased: nothing comes back
        return order._replace(member_name=known.member_name, receiver="", phone="")
    return order._replace(
        member_name=known.member_name, receiver=known.receiver or order.receiver, phone=order.phone or known.phone
    )


async def known_orders(tx: AsyncConnection, numbers: Collection[str]) -> dict[str, KnownOrder]:
    """Those of these orders that stand in the database, by number."""
    columns = [
        cast(Order.titles, Text) if name == "titles" else getattr(Order, name) for name in (*_FIELDS, "person", "batch")
    ]
    rows = (await tx.execute(select(*columns).where(among(tx, Order.number, numbers)))).all()
    return {row[0]: KnownOrder(OrderRow(*row[:-2]), row[-2], row[-1]) for row in rows}


async def write_orders(tx: AsyncConnection, batch: int, found: Sorted, known: Mapping[str, KnownOrder]) -> None:
    """Insert the new, update the changed and keep what they were; each with the person whose member name it bears."""
    owners = await owners_of(tx, {order.member_name for order in (*found.new.values(), *found.changed.values())})
    rows = [(*order, owners.get(order.member_name), batch) for order in found.new.values()]
    await insert_rows(tx, Order.__tablename__, (*_FIELDS, "person", "batch"), rows)
    if not found.changed:
        return
    before = [known[number] for number in found.changed if known[number].batch != batch]
    if before:
        await tx.execute(
            insert(OrderVersion),
            [{"batch": batch, "number": one.row.number, "before": one.as_json()} for one in before],
        )
    await put(tx, [(order, _owner(known[number], order, owners), batch) for number, order in found.changed.items()])


def _owner(before: KnownOrder, order: OrderRow, owners: Mapping[str, int]) -> int | None:
    """Under another member name it leaves whose it was."""
    if before.person is not None and before.row.member_name == order.member_name:
        return before.person
    return owners.get(order.member_name)


async def put(tx: AsyncConnection, orders: Sequence[tuple[OrderRow, int | None, int]]) -> None:
    """Write these over what stands under their numbers: (order, person, batch)."""
    if not orders:
        return
    names = [name for name in (*_FIELDS, "person", "batch") if name != "number"]
    values: dict[str, BindParameter[Any]] = {name: bindparam(f"v_{name}") for name in names}
    await tx.execute(
        update(Order).where(Order.number == bindparam("v_number")).values(values),
        [_bound(row, person, batch) for row, person, batch in orders],
    )


def _bound(row: OrderRow, person: int | None, batch: int) -> dict[str, Any]:
    values = {**row._asdict(), "titles": json.loads(row.titles), "person": person, "batch": batch}
    return {f"v_{name}": value for name, value in values.items()}


async def owners_of(tx: AsyncConnection, names: Collection[str]) -> dict[str, int]:
    """Who bears these member names; a name that went with a merged entry leads to who was kept."""
    owner = func.coalesce(Person.merged_into, Person.id)
    rows = await tx.execute(select(Person.member_name, owner).where(among(tx, Person.member_name, names)))
    return {str(name): person for name, person in rows.all()}


def row_of(before: Mapping[str, Any]) -> OrderRow:
    """The order of a `KnownOrder.as_json`; fields that came later have their beginnings."""
    return OrderRow(
        **{"titles": json.dumps([]), "shop": "", **{name: before[name] for name in _FIELDS if name in before}}
    )
