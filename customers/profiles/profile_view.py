"""All that is known of one customer, on one page: who they are, what they bought, what they wish, who said so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.consent import Wish, wishes
from customers.do_not_contact import is_pseudonym
from customers.merging.merging import survivor
from customers.profiles.moves_of import Company, company_of
from customers.profiles.notes import Note, notes_of
from customers.profiles.profile import Past, history
from customers.profiles.profile_fields import Profile
from customers.profiles.tags import tags_of
from customers.referrals.referral_list import Brought, referrals
from customers.standing.ladder import Ladder, Level, current
from rules.limits import Limits
from storage.customer_tables import LevelMove
from storage.order_tables import Order
from storage.tables import Account, Friendship, Person


@dataclass(frozen=True, slots=True)
class KnownBy:
    """One account's friendship. `sees_moments` is False where the account has so many friends that a part no longer
    sees its posts; `serves`: they were handed on to it, and it has them now. Times are epoch ms; `before_us`: they were
    friends already when we first looked.
    """

    account: str
    contact: str
    nickname: str
    alias: str
    state: str
    since_ms: int
    before_us: bool
    bond: str
    channel: str | None
    last_in_ms: int | None
    sees_moments: bool
    serves: bool


@dataclass(frozen=True, slots=True)
class LastOrder:
    """The newest order, whatever became of it. The amount is net of refunds, in fen."""

    number: str
    at_ms: int
    status: str
    net_fen: int
    items: str
    receiver: str
    phone: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The level, why, and what is missing to the `next` one: `missing_fen`, or (0) any purchase."""

    level: str
    name: str
    given_by: str | None
    """Who gave the level by hand; None where the orders earned it."""
    next: Level | None
    missing_fen: int


@dataclass(frozen=True, slots=True)
class ProfileView:
    """`row` is the entry in `people`; lists are the newest first and at most as long as was asked."""

    row: Row[Any]
    member_names: Sequence[str]
    friendships: Sequence[KnownBy]
    last_order: LastOrder | None
    standing: Standing
    profile: Profile
    tags: Sequence[str]
    notes: Sequence[Note]
    wishes: Sequence[Wish]
    brought_by: Brought | None
    brought: Sequence[Brought]
    history: Sequence[Past]
    company: Company

    @property
    def erased(self) -> bool:
        """Was everything that leads to them erased?"""
        return self.row.erased_ms is not None


async def profile_view(tx: AsyncConnection, person: int, most: int) -> ProfileView:
    """Of the entry that `person` has today; lists up to `most`. A dozen look-ups. Raises NoSuchPerson."""
    person = await survivor(tx, person)
    row = (await tx.execute(select(Person.__table__).where(Person.id == person))).one()
    ties = await referrals(tx, who=person)
    return ProfileView(
        row=row,
        member_names=await _member_names(tx, person),
        friendships=await _friendships(tx, person),
        last_order=await _last_order(tx, person),
        standing=await _standing(tx, row),
        profile=_readable(row.profile),
        tags=await tags_of(tx, person),
        notes=await notes_of(tx, person, most),
        wishes=(await wishes(tx, person))[::-1][:most],
        brought_by=next((tie for tie in ties if tie.person == person), None),
        brought=[tie for tie in ties if tie.referrer == person],
        history=await history(tx, person, most),
        company=await company_of(tx, person),
    )


def _readable(document: dict[str, Any] | None) -> Profile:
    """What this version knows of it."""
    known = {name: value for name, value in (document or {}).items() if name in Profile.model_fields}
    return Profile.model_construct(**known)


async def _member_names(tx: AsyncConnection, person: int) -> list[str]:
    """Theirs, and those of entries that became part of it."""
    query = select(Person.member_name).where(
        or_(Person.id == person, Person.merged_into == person), Person.member_name.is_not(None)
    )
    return [name for name in (await tx.scalars(query.order_by(Person.id))).all() if name and not is_pseudonym(name)]


async def _friendships(tx: AsyncConnection, person: int) -> list[KnownBy]:
    columns = (
        Friendship.account, Friendship.contact, Friendship.nickname, Friendship.alias, Friendship.state,
        Friendship.since_ms, Friendship.origin, Friendship.bond, Friendship.channel, Friendship.last_in_ms,
        Friendship.serves_ms,
    )  # fmt: skip
    query = select(*columns).where(Friendship.person == person).order_by(Friendship.since_ms, Friendship.id)
    rows = (await tx.execute(query)).all()
    crowded = await _crowded(tx, {row.account for row in rows})
    newest_ms = max((row.serves_ms for row in rows if row.serves_ms is not None), default=None)
    return [
        KnownBy(
            row.account, row.contact, row.nickname, row.alias, row.state, row.since_ms, row.origin == "listed",
            row.bond, row.channel, row.last_in_ms, row.account not in crowded,
            row.serves_ms is not None and row.serves_ms == newest_ms,
        )
        for row in rows
    ]  # fmt: skip


async def _crowded(tx: AsyncConnection, accounts: set[str]) -> set[str]:
    """Accounts with more friends than see their posts."""
    friends = (
        select(func.count())
        .where(Friendship.account == Account.id, Friendship.state == "friend")
        .correlate(Account)
        .scalar_subquery()
    )
    query = select(Account.id, Account.limits, Account.friends_listed, friends.label("friends"))
    rows = (await tx.execute(query.where(Account.id.in_(accounts)))).all()
    default = Limits().visible
    return {
        row.id
        for row in rows
        if max(row.friends, row.friends_listed or 0) > int((row.limits or {}).get("visible", default))
    }


async def _last_order(tx: AsyncConnection, person: int) -> LastOrder | None:
    query = select(Order.__table__).where(Order.person == person).order_by(Order.created_ms.desc(), Order.number.desc())
    row = (await tx.execute(query.limit(1))).first()
    if row is None:
        return None
    net_fen = row.paid_fen - row.refund_fen
    return LastOrder(row.number, row.created_ms, row.status, net_fen, row.items, row.receiver, row.phone)


async def _standing(tx: AsyncConnection, row: Row[Any]) -> Standing:
    ladder = await current(tx)
    given_by = None
    if row.given_level is not None and row.given_level == row.level:
        moves = select(LevelMove.why).where(LevelMove.person == row.id, LevelMove.after == row.level)
        given_by = (await tx.scalar(moves.order_by(LevelMove.id.desc()).limit(1))) or "?"
    rung = _next(ladder, row)
    missing = max(0, rung.from_fen - row.net_paid_fen) if rung else 0
    return Standing(row.level, ladder.name_of(row.level), given_by, rung, missing)


def _next(ladder: Ladder, row: Row[Any]) -> Level | None:
    """The lowest level above theirs."""
    rank = ladder.rank(row.level)
    return ladder.levels[rank + 1] if 0 <= rank < len(ladder.levels) - 1 else None
