"""The rows of a push in the outbox: written, opened and closed, a slice at a time."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    Integer,
    Row,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import gate_of
from scheduler.look import Look
from scheduler.pushes.audience import audience
from scheduler.pushes.coupon_rows import NO_COUPON, Dealt, supply_of
from scheduler.pushes.push_file import COUPON, PushFile
from scheduler.pushes.push_plan import reached
from scheduler.pushes.push_variables import content_of
from scheduler.pushes.sending_hours import opens_case
from storage.engine import touch
from storage.outbox import DeliveryState, insert_ignoring
from storage.statements import rows_of
from storage.tables import Account, Delivery

FIRST_BATCH = "first_batch"
"""Why a row waits that is not of the first batch."""
CONTROL = "control_group"
AT_ONCE = 5_000
"""So many rows are changed in the transaction in which somebody asks for it; the planner takes the rest. Ours."""

# By the index of what waits: account, priority, due, id. A campaign's rows all wait for the end of its validity.
_FIRST = {
    "sqlite": """
        SELECT o.account, o.id FROM accounts a CROSS JOIN outbox o
         WHERE o.id IN (
               SELECT i.id FROM outbox i
                WHERE i.account = a.id AND i.priority = :priority AND i.state = 'pending' AND i.due_ms = :due_ms
                  AND i.campaign = :campaign
                ORDER BY i.id LIMIT :rows)""",
    "postgresql": """
        SELECT o.account, o.id FROM accounts a CROSS JOIN LATERAL (
               SELECT i.account, i.id FROM outbox i
                WHERE i.account = a.id AND i.priority = :priority AND i.state = 'pending' AND i.due_ms = :due_ms
                  AND i.campaign = :campaign
                ORDER BY i.id LIMIT :rows) o""",
}


def behind_first_batch(campaign: int) -> ColumnElement[bool]:
    """Rows that wait for the first batch to be through."""
    waits = Delivery.state == DeliveryState.PENDING.value
    return and_(Delivery.campaign == campaign, waits, Delivery.reason == FIRST_BATCH)


class Writing:
    """Writes the rows of one push, part by part of its people; the statement is made once.

    `row` is the campaign's; `control`: is somebody held back? They get a row that is skipped at once.
    """

    def __init__(self, push: PushFile, row: Row[Any], look: Look, *, control: bool) -> None:
        self._push = push
        self._row = row
        self._look = replace(look, people=(bindparam("above", type_=BigInteger), bindparam("up_to", type_=BigInteger)))
        self._control = control
        self._supply = supply_of(push, row)
        self._statement: Insert | None = None

    async def write(
        self, tx: AsyncConnection, above: int, to: int, *, belongs: ColumnElement[bool] | None = None
    ) -> int:
        """A row for each of the people above the first up to the second id who is reached, all of them waiting behind
        the first batch. `belongs`: see `Look`. Returns how many there are.
        """
        if self._statement is None or belongs is not None:
            self._statement = self._insert(tx, replace(self._look, belongs=belongs))
        people = {"above": above, "up_to": to}
        if self._supply is None:
            return (await tx.execute(self._statement, people)).rowcount
        dealing = await self._supply.begin(tx, to - above)
        written = await tx.execute(self._statement, {**people, "codes": dealing.codes})
        await dealing.end(tx, self._look.now_ms)
        return written.rowcount

    def _insert(self, tx: AsyncConnection, look: Look) -> Insert:
        push, row = self._push, self._row
        found = audience(push, look)
        nobody = literal(0) == 1
        if self._supply is not None:
            dealt = self._supply.dealt(tx, found, found.c.held_back if self._control else nobody)
        else:
            dealt = Dealt(found, null(), nobody)
        everybody = dealt.people.c
        held = everybody.held_back if self._control else nobody
        own = {name: everybody[f"own_{name}"] for name in push.of_each()}
        skipped = or_(held, dealt.lack)
        values = {
            "account": everybody.account,
            "kind": literal(push.kind.value),
            "priority": cast(literal(gate_of(push.kind).priority), Integer),
            "key": literal(f"push:{row.id}:").concat(cast(everybody.person, Text)),
            "to": everybody.contact,
            "person": everybody.person,
            "campaign": literal(row.id),
            "content": _content(tx, push, everybody.level, own, dealt.code),
            "source": literal(f"campaign:{row.id}"),
            "due_ms": literal(row.valid_until_ms),
            "valid_until_ms": literal(row.valid_until_ms),
            "state": case((skipped, DeliveryState.SKIPPED.value), else_=DeliveryState.PENDING.value),
            "reason": case((held, CONTROL), (dealt.lack, NO_COUPON), else_=FIRST_BATCH),
            "settled_ms": case((skipped, look.now_ms), else_=None),
            "attempts": literal(0),
            "epoch": literal(0),
            "created_ms": literal(look.now_ms),
        }
        # In the order of the people, whose neighbours in the indexes were written just before.
        rows = select(*values.values()).select_from(dealt.people).where(everybody.reason.is_(None))
        return insert_ignoring(tx, Delivery).from_select(list(values), rows.order_by(everybody.person))


def _content(
    tx: AsyncConnection,
    push: PushFile,
    level: ColumnElement[str],
    own: Mapping[str, ColumnElement[Any]],
    coupon: ColumnElement[Any],
) -> ColumnElement[Any]:
    contents = {}
    for template in {push.template_for(name) for name in push.who.levels}:
        coded = push.coupons is not None and template is not None and push.uses_coupon(template)
        contents[template] = content_of(tx, template, {**own, COUPON: coupon} if coded else own)
    by_level = [(level == name, contents[push.template_for(name)]) for name in push.who.levels]
    return by_level[0][1] if len(contents) == 1 else case(*by_level)


async def open_first_batch(tx: AsyncConnection, push: PushFile, row: Row[Any], now_ms: int) -> int:
    """Let the first batch go, spread over the accounts; returns how many that are."""
    wanted = push.first_batch
    found: list[tuple[str, int]] = []
    share = -(-wanted // max(1, await tx.scalar(select(func.count()).select_from(Account)) or 0))
    while True:
        parameters = {
            "priority": gate_of(push.kind).priority, "due_ms": row.valid_until_ms, "campaign": row.id, "rows": share,
        }  # fmt: skip
        found = [(account, id) for account, id in await rows_of(tx, _FIRST, parameters)]
        if len(found) >= wanted or share >= wanted:
            break
        share = min(wanted, share * 4)
    ids = _in_turn(found)[:wanted]
    await tx.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids))
        .values(due_ms=opens_case(push, now_ms, await _zones(tx), _zone_of_row()), reason=None)
    )
    touch(tx, {account for account, _ in found})
    return len(ids)


def _in_turn(found: list[tuple[str, int]]) -> list[int]:
    """One of each account, then a second of each …"""
    turns: dict[str, int] = {}
    placed = []
    for account, id in sorted(found):
        turns[account] = turns.get(account, 0) + 1
        placed.append((turns[account], account, id))
    return [id for _, _, id in sorted(placed)]


async def open_slice(tx: AsyncConnection, push: PushFile, plan: Row[Any], now_ms: int, rows: int) -> bool:
    """Let go of the next rows that wait behind the first batch, at the next opening of the window; False: no more.

    True, too, where another process did them meanwhile.
    """
    opens = opens_case(push, now_ms, await _zones(tx), _zone_of_row())
    return await _slice(tx, plan, rows, behind_first_batch(plan.campaign), {"due_ms": opens, "reason": None})


async def close_slice(tx: AsyncConnection, plan: Row[Any], now_ms: int, rows: int) -> bool:
    """Skip the next rows that wait, for the plan's reason; False: no more."""
    skipped = {"state": DeliveryState.SKIPPED.value, "reason": plan.reason, "settled_ms": now_ms}
    waits = and_(Delivery.campaign == plan.campaign, Delivery.state == DeliveryState.PENDING.value)
    return await _slice(tx, plan, rows, waits, skipped)


async def _slice(
    tx: AsyncConnection, plan: Row[Any], rows: int, which: ColumnElement[bool], values: Mapping[str, Any]
) -> bool:
    ids = select(Delivery.id).where(Delivery.campaign == plan.campaign, Delivery.id > plan.done_to)
    some = ids.order_by(Delivery.id).limit(rows).subquery()
    number, last = (await tx.execute(select(func.count(), func.max(some.c.id)))).one()
    if number == 0:
        return False
    if not await reached(tx, plan, last):
        return True
    part = Delivery.id.between(plan.done_to + 1, last)
    changed = await tx.execute(update(Delivery).where(which, part).values(values).returning(Delivery.account))
    touch(tx, {account for (account,) in changed})
    return bool(number == rows)


async def waiting(tx: AsyncConnection, campaign: int) -> int:
    """How many rows of it wait."""
    # The sum keeps SQLite from the index of the campaign, which would have it read every row.
    of_it = Delivery.campaign + 0 == campaign
    query = select(func.count()).where(of_it, Delivery.state == DeliveryState.PENDING.value)
    return int(await tx.scalar(query) or 0)


def _zone_of_row() -> ColumnElement[str]:
    return select(Account.time_zone).where(Account.id == Delivery.account).correlate(Delivery).scalar_subquery()


async def _zones(tx: AsyncConnection) -> list[str]:
    return list((await tx.execute(select(Account.time_zone).distinct())).scalars().all())
