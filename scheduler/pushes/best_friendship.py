"""From which account each person is written to."""

from sqlalchemy import CTE, BigInteger, Float, Subquery, case, cast, false, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from rules.kinds import gate_of
from rules.pacing import DAY_MS
from scheduler.look import Look
from scheduler.pushes.push_file import PushFile
from storage.tables import Account, Friendship, Person

_SPREAD = 618_035
"""Neighbouring friendships are far apart in turn: the golden section of the prime they are counted by."""


def best_friendship(push: PushFile, look: Look) -> Subquery:
    """The one friendship each person is written to through: a sales account's, and of those the one that fits best.

    In order: not paused or resting, the one they were handed on to (though it is too young yet: the one before does not
    go on), old enough for trust, the persona they prefer, the last conversation, room in the day's pushes; what is left
    is spread evenly.
    """
    account = _sales_accounts(push, look)
    trusted = case((Friendship.since_ms <= account.c.trusts_ms, 1), else_=0)
    preferred = func.coalesce(Person.preferred_persona.in_([account.c.persona, account.c.seen]), false())
    rank = func.row_number().over(
        partition_by=Friendship.person,
        order_by=(
            account.c.rests,
            func.coalesce(Friendship.serves_ms, 0).desc(),
            trusted.desc(),
            case((preferred, 0), else_=1),
            func.coalesce(Friendship.last_in_ms, 0).desc(),
            case((Friendship.account.in_(look.full), 1), else_=0) if look.full else literal(0),
            (Friendship.id % 1_000_003) * _SPREAD % 1_000_003,
            Friendship.id,
        ),
    )
    ranked = (
        select(
            Friendship.person,
            Friendship.account,
            Friendship.contact,
            Friendship.last_in_ms,
            account.c.zone,
            trusted.label("trusted"),
            rank.label("rank"),
        )
        # Not by the column itself: SQLite would go through all the friendships of each account.
        .join(account, account.c.id == func.coalesce(Friendship.account, ""))
        .join(Person, Person.id == Friendship.person)
        .where(
            Friendship.state == "friend",
            # Only those it may be for: nobody else's friendships need an order.
            Person.level.in_(push.who.levels),
            look.covers(Friendship.person),
        )
        .subquery("ranked")
    )
    return select(ranked).where(ranked.c.rank == 1).subquery("best")


def _sales_accounts(push: PushFile, look: Look) -> CTE:
    """Those that may send it. Made once: reading the limits of an account for each of its friends takes longer than
    all the rest.

    Columns: id, persona, seen (a mirror's is its source's), zone, rests, and trusts_ms: a friendship from then or
    before is old enough.
    """
    trust_days = func.coalesce(Account.limits["trust_days"].as_float(), literal(7.0, Float))
    # 'restricted' is a state of bots.lifecycle: WeChat limits the account, and it rests.
    rests = or_(Account.paused_by.is_not(None), Account.state == "restricted")
    source = aliased(Account)
    return (
        select(
            Account.id,
            Account.persona,
            func.coalesce(source.persona, Account.persona).label("seen"),
            Account.time_zone.label("zone"),
            case((rests, 1), else_=0).label("rests"),
            (cast(literal(look.now_ms), BigInteger) - trust_days * DAY_MS).label("trusts_ms"),
        )
        .outerjoin(source, source.id == Account.mirror_of)
        .where(Account.role.in_([role.value for role in gate_of(push.kind).roles]), Account.removed.is_(False))
        .cte()
        .prefix_with("MATERIALIZED")
    )


async def friendless(tx: AsyncConnection) -> bool:
    """Has no account a single friend yet? A shop before its first run."""
    return await tx.scalar(select(Friendship.id).where(Friendship.state == "friend").limit(1)) is None
