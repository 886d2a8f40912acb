"""Tables of what sells nothing: the lessons of partners, and the days whose kindnesses were planned.

The conventions of `storage.tables` hold here too.
"""

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Base, BigId


class CareDay(Base):
    """One occasion on one day in one zone: how far its people were gone through. The outbox says who got something."""

    __tablename__ = "care_days"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    zone: Mapped[str]
    day: Mapped[str]  # ISO date in that zone
    occasion: Mapped[str]  # 'birthday', or its name in care.yaml
    done_to: Mapped[int] = mapped_column(default=0)  # people up to this number were gone through
    done_ms: Mapped[int | None]  # when all were
    __table_args__ = (UniqueConstraint("zone", "day", "occasion"),)


class Pupil(Base):
    """One partner in one sequence of lessons: where they stand, and who teaches them. Once for each."""

    __tablename__ = "pupils"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sequence: Mapped[str]  # its name in lessons/
    person: Mapped[int] = mapped_column(index=True)
    account: Mapped[str]
    contact: Mapped[str | None]
    state: Mapped[str]  # scheduler.care.lessons.PupilState: running | paused | finished | stopped
    reason: Mapped[str | None]
    given: Mapped[int] = mapped_column(default=0)  # how many lessons were planned
    started_ms: Mapped[int]
    started_by: Mapped[str]  # 'partner', 'staff:owner'
    look_ms: Mapped[int]  # when there may be something to do for them
    told_ms: Mapped[int | None]  # when staff heard that they are stuck
    changed_ms: Mapped[int]
    __table_args__ = (
        UniqueConstraint("sequence", "person"),
        Index(
            "ix_pupils_running",
            "look_ms",
            sqlite_where=sql("state = 'running'"),
            postgresql_where=sql("state = 'running'"),
        ),
    )


class LessonGiven(Base):
    """One lesson of one pupil: planned once, sent, read, answered."""

    __tablename__ = "lessons_given"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    pupil: Mapped[int]
    lesson: Mapped[str]  # its name in the sequence
    key: Mapped[str]  # of its first row in the outbox
    within_ms: Mapped[int]  # how long an answer counts as one, from when it was sent
    planned_ms: Mapped[int]
    sent_ms: Mapped[int | None]
    read_ms: Mapped[int | None]
    answered_ms: Mapped[int | None]
    __table_args__ = (UniqueConstraint("pupil", "lesson"),)
