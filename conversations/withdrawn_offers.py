"""Offers and cards that lead to an account which is lost or removed, or were to leave from it: they are not made."""

from collections.abc import Sequence

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
from conversations.promotions import without_goodbye
from rules.kinds import Kind, gate_of
from rules.moves import OPEN
from storage.engine import touch
from storage.move_tables import OFFERS, Move
from storage.outbox import DeliveryState
from storage.tables import Account, Base, Delivery

REASON = "card_of_lost"
_PENDING = Delivery.state == DeliveryState.PENDING.value
_OPEN = Move.state.in_([state.value for state in OPEN])
_LEFT = [
    state.value
    for state in (DeliveryState.SENDING, DeliveryState.ACCEPTED, DeliveryState.IN_DOUBT, DeliveryState.UNKNOWN)
]
"""They have the card, or may have it."""


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

    Of a level-up only the line that names the account goes, if it has not left. An offer whose card nobody got was
    never made; one that was shown stands again as soon as its account is back, unless another was made meanwhile.
    Returns how many rows will not be sent.
    """
    skipped = {"state": DeliveryState.SKIPPED.value, "reason": REASON, "settled_ms": now_ms}
    said = Delivery.key.in_(union_all(*(select(_key(part)).where(_lost()) for part in ("words", "card", "again"))))
    columns = (Delivery.person, Delivery.source)
    rows = (await tx.execute(update(Delivery).where(_PENDING, said).values(skipped).returning(*columns))).all()
    cards = await tx.execute(update(Delivery).where(_cards_of(Account.removed.is_(True))).values(skipped))
    await _stay(tx, rows)
    await tx.execute(delete(Move).where(_lost(), ~_shown()))
    return len(rows) + cards.rowcount


def _key(part: str) -> ColumnElement[str]:
    """As `moves.key_of`, of each row of moves."""
    return literal(OFFERS).concat(cast(Move.id, Text)).concat(f":{part}")


def _lost() -> ColumnElement[bool]:
    """Open offers to accounts that are gone, or from them."""
    gone = aliased(Account)
    return _OPEN & or_(leads_nowhere(), Move.from_account.in_(select(gone.id).where(gone.removed.is_(True))))


def _shown() -> ColumnElement[bool]:
    return exists().where(Delivery.key == _key("card"), Delivery.state.in_(_LEFT))


def _cards_of(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Cards that wait, of the accounts `which` says. By account and priority: the index passes over the pushes."""
    card = Kind.NAME_CARD
    source: InstrumentedAttribute[str] = Delivery.source
    return (
        _PENDING
        & Delivery.account.in_(select(Account.id))
        & (Delivery.priority == gate_of(card).priority)
        & (Delivery.kind == card.value)
        & or_(
            Delivery.content["card"].as_string().in_(select(Account.self_contact).where(which)),
            source.in_(select(literal(introduces("")).concat(Account.id)).where(which)),
        )
    )


async def _stay(tx: AsyncConnection, cards: Sequence[Row[int | None, str]]) -> None:
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
