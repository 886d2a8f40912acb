"""Tables of the calendar and the campaigns: what can be posted, who said yes, what was given.

The conventions of `storage.tables` hold here too.
"""

from sqlalchemy import Index, UniqueConstraint, false
from sqlalchemy import text as sql
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


class Phase(Base):
    """One step of a campaign's timeline: what it is, when it falls due, and what became of it.

    What it sends is a campaign of its own, `child`, whose row says `parent` and `phase`.
    """

    __tablename__ = "phases"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign: Mapped[int]  # the parent
    name: Mapped[str]
    kind: Mapped[str]  # scheduler.campaign_file.PhaseKind: warm_up | push | reminder | thanks
    due_ms: Mapped[int]
    until_ms: Mapped[int]  # later than this it is skipped
    state: Mapped[str]  # scheduler.timeline.PhaseState: waiting | running | done | skipped | cancelled
    reason: Mapped[str | None]
    child: Mapped[int | None] = mapped_column(unique=True)  # campaigns.id; None until it begins, or when it only posts
    invited_id: Mapped[int] = mapped_column(default=0)  # up to this row of the outbox its people stand in participants
    invited: Mapped[bool] = mapped_column(default=False, server_default=false())  # all of them do
    changed_ms: Mapped[int]
    __table_args__ = (
        UniqueConstraint("campaign", "name"),
        Index(
            "ix_phases_waiting",
            "due_ms",
            sqlite_where=sql("state = 'waiting'"),
            postgresql_where=sql("state = 'waiting'"),
        ),
    )


class Participant(Base):
    """A person and one campaign: were they asked, what did they say, what came of it. Once for each."""

    __tablename__ = "participants"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign: Mapped[int]  # the parent
    person: Mapped[int] = mapped_column(index=True)
    state: Mapped[str]  # scheduler.participants.Standing: invited | yes | promised | waiting | declined | kept | broken
    account: Mapped[str | None]  # where they were asked, or answered
    contact: Mapped[str | None]
    choice: Mapped[str | None]  # of a vote
    arrival: Mapped[int | None]  # the inbox row of their answer
    material: Mapped[int | None]  # the photo they sent
    invited_ms: Mapped[int | None]
    answered_ms: Mapped[int | None]  # their first yes: the order of the waiting list
    settled_ms: Mapped[int | None]  # when kept or broken was found
    settled_by: Mapped[str | None]  # 'orders', 'staff:owner'
    changed_ms: Mapped[int]
    __table_args__ = (
        UniqueConstraint("campaign", "person"),
        Index("ix_participants_campaign_state", "campaign", "state", "answered_ms"),
    )


class PushPlan(Base):
    """The long work on a push's rows, which is done in short transactions: how far it is. One row per push."""

    __tablename__ = "push_plans"
    campaign: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stage: Mapped[str]  # scheduler.push_plan.Stage: checking | planning | ready | opening | open | closing | closed
    done_to: Mapped[int] = mapped_column(default=0)  # planning: the last person looked at; closing: the last row
    control: Mapped[int] = mapped_column(default=0)  # of 10,000 people so many are held back
    cut: Mapped[int | None]  # a push to so many at most: whose turn comes later than this is left out
    reached: Mapped[int] = mapped_column(default=0)  # whom the check found, with those who are held back
    reason: Mapped[str | None]  # closing: why
    changed_ms: Mapped[int]
