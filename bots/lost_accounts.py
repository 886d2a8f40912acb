"""An account that is lost: it is set aside, what it had planned for its friends goes on to siblings, or is held.

A row that goes on stays the row it is, under its key: so it leaves once, whichever account it leaves from, and every
gate is asked again of that account at its claim. What is under way, or in doubt, is left alone.
"""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Float, Subquery, bindparam, case, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from rules.kinds import GATES, Surface, gate_of
from rules.pacing import DAY_MS
from rules.roles import Role
from storage.engine import touch
from storage.move_tables import OFFERS
from storage.outbox import DeliveryState
from storage.tables import Account, Base, Delivery, Friendship, Person
from storage.task_tables import Task

BY_LOSS = "lost"
"""`Account.paused_by` of one that nobody had paused before."""
REASON = "account_lost"
"""Of posts that were to be made on its phone."""
VOICE = "voice_of_lost"
"""Of what waits because it was written as its persona says it, and nobody else they know shows that persona."""
_GOES_ON = tuple(kind for kind, gate in GATES.items() if gate.surface is Surface.MESSAGE and gate.marketing)
"""What goes to a friend without their having asked just now. An answer belongs to the conversation it is given in."""
_SPREAD = 618_035
"""Neighbouring friendships are far apart in turn. As in `scheduler.pushes.best_friendship`."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What the account had planned: rows that go on, by sibling, and how many are held.

    `in_its_voice`: of the held, those that a sibling could send, were it not for the persona that speaks in them.
    """

    by_sibling: dict[str, int]
    held: int
    in_its_voice: int

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
    mute = Delivery.account == account, Delivery.state == DeliveryState.PENDING.value, Delivery.reason == VOICE
    await tx.execute(update(Delivery).where(*mute).values(reason=None))
    touch(tx, [account])
    return found.rowcount == 1


async def look_at_planned(tx: AsyncConnection, account: str, now_ms: int) -> Planned:
    """What would become of its pending rows; offers to go elsewhere are not among them. Writes nothing."""
    ways = _ways(account, now_ms)
    number = select(ways.c.account, ways.c.may_say, func.count()).where(ways.c.rank == 1)
    rows = (await tx.execute(number.group_by(ways.c.account, ways.c.may_say))).all()
    by_sibling: dict[str, int] = {sibling: rows_ for sibling, may_say, rows_ in rows if may_say}
    mute = sum(rows_ for _, may_say, rows_ in rows if not may_say)
    return Planned(by_sibling, await _pending(tx, account, now_ms) - sum(by_sibling.values()), mute)


async def hand_on(tx: AsyncConnection, account: str, now_ms: int) -> Planned:
    """Pending rows to its friends leave from a sibling that is a friend of theirs, too; the others stay, and wait.

    What was written as the account's persona says it, goes only to one who shows the same persona.
    """
    ways = _ways(account, now_ms)
    rows = (await tx.execute(select(ways).where(ways.c.rank == 1).order_by(ways.c.id))).all()
    moving, mute = [row for row in rows if row.may_say], [row for row in rows if not row.may_say]
    table = Base.metadata.tables[Delivery.__tablename__]
    one = update(table).where(
        table.c.id == bindparam("row"), table.c.account == account, table.c.state == DeliveryState.PENDING.value
    )
    if moving:
        moved = one.values(account=bindparam("sibling"), to=bindparam("contact"))
        await tx.execute(moved, [{"row": row.id, "sibling": row.account, "contact": row.contact} for row in moving])
    if mute:
        waits = one.values(reason=func.coalesce(table.c.reason, VOICE))
        await tx.execute(waits, [{"row": row.id} for row in mute])
    by_sibling = Counter(row.account for row in moving)
    touch(tx, set(by_sibling))
    return Planned(dict(by_sibling), await _pending(tx, account, now_ms), len(mute))


async def _pending(tx: AsyncConnection, account: str, now_ms: int) -> int:
    """How many rows wait at the account and may still leave; those of offers are withdrawn with it."""
    held = select(func.count()).where(*_waits_at(account, now_ms))
    return int(await tx.scalar(held) or 0)


def _waits_at(account: str, now_ms: int) -> tuple[ColumnElement[bool], ...]:
    waits = Delivery.state == DeliveryState.PENDING.value
    in_time = or_(Delivery.valid_until_ms.is_(None), Delivery.valid_until_ms > now_ms)
    return Delivery.account == account, waits, in_time, Delivery.key.not_like(f"{OFFERS}%")


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


def _may_say(account: str) -> ColumnElement[bool]:
    """Words that are made when they leave are in character; what stands there already is said by the same persona only:
    by mirrors, their source, and whoever plays it besides.
    """
    lost, source, own_source = aliased(Account), aliased(Account), aliased(Account)
    voice = (
        select(func.coalesce(own_source.persona, lost.persona))
        .select_from(lost)
        .outerjoin(own_source, own_source.id == lost.mirror_of)
        .where(lost.id == account)
        .scalar_subquery()
    )
    seen = select(source.persona).where(source.id == Account.mirror_of).scalar_subquery()
    return or_(Delivery.content["template"].as_string().is_not(None), func.coalesce(seen, Account.persona) == voice)


def _ways(account: str, now_ms: int) -> Subquery:
    """Each pending row that may go on with each friendship it may go through, the best ranked first.

    A sibling whose role may not send it, or that was lost or removed, is none; a card does not go on: another may not
    have it among its contacts, or may be on it. In order: in character, not resting, the friendship old enough for
    trust, the persona they prefer, the last conversation; the rest is spread evenly.
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
    may_say = _may_say(account)
    rank = func.row_number().over(
        partition_by=Delivery.id,
        order_by=(
            case((may_say, 0), else_=1),
            rests,
            trusted,
            preferred,
            func.coalesce(Friendship.last_in_ms, 0).desc(),
            Friendship.id * _SPREAD % 1_000_003,
            Friendship.id,
        ),
    )
    return (
        select(Delivery.id, Friendship.account, Friendship.contact, may_say.label("may_say"), rank.label("rank"))
        .join(Person, Person.id == Delivery.person)
        .join(Friendship, Friendship.person == func.coalesce(Person.merged_into, Person.id))
        .join(Account, Account.id == Friendship.account)
        .where(
            *_waits_at(account, now_ms),
            Delivery.content["card"].as_string().is_(None),
            Friendship.account != account,
            Friendship.state == "friend",
            Account.removed.is_(False),
            by_role,
        )
        .subquery("ways")
    )
