"""Somebody came by our own name card: the account has them now, knows what was left open, and says who sent them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Row, and_, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.staff_line import tell_staff
from conversations.acquaintance import Acquaintance
from conversations.handover import ON_THE_PHONE
from conversations.moves import move_on
from conversations.waits import move_to
from conversations.who_waits import who_waits
from rules.moves import MoveState
from storage.move_tables import Move
from storage.tables import Account, Friendship
from texts.catalogue import say


@dataclass(frozen=True, slots=True)
class CameOver:
    """From which account, and whose likeness spoke there."""

    account: str
    persona: str


async def came_over(tx: AsyncConnection, who: Acquaintance, zone: str, now_ms: int) -> CameOver | None:
    """`who` is a friend of this account now: were they offered it, or one like it? None when not.

    Then it is theirs: pushes and care come from it, and whoever waited or was looked after at the old account waits
    and is looked after here. Harmless when it comes again. `zone`: the shop's.
    """
    came = None
    for offer in await _offers(tx, who):
        if await move_on(tx, offer.id, MoveState.FOLLOWED, look_ms=None, now_ms=now_ms):
            came = came or offer
    if came is None:
        return None
    await tx.execute(update(Friendship).where(Friendship.id == who.friendship).values(serves_ms=now_ms))
    await _hand_on(tx, came.from_account, who, zone, now_ms)
    persona = await tx.scalar(select(Account.persona).where(Account.id == came.from_account))
    return CameOver(came.from_account, persona or "")


async def _offers(tx: AsyncConnection, who: Acquaintance) -> Sequence[Row[int, str]]:
    """Those that this account fulfils, the newest first: itself was offered, or one of its role was."""
    role = select(Account.role).where(Account.id == who.account).scalar_subquery()
    query = (
        select(Move.id, Move.from_account)
        .where(
            Move.person == who.person,
            Move.from_account != who.account,
            Move.state != MoveState.FOLLOWED.value,
            or_(Move.to_account == who.account, Move.aim == role),
        )
        .order_by(Move.offered_ms.desc(), Move.id.desc())
    )
    return (await tx.execute(query)).all()


async def _hand_on(tx: AsyncConnection, account: str, who: Acquaintance, zone: str, now_ms: int) -> None:
    """What is open with a person at the old account is open here; whoever has the phone here hears of it."""
    holds = and_(
        Friendship.held_by != ON_THE_PHONE, or_(Friendship.held_until_ms.is_(None), Friendship.held_until_ms > now_ms)
    )
    query = (
        select(
            Friendship.id, Friendship.waiting_since_ms, Friendship.held_until_ms,
            case((holds, Friendship.held_by)).label("held_by"),
        )
        .where(
            Friendship.person == who.person, Friendship.account == account,
            or_(Friendship.waiting_since_ms.is_not(None), holds),
        )
        .order_by(Friendship.id)
    )  # fmt: skip
    for old in (await tx.execute(query)).all():
        here = {"waiting_since_ms": old.waiting_since_ms}
        if old.held_by is not None:
            here |= {"held_by": old.held_by, "held_until_ms": old.held_until_ms}
        nothing = dict.fromkeys(here)
        await tx.execute(update(Friendship).where(Friendship.id == old.id).values(nothing))
        await tx.execute(update(Friendship).where(Friendship.id == who.friendship).values(here))
        await move_to(tx, old.id, who, now_ms)
        await _tell(tx, account, who, old.held_by, zone, now_ms)


async def _tell(
    tx: AsyncConnection, account: str, who: Acquaintance, held_by: str | None, zone: str, now_ms: int
) -> None:
    """Whoever looked after them, else who holds the phone here: where they are now, who they are, what they said."""
    key = "conversations.came_over.held" if held_by else "conversations.came_over.waiting"
    lines = [say(key, name=who.known_as, before=account, account=who.account)]
    for one in await who_waits(tx, accounts=[who.account], persons=[who.person], most=1):
        lines += [one.portrait(zone), one.matter()]
    text = "\n".join(lines)
    notice = f"came_over:{who.friendship}:{now_ms}"
    await tell_staff(tx, text, account=who.account, staff=[held_by, who.holder], key=notice, now_ms=now_ms)
