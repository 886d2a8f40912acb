"""Tables that every room knows: accounts, people, who is whose friend, what leaves and what came in.

Conventions: times are epoch milliseconds, UTC (``*_ms``, ``BigInteger``; SQLite would drop a zone); money is whole
fen (``*_fen``); a state column holds the value of a ``StrEnum`` of the room that owns it; JSON columns hold plain
objects. A thing that must not happen twice has a unique key, not a check beforehand.
"""

from typing import Any

from sqlalchemy import JSON as JSON_TYPE
from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite fills an id by itself only for a column of type INTEGER; PostgreSQL wants 64 bits.
BigId = BigInteger().with_variant(Integer, "sqlite")

HOUR_MS = 3_600_000

# The last four digits, by which people name an order or a phone: written the same way in an index and in a query.
NUMBER_END = "substr(number, length(number) - 3)"
PHONE_END = "substr(phone, length(phone) - 3)"


# The same words in an index and in a query, or the index is not used.
A_CUSTOMER = "kind = 'customer' AND merged_into IS NULL AND erased_ms IS NULL"
OUTSIDE = "kind <> 'customer' OR merged_into IS NOT NULL OR erased_ms IS NOT NULL OR opted_out_ms IS NOT NULL"


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # the form SQLAlchemy asks for
        int: BigInteger,
        str: Text,
        bool: Boolean,
        dict[str, Any]: JSON_TYPE,
        list[Any]: JSON_TYPE,
    }


class Setting(Base):
    """What holds for the whole fleet: ``stop_all`` ('' or who and when), ``staff_room``, ``world_now_ms``, …"""

    __tablename__ = "settings"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    changed_ms: Mapped[int]


class Account(Base):
    """One personal account. Written from config.yaml at the start of `run`; what happens to it is kept beside."""

    __tablename__ = "accounts"
    id: Mapped[str] = mapped_column(primary_key=True)
    persona: Mapped[str]
    role: Mapped[str]  # rules.roles.Role
    main: Mapped[bool] = mapped_column(default=False)
    position: Mapped[str | None]
    holder: Mapped[str | None]  # staff id of who holds the phone
    mirror_of: Mapped[str | None]  # account id of the source
    opened_ms: Mapped[int | None]
    time_zone: Mapped[str]
    armed: Mapped[bool] = mapped_column(default=False)
    simulated: Mapped[bool] = mapped_column(default=False)
    publisher: Mapped[str] = mapped_column(default="assisted")  # assisted | webhook
    limits: Mapped[dict[str, Any]] = mapped_column(default=dict)  # rules.limits.Limits, complete, as JSON
    removed: Mapped[bool] = mapped_column(default=False)  # no longer in config.yaml, or lost
    # what happens to it
    state: Mapped[str] = mapped_column(default="stopped")  # bots.lifecycle.State
    state_since_ms: Mapped[int] = mapped_column(default=0)
    state_detail: Mapped[str | None]
    paused_by: Mapped[str | None] = mapped_column(index=True)  # a person paused it: their staff id
    lost_ms: Mapped[int | None]  # since when it is lost for good, until staff find it again
    lost_by: Mapped[str | None]
    self_contact: Mapped[str | None]  # its own WeChat id, known after the first login
    contact_qr: Mapped[str | None]  # what its own QR code says: whoever scans it asks to be a friend
    contact_qr_ms: Mapped[int | None]
    friends_listed: Mapped[int | None]  # length of the gateway's own list, last seen
    first_sync_done_ms: Mapped[int | None]
    sync_cursor: Mapped[str | None]  # where a friend synchronisation stopped


class Person(Base):
    """One person, however many accounts know them."""

    __tablename__ = "people"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(default="")
    call_me: Mapped[str | None]
    member_name: Mapped[str | None] = mapped_column(unique=True)  # 淘宝会员名
    phone: Mapped[str | None] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(default="customer")  # customer | staff | own (one of our accounts)
    level: Mapped[str] = mapped_column(default="friend")  # a level of the ladder
    given_level: Mapped[str | None]  # staff's word; holds until orders say more
    tier: Mapped[str | None]
    orders: Mapped[int] = mapped_column(default=0)
    net_paid_fen: Mapped[int] = mapped_column(default=0)
    first_order_ms: Mapped[int | None]
    last_order_ms: Mapped[int | None]
    opted_out_ms: Mapped[int | None]
    opted_out_by: Mapped[str | None]  # source and words
    muted_until_ms: Mapped[int | None]
    muted_by: Mapped[str | None]
    last_push_ms: Mapped[int | None]  # the weekly cap, across the matrix
    last_push_id: Mapped[int | None]  # the delivery that holds it
    preferred_persona: Mapped[str | None]
    birthday: Mapped[str | None]  # 'YYYY-MM-DD' or '--MM-DD'; in the lunar calendar when birthday_lunar
    birthday_lunar: Mapped[bool] = mapped_column(default=False, server_default=false())
    birthday_mmdd: Mapped[int | None]  # month × 100 + day, in the calendar it is given in
    profile: Mapped[dict[str, Any] | None] = mapped_column(
        JSON_TYPE(none_as_null=True)
    )  # customers.profiles.profile.Profile
    share_code: Mapped[str | None]  # they hand it on to friends
    core: Mapped[bool] = mapped_column(default=False, server_default=false())  # of the best 20 %
    distinct_items: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    referred_net_fen: Mapped[int] = mapped_column(default=0, server_default=sql("0"))  # what those they brought paid
    kept_promises: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    broken_promises: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    unanswered: Mapped[int] = mapped_column(default=0, server_default=sql("0"))  # wake-ups in a row without an answer
    erased_ms: Mapped[int | None]
    merged_into: Mapped[int | None]
    created_ms: Mapped[int]
    __table_args__ = (
        # Of most it is unknown: an index of those would be taken for one that finds a few.
        Index(
            "ix_people_merged_into",
            "merged_into",
            sqlite_where=sql("merged_into IS NOT NULL"),
            postgresql_where=sql("merged_into IS NOT NULL"),
        ),
        # What segments ask of everybody, in the order of the people: half of the time that reading their rows takes.
        # Nothing in it changes with a message.
        Index(
            "ix_people_facts",
            "id",
            "level",
            "tier",
            "core",
            "orders",
            "net_paid_fen",
            "last_order_ms",
            "birthday_mmdd",
            "birthday_lunar",
            "opted_out_ms",
            sqlite_where=sql(A_CUSTOMER),
            postgresql_where=sql(A_CUSTOMER),
        ),
        # The few who are in no segment: a count of friendships needs to know only of them.
        Index("ix_people_outside", "id", sqlite_where=sql(OUTSIDE), postgresql_where=sql(OUTSIDE)),
        # Segments ask by all of these at once, and often nobody fulfils them all. SQLite keeps the id in each index;
        # PostgreSQL is told to, or it would read everybody's row for it.
        Index(
            "ix_people_level",
            "level",
            "tier",
            "core",
            "orders",
            "net_paid_fen",
            "last_order_ms",
            postgresql_include=["id"],
        ),
        Index("ix_people_tier", "tier", "core", "last_order_ms", postgresql_include=["id"]),
        Index("ix_people_orders", "orders", "net_paid_fen", postgresql_include=["id"]),
        Index("ix_people_net_paid", "net_paid_fen", postgresql_include=["id"]),
        Index("uq_people_share_code", "share_code", unique=True),
        Index("ix_people_birthday", "birthday_mmdd", "birthday_lunar", postgresql_include=["id"]),
        Index("ix_people_last_order", "last_order_ms", postgresql_include=["id"]),
        Index(
            "ix_people_phone_end", sql(PHONE_END), sqlite_where=sql("phone <> ''"), postgresql_where=sql("phone <> ''")
        ),
    )


class Friendship(Base):
    """One person as one account knows them."""

    __tablename__ = "friendships"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account: Mapped[str]
    contact: Mapped[str] = mapped_column(index=True)  # the gateway's id of them
    person: Mapped[int] = mapped_column(ForeignKey("people.id"))
    nickname: Mapped[str] = mapped_column(default="")
    alias: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="friend")  # friend | stranger (not confirmed) | gone | deleted (us)
    origin: Mapped[str] = mapped_column(default="event")  # listed (there before us) | event | phone | import:N
    since_ms: Mapped[int]
    channel: Mapped[str | None]
    welcomed_ms: Mapped[int | None]
    last_in_ms: Mapped[int | None]
    heard_hour: Mapped[int | None]  # last_in_ms // HOUR_MS: an index of it is written once for a talk, not a message
    replies: Mapped[int] = mapped_column(default=0, server_default=sql("0"))  # messages of theirs
    photos: Mapped[int] = mapped_column(default=0, server_default=sql("0"))  # pictures and videos among them
    bond: Mapped[str] = mapped_column(default="new", server_default="new")  # customers.segments.Bond
    held_by: Mapped[str | None]  # staff id of the person who has the conversation: the bot is silent
    held_until_ms: Mapped[int | None]
    waiting_since_ms: Mapped[int | None]  # waits for a person
    serves_ms: Mapped[int | None]  # they came here by our own name card: this account has them now
    __table_args__ = (
        UniqueConstraint("account", "contact"),
        # With all that segments ask of many friendships at once; nothing in it changes with every message.
        Index("ix_friendships_person", "person", "state", "account", "bond", "channel", "heard_hour"),
        Index(
            "ix_friendships_channel",
            "channel",
            "person",
            sqlite_where=sql("channel IS NOT NULL"),
            postgresql_where=sql("channel IS NOT NULL"),
        ),
        Index(
            "ix_friendships_held",
            "held_until_ms",
            sqlite_where=sql("held_by IS NOT NULL"),
            postgresql_where=sql("held_by IS NOT NULL"),
        ),
        Index(
            "ix_friendships_waiting",
            "waiting_since_ms",
            sqlite_where=sql("waiting_since_ms IS NOT NULL"),
            postgresql_where=sql("waiting_since_ms IS NOT NULL"),
        ),
    )


class FriendRequest(Base):
    """Somebody asked to be a friend."""

    __tablename__ = "friend_requests"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account: Mapped[str]
    request: Mapped[str]  # the gateway's id of the request
    contact: Mapped[str]
    hello: Mapped[str] = mapped_column(default="")
    scene: Mapped[int] = mapped_column(default=0)
    channel: Mapped[str | None]
    state: Mapped[str]  # bots.friends.RequestState: waiting | accepting | confirmed | refused
    reason: Mapped[str | None]
    received_ms: Mapped[int]
    decided_ms: Mapped[int | None]
    __table_args__ = (
        UniqueConstraint("account", "request"),
        Index("ix_requests_account_state", "account", "state"),
        Index(
            "ix_requests_open",
            "state",
            sqlite_where=sql("state IN ('waiting', 'accepting')"),
            postgresql_where=sql("state IN ('waiting', 'accepting')"),
        ),
    )


class Delivery(Base):
    """The outbox: everything that leaves an account, before it leaves. The only way to send."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account: Mapped[str]
    kind: Mapped[str] = mapped_column(String(32))  # rules.kinds.Kind
    priority: Mapped[int] = mapped_column(Integer)  # 0 first; rules.kinds.Gate.priority
    key: Mapped[str] = mapped_column(unique=True)  # says what this is: planning it twice makes one row
    to: Mapped[str] = mapped_column("recipient", key="to")  # contact or room id; '' for posts and profile changes
    person: Mapped[int | None]
    campaign: Mapped[int | None]
    content: Mapped[dict[str, Any]]  # storage.outbox.Content
    text: Mapped[str | None]  # as rendered at the claim: what was, or in a dry run would have been, said
    source: Mapped[str] = mapped_column(default="")  # who wanted it: 'staff:owner', 'inbox:17', 'calendar', …
    due_ms: Mapped[int]
    valid_until_ms: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(12))  # storage.outbox.DeliveryState
    reason: Mapped[str | None]  # why it waits, was skipped or failed
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    epoch: Mapped[int] = mapped_column(default=0)
    created_ms: Mapped[int]
    sent_ms: Mapped[int | None]  # the intent was written: from here on it may have arrived
    settled_ms: Mapped[int | None]
    gateway_id: Mapped[str | None]  # the message id, where the gateway gives one
    echo: Mapped[str | None]  # id of our own message event that was matched with this row
    __table_args__ = (
        # With campaign and state, so that a page passes over what waits for a person's word without reading its rows.
        Index(
            "ix_outbox_pending",
            "account",
            "priority",
            "due_ms",
            "id",
            "campaign",
            "state",
            sqlite_where=sql("state = 'pending'"),
            postgresql_where=sql("state = 'pending'"),
        ),
        Index(
            "ix_outbox_open",
            "account",
            "state",
            sqlite_where=sql("state IN ('sending', 'in_doubt')"),
            postgresql_where=sql("state IN ('sending', 'in_doubt')"),
        ),
        Index(
            "ix_outbox_sent",
            "account",
            "sent_ms",
            sqlite_where=sql("sent_ms IS NOT NULL"),
            postgresql_where=sql("sent_ms IS NOT NULL"),
        ),
        # What happened lately. Written once a row, at its right edge: a tick's settlements share their page.
        Index(
            "ix_outbox_settled",
            "settled_ms",
            sqlite_where=sql("settled_ms IS NOT NULL"),
            postgresql_where=sql("settled_ms IS NOT NULL"),
        ),
        # Without the state: it changes twice with each send, and an index that holds it would be written twice more.
        Index("ix_outbox_person", "person"),
        Index("ix_outbox_campaign", "campaign", "id"),
    )


class Arrival(Base):
    """The inbox: everything a gateway told us that somebody must act upon, once, in order."""

    __tablename__ = "inbox"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account: Mapped[str]
    event: Mapped[str]  # 'message:ID', 'friendship:ID', 'room_join:…': a repeated event is the same row
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(10))  # received | fetched | handled | lost
    payload: Mapped[dict[str, Any] | None] = mapped_column(JSON_TYPE)
    received_ms: Mapped[int]
    handled_ms: Mapped[int | None]
    outcome: Mapped[str | None]  # answered, opted_out, claimed, handed_over, command, own, ignored, lost …
    __table_args__ = (
        UniqueConstraint("account", "event"),
        Index(
            "ix_inbox_open",
            "account",
            "id",
            sqlite_where=sql("state IN ('received', 'fetched')"),
            postgresql_where=sql("state IN ('received', 'fetched')"),
        ),
        Index(
            "ix_inbox_handled",
            "handled_ms",
            sqlite_where=sql("handled_ms IS NOT NULL"),
            postgresql_where=sql("handled_ms IS NOT NULL"),
        ),
    )
