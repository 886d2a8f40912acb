"""Where the friends of a lost account are led: siblings with room that nobody else has been promised."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.friend_rooms import rooms_seen
from conversations.move_targets import kept_places
from customers.lost_friends import lost_friends
from rules.pacing import accepts_allowed, age_days
from rules.roles import Role
from rules.spreading import Place, Turn, spread
from storage.tables import Account


async def turns_of(tx: AsyncConnection, account: str, people: int, now_ms: int) -> list[Turn | None]:
    """A turn for each of `people`, the best first; None where nobody has room.

    Accounts that were lost before it have their turns first: two lists share the rooms and the days of one sibling.
    """
    taken: list[Turn] = []
    for other in await _lost_before(tx, account):
        theirs = sum(friend.by_text for friend in await lost_friends(tx, other, now_ms))
        turns = spread(theirs, await _places(tx, other, now_ms), taken)
        taken += [turn for turn in turns if turn]
    return spread(people, await _places(tx, account, now_ms), taken)


async def _lost_before(tx: AsyncConnection, account: str) -> list[str]:
    """The earliest first; one that is not lost yet comes after all of them."""
    lost = select(Account.id).where(Account.lost_ms.is_not(None)).order_by(Account.lost_ms, Account.id)
    ids = list(await tx.scalars(lost))
    return ids[: ids.index(account)] if account in ids else ids


async def _places(tx: AsyncConnection, account: str, now_ms: int) -> list[Place]:
    """Siblings with room below the threshold, those of its role first, and of those whoever is online.

    Places that are kept for people who were offered the sibling are not free.
    """
    known = {row.id: row for row in await tx.execute(select(Account.id, Account.role, Account.opened_ms))}
    role, kept = Role(known[account].role), await kept_places(tx)
    places = []
    for seen in await rooms_seen(tx):
        sibling = seen.room.account
        fits = seen.role is role or (role is not Role.TRAINING and seen.role is not Role.TRAINING)
        free = seen.room.open_below - kept.get(sibling, 0)
        if sibling == account or not fits or not seen.list_known or free <= 0:
            continue
        rank = 2 * (seen.role is not role) + (not seen.room.accepting)
        a_day = accepts_allowed(age_days(known[sibling].opened_ms, now_ms), seen.room.limits)
        places.append(Place(sibling, rank, free, a_day))
    return places
