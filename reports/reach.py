"""Reach (触达) in people: whom we wrote to and who could see our Moments, how often, and who heard nothing."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.friends_now import friends_now
from reports.purchase_rows import within
from reports.report import Asked, Report, Row, share_of
from reports.status import friend_counts
from rules.kinds import GATES, Kind, Surface
from rules.limits import Limits
from rules.reach import reach as visible_to
from storage.outbox import DeliveryState
from storage.tables import Account, Delivery, Friendship, Person
from texts.catalogue import say

_DAY_MS = 86_400_000
_MONTH_DAYS = 30
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
    found = dict.fromkeys((*WAYS, _MOMENTS), (0, 0))
    found |= await _messages(connection, asked)
    found[_MOMENTS] = await _moments(connection, asked)
    base, untouched, members = await _untouched(connection, asked)
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


async def _messages(connection: AsyncConnection, asked: Asked) -> dict[str, tuple[int, int]]:
    """Way → people and messages."""
    way: ColumnElement[str] = case(*((Delivery.kind.in_(kinds), way) for way, kinds in WAYS.items()))
    found = await connection.execute(
        select(way.label("way"), func.count(Delivery.person.distinct()).label("people"), func.count().label("touches"))
        .where(*_sent(asked), Delivery.person.in_(friends_now()))
        .group_by("way")
    )
    return {row.way: (row.people, row.touches) for row in found}


async def _untouched(connection: AsyncConnection, asked: Asked) -> tuple[int, int, int]:
    """All friends in people; those of them who got no message; and of these the ones above the level `friend`."""
    friend = friends_now().subquery()
    touched = select(Delivery.person).where(*_sent(asked)).distinct().subquery()
    left_out = touched.c.person.is_(None)
    row = (
        await connection.execute(
            select(
                func.count().label("base"),
                func.count(case((left_out, 1))).label("untouched"),
                func.count(case((left_out & (Person.level != "friend"), 1))).label("members"),
            )
            .select_from(friend)
            .join(Person, Person.id == friend.c.person)
            .outerjoin(touched, touched.c.person == friend.c.person)
        )
    ).one()
    return row.base, row.untouched, row.members


def _sent(asked: Asked) -> Sequence[ColumnElement[bool]]:
    return (
        within(asked.period, Delivery.settled_ms),
        Delivery.state == DeliveryState.ACCEPTED.value,
        Delivery.kind.in_(_MESSAGES),
        Delivery.person.is_not(None),
    )


async def _moments(connection: AsyncConnection, asked: Asked) -> tuple[int, int]:
    """Friends who could see a post of the period, and how many posts they could see, all together: an estimate.

    Of an account above its threshold each friend counts for what part of them sees it; of several accounts, the best.
    """
    posts = (
        select(Delivery.account, func.count().label("posts"))
        .where(within(asked.period, Delivery.settled_ms), Delivery.state == DeliveryState.ACCEPTED.value)
        .where(Delivery.kind == Kind.MOMENT.value)
        .group_by(Delivery.account)
        .subquery()
    )
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
    return max(1.0, over_ms / _DAY_MS) / _MONTH_DAYS
