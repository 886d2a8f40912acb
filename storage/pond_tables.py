"""Ponds (鱼塘): the rooms of the shop and what happened in them, and the groups elsewhere that are only noted down."""

from typing import Any

from sqlalchemy import Index, false
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Base, BigId


class Pond(Base):
    """One group of customers. Written from ponds/*.yaml at the start of `run`; what happens in it is kept beside."""

    __tablename__ = "ponds"
    name: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    kind: Mapped[str]  # scheduler.ponds.pond_file.PondKind: wechat | taobao | other
    account: Mapped[str]  # who owns it, and alone speaks of campaigns there
    spec: Mapped[dict[str, Any]]  # the YAML, validated, complete
    rest_days: Mapped[int]  # between two campaigns; never less than seven
    removed: Mapped[bool] = mapped_column(default=False, server_default=false())  # no file any more
    changed_ms: Mapped[int]
    # what happens to it
    room: Mapped[str | None] = mapped_column(unique=True)  # the gateway's id; None until somebody binds it
    members: Mapped[int | None]  # as the gateway last said, and who came and went since
    members_ms: Mapped[int | None]
    last_campaign_ms: Mapped[int | None]  # one campaign per rolling week
    last_campaign_id: Mapped[int | None]  # the delivery that holds it
    welcome_id: Mapped[int | None]  # the welcome that newcomers are gathered for, a row of the outbox
    welcome_ms: Mapped[int | None]  # when that is due
    looks: Mapped[str | None]  # what of its name, notice and pictures somebody was asked to set
    looks_ms: Mapped[int | None]


class PondMember(Base):
    """Somebody who came into a pond while we watched: welcomed once, however many of our accounts saw them come."""

    __tablename__ = "pond_members"
    pond: Mapped[str] = mapped_column(primary_key=True)
    contact: Mapped[str] = mapped_column(primary_key=True)
    joined_ms: Mapped[int]


class PondAnswer(Base):
    """A question in a pond that one of our accounts took: the others that heard it are silent."""

    __tablename__ = "pond_answers"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    pond: Mapped[str]
    contact: Mapped[str]
    words: Mapped[str]  # a digest of what was said
    asked_ms: Mapped[int]
    answered: Mapped[bool] = mapped_column(default=False, server_default=false())
    __table_args__ = (Index("ix_pond_answers_pond", "pond", "asked_ms"),)


class Room(Base):
    """A group chat that one of the accounts is in."""

    __tablename__ = "rooms"
    id: Mapped[str] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(default="")
    staff: Mapped[bool] = mapped_column(default=False)
    owner_account: Mapped[str | None]
    last_campaign_ms: Mapped[int | None]
