"""Tables of conversations: what was asked of somebody who answers later.

The conventions of `storage.tables` hold here too.
"""

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Base, BigId


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
