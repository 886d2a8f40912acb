"""Tables of campaigns that come back on their days. The conventions of `storage.tables` hold here too."""

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Base, BigId


class Series(Base):
    """A file of campaigns/ that is held again and again, since somebody said so."""

    __tablename__ = "series"
    name: Mapped[str] = mapped_column(primary_key=True)  # of the file
    running: Mapped[bool]
    by: Mapped[str] = mapped_column("started_by", key="by")  # 'staff:owner'
    next_ms: Mapped[int]  # when the next round begins
    changed_ms: Mapped[int]
    __table_args__ = (
        Index("ix_series_running", "next_ms", sqlite_where=sql("running"), postgresql_where=sql("running")),
    )


class Round(Base):
    """One day of a series: the campaign it became, or why it became none. Never two for one day."""

    __tablename__ = "rounds"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    series: Mapped[str]
    day: Mapped[str]  # ISO date, of the shop
    campaign: Mapped[int | None]
    reason: Mapped[str | None]
    made_ms: Mapped[int]
    __table_args__ = (UniqueConstraint("series", "day"),)
