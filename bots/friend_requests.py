"""The rows of friend requests: their states, and the statements that move them."""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import bindparam, delete, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.friend_rooms import accept_key
from rules.kinds import Kind
from rules.roles import Role
from storage.fleet_tables import Repair
from storage.move_tables import Move
from storage.outbox import DeliveryState
from storage.statements import both, rows_of
from storage.tables import Account, Delivery, FriendRequest, Friendship, Person

_LOOKED_AT = 20  # requests of one account in one look
_CAME_TO_NOTHING = (DeliveryState.FAILED.value, DeliveryState.SKIPPED.value, DeliveryState.UNKNOWN.value)
_CARDS = (Kind.NAME_CARD.value, Kind.OFFER.value)


_ANY_OPEN = both("""
    SELECT 1 WHERE EXISTS (SELECT 1 FROM friend_requests WHERE state IN ('waiting', 'accepting'))
                OR EXISTS (SELECT 1 FROM repairs WHERE key LIKE 'friends_wait:%')""")


class RequestState(StrEnum):
    WAITING = "waiting"
    """No room for now; looked at again when there is."""
    ACCEPTING = "accepting"
    """An accept is on its way."""
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    """Not ours to accept, or the gateway said no. It stays open on the phone."""


TRANSITIONS: Mapping[RequestState, frozenset[RequestState]] = {
    RequestState.WAITING: frozenset({RequestState.ACCEPTING, RequestState.CONFIRMED, RequestState.REFUSED}),
    RequestState.ACCEPTING: frozenset({RequestState.WAITING, RequestState.CONFIRMED, RequestState.REFUSED}),
    RequestState.REFUSED: frozenset({RequestState.CONFIRMED}),
    RequestState.CONFIRMED: frozenset(),
}


def waiting_key(account: str) -> str:
    """Key of the repair that says people wait for room."""
    return f"friends_wait:{account}"


async def any_open(tx: AsyncConnection) -> bool:
    """Does a request wait, or its accept, or stands a repair that says so? Writes nothing."""
    return bool(await rows_of(tx, _ANY_OPEN, {}))


async def waiting_accounts(tx: AsyncConnection) -> dict[str, Role]:
    """Accounts with requests that wait or are being accepted, with their roles.

    Repairs of accounts where nobody waits any more are taken back.
    """
    rows = (
        await tx.execute(
            select(FriendRequest.account, FriendRequest.state, Account.role)
            .join(Account, Account.id == FriendRequest.account)
            .where(FriendRequest.state.in_((RequestState.WAITING.value, RequestState.ACCEPTING.value)))
            .group_by(FriendRequest.account, FriendRequest.state, Account.role)
        )
    ).all()
    waiting = [waiting_key(account) for account, state, _ in rows if state == RequestState.WAITING]
    await tx.execute(
        delete(Repair).where(Repair.key.startswith(waiting_key(""), autoescape=True), Repair.key.not_in(waiting))
    )
    return {account: Role(role) for account, _, role in rows}


async def oldest_waiting(tx: AsyncConnection, account: str) -> list[int]:
    """The requests of one account that have waited longest."""
    ids = await tx.scalars(
        select(FriendRequest.id)
        .where(FriendRequest.account == account, FriendRequest.state == RequestState.WAITING.value)
        .order_by(FriendRequest.received_ms, FriendRequest.id)
        .limit(_LOOKED_AT)
    )
    return list(ids)


async def refuse_failed(tx: AsyncConnection, now_ms: int) -> int:
    """Requests whose accept failed or was skipped are no longer on their way. Returns how many."""
    key = literal("accept:").concat(FriendRequest.account).concat(":").concat(FriendRequest.request)
    rows = (
        await tx.execute(
            select(FriendRequest.id, Delivery.reason)
            .join(Delivery, Delivery.key == key)
            .where(
                FriendRequest.state == RequestState.ACCEPTING.value,
                Delivery.kind == Kind.ACCEPT.value,
                Delivery.state.in_(_CAME_TO_NOTHING),
            )
        )
    ).all()
    if rows:
        await tx.execute(
            update(FriendRequest)
            .where(FriendRequest.id == bindparam("row"), FriendRequest.state == RequestState.ACCEPTING.value)
            .values(state=RequestState.REFUSED.value, reason=bindparam("why"), decided_ms=now_ms),
            [{"row": row.id, "why": row.reason} for row in rows],
        )
    return len(rows)


async def put_back(tx: AsyncConnection, account: str, number: int, *, now_ms: int) -> int:
    """Let the newest `number` accepts that have not left yet wait again. Returns how many that were.

    Their rows leave the outbox: they never were an intent, and the request keeps the reason.
    """
    if number <= 0:
        return 0
    key = literal("accept:").concat(FriendRequest.account).concat(":").concat(FriendRequest.request)
    rows = (
        await tx.execute(
            select(FriendRequest.id, Delivery.id.label("delivery"))
            .join(Delivery, Delivery.key == key)
            .where(
                FriendRequest.account == account,
                FriendRequest.state == RequestState.ACCEPTING.value,
                Delivery.state == DeliveryState.PENDING.value,
            )
            .order_by(FriendRequest.id.desc())
            .limit(number)
        )
    ).all()
    gone = await tx.scalars(
        delete(Delivery)
        .where(Delivery.id.in_([row.delivery for row in rows]), Delivery.state == DeliveryState.PENDING.value)
        .returning(Delivery.id)
    )
    deleted = set(gone)
    ids = [row.id for row in rows if row.delivery in deleted]
    await tx.execute(
        update(FriendRequest)
        .where(FriendRequest.id.in_(ids))
        .values(state=RequestState.WAITING.value, reason="cap", decided_ms=now_ms)
    )
    return len(ids)


async def close_requests(tx: AsyncConnection, account: str, contact: str, now_ms: int) -> tuple[bool, str | None]:
    """They are a friend now: requests are confirmed, and what was on its way for them is settled.

    Returns whether it was our accept, and the channel of the request.
    """
    rows = (
        await tx.execute(
            select(FriendRequest.id, FriendRequest.request, FriendRequest.state, FriendRequest.channel)
            .where(
                FriendRequest.account == account,
                FriendRequest.contact == contact,
                FriendRequest.state != RequestState.CONFIRMED.value,
            )
            .order_by(FriendRequest.id)
        )
    ).all()
    if not rows:
        return False, None
    ids = [row.id for row in rows]
    keys = [accept_key(account, row.request) for row in rows]
    await tx.execute(
        update(FriendRequest)
        .where(FriendRequest.id.in_(ids))
        .values(state=RequestState.CONFIRMED.value, decided_ms=now_ms)
    )
    for before, after, reason in (
        (DeliveryState.PENDING, DeliveryState.SKIPPED, "accepted_on_phone"),
        (DeliveryState.IN_DOUBT, DeliveryState.ACCEPTED, None),
    ):
        await tx.execute(
            update(Delivery)
            .where(Delivery.key.in_(keys), Delivery.state == before.value)
            .values(state=after.value, reason=reason, settled_ms=now_ms)
        )
    channels = [row.channel for row in rows if row.channel]
    return any(row.state == RequestState.ACCEPTING.value for row in rows), channels[-1] if channels else None


async def is_partner(tx: AsyncConnection, contact: str) -> bool:
    """Does any of us know them as a partner (the top of the ladder)?"""
    return bool(
        await tx.scalar(
            select(Friendship.id)
            .join(Person, Person.id == Friendship.person)
            .where(Friendship.contact == contact, Person.level == "partner")
            .limit(1)
        )
    )


async def is_offered(tx: AsyncConnection, account: str, contact: str) -> bool:
    """Were they offered this account as the one that serves them from now on? Then a place was counted for them."""
    people = select(Friendship.person).where(Friendship.contact == contact)
    offered = select(Move.id).where(Move.person.in_(people), Move.to_account == account)
    return await tx.scalar(offered.limit(1)) is not None


async def is_introduced(tx: AsyncConnection, own_contact: str | None, contact: str) -> bool:
    """Did one of us send them the name card of the account with this WeChat id?"""
    if own_contact is None:
        return False
    people = select(Friendship.person).where(Friendship.contact == contact)
    return bool(
        await tx.scalar(
            select(Delivery.id)
            .where(
                Delivery.person.in_(people),
                Delivery.kind.in_(_CARDS),
                Delivery.state == DeliveryState.ACCEPTED.value,
                Delivery.content["card"].as_string() == own_contact,
            )
            .limit(1)
        )
    )
