"""Who gets a push, from which account, and why the others do not: one statement over everybody."""

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Float,
    Select,
    Subquery,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.segment_query import View, members
from rules.gates import WEEK_MS
from rules.kinds import Kind, gate_of
from rules.pacing import DAY_MS
from rules.quiet_hours import local
from scheduler.errors import PushRefused
from scheduler.push_file import PushFile
from storage.outbox import DeliveryState
from storage.tables import Account, Claim, Delivery, Friendship, Person, StaffContact

REASONS = (
    "not_vip",
    "not_in_segment",
    "own_or_staff",
    "no_friendship",
    "opted_out",
    "muted",
    "weekly_cap",
    "already_planned",
    "trust_first",
)
"""Why somebody is left out; the first that holds is the one that is said."""
_WEEKLY = tuple(kind.value for kind in Kind if gate_of(kind).weekly)


SHOP_ZONE = "Asia/Shanghai"
"""Whose day it is for a birthday, where the caller names no other."""


def audience(push: PushFile, now_ms: int, campaign: int | None = None, *, shop_zone: str = SHOP_ZONE) -> Subquery:
    """Everybody, with `reason` (NULL for who gets it) and the friendship they would get it through.

    Columns: person, level, member_name, reason, account, contact, zone.
    """
    best = _best_friendship(push, now_ms)
    reason = case(
        (Person.level.not_in(push.who.levels), "not_vip"),
        (_outside_segment(push, now_ms, shop_zone), "not_in_segment"),
        (or_(Person.kind != "customer", best.c.contact.in_(_ours())), "own_or_staff"),
        (best.c.account.is_(None), "no_friendship"),
        (Person.opted_out_ms.is_not(None), "opted_out"),
        (Person.muted_until_ms > now_ms, "muted"),
        (Person.last_push_ms > now_ms - WEEK_MS, "weekly_cap"),
        (Person.id.in_(_with_another_push(campaign)), "already_planned"),
        (or_(best.c.trusted == 0, _never_conversed(best)), "trust_first"),
        else_=None,
    )
    return (
        select(
            Person.id.label("person"),
            Person.level,
            Person.member_name,
            reason.label("reason"),
            best.c.account,
            best.c.contact,
            best.c.zone,
        )
        .outerjoin(best, best.c.person == Person.id)
        .where(Person.merged_into.is_(None))
        .subquery("audience")
    )


def _outside_segment(push: PushFile, now_ms: int, shop_zone: str) -> ColumnElement[bool]:
    """Raises PushRefused for a segment that was never read from its file."""
    segment = push.who.segment
    if segment is None:
        return false()
    if isinstance(segment, str):
        raise PushRefused("no_segment", name=segment)
    # Who opted out is left out with that reason, not with this one.
    wanted = segment.model_copy(update={"opted_out": True})
    belongs = members(wanted, View(now_ms, local(now_ms, shop_zone).date()))
    return and_(Person.kind == "customer", not_(func.coalesce(belongs, false())))


async def counts(tx: AsyncConnection, everybody: Subquery) -> tuple[dict[str, int], dict[str, int]]:
    """How many are left out by reason, and how many each account reaches."""
    query = select(everybody.c.reason, everybody.c.account, func.count().label("people")).group_by(
        everybody.c.reason, everybody.c.account
    )
    excluded: dict[str, int] = {}
    by_account: dict[str, int] = {}
    for row in (await tx.execute(query)).all():
        if row.reason is None:
            by_account[row.account] = row.people
        else:
            excluded[row.reason] = excluded.get(row.reason, 0) + row.people
    ordered = {reason: excluded[reason] for reason in REASONS if reason in excluded}
    return ordered, dict(sorted(by_account.items()))


async def levels(tx: AsyncConnection, everybody: Subquery) -> dict[str, tuple[int, int]]:
    """Of those who get it: how many of each level, and how many of them have no member name."""
    query = (
        select(everybody.c.level, func.count(), func.count(everybody.c.member_name))
        .where(everybody.c.reason.is_(None))
        .group_by(everybody.c.level)
    )
    return {level: (people, people - named) for level, people, named in (await tx.execute(query)).all()}


def _best_friendship(push: PushFile, now_ms: int) -> Subquery:
    """The one friendship each person is written to through: a sales account's, and of those the one that fits best.

    In order: not paused or resting, old enough for trust, the persona they prefer, the last conversation, most room.
    """
    roles = [role.value for role in gate_of(push.kind).roles]
    trust_days = Account.limits["trust_days"].as_float()
    age_ms = cast(literal(now_ms), BigInteger) - Friendship.since_ms
    trusted = case((age_ms >= func.coalesce(trust_days, literal(7.0, Float)) * DAY_MS, 1), else_=0)
    preferred = func.coalesce(Person.preferred_persona == Account.persona, false())
    # 'restricted' is a state of bots.lifecycle: WeChat limits the account, and it rests.
    rests = or_(Account.paused_by.is_not(None), Account.state == "restricted")
    rank = func.row_number().over(
        partition_by=Friendship.person,
        order_by=(
            case((rests, 1), else_=0),
            trusted.desc(),
            case((preferred, 0), else_=1),
            func.coalesce(Friendship.last_in_ms, 0).desc(),
            func.coalesce(Account.friends_listed, 0),
            Friendship.account,
            Friendship.id,
        ),
    )
    ranked = (
        select(
            Friendship.person,
            Friendship.account,
            Friendship.contact,
            Friendship.last_in_ms,
            Account.time_zone.label("zone"),
            trusted.label("trusted"),
            rank.label("rank"),
        )
        .join(Account, Account.id == Friendship.account)
        .join(Person, Person.id == Friendship.person)
        .where(
            Friendship.state == "friend",
            Account.role.in_(roles),
            Account.removed.is_(False),
            # Only those it may be for: nobody else's friendships need an order.
            Person.level.in_(push.who.levels),
        )
        .subquery("ranked")
    )
    return select(ranked).where(ranked.c.rank == 1).subquery("best")


def _ours() -> CompoundSelect[str]:
    """Contacts of staff and of our own accounts, whether or not a synchronisation has marked the people yet."""
    return union_all(
        select(StaffContact.contact), select(Account.self_contact).where(Account.self_contact.is_not(None))
    )


def _with_another_push(campaign: int | None) -> Select[int | None]:
    query = select(Delivery.person).where(
        Delivery.state == DeliveryState.PENDING.value, Delivery.kind.in_(_WEEKLY), Delivery.person.is_not(None)
    )
    if campaign is not None:
        query = query.where(or_(Delivery.campaign.is_(None), Delivery.campaign != campaign))
    return query


def _never_conversed(best: Subquery) -> ColumnElement[bool]:
    return and_(Person.orders == 0, best.c.last_in_ms.is_(None), Person.id.not_in(select(Claim.person)))
