"""An offer to go to another account of ours: written down once for each aim, then said once, by name card."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Text, cast, delete, exists, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from conversations.acquaintance import Acquaintance
from conversations.move_targets import ROLE_OF, Target, leads_nowhere
from customers.one_at_a_time import hold
from customers.standing.ladder import Ladder
from rules.kinds import Kind
from rules.moves import TRANSITIONS, Aim, MoveReason, MoveState, first_look_ms
from rules.pacing import DAY_MS
from rules.roles import Role
from storage.fleet_tables import Repair
from storage.move_tables import OFFERS, Move
from storage.outbox import Content, DeliveryState, NewDelivery, insert_ignoring
from storage.tables import Account, Delivery, Friendship, Person

CARD_AFTER_MS = 20_000
"""The words come first, then the card. Ours."""
VALID_MS = 3 * DAY_MS
"""An offer that could not be made by then is none any more. Ours."""


def aim_of(ladder: Ladder, level: str, orders: int = 0) -> Aim | None:
    """What serves that level: what the ladder says, and sales for whoever has bought. None for others."""
    rung = ladder.get(level)
    if rung is not None and rung.served_by is not None:
        return {Role.SALES: Aim.SALES, Role.TRAINING: Aim.TRAINING}.get(rung.served_by)
    return Aim.SALES if orders > 0 or ladder.rank(level) > 0 else None


async def note_offer(
    tx: AsyncConnection, who: Acquaintance, aim: Aim, why: MoveReason, target: Target, now_ms: int
) -> int | None:
    """The number of the offer; None where one was made before, they wish to be left alone, or one of us talks with
    them. One of an account that is lost by now was none.

    Whoever comes second, from whatever account, finds the first one's row.
    """
    await hold(tx, [who.person])
    willing = select(Person.id).where(
        Person.id == who.person,
        Person.kind == "customer",
        Person.merged_into.is_(None),
        Person.erased_ms.is_(None),
        Person.opted_out_ms.is_(None),
        or_(Person.muted_until_ms.is_(None), Person.muted_until_ms <= now_ms),
        ~a_person_talks(Person.id, now_ms),
    )
    if await tx.scalar(willing) is None:
        return None
    row = {
        "person": who.person, "aim": aim.value, "why": why.value, "from_account": who.account,
        "to_account": target.account, "state": MoveState.OFFERED.value, "offered_ms": now_ms,
        "look_ms": first_look_ms(aim, now_ms), "changed_ms": now_ms,
    }  # fmt: skip
    await tx.execute(delete(Move).where(Move.person == who.person, Move.aim == aim.value, leads_nowhere()))
    made: int | None = await tx.scalar(insert_ignoring(tx, Move).values(row).returning(Move.id))
    if made is not None:
        await tx.execute(delete(Repair).where(Repair.key == repair_key(who.account, aim)))
        await free_keys(tx, _keys(made))
    return made


async def free_keys(tx: AsyncConnection, keys: Collection[str]) -> None:
    """SQLite gives the number of the newest offer once more when that is gone: what was said for it, was not for this
    one.
    """
    own = cast(Delivery.id, Text)
    await tx.execute(
        update(Delivery)
        .where(Delivery.key.in_(keys))
        .values(key=literal("gone:").concat(own).concat(":").concat(Delivery.key))
    )


def _keys(move: int) -> list[str]:
    return [key_of(move, part) for part in ("words", "card", "again")]


def key_of(move: int, part: str) -> str:
    """Of a row of the outbox that belongs to an offer. `part`: words | card | again."""
    return f"{OFFERS}{move}:{part}"


def move_of(key: str) -> int | None:
    """The number of the offer that a row of the outbox with this key belongs to."""
    kind, _, rest = key.partition(":")
    number = rest.partition(":")[0]
    return int(number) if kind == "move" and number.isdigit() else None


def row_of(
    move: int, part: str, who: Acquaintance, content: Content, *, due_ms: int, kind: Kind, source: str = ""
) -> NewDelivery:
    """One thing that is said for an offer. What belongs together has one source: it counts once."""
    return NewDelivery(
        kind=kind, account=who.account, to=who.contact, person=who.person, content=content, key=key_of(move, part),
        due_ms=due_ms, valid_until_ms=due_ms + VALID_MS, source=source or f"move:{move}",
    )  # fmt: skip


def offer_rows(
    move: int, who: Acquaintance, text: str, target: Target, *, kind: Kind, now_ms: int
) -> list[NewDelivery]:
    """The words, and the card after them."""
    card = Content(card=target.contact)
    return [
        row_of(move, "words", who, Content(text=text), due_ms=now_ms, kind=kind),
        row_of(move, "card", who, card, due_ms=now_ms + CARD_AFTER_MS, kind=kind),
    ]


async def is_open_to(tx: AsyncConnection, person: int, aim: Aim) -> bool:
    """Are they friends of no such account yet, and was none offered?"""
    friend = (
        select(Friendship.id)
        .join(Account, Account.id == Friendship.account)
        .where(
            Friendship.person == person, Friendship.state == "friend", Account.role == ROLE_OF[aim].value,
            Account.removed.is_(False),
        )
    )  # fmt: skip
    if aim is not Aim.PERSONA and await tx.scalar(friend.limit(1)) is not None:
        return False
    made = select(Move.id).where(Move.person == person, Move.aim == aim.value, ~leads_nowhere())
    return await tx.scalar(made) is None


def a_person_talks(person: InstrumentedAttribute[int], now_ms: int) -> ColumnElement[bool]:
    """Does one of us, and not the bot, talk with them, by whichever account?"""
    talk = Friendship.__table__.alias()
    goes_on = or_(talk.c.held_until_ms.is_(None), talk.c.held_until_ms > now_ms)
    return exists().where(talk.c.person == person, talk.c.held_by.is_not(None), goes_on)


async def move_on(tx: AsyncConnection, move: int, state: MoveState, *, look_ms: int | None, now_ms: int) -> bool:
    """The offer stands so from now on, unless somebody was quicker. What is still to be said for it, is not, once it is
    closed.
    """
    before = [one.value for one, after in TRANSITIONS.items() if state in after]
    moved = await tx.execute(
        update(Move)
        .where(Move.id == move, Move.state.in_(before))
        .values(state=state.value, look_ms=look_ms, changed_ms=now_ms)
    )
    if moved.rowcount and look_ms is None:
        await _say_no_more(tx, move, now_ms)
    return moved.rowcount > 0


async def _say_no_more(tx: AsyncConnection, move: int, now_ms: int) -> None:
    await tx.execute(
        update(Delivery)
        .where(
            Delivery.key.in_(_keys(move)),
            Delivery.state == DeliveryState.PENDING.value,
        )
        .values(state=DeliveryState.SKIPPED.value, reason="move_closed", settled_ms=now_ms)
    )


def repair_key(account: str, aim: Aim) -> str:
    """Of the repair that says that nobody can be handed on from there."""
    return f"served_by:{account}:{aim.value}"


async def nobody_serves(tx: AsyncConnection, who: Acquaintance, aim: Aim, level: str, now_ms: int) -> None:
    """Staff hear that such accounts exist, but none that has a place and could be shown. Once for an account.

    Not before the lists of friends were read: until then nobody's room is known, nor whom the account could show.
    """
    serving = select(Account.friends_listed).where(Account.role == ROLE_OF[aim].value, Account.removed.is_(False))
    listed = (await tx.scalars(serving)).all()
    synced = await tx.scalar(select(Account.first_sync_done_ms).where(Account.id == who.account))
    if not listed or None in listed or synced is None:
        return
    repair = {
        "key": repair_key(who.account, aim), "account": who.account, "since_ms": now_ms,
        "message": "conversations.nobody_serves" if level else "conversations.nobody_sells",
        "values": {"level": level, "name": who.known_as},
    }  # fmt: skip
    await tx.execute(insert_ignoring(tx, Repair), [repair])
