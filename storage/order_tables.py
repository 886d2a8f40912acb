"""Tables of the shop's orders: what was imported, whose each is, and which entries turned out to be one person.

The conventions of `storage.tables` hold here too.
"""

from typing import Any

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import NUMBER_END, PHONE_END, Base, BigId


class Order(Base):
    """One order of the shop's export."""

    __tablename__ = "orders"
    number: Mapped[str] = mapped_column(primary_key=True)
    member_name: Mapped[str] = mapped_column(index=True)
    person: Mapped[int | None] = mapped_column(index=True)
    status: Mapped[str]  # customers.order.OrderStatus
    paid_fen: Mapped[int]
    refund_fen: Mapped[int] = mapped_column(default=0)
    items: Mapped[str] = mapped_column(default="")
    titles: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")  # of the items, each once
    item_count: Mapped[int] = mapped_column(default=1)
    receiver: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    shop: Mapped[str] = mapped_column(default="", server_default="")
    created_ms: Mapped[int]
    paid_ms: Mapped[int | None]
    batch: Mapped[int] = mapped_column(index=True)
    __table_args__ = (
        Index("ix_orders_number_end", sql(NUMBER_END)),
        Index(
            "ix_orders_phone_end", sql(PHONE_END), sqlite_where=sql("phone <> ''"), postgresql_where=sql("phone <> ''")
        ),
    )


class ImportBatch(Base):
    __tablename__ = "import_batches"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str]
    files: Mapped[list[Any]]
    counts: Mapped[dict[str, Any]]
    by: Mapped[str] = mapped_column("imported_by", key="by", default="cli", server_default="cli")
    created_ms: Mapped[int]
    finished_ms: Mapped[int | None]
    undone_ms: Mapped[int | None]
    undone_by: Mapped[str | None]


class Claim(Base):
    """A person said an order is theirs. One order, one person."""

    __tablename__ = "claims"
    order_number: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[int] = mapped_column(index=True)
    account: Mapped[str]
    evidence: Mapped[str]
    claimed_ms: Mapped[int]


class Merge(Base):
    """Two people turned out to be one, and why."""

    __tablename__ = "merges"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kept: Mapped[int]
    gone: Mapped[int]
    evidence: Mapped[str]
    before: Mapped[dict[str, Any]]
    by: Mapped[str] = mapped_column("done_by", key="by")
    merged_ms: Mapped[int]
    undone_ms: Mapped[int | None]
    undone_by: Mapped[str | None]
