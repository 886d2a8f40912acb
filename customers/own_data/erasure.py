"""Erasing a person: what leads to them goes from every table, what the shop sold stays as sums of nobody.

Who was erased is on the do-not-contact list and opted out. Large tables are searched beforehand, so that the one
transaction that erases is short; whatever came meanwhile is searched in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.consent import opt_out
from customers.do_not_contact import Why, remember
from customers.errors import EraseRefused
from customers.merging.hinted import give_way
from customers.own_data.holdings import HOLDINGS
from customers.own_data.identity import Identity, identity_of
from customers.own_data.personal_data import Holding, says, unnamed
from storage.engine import Database
from storage.leftovers import forget_leftovers, overwrite_deleted
from storage.order_tables import Order
from storage.outbox import DeliveryState
from storage.tables import Arrival, Base, Delivery, FriendRequest, Person

REASON = "erased"
_IDS_A_STATEMENT = 500
_STOPPED = {
    DeliveryState.PENDING: DeliveryState.SKIPPED,
    DeliveryState.IN_DOUBT: DeliveryState.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Traces:
    """What is known of somebody: the numbers of their rows, and of rows that name them, in the large tables."""

    who: Identity
    rows: Mapping[str, int]
    """How many rows are theirs, by table."""
    found: Mapping[type[Base], frozenset[int]] = field(default_factory=dict)
    searched_to: Mapping[type[Base], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done. `overwritten`: nothing of it is left in the database's file either; see `storage.leftovers`."""

    person: int
    rows: Mapping[str, int]
    overwritten: bool


async def traces_of(db: Database, person: int) -> Traces:
    """Everything that is known of the person; changes nothing. Raises NoSuchPerson, EraseRefused."""
    async with db.write() as tx:
        who = await identity_of(tx, person)
        await _require_erasable(tx, who)
    async with db.read() as connection:
        rows, found, to = {}, {}, {}
        for model, holding in HOLDINGS.items():
            table = _table(model)
            if holding.theirs is not None:
                count = select(func.count()).select_from(table).where(holding.theirs(table, who))
                rows[table.name] = int(await connection.scalar(count) or 0)
            if holding.scanned:
                concerned = or_(*_concerned(table, holding, who))
                found[model] = frozenset((await connection.scalars(select(table.c.id).where(concerned))).all())
                to[model] = int(await connection.scalar(select(func.max(table.c.id))) or 0)
    return Traces(who, {name: count for name, count in rows.items() if count}, found, to)


async def erase(db: Database, person: int, *, now_ms: int) -> Erased:
    """Erase the person. Raises NoSuchPerson, and EraseRefused for staff, our own accounts and who is erased already."""
    while True:
        traces = await traces_of(db, person)
        async with db.write() as tx:
            who = await identity_of(tx, person)
            if who != traces.who:
                continue  # a merge, an order or a friendship came between: search again
            await overwrite_deleted(tx)
            await give_way(tx, Order.number.in_(who.hinted), now_ms)  # the buyer may still say that it is theirs
            await _silence(tx, who, now_ms)
            for model, holding in HOLDINGS.items():
                await _erase_from(tx, model, holding, traces)
            await tx.execute(update(Person).where(Person.id.in_(who.people)).values(erased_ms=now_ms))
            break
    return Erased(who.entry, traces.rows, await forget_leftovers(db))


async def _require_erasable(tx: AsyncConnection, who: Identity) -> None:
    row = (await tx.execute(select(Person.kind, Person.erased_ms).where(Person.id == who.entry))).one()
    if row.kind != "customer":
        raise EraseRefused("not_customer")
    if row.erased_ms is not None:
        raise EraseRefused("already")


async def _silence(tx: AsyncConnection, who: Identity, now_ms: int) -> None:
    """Nothing more goes to them, and nothing of theirs waits to be acted upon."""
    await remember(tx, who.signs, Why.ERASED, now_ms)
    theirs = or_(Delivery.person.in_(who.people), Delivery.to.in_(who.contacts))
    for before, after in _STOPPED.items():
        await tx.execute(
            update(Delivery)
            .where(theirs, Delivery.state == before.value)
            .values(state=after.value, reason=REASON, settled_ms=now_ms)
        )
    await opt_out(tx, who.entry, by=REASON, words="", now_ms=now_ms)
    # What is under way can't be called back; should it come back unsent, it has expired.
    await tx.execute(
        update(Delivery).where(theirs, Delivery.state == DeliveryState.SENDING.value).values(valid_until_ms=now_ms)
    )
    await tx.execute(
        update(FriendRequest)
        .where(FriendRequest.contact.in_(who.contacts), FriendRequest.state.in_(("waiting", "accepting")))
        .values(state="refused", decided_ms=now_ms)
    )
    await tx.execute(
        update(Arrival)
        .where(says(Arrival.payload, who.contacts), Arrival.state.in_(("received", "fetched")))
        .values(state="handled", outcome=REASON, handled_ms=now_ms)
    )


async def _erase_from(tx: AsyncConnection, model: type[Base], holding: Holding, traces: Traces) -> None:
    table, who = _table(model), traces.who
    for where in _where(table, model, holding, traces):
        if holding.theirs is not None:
            theirs = and_(where, holding.theirs(table, who))
            if holding.deleted:
                await tx.execute(delete(table).where(theirs))
                continue
            await _rewrite(tx, table, holding.rewritten, theirs, who)
            if holding.mentions:
                # Their own rows name them in columns that stay, too.
                stays = {key: unnamed for key in holding.mentions.split() if key not in holding.cleared}
                await _rewrite(tx, table, stays, theirs, who)
            if holding.cleared:
                values = {
                    key: value(table, who) if callable(value) else value for key, value in holding.cleared.items()
                }
                await tx.execute(update(table).where(theirs).values({table.c[key]: values[key] for key in values}))
        if holding.mentions:
            named = and_(where, _named(table, holding, who))
            await _rewrite(tx, table, dict.fromkeys(holding.mentions.split(), unnamed), named, who)


def _where(table: Table, model: type[Base], holding: Holding, traces: Traces) -> list[ColumnElement[bool]]:
    """Where to look in the transaction: in a large table at what was found, and at what came since."""
    if not holding.scanned:
        return [true()]
    ids = sorted(traces.found[model])
    parts = [ids[start : start + _IDS_A_STATEMENT] for start in range(0, len(ids), _IDS_A_STATEMENT)]
    return [*(table.c.id.in_(part) for part in parts), table.c.id > traces.searched_to[model]]


def _concerned(table: Table, holding: Holding, who: Identity) -> list[ColumnElement[bool]]:
    ways = [holding.theirs(table, who)] if holding.theirs is not None else []
    return [*ways, _named(table, holding, who)] if holding.mentions else ways


def _named(table: Table, holding: Holding, who: Identity) -> ColumnElement[bool]:
    spoken = holding.spoken(table) if holding.spoken is not None else true()
    return and_(spoken, or_(*(says(table.c[key], who.words) for key in holding.mentions.split())))


async def _rewrite(
    tx: AsyncConnection, table: Table, columns: Mapping[str, Any], where: ColumnElement[bool], who: Identity
) -> None:
    """Row by row, because words change inside of documents; one person's rows are few."""
    if not columns:
        return
    keys = [column.key for column in table.primary_key.columns]
    rows = (await tx.execute(select(*(table.c[key] for key in (*keys, *columns))).where(where))).all()
    for row in rows:
        before = row[len(keys) :]
        after = [change(value, who) for change, value in zip(columns.values(), before, strict=True)]
        if list(before) != after:
            changed = {table.c[key]: value for key, value in zip(columns, after, strict=True) if value is not None}
            this = and_(*(table.c[key] == value for key, value in zip(keys, row, strict=False)))
            await tx.execute(update(table).where(this).values(changed))


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101  # every model of ours is one
    return table
