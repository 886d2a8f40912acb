"""Which account somebody can be handed to: it has a place for them, and who hands them on can show its card."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from bots.friend_rooms import AccountRoom, room_of, rooms_seen
from rules.moves import OPEN, Aim, MoveState
from rules.roles import Role
from storage.move_tables import Move
from storage.tables import Account, Friendship

ROLE_OF: Mapping[Aim, Role] = {Aim.SALES: Role.SALES, Aim.TRAINING: Role.TRAINING, Aim.PERSONA: Role.SALES}
"""Which role an offer leads to. The persona that suits somebody serves them in sales."""


@dataclass(frozen=True, slots=True)
class Target:
    """`contact`: by which the account that hands on knows it. `persona`: a mirror's own."""

    account: str
    contact: str
    persona: str


async def target_for(tx: AsyncConnection, aim: Aim, person: int, account: str, *, suits: str | None) -> Target | None:
    """Where `account` could hand the person to now; None when nobody has a place, or none could be shown.

    `suits`: the persona they prefer. It goes first, then the one they know from `account`, then who has most room; an
    offer for its sake is of no other, and not of one whose likeness (a mirror's is its source's) they know already.
    The account that is found stays locked until `tx` ends: its last place is offered once.
    """
    seen, seen_of = await _likenesses(tx)
    liked, own = seen_of.get(suits or ""), seen.get(account)
    met = await _met(tx, person)
    if aim is Aim.PERSONA and (liked is None or liked in {seen.get(other) for other in met}):
        return None
    rooms = [room for room in await rooms_seen(tx) if room.role is ROLE_OF[aim] and room.room.account not in met]
    if aim is Aim.PERSONA:
        rooms = [room for room in rooms if seen[room.room.account] == liked]
    shown = await _shown_to(tx, account, [room.contact for room in rooms if room.contact])
    kept = await kept_places(tx)
    able = [room for room in rooms if room.contact in shown and places(room, aim, kept) > 0]
    able.sort(key=lambda room: _rank(room, seen[room.room.account], liked, own, places(room, aim, kept)))
    if not able:
        return None
    best = await room_of(tx, able[0].room.account)
    if not best.contact or places(best, aim, await kept_places(tx)) <= 0:
        return None  # its last place is just being offered to somebody else
    return Target(best.room.account, best.contact, await _persona(tx, best.room.account))


async def _likenesses(tx: AsyncConnection) -> tuple[dict[str, str], dict[str, str]]:
    """By account and by persona the persona that is seen: a mirror shows that of its source."""
    source = aliased(Account)
    query = (
        select(Account.id, Account.persona, func.coalesce(source.persona, Account.persona))
        .outerjoin(source, source.id == Account.mirror_of)
        .where(Account.removed.is_(False))
    )
    rows = (await tx.execute(query)).all()
    return {account: seen for account, _, seen in rows}, {persona: seen for _, persona, seen in rows}


async def knows(tx: AsyncConnection, person: int, persona: str) -> bool:
    """Are they friends of an account that shows this persona?"""
    seen, seen_of = await _likenesses(tx)
    met = await _met(tx, person)
    return seen_of.get(persona, persona) in {seen.get(account) for account in met}


def leads_nowhere() -> ColumnElement[bool]:
    """Of a row of moves: they were offered an account that is lost or removed, so it counts as never made.

    Unless they said no, or were left in peace: that is their answer to others, too.
    """
    gone = aliased(Account)
    states = [state.value for state in (*OPEN, MoveState.FOLLOWED)]
    return Move.to_account.in_(select(gone.id).where(gone.removed.is_(True))) & Move.state.in_(states)


async def kept_places(tx: AsyncConnection) -> dict[str, int]:
    """How many people each account was offered to who may still come."""
    states = [state.value for state in OPEN]
    query = select(Move.to_account, func.count().label("number")).where(
        Move.look_ms.is_not(None), Move.state.in_(states)
    )
    rows = (await tx.execute(query.group_by(Move.to_account))).all()
    return {row.to_account: row.number for row in rows}


async def has_place(tx: AsyncConnection, account: str, aim: Aim) -> bool:
    """Is the place of somebody who was offered this account still there?"""
    kept = await kept_places(tx)
    return any(
        room.room.account == account
        and room.role is ROLE_OF[aim]
        and places(room, aim, kept) >= 0
        and room.room.accepting
        for room in await rooms_seen(tx)
    )


def places(room: AccountRoom, aim: Aim, kept: Mapping[str, int]) -> int:
    """How many more people may be sent there. The reserve is for partners: others come by no channel of their own."""
    if not room.room.accepting or not room.list_known:
        return 0
    free = room.room.below_threshold if aim is Aim.TRAINING else room.room.open_below
    return free - kept.get(room.room.account, 0)


def _rank(room: AccountRoom, family: str, suits: str | None, own: str | None, free: int) -> tuple[bool, bool, int, str]:
    return family != suits, family != own, -free, room.room.account


async def _met(tx: AsyncConnection, person: int) -> set[str]:
    """Accounts they are friends of."""
    query = select(Friendship.account).where(Friendship.person == person, Friendship.state == "friend")
    return set(await tx.scalars(query))


async def _shown_to(tx: AsyncConnection, account: str, contacts: Collection[str]) -> set[str]:
    """Of these contacts those among the account's own, whose card it can send."""
    query = select(Friendship.contact).where(
        Friendship.account == account, Friendship.contact.in_(contacts), Friendship.state == "friend"
    )
    return set(await tx.scalars(query))


async def _persona(tx: AsyncConnection, account: str) -> str:
    return await tx.scalar(select(Account.persona).where(Account.id == account)) or ""
