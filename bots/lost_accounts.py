"""An account that is lost: it is set aside, what it had planned for its friends goes on to siblings, or is held.

A row that goes on stays the row it is, under its key: so it leaves once, whichever account it leaves from, and every
gate is asked again of that account at its claim. What is under way, or in doubt, is left alone.
"""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Float, Subquery, bindparam, case, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import GATES, Surface, gate_of
from rules.pacing import DAY_MS
from rules.roles import Role
from storage.engine import touch
from storage.outbox import DeliveryState
from storage.tables import Account, Base, Delivery, Friendship, Person, Task

BY_LOSS = "lost"
"""`Account.paused_by` of one that nobody had paused before."""
REASON = "account_lost"
"""Of posts that were to be made on its phone."""
_GOES_ON = tuple(kind for kind, gate in GATES.items() if gate.surface is Surface.MESSAGE and gate.marketing)
"""What goes to a friend without their having asked just now. An answer belongs to the conversation it is given in."""
_SPREAD = 618_035
"""Neighbouring friendships are far apart in turn. As in `scheduler.audience`."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What the account had planned: rows that go on, by sibling, and how many are held."""

    by_sibling: dict[str, int]
    held: int

    @property
    def moved(self) -> int:
        return sum(self.by_sibling.values())


async def set_aside(tx: AsyncConnection, account: str, by: str, now_ms: int) -> bool:
    """From the next claim on nothing leaves it, and nobody plans for it. False when it was lost already."""
    lost = await tx.execute(
        update(Account)
        .where(Account.id == account, Account.lost_ms.is_(None))
        .values(lost_ms=now_ms, lost_by=by, removed=True, paused_by=func.coalesce(Account.paused_by, BY_LOSS))
    )
    return lost.rowcount == 1


async def take_back(tx: AsyncConnection, account: str) -> bool:
    """It is there again: what was held goes on, as far as it is still valid. False when it was not lost."""
    paused = case((Account.paused_by == BY_LOSS, None), else_=Account.paused_by)
    found = await tx.execute(
        update(Account)
        .where(Account.id == account, Account.lost_ms.is_not(None))
        .values(lost_ms=None, lost_by=None, removed=False, paused_by=paused)
    )
    touch(tx, [account])
    return found.rowcount == 1


async def look_at_planned(tx: AsyncConnection, account: str, now_ms: int) -> Planned:
    """What would become of its pending rows. Writes nothing."""
    moves = _moves(account, now_ms)
    rows = await tx.execute(select(moves.c.account, func.count()).where(moves.c.rank == 1).group_by(moves.c.account))
    by_sibling: dict[str, int] = {row[0]: row[1] for row in rows.all()}
    pending = select(func.count()).where(Delivery.account == account, Delivery.state == DeliveryState.PENDING.value)
    return Planned(by_sibling, int(await tx.scalar(pending) or 0) - sum(by_sibling.values()))


async def hand_on(tx: AsyncConnection, account: str, now_ms: int) -> Planned:
    """Pending rows to its friends leave from a sibling that is a friend of theirs, too; the others stay, and wait."""
    moves = _moves(account, now_ms)
    rows = (await tx.execute(select(moves).where(moves.c.rank == 1).order_by(moves.c.id))).all()
    table = Base.metadata.tables[Delivery.__tablename__]
    moved = update(table).where(
        table.c.id == bindparam("row"), table.c.account == account, table.c.state == DeliveryState.PENDING.value
    )
    by_sibling: Counter[str] = Counter()
    if rows:
        values = moved.values(account=bindparam("sibling"), to=bindparam("contact"))
        await tx.execute(values, [{"row": row.id, "sibling": row.account, "contact": row.contact} for row in rows])
        by_sibling.update(row.account for row in rows)
    touch(tx, set(by_sibling))
    held = select(func.count()).where(Delivery.account == account, Delivery.state == DeliveryState.PENDING.value)
    return Planned(dict(by_sibling), int(await tx.scalar(held) or 0))


async def drop_tasks(tx: AsyncConnection, account: str, now_ms: int) -> int:
    """What was to be done on its phone can't be done any more. Returns how many tasks."""
    open_tasks = update(Task).where(Task.account == account, Task.state == "open", Task.kind == "moment")
    closed = await tx.execute(open_tasks.values(state="expired", closed_ms=now_ms).returning(Task.delivery))
    deliveries = [delivery for (delivery,) in closed.all()]
    await tx.execute(
        update(Delivery)
        .where(Delivery.id.in_(deliveries), Delivery.state == DeliveryState.HANDED.value)
        .values(state=DeliveryState.SKIPPED.value, reason=REASON, settled_ms=now_ms)
    )
    return len(deliveries)


def _moves(account: str, now_ms: int) -> Subquery:
    """Each pending row that may go on with each friendship it may go through, the best ranked first.

    A sibling whose role may not send it, or that was lost or removed, is none. In order: not resting, the friendship
    old enough for trust, the persona they prefer, the last conversation; what is left is spread evenly.
    """
    trust_days = func.coalesce(Account.limits["trust_days"].as_float(), literal(7.0, Float))
    trusted = case((Friendship.since_ms <= literal(now_ms) - trust_days * DAY_MS, 0), else_=1)
    rests = case((or_(Account.paused_by.is_not(None), Account.state == "restricted"), 1), else_=0)
    preferred = case((Person.preferred_persona == Account.persona, 0), else_=1)
    by_role = or_(
        *(
            (Account.role == role.value)
            & Delivery.kind.in_([kind.value for kind in _GOES_ON if role in gate_of(kind).roles])
            for role in Role
        )
    )
    rank = func.row_number().over(
        partition_by=Delivery.id,
        order_by=(
            rests,
            trusted,
            preferred,
            func.coalesce(Friendship.last_in_ms, 0).desc(),
            Friendship.id * _SPREAD % 1_000_003,
            Friendship.id,
        ),
    )
    return (
        select(Delivery.id, Friendship.account, Friendship.contact, rank.label("rank"))
        .join(Person, Person.id == Delivery.person)
        .join(Friendship, Friendship.person == func.coalesce(Person.merged_into, Person.id))
        .join(Account, Account.id == Friendship.account)
        .where(
            Delivery.account == account,
            Delivery.state == DeliveryState.PENDING.value,
            Friendship.account != account,
            Friendship.state == "friend",
            Account.removed.is_(False),
            by_role,
        )
        .subquery("moves")
    )
