"""Tables of the customer base: what an import changed, how people are found, what they wished, who brought whom.

The people, their friendships and orders stand in `storage.tables`, whose conventions hold here too.
"""

from typing import Any

from sqlalchemy import JSON as JSON_TYPE
from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Base, BigId

# A search by the beginning of a term is a range of this index, byte by byte, on both databases.
ByteText = Text().with_variant(Text(collation="C"), "postgresql")

ITEM_LENGTH = 500
"""Characters of a title in `items`: an index of PostgreSQL takes some 2,700 bytes."""


class OrderVersion(Base):
    """What an order was before an import changed it. One that the import brought has no row here."""

    __tablename__ = "order_versions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    batch: Mapped[int]
    number: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON_TYPE(none_as_null=True))
    __table_args__ = (
        Index("ix_order_versions_batch_number", "batch", "number"),
        Index("ix_order_versions_number", "number"),
    )


class PersonVersion(Base):
    """What a person's entry was before an import of customers touched it; `before` None when the import made it."""

    __tablename__ = "person_versions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    batch: Mapped[int]
    person: Mapped[int]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON_TYPE(none_as_null=True))
    __table_args__ = (
        Index("ix_person_versions_batch_person", "batch", "person"),
        Index("ix_person_versions_person", "person"),
    )


class SearchTerm(Base):
    """By what somebody can be found: names, pinyin and its initials, member names, ends of phones."""

    __tablename__ = "search_terms"
    term: Mapped[str] = mapped_column(ByteText, primary_key=True)
    person: Mapped[int] = mapped_column(primary_key=True, index=True)
    __table_args__ = ({"sqlite_with_rowid": False},)


class Item(Base):
    """A title that somebody bought: few, so words are looked for here and not in the orders."""

    __tablename__ = "items"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    folded: Mapped[str] = mapped_column(ByteText, unique=True)  # its beginning, A to Z small


class BoughtItem(Base):
    """Somebody bought it and kept something of it: derived from their orders, with the sums in `people`."""

    __tablename__ = "bought_items"
    item: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[int] = mapped_column(primary_key=True, index=True)
    __table_args__ = ({"sqlite_with_rowid": False},)


class PersonTag(Base):
    """One tag of one person."""

    __tablename__ = "person_tags"
    tag: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[int] = mapped_column(primary_key=True, index=True)
    by: Mapped[str] = mapped_column("tagged_by", key="by")
    since_ms: Mapped[int]


class PersonNote(Base):
    """What staff want to remember of somebody."""

    __tablename__ = "person_notes"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person: Mapped[int] = mapped_column(index=True)
    text: Mapped[str]
    by: Mapped[str] = mapped_column("noted_by", key="by")
    at_ms: Mapped[int]


class ProfileChange(Base):
    """A field of a person's profile got another value: from what to what, by whom."""

    __tablename__ = "profile_changes"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person: Mapped[int] = mapped_column(index=True)
    field: Mapped[str]
    before: Mapped[Any | None] = mapped_column(JSON_TYPE(none_as_null=True))
    after: Mapped[Any | None] = mapped_column(JSON_TYPE(none_as_null=True))
    by: Mapped[str] = mapped_column("changed_by", key="by")
    at_ms: Mapped[int]


class Consent(Base):
    """A wish that somebody uttered, in their words: the history behind the columns of `people`."""

    __tablename__ = "consents"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person: Mapped[int] = mapped_column(index=True)
    what: Mapped[str]  # opt_out | opt_in | mute | unmute
    until_ms: Mapped[int | None]
    source: Mapped[str]  # 'inbox:17', 'staff:owner', 'import:3', …
    words: Mapped[str] = mapped_column(default="")
    at_ms: Mapped[int]


class DoNotContact(Base):
    """A keyed hash of a phone, a member name or a contact id that must never be written to again."""

    __tablename__ = "do_not_contact"
    hash: Mapped[str] = mapped_column(primary_key=True)
    why: Mapped[str]  # opted_out | erased
    added_ms: Mapped[int]


class LevelMove(Base):
    """Somebody climbed or came down the ladder."""

    __tablename__ = "level_moves"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person: Mapped[int] = mapped_column(index=True)
    before: Mapped[str]
    after: Mapped[str]
    why: Mapped[str]  # orders | refund | ladder | staff:ID
    at_ms: Mapped[int] = mapped_column(index=True)


class ClaimTry(Base):
    """Somebody named an order that was not found, or not theirs. Which, is not written down."""

    __tablename__ = "claim_tries"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person: Mapped[int]
    account: Mapped[str]
    at_ms: Mapped[int]
    __table_args__ = (Index("ix_claim_tries_person", "person", "at_ms"),)


class Referral(Base):
    """Somebody was brought by an old member. One person is brought once."""

    __tablename__ = "referrals"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person: Mapped[int] = mapped_column(unique=True)  # the new one
    referrer: Mapped[int] = mapped_column(index=True)
    evidence: Mapped[str]  # 'member:xl_hua', 'code:AB12', 'staff:owner', …
    by: Mapped[str] = mapped_column("registered_by", key="by")
    at_ms: Mapped[int]
    state: Mapped[str]  # customers.referrals.ReferralState: registered | due | delivered | reversed
    benefit: Mapped[str] = mapped_column(default="")
    order_number: Mapped[str | None]  # the completed order that made the benefit due
    due_ms: Mapped[int | None]
    delivered_ms: Mapped[int | None]
    delivered_by: Mapped[str | None]
    reversed_ms: Mapped[int | None]
    __table_args__ = (Index("ix_referrals_state", "state", "id"),)


class ChannelSwitch(Base):
    """From then on a channel shows the QR code of that account; the newest counts."""

    __tablename__ = "channel_switches"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel: Mapped[str]
    account: Mapped[str | None]  # None: the pool is full
    why: Mapped[str]
    at_ms: Mapped[int]
    __table_args__ = (Index("ix_channel_switches_channel", "channel", "id"),)


class ChannelCost(Base):
    """What a channel cost, and how often it was shown (cards printed, texts sent), as staff wrote it down."""

    __tablename__ = "channel_costs"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel: Mapped[str]
    day: Mapped[str]  # ISO date in the shop's zone
    shown: Mapped[int] = mapped_column(default=0)
    cost_fen: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(default="")
    by: Mapped[str] = mapped_column("written_by", key="by")
    at_ms: Mapped[int]
    __table_args__ = (Index("ix_channel_costs_channel_day", "channel", "day"),)


class SavedMapping(Base):
    """Which headers of a shop's own sheet mean which column, so that it is asked once."""

    __tablename__ = "saved_mappings"
    kind: Mapped[str] = mapped_column(primary_key=True)  # orders | customers
    shop: Mapped[str] = mapped_column(primary_key=True)
    headers: Mapped[dict[str, Any]]  # {header in the file: our column}
    saved_ms: Mapped[int]
