"""How full the accounts of one role are: the gateway's list plus what is on its way."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.lifecycle import State
from rules.kinds import Kind
from rules.limits import Limits
from rules.reach import Room
from rules.roles import Role
from storage.outbox import DeliveryState
from storage.tables import Account, Delivery, FriendRequest

MAY_BECOME_FRIENDS = (
    DeliveryState.PENDING.value,
    DeliveryState.SENDING.value,
    DeliveryState.IN_DOUBT.value,
    DeliveryState.ACCEPTED.value,
)
"""States of an accept whose friend may still come: accepted by the gateway is not yet confirmed."""


@dataclass(frozen=True, slots=True)
class AccountRoom:
    """One account's role and room. `listed`: friends by its own list; `list_known`: they were counted at least once."""

    role: Role
    room: Room
    contact: str | None
    listed: int
    list_known: bool


def accept_key(account: str, request: str) -> str:
    return f"accept:{account}:{request}"


def introduces(sibling: str) -> str:
    """The source of a row that shows this sibling to a new friend."""
    return f"friends:{sibling}"


async def room_of(tx: AsyncConnection, account: str) -> AccountRoom:
    """The room of one account; its row stays locked until `tx` ends, so that two accepts never share one place.

    Raises LookupError for an account that is not in the tables.
    """
    found = await _rooms(tx, select(*_COLUMNS).where(Account.id == account).with_for_update())
    if not found:
        raise LookupError(f"account {account!r} is not in the tables")
    return found[0]


async def rooms_of(tx: AsyncConnection, role: Role) -> list[AccountRoom]:
    """The rooms of all accounts of a role, locked in one order until `tx` ends."""
    of_role = select(*_COLUMNS).where(Account.role == role.value, Account.removed.is_(False))
    return await _rooms(tx, of_role.order_by(Account.id).with_for_update())


async def rooms_seen(tx: AsyncConnection) -> list[AccountRoom]:
    """The rooms of all accounts, only looked at: nothing is locked."""
    return await _rooms(tx, select(*_COLUMNS).where(Account.removed.is_(False)).order_by(Account.id))


_COLUMNS = (
    Account.id,
    Account.role,
    Account.limits,
    Account.state,
    Account.paused_by,
    Account.self_contact,
    Account.friends_listed,
)


async def _rooms(tx: AsyncConnection, statement: Any) -> list[AccountRoom]:
    rows = (await tx.execute(statement)).all()
    coming = await _coming(tx, [row.id for row in rows])
    return [
        AccountRoom(
            Role(row.role),
            Room(
                account=row.id,
                friends=(row.friends_listed or 0) + coming.get(row.id, 0),
                limits=limits_of(row.limits),
                accepting=row.state == State.ONLINE.value and row.paused_by is None,
            ),
            row.self_contact,
            row.friends_listed or 0,
            row.friends_listed is not None,
        )
        for row in rows
    ]


async def _coming(tx: AsyncConnection, accounts: Sequence[str]) -> dict[str, int]:
    """Accepts whose confirmation has not come yet, by account."""
    key = literal("accept:").concat(FriendRequest.account).concat(":").concat(FriendRequest.request)
    statement = (
        select(FriendRequest.account, func.count().label("number"))
        .join(Delivery, Delivery.key == key)
        .where(
            FriendRequest.account.in_(accounts),
            FriendRequest.state == "accepting",
            Delivery.kind == Kind.ACCEPT.value,
            Delivery.state.in_(MAY_BECOME_FRIENDS),
        )
        .group_by(FriendRequest.account)
    )
    return {row.account: row.number for row in await tx.execute(statement)}


def limits_of(stored: dict[str, Any]) -> Limits:
    """The limits as the accounts table keeps them."""
    return _limits(tuple(sorted(stored.items())))


@lru_cache(maxsize=256)
def _limits(stored: tuple[tuple[str, Any], ...]) -> Limits:
    return Limits(**dict(stored))
