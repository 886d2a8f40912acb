"""Tables of the processes at work: who owns which accounts, what needs a live gateway, and what only a person can mend.

The conventions of `storage.tables` hold here too.
"""

from typing import Any

from sqlalchemy import JSON as JSON_TYPE
from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Base, BigId


class Worker(Base):
    """A process that may own shards: `wxfleet run`, or one of several `wxfleet worker`."""

    __tablename__ = "workers"
    id: Mapped[str] = mapped_column(primary_key=True)  # node:pid:random, as in `shards.owner`
    kind: Mapped[str]  # run (owns all, alone) | worker (shares)
    node: Mapped[str]
    pid: Mapped[int]
    version: Mapped[str]
    started_ms: Mapped[int]  # wall
    heartbeat_ms: Mapped[int]  # wall; silent for longer than its time-out, it is taken for dead
    timeout_ms: Mapped[int]
    stopping: Mapped[bool] = mapped_column(default=False)  # it hands over what it owns and takes nothing more
    share: Mapped[int] = mapped_column(default=0)  # how many shards it wants


class Shard(Base):
    """Who owns a slice of the accounts. `epoch` rises with every take-over; each claim and settle checks it."""

    __tablename__ = "shards"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = mapped_column(index=True)  # Worker.id; it lives as long as that one's heartbeat


class Lane(Base):
    """The queue of one account, and the slice of the fleet it belongs to.

    When it may speak next, and what it sent in the last minute and day, is counted from the outbox: one truth.
    """

    __tablename__ = "lanes"
    account: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(index=True)


class LiveRequest(Base):
    """Something that needs a live gateway, asked by another process; picked up within a second."""

    __tablename__ = "requests"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account: Mapped[str]
    verb: Mapped[str]  # qr | logout | test_message
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str]  # waiting | done | failed
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON_TYPE)
    created_ms: Mapped[int]
    done_ms: Mapped[int | None]
    __table_args__ = (Index("ix_live_requests_state", "state", "id"),)


class Repair(Base):
    """Something only a person can mend, with the command that mends it. Gone when mended."""

    __tablename__ = "repairs"
    key: Mapped[str] = mapped_column(primary_key=True)  # 'scan:lin-1', 'payload_lost:17', …
    account: Mapped[str | None]
    message: Mapped[str]  # key in the catalogue
    values: Mapped[dict[str, Any]] = mapped_column("details", default=dict, key="values")
    since_ms: Mapped[int]
