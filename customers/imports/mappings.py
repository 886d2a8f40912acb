"""The headers of a shop's own sheet and which of our columns they are, said once and kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import MappingUnclear
from storage.customer_tables import SavedMapping
from storage.outbox import insert_ignoring
from texts.nearest import nearest
from texts.table_columns import Columns, header_name


def mapping_of(said: Sequence[str], columns: Columns) -> dict[str, str]:
    """`["我的列名=订单编号", …]` as {header: our column}. Raises MappingUnclear."""
    names = {header_name(column): column for column in columns}
    found: dict[str, str] = {}
    for one in said:
        header, equals, column = one.rpartition("=")
        if not equals or not header.strip():
            raise MappingUnclear("map_form", one, columns)
        if header_name(column) not in names:
            raise MappingUnclear("map_unknown", column.strip(), columns, nearest(column, columns))
        found[header.strip()] = names[header_name(column)]
    return found


async def saved_mapping(tx: AsyncConnection, kind: str, shop: str) -> dict[str, Any]:
    """What was kept for this kind of table (orders, customers) of this shop; empty when nothing was."""
    query = select(SavedMapping.headers).where(SavedMapping.kind == kind, SavedMapping.shop == shop)
    return (await tx.execute(query)).scalar_one_or_none() or {}


async def save_mapping(tx: AsyncConnection, kind: str, shop: str, headers: Mapping[str, str], now_ms: int) -> None:
    """Keep it in the place of what was kept before."""
    values = {"headers": dict(headers), "saved_ms": now_ms}
    await tx.execute(insert_ignoring(tx, SavedMapping).values(kind=kind, shop=shop, **values))
    which = (SavedMapping.kind == kind, SavedMapping.shop == shop)
    await tx.execute(update(SavedMapping).where(*which).values(values))
