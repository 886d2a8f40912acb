"""Tables of what people do on the phones: the profiles they keep alike, whom they liked, what they gave.

The conventions of `storage.tables` hold here too.
"""

from typing import Any

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Base, BigId


class AccountProfile(Base):
    """What the WeChat profile of an account with mirrors, or of a mirror, should say, and what it says."""

    __tablename__ = "account_profiles"
    account: Mapped[str] = mapped_column(primary_key=True)
    wanted: Mapped[dict[str, Any]]  # scheduler.moments.mirror_profiles.Field: what the persona's file says
    seen: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # as the gateway told it last
    seen_ms: Mapped[int | None]  # when it was looked at last, told or not
    confirmed: Mapped[dict[str, Any]]  # what was set by us or ticked off by a person: the gateway can't tell it
    tried: Mapped[dict[str, Any]]  # by field: {value, key of the row in the outbox, at_ms, by_hand}
    look_ms: Mapped[int]  # when to look next
    asked_ms: Mapped[int]  # when its gateway was asked last
    judged_ms: Mapped[int]  # up to which look it was judged


class LikeAsked(Base):
    """When staff were last asked to like somebody's posts."""

    __tablename__ = "likes_asked"
    person: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account: Mapped[str]
    asked_ms: Mapped[int]


class Gift(Base):
    """The ledger of red packets and gifts: who got what, for which occasion, from whose hands."""

    __tablename__ = "gift_ledger"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # person and occasion: nobody gets the same one twice
    person: Mapped[int]
    account: Mapped[str]
    kind: Mapped[str]  # scheduler.benefits.gifts.GiftKind: red_packet | gift
    amount_fen: Mapped[int]
    occasion: Mapped[str]
    note: Mapped[str]
    day: Mapped[str] = mapped_column(index=True)  # ISO date in the shop's zone: whose budget it is
    state: Mapped[str]  # scheduler.benefits.gifts.GiftState: planned | given | dropped
    task: Mapped[int | None] = mapped_column(index=True)
    planned_by: Mapped[str]
    planned_ms: Mapped[int]
    done_by: Mapped[str | None]
    done_ms: Mapped[int | None]
    __table_args__ = (Index("ix_gift_ledger_person_day", "person", "day"),)


class Task(Base):
    """What a person must do on the phone: an assisted post and its like."""

    __tablename__ = "tasks"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    package: Mapped[str] = mapped_column(index=True)  # tasks that are done together: 'holder:post key'
    kind: Mapped[str]  # moment | profile | name_card | scan | …
    account: Mapped[str]
    holder: Mapped[str]
    delivery: Mapped[int | None] = mapped_column(unique=True)
    title: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str]  # open | done | expired
    created_ms: Mapped[int]
    expires_ms: Mapped[int | None]
    reminded_ms: Mapped[int | None]
    closed_ms: Mapped[int | None]
    closed_by: Mapped[str | None]
    __table_args__ = (Index("ix_tasks_state_holder", "state", "holder"),)
