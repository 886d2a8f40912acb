"""Tables of the calendar and the campaigns: what can be posted, who said yes, what was given.

The conventions of `storage.tables` hold here too.
"""

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Base, BigId


class Material(Base):
    """A photo or a video that may be posted: of a customer, of a contest, of staff. The file is in the media folder."""

    __tablename__ = "materials"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source: Mapped[str]  # scheduler.materials.Source: chat | contest | staff
    account: Mapped[str | None]  # the account that got it
    message: Mapped[str | None]  # the gateway's id of the message: the same one is one material
    person: Mapped[int | None] = mapped_column(index=True)  # whose it is; None: the shop's own
    masked_name: Mapped[str] = mapped_column(default="")
    words: Mapped[str] = mapped_column(default="")  # what they wrote beside it
    file: Mapped[str | None]  # below the media folder; None until the gateway handed it out
    problem: Mapped[str | None]  # why it could not be fetched
    consent: Mapped[str]  # scheduler.materials.ConsentMark: unasked | asked | given | refused
    consent_ms: Mapped[int | None]
    consent_by: Mapped[str | None]  # 'staff:owner', 'inbox:17'
    added_by: Mapped[str]
    received_ms: Mapped[int]
    posted_ms: Mapped[int | None]  # when it was last planned into a post
    removed_ms: Mapped[int | None]
    __table_args__ = (
        UniqueConstraint("account", "message"),
        Index("ix_materials_removed_received", "removed_ms", "received_ms"),
    )
