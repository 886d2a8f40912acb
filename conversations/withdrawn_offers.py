"""Offers and cards that lead to an account which is lost or removed, or were to leave from it: they are not made."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Text,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute, aliased

from bots.friend_rooms import introduces
from conversations.move_targets import leads_nowhere
from conversations.moves import free_keys, move_of
from conversations.promotions import without_goodbye
from rules.kinds import Kind, gate_of
from rules.moves import OPEN, MoveState
from rules.pacing import DAY_MS
from storage.engine import touch
from storage.move_tables import OFFERS, Move
from storage.outbox import MAY_HAVE_LEFT, DeliveryState
from storage.tables import Account, Base, Delivery

REASON = "card_of_lost"
_CARDS = (Kind.NAME_CARD, Kind.OFFER)
"""Asked for by name, or shown unasked."""
_PENDING = Delivery.state == DeliveryState.PENDING.value
_OPEN = Move.state.in_([state.value for state in OPEN])


async def leading_to(tx: AsyncConnection, account: str) -> int:
    """How many would be withdrawn with this account: open offers of it, those it has not made yet, and other cards of
    it that still wait.
    """
    concerned = or_(Move.to_account == account, (Move.from_account == account) & ~_shown())
    offers = select(func.count()).select_from(Move).where(_OPEN, concerned)
    cards = select(func.count()).where(_cards_of(Account.id == account), Delivery.key.not_like(f"{OFFERS}%"))
    return int(await tx.scalar(offers) or 0) + int(await tx.scalar(cards) or 0)


async def withdraw(tx: AsyncConnection, now_ms: int) -> int:
    """What leads to accounts that are lost or removed by now is not said any more. Harmless when it comes again.

    An offer that was shown stands again as soon as its account is back, unless another was made meanwhile. Returns
    how many rows will not be sent.
    """
    keys = await _unsaid(tx, _lost(), REASON, now_ms)
    cards = update(Delivery).where(_cards_of(Account.removed.is_(True)))
    return len(keys) + (await tx.execute(cards.values(_skipped(REASON, now_ms)))).rowcount


async def give_back_offers(tx: AsyncConnection, person: int, reason: str, now_ms: int) -> None:
    """A person talks with them, by whichever account: what nobody asked for is not offered now, but may be later.

    A card that they asked for by name still goes. A reminder that did not leave comes another day.
    """
    unasked = Delivery.key.startswith(OFFERS) & (Delivery.kind != Kind.NAME_CARD.value)
    waiting = (await tx.scalars(select(Delivery.key).where(Delivery.person == person, _PENDING, unasked))).all()
    moves = {move_of(key) for key in waiting} - {None}
    if not moves:
        return
    keys = await _unsaid(tx, _OPEN & Move.id.in_(moves), reason, now_ms)
    reminders = [key for key in keys if key.endswith(":again")]
    if reminders:
        again = update(Move).where(Move.id.in_([move_of(key) for key in reminders]), _OPEN)
        await tx.execute(again.values(state=MoveState.OFFERED.value, look_ms=now_ms + DAY_MS, changed_ms=now_ms))
        await free_keys(tx, reminders)


async def _unsaid(tx: AsyncConnection, which: ColumnElement[bool], reason: str, now_ms: int) -> list[str]:
    """Nothing more is said for these offers. Of a level-up only the line that names the account goes, if it has not
    left. An offer whose card nobody got was never made. Returns the keys of the rows that are not sent.
    """
    said = Delivery.key.in_(union_all(*(select(_key(part)).where(which) for part in ("words", "card", "again"))))
    columns = (Delivery.person, Delivery.source, Delivery.key)
    skipped = update(Delivery).where(_PENDING, said).values(_skipped(reason, now_ms))
    rows = (await tx.execute(skipped.returning(*columns))).all()
    await _stay(tx, rows)
    await tx.execute(delete(Move).where(which, ~_shown()))
    return [row.key for row in rows]


def _skipped(reason: str, now_ms: int) -> dict[str, Any]:
    return {"state": DeliveryState.SKIPPED.value, "reason": reason, "settled_ms": now_ms}


def _key(part: str) -> ColumnElement[str]:
    """As `moves.key_of`, of each row of moves."""
    return literal(OFFERS).concat(cast(Move.id, Text)).concat(f":{part}")


def _lost() -> ColumnElement[bool]:
    """Open offers to accounts that are gone, or from them."""
    gone = aliased(Account)
    return _OPEN & or_(leads_nowhere(), Move.from_account.in_(select(gone.id).where(gone.removed.is_(True))))


def _shown() -> ColumnElement[bool]:
    return exists().where(Delivery.key == _key("card"), Delivery.state.in_(MAY_HAVE_LEFT))


def _cards_of(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Cards that wait, of the accounts `which` says. By account and priority: the index passes over the pushes."""
    source: InstrumentedAttribute[str] = Delivery.source
    return (
        _PENDING
        & Delivery.account.in_(select(Account.id))
        & Delivery.priority.in_({gate_of(kind).priority for kind in _CARDS})
        & Delivery.kind.in_([kind.value for kind in _CARDS])
        & or_(
            Delivery.content["card"].as_string().in_(select(Account.self_contact).where(which)),
            source.in_(select(literal(introduces("")).concat(Account.id)).where(which)),
        )
    )


async def _stay(tx: AsyncConnection, cards: Sequence[Row[int | None, str, str]]) -> None:
    """Words that are glad of a level and name who serves them from now on, are glad of the level alone."""
    steps = {row.source for row in cards if row.source.startswith("level_move:")}
    if not steps:
        return
    people = {row.person for row in cards if row.source in steps}
    query = select(Delivery.id, Delivery.account, Delivery.content, Delivery.source).where(
        Delivery.person.in_(people), _PENDING, Delivery.kind == Kind.LEVEL_UP.value, Delivery.key.like("level_up:%")
    )
    rows = [row for row in (await tx.execute(query)).all() if row.source in steps]
    if not rows:
        return
    table = Base.metadata.tables[Delivery.__tablename__]
    change = update(table).where(table.c.id == bindparam("row"), table.c.state == DeliveryState.PENDING.value)
    words = [{"row": row.id, "said": {**row.content, "text": without_goodbye(row.content["text"])}} for row in rows]
    await tx.execute(change.values(content=bindparam("said", type_=table.c.content.type)), words)
    touch(tx, {row.account for row in rows})
