"""Reach (触达) in people: whom we wrote to and who could see our Moments, how often, and who heard nothing."""

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.purchase_rows import whole, within
from reports.report import Asked, Report, Row, share_of
from reports.status import friend_counts
from rules.kinds import GATES, Kind, Surface
from rules.limits import Limits
from rules.pacing import DAY_MS
from rules.reach import reach as visible_to
from storage.outbox import DeliveryState
from storage.tables import Account, Delivery, Friendship, Person
from texts.catalogue import say

_MONTH_DAYS = 30
_INDEXED_DAYS = 62
_CONVERSATION = frozenset(
    {Kind.REPLY, Kind.CLAIM_ANSWER, Kind.OPT_OUT_CONFIRMATION, Kind.STAFF_MESSAGE, Kind.WELCOME, Kind.NAME_CARD}
)


def _way(kind: Kind) -> str | None:
    """By which way a kind reaches customers; None for what does not go to them."""
    gate = GATES[kind]
    if gate.weekly:
        return "push"
    if kind in _CONVERSATION:
        return "conversation"
    return "care" if gate.marketing and gate.surface is Surface.MESSAGE else None


WAYS = {
    way: tuple(sorted(kind.value for kind in GATES if _way(kind) == way)) for way in ("push", "care", "conversation")
}
_MOMENTS = "moments"
_MESSAGES = tuple(kind for kinds in WAYS.values() for kind in kinds)
_COLUMNS = ("way_name", "reached", "reached_share", "touches", "per_person_month")


async def reach(connection: AsyncConnection, asked: Asked) -> Report:
    """The friends of now, by what reached them in the period."""
    counted = await _messages(connection, asked)
    found = {way: (counted[f"{way}_people"], counted[f"{way}_touches"]) for way in WAYS}
    found[_MOMENTS] = await _moments(connection, asked)
    base, untouched, members = counted["base"], counted["untouched"], counted["members"]
    months = _months(asked)
    rows: list[Row] = [
        {"way": way, "way_name": say(f"reports.reach.{way}"), **_row(*found[way], base, months)} for way in found
    ]
    messages = sum(found[way][1] for way in WAYS)
    totals: Row = {
        "friends_in_people": base,
        "reached": base - untouched,
        "untouched": untouched,
        "untouched_members": members,
        "untouched_share": share_of(untouched, base, base),
        "touches": messages,
        "per_person_month": round(messages / base / months, 2) if base else None,
    }
    remarks = [say("reports.reach.members", members=members)] if members else []
    return Report("reach", asked.period, _COLUMNS, rows, totals, remarks)


async def _messages(connection: AsyncConnection, asked: Asked) -> dict[str, int]:
    """`base`: all friends in people; `untouched` got no message, `members` are those of them above the level `friend`;
    of each way, people and touches.
    """
    each = _friends_and_messages(asked)
    silent = and_(*(each.c[way] == 0 for way in WAYS))
    counts: dict[str, ColumnElement[int]] = {
        "base": func.count(),
        "untouched": func.count(case((silent, 1))),
        "members": func.count(case((silent & (Person.level != "friend"), 1))),
    }
    for way in WAYS:
        counts[f"{way}_people"] = func.count(case((each.c[way] > 0, 1)))
        counts[f"{way}_touches"] = whole(each.c[way])
    row = (
        await connection.execute(
            select(*(count.label(name) for name, count in counts.items()))
            .select_from(each)
            .join(Person, Person.id == each.c.person)
            .where(Person.kind == "customer", Person.merged_into.is_(None))
        )
    ).one()
    return {name: getattr(row, name) for name in counts}


def _friends_and_messages(asked: Asked) -> Subquery:
    """One row for each friend, with the number of messages by each way: one pass over both tables, no look-ups."""
    known = select(Friendship.person, literal(1).label("friend"), *(literal(0).label(way) for way in WAYS)).where(
        Friendship.state == "friend"
    )
    sent = select(
        Delivery.person,
        literal(0).label("friend"),
        *(case((Delivery.kind.in_(kinds), 1), else_=0).label(way) for way, kinds in WAYS.items()),
    ).where(
        _settled_within(asked),
        Delivery.state == DeliveryState.ACCEPTED.value,
        Delivery.kind.in_(_MESSAGES),
        Delivery.person.is_not(None),
    )
    both = known.union_all(sent).subquery()
    return (
        select(both.c.person, *(whole(both.c[way]).label(way) for way in WAYS))
        .group_by(both.c.person)
        .having(func.max(both.c.friend) == 1)
        .subquery()
    )


def _settled_within(asked: Asked) -> ColumnElement[bool]:
    """Of a few weeks the index of settled rows finds them; of years it would read the table in the wrong order."""
    few = (asked.period.last - asked.period.first).days <= _INDEXED_DAYS
    return within(asked.period, Delivery.settled_ms if few else Delivery.settled_ms + 0)


async def _moments(connection: AsyncConnection, asked: Asked) -> tuple[int, int]:
    """Friends who could see a post of the period, and how many posts they could see, all together: an estimate.

    Of an account above its threshold each friend counts for what part of them sees it; of several accounts, the best.
    """
    posts = (
        select(Delivery.account, func.count().label("posts"))
        .where(_settled_within(asked), Delivery.state == DeliveryState.ACCEPTED.value)
        .where(Delivery.kind == Kind.MOMENT.value)
        .group_by(Delivery.account)
        .subquery()
    )
    if not await connection.scalar(select(func.count()).select_from(posts)):
        return 0, 0
    dimmed = await _dimmed(connection)
    seen = case(*dimmed, else_=1.0) if dimmed else literal(1.0)
    person: Select[tuple[float, float]] = (
        select(func.max(seen).label("seen"), func.sum(posts.c.posts * seen).label("views"))
        .select_from(Friendship)
        .join(posts, posts.c.account == Friendship.account)
        .join(Person, Person.id == Friendship.person)
        .where(Friendship.state == "friend", Person.kind == "customer", Person.merged_into.is_(None))
        .group_by(Friendship.person)
    )
    each = person.subquery()
    row = (await connection.execute(select(func.sum(each.c.seen), func.sum(each.c.views)))).one()
    return round(row[0] or 0), round(row[1] or 0)


async def _dimmed(connection: AsyncConnection) -> list[tuple[ColumnElement[bool], float]]:
    """Accounts above their threshold, with the part of their friends who see a post."""
    friends = await friend_counts(connection)
    parts: dict[float, list[str]] = {}
    for account, limits in await connection.execute(select(Account.id, Account.limits)):
        count = friends.get(account, 0)
        part = visible_to(count, Limits.model_validate(limits).visible) / count if count else 1.0
        parts.setdefault(round(part, 4), []).append(account)
    return [(Friendship.account.in_(accounts), part) for part, accounts in parts.items() if part < 1]


def _row(people: int, touches: int, base: int, months: float) -> Row:
    return {
        "reached": people,
        "reached_share": share_of(people, base, base),
        "touches": touches,
        "per_person_month": round(touches / people / months, 2) if people else None,
    }


def _months(asked: Asked) -> float:
    """How much of the period is over, in months of thirty days; at least one day."""
    over_ms = min(asked.period.end_ms, asked.now_ms) - asked.period.start_ms
    return max(1.0, over_ms / DAY_MS) / _MONTH_DAYS
