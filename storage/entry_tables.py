"""Tables of entering and winning: numbered entries, draws with their record, prizes, and how far precise tasks are.

The conventions of `storage.tables` hold here too.
"""

from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Base, BigId


class Entry(Base):
    """Somebody's entry to a giveaway or a contest. Who took theirs back keeps the line, and the number stays theirs."""

    __tablename__ = "entries"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign: Mapped[int]  # the parent
    person: Mapped[int] = mapped_column(index=True)
    number: Mapped[int | None]  # counted from 1 in each campaign; None until it is complete
    state: Mapped[str]  # scheduler.kinds.entries.EntryState: told | asked | entered | withdrawn
    size: Mapped[str | None]  # the size they said with it; else that of their profile counts
    material: Mapped[int | None]  # the photo of a contest
    entered_ms: Mapped[int | None]
    changed_ms: Mapped[int]
    __table_args__ = (UniqueConstraint("campaign", "person"), UniqueConstraint("campaign", "number"))


class Draw(Base):
    """The draw of a giveaway, or the judging of a contest: its seed from the start on, its record once it was made."""

    __tablename__ = "draws"
    campaign: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    commitment: Mapped[str]  # SHA-256 of the seed, shown at the start
    seed: Mapped[str]
    closes_ms: Mapped[int]  # entries, or votes, until then
    state: Mapped[str]  # scheduler.kinds.draws.DrawState: open | closed | drawn | told
    closed_with: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # draw_entrants.Closed
    record: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # what is published
    drawn_ms: Mapped[int | None]
    drawn_by: Mapped[str | None]  # 'staff:owner'
    told_to: Mapped[int] = mapped_column(default=0)  # entries up to this id were told
    changed_ms: Mapped[int]
    __table_args__ = (
        Index("ix_draws_open", "state", "closes_ms", sqlite_where=sql("state IN ('open', 'drawn')"),
              postgresql_where=sql("state IN ('open', 'drawn')")),
    )  # fmt: skip


class PrizeWon(Base):
    """Who won what. Once for each person and campaign."""

    __tablename__ = "prizes_won"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign: Mapped[int]
    person: Mapped[int] = mapped_column(index=True)
    number: Mapped[int]  # of the entry
    place: Mapped[int]  # from 1 on, in the order of the draw or of the votes
    prize: Mapped[str]
    size: Mapped[str | None]
    benefit: Mapped[str | None]  # by which benefit of the campaign it is handed out
    won_ms: Mapped[int]
    __table_args__ = (UniqueConstraint("campaign", "person"),)


class TaskRun(Base):
    """How far a precise task is: when to look at it next, and how many batches were asked."""

    __tablename__ = "task_runs"
    campaign: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str]  # scheduler.kinds.task_runs.RunState: open | reached | ran_out | over
    look_ms: Mapped[int]
    batches: Mapped[int] = mapped_column(default=1)
    changed_ms: Mapped[int]
    __table_args__ = (
        Index("ix_task_runs_open", "look_ms", sqlite_where=sql("state = 'open'"),
              postgresql_where=sql("state = 'open'")),
    )  # fmt: skip
