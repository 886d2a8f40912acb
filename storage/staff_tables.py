"""Tables of staff: who may command, by which WeChat ids, what waits for a code, and what they asked for.

The conventions of `storage.tables` hold here too.
"""

from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Base, BigId


class StaffMember(Base):
    """Who may command: from config.yaml, or joined with an invitation."""

    __tablename__ = "staff"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    role: Mapped[str]  # owner | operator | service | viewer
    shift: Mapped[str | None]
    accounts: Mapped[list[Any]] = mapped_column(default=list)
    invited: Mapped[bool] = mapped_column(default=False)  # by code: not in config.yaml
    removed: Mapped[bool] = mapped_column(default=False)


class StaffContact(Base):
    """By which WeChat ids a staff member is known."""

    __tablename__ = "staff_contacts"
    contact: Mapped[str] = mapped_column(primary_key=True)
    staff: Mapped[str] = mapped_column(index=True)


class Invitation(Base):
    """A code that makes its first sender staff, or a room the staff room."""

    __tablename__ = "invitations"
    code: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]  # staff | room
    staff: Mapped[str | None]
    name: Mapped[str | None]
    role: Mapped[str | None]
    created_by: Mapped[str]
    expires_ms: Mapped[int]
    used_ms: Mapped[int | None]


class Confirmation(Base):
    """A level-2 command waits for its code. Bound to the person and the exact request, works once."""

    __tablename__ = "confirmations"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str]
    staff: Mapped[str]
    request: Mapped[dict[str, Any]]
    created_ms: Mapped[int]
    expires_ms: Mapped[int]
    used_ms: Mapped[int | None]
    __table_args__ = (Index("ix_confirmations_code_staff", "code", "staff"),)


class Audit(Base):
    """Who asked for what, through which door, and what came of it. Refused attempts too."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at_ms: Mapped[int] = mapped_column(index=True)
    staff: Mapped[str]
    door: Mapped[str]  # chat | cli | web
    verb: Mapped[str]
    request: Mapped[dict[str, Any]]
    outcome: Mapped[str]  # done | refused | asked | failed
    detail: Mapped[str] = mapped_column(default="")


class CommandSeen(Base):
    """The same words by the same person in the same conversation within 60 s are one command."""

    __tablename__ = "commands_seen"
    key: Mapped[str] = mapped_column(primary_key=True)
    seen_ms: Mapped[int] = mapped_column(index=True)
