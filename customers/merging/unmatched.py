"""Orders that are matched with nobody yet: what there is of them under a member name or a number."""

import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.do_not_contact import is_pseudonym
from customers.merging.stand_ins import is_masked
from storage.order_tables import Order
from storage.tables import NUMBER_END

_ENDING = re.compile(r"[0-9]{4,21}")
_MOST_READ = 200


@dataclass(frozen=True, slots=True)
class Unmatched:
    """Orders of one buyer whom we don't know. `binds` is what staff bind to somebody: a member name, or an order."""

    orders: int
    member_name: str
    binds: str


async def unmatched(tx: AsyncConnection, text: str) -> Unmatched | None:
    """The orders under that member name, or the end of whose number it is; None where there are none, or of several."""
    text = text.strip()
    way: ColumnElement[bool] = Order.member_name == text
    if _ENDING.fullmatch(text):
        end: ColumnElement[str] = literal_column(NUMBER_END)  # written as the index is: the databases know it by that
        way = way | ((end == text[-4:]) & Order.number.like("%" + text))
    query = select(Order.member_name, Order.number).where(way, Order.person.is_(None)).limit(_MOST_READ)
    rows = [row for row in (await tx.execute(query)).all() if not is_pseudonym(row.member_name)]
    names = {row.member_name for row in rows}
    if len(names) != 1:
        return None
    (name,) = names
    if is_masked(name):
        return Unmatched(len(rows), name.partition("#")[0], rows[0].number)
    return Unmatched(len(rows), name, name)
