"""Tables of the calendar and the campaigns: what can be posted, who said yes, what was given.

The conventions of `storage.tables` hold here too.
"""

from typing import Any

from sqlalchemy import Index, UniqueConstraint, false
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Base, BigId

CAMPAIGN = "campaign"
"""`Campaign.kind` of one with phases."""


class Material(Base):
    """A photo or a video that may be posted: of a customer, of a contest, of staff. The file is in the media folder."""

    __tablename__ = "materials"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source: Mapped[str]  # scheduler.moments.materials.Source: chat | contest | staff
    account: Mapped[str | None]  # the account that got it
    message: Mapped[str | None]  # the gateway's id of the message: the same one is one material
    person: Mapped[int | None] = mapped_column(index=True)  # whose it is; None: the shop's own
    masked_name: Mapped[str] = mapped_column(default="")
    words: Mapped[str] = mapped_column(default="")  # what they wrote beside it
    file: Mapped[str | None]  # below the media folder; None until the gateway handed it out
    problem: Mapped[str | None]  # why it could not be fetched
    consent: Mapped[str]  # scheduler.moments.materials.ConsentMark: unasked | asked | given | refused
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
    kind: Mapped[str]  # scheduler.campaign_files.campaign_phase_file.PhaseKind: warm_up | push | reminder | thanks
    due_ms: Mapped[int]
    until_ms: Mapped[int]  # later than this it is skipped
    state: Mapped[str]  # scheduler.phase_state.PhaseState: waiting | running | done | skipped | cancelled
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
    state: Mapped[str]  # participants.Standing: invited | yes | promised | waiting | declined | kept | broken
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
    stage: Mapped[str]  # push_plan.Stage: checking | planning | ready | opening | open | closing | closed
    done_to: Mapped[int] = mapped_column(default=0)  # planning: the last person looked at; closing: the last row
    control: Mapped[int] = mapped_column(default=0)  # of 10,000 people so many are held back
    cut: Mapped[int | None]  # a push to so many at most: whose turn comes later than this is left out
    reached: Mapped[int] = mapped_column(default=0)  # whom the check found, with those who are held back
    reason: Mapped[str | None]  # closing: why
    changed_ms: Mapped[int]


class CouponPool(Base):
    """A heap of coupon codes that are worth the same."""

    __tablename__ = "coupon_pools"
    name: Mapped[str] = mapped_column(primary_key=True)
    added_by: Mapped[str]
    added_ms: Mapped[int]


class CouponCode(Base):
    """One code of the shop's back office. Whose it is, it is for one campaign; nobody else ever gets it once told."""

    __tablename__ = "coupon_codes"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    pool: Mapped[str]
    code: Mapped[str] = mapped_column(unique=True)  # over all pools
    expires_ms: Mapped[int]  # scheduler.benefits.coupons.NEVER_MS where it has no end
    added_ms: Mapped[int]
    campaign: Mapped[int | None]  # scheduler.benefits.coupons.root_of: the whole campaign, whichever phase took it
    person: Mapped[int | None]  # None: free
    given_ms: Mapped[int | None]
    told: Mapped[bool] = mapped_column(default=False, server_default=false())  # handed out beside the rows of a push
    __table_args__ = (
        # Of those that somebody has only: counted among all, a database would take its first column for useless.
        Index(
            "uq_coupon_codes_person_campaign_pool",
            "person",
            "campaign",
            "pool",
            unique=True,
            sqlite_where=sql("person IS NOT NULL"),
            postgresql_where=sql("person IS NOT NULL"),
        ),
        Index(
            "ix_coupon_codes_free",
            "pool",
            "expires_ms",
            "id",
            sqlite_where=sql("person IS NULL"),
            postgresql_where=sql("person IS NULL"),
        ),
    )


class CouponUse(Base):
    """A push, or a whole campaign, that takes codes from a pool: what is set aside for it."""

    __tablename__ = "coupon_uses"
    campaign: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    root: Mapped[int]  # the campaign that it is a phase of; itself where it is none
    pool: Mapped[str]
    held: Mapped[int] = mapped_column(default=0)  # set aside, not taken yet
    swept_to: Mapped[int] = mapped_column(default=0)  # up to this row of the outbox unsent codes went back
    over: Mapped[bool] = mapped_column(default=False, server_default=false())
    changed_ms: Mapped[int]
    __table_args__ = (
        Index(
            "ix_coupon_uses_open",
            "campaign",
            sqlite_where=sql("over IS FALSE"),
            postgresql_where=sql("over IS FALSE"),
        ),
    )


class BenefitOffered(Base):
    """What a campaign gives away, and how much of it there is."""

    __tablename__ = "benefits"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign: Mapped[int]
    name: Mapped[str]
    title: Mapped[str]
    units: Mapped[int | None]  # None: no end
    per_person: Mapped[int]
    value_fen: Mapped[int | None]  # of one unit
    pool: Mapped[str | None]  # each line of the ledger carries a code of it
    __table_args__ = (UniqueConstraint("campaign", "name"),)


class BenefitGiven(Base):
    """The ledger of benefits: a line for each time something is given, and one for each time that is taken back."""

    __tablename__ = "benefits_given"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str | None] = mapped_column(unique=True)  # the act it belongs to: done again, it is the same line
    benefit: Mapped[int]
    campaign: Mapped[int]
    person: Mapped[int] = mapped_column(index=True)
    units: Mapped[int]  # below zero in a reversing line
    code: Mapped[int | None]  # coupon_codes.id
    reverses: Mapped[int | None] = mapped_column(unique=True)  # the line that it takes back
    by: Mapped[str] = mapped_column("given_by", key="by")
    at_ms: Mapped[int]
    note: Mapped[str] = mapped_column(default="", server_default="")
    __table_args__ = (Index("ix_benefits_given_benefit_person", "benefit", "person"),)


class Campaign(Base):
    """A welfare push; or a campaign of several phases, whose sending phases are rows of their own."""

    __tablename__ = "campaigns"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str]
    title: Mapped[str]
    kind: Mapped[str]  # rules.kinds.Kind of its deliveries; CAMPAIGN for one of several phases, which sends nothing
    parent: Mapped[int | None]  # the campaign that this is a phase of
    phase: Mapped[str | None]  # its name there
    state: Mapped[str]  # pushes.CampaignState: draft | running | holding | paused | finished | cancelled
    spec: Mapped[dict[str, Any]]  # the YAML, validated, complete
    preview: Mapped[dict[str, Any]] = mapped_column(default=dict)
    overrides_weekly: Mapped[bool] = mapped_column(default=False)  # an owner's word, with a reason, audited
    created_by: Mapped[str]
    created_ms: Mapped[int]
    starts_ms: Mapped[int]
    valid_until_ms: Mapped[int | None]
    state_reason: Mapped[str | None]
    changed_ms: Mapped[int]
    __table_args__ = (Index("ix_campaigns_parent_phase", "parent", "phase", unique=True),)


class Post(Base):
    """One entry of the Moments calendar on one day, for the account that speaks first (a mirror has none)."""

    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # 'lin-1:2026-11-21:morning-coffee'
    account: Mapped[str]
    day: Mapped[str]  # ISO date in the account's zone
    entry: Mapped[str]  # name in the calendar
    kind: Mapped[str]  # life | opinion | customer_show | product | benefit | proof
    text: Mapped[str]
    media: Mapped[list[Any]] = mapped_column(default=list)
    link: Mapped[str | None]
    due_ms: Mapped[int]
    __table_args__ = (Index("ix_posts_account_day", "account", "day"), Index("ix_posts_day", "day"))
