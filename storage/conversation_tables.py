"""Tables of conversations: what was asked of somebody who answers later, and who waits for a person.

The conventions of `storage.tables` hold here too.
"""

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Base, BigId

STILL_OPEN = "ended_ms IS NULL"
"""Of waits. On PostgreSQL the predicate of a partial index must stand in the query as it is."""


class Question(Base):
    """What a customer asked and a language model is asked for, outside transactions. Its words stay in the inbox."""

    __tablename__ = "questions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    arrival: Mapped[int] = mapped_column(unique=True)  # the inbox row: each is asked once
    account: Mapped[str]
    person: Mapped[int] = mapped_column(index=True)
    state: Mapped[str]  # conversations.questions.QuestionState: waiting | asked | answered | given_up
    asked_ms: Mapped[int]
    until_ms: Mapped[int | None]  # whoever asks has so long; then somebody else may
    tries: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    tokens: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    reason: Mapped[str | None]  # why it went to a person
    settled_ms: Mapped[int | None]
    __table_args__ = (
        Index("ix_questions_asked_ms", "asked_ms"),
        Index(
            "ix_questions_open", "id", sqlite_where=sql("state IN ('waiting', 'asked')"),
            postgresql_where=sql("state IN ('waiting', 'asked')"),
        ),
    )  # fmt: skip


class Wait(Base):
    """A customer waits for a person: from the hand-over until somebody's word. One at most is open in each."""

    __tablename__ = "waits"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    friendship: Mapped[int]
    account: Mapped[str]
    person: Mapped[int] = mapped_column(index=True)
    arrival: Mapped[int | None]  # the inbox row with their last words
    why: Mapped[str]  # a word of the catalogue: conversations.why.<why>
    staff: Mapped[str | None]  # who is to look; None while nobody is on duty
    state: Mapped[str]  # conversations.waits.WaitState: waiting | reminded | escalated | answered | returned | dropped
    since_ms: Mapped[int]
    from_ms: Mapped[int]  # the minutes count from here: since they wait, or since somebody took them on
    look_ms: Mapped[int | None]  # when it is looked at again; None after the last word to staff
    told_ms: Mapped[int | None]  # the newest reminder
    ended_ms: Mapped[int | None]
    ended_by: Mapped[str | None]  # staff id, or 'phone' where nobody knows who typed
    __table_args__ = (
        Index(
            "uq_waits_open", "friendship", unique=True, sqlite_where=sql(STILL_OPEN), postgresql_where=sql(STILL_OPEN)
        ),
        Index("ix_waits_look", "look_ms", sqlite_where=sql(STILL_OPEN), postgresql_where=sql(STILL_OPEN)),
        Index("ix_waits_friendship", "friendship", "id"),
        Index("ix_waits_since_ms", "since_ms"),
    )
