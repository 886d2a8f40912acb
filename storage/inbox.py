"""The inbox: what gateways told us, once each, and the few statements that move it.

`received → fetched → handled | lost`. Each move is a compare-and-set on the state it comes from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.outbox import insert_ignoring
from storage.tables import Arrival, Repair


class ArrivalState(StrEnum):
    RECEIVED = "received"
    """The event is written; what it says is still with the gateway."""
    FETCHED = "fetched"
    """What it says is written too."""
    HANDLED = "handled"
    LOST = "lost"
    """It can't be fetched any more, or handling it failed for good: a repair tells a person."""


TRANSITIONS: Mapping[ArrivalState, frozenset[ArrivalState]] = {
    ArrivalState.RECEIVED: frozenset({ArrivalState.FETCHED, ArrivalState.LOST}),
    ArrivalState.FETCHED: frozenset({ArrivalState.HANDLED, ArrivalState.LOST}),
    ArrivalState.HANDLED: frozenset(),
    ArrivalState.LOST: frozenset(),
}

OPEN = (ArrivalState.RECEIVED.value, ArrivalState.FETCHED.value)


@dataclass(frozen=True, slots=True)
class NewArrival:
    """An event as it came. `event` names it within the account, so that a repetition is the same row.

    `payload` is None where it must still be fetched from the gateway.
    """

    account: str
    event: str
    kind: str
    received_ms: int
    payload: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """One row of the inbox on its way. `kind`: message | friendship | room; `payload` is {} until it is fetched.

    Payloads: a message has the fields of `bots.gateway.Message`, a friendship those of `Friendship` and the name
    and alias of the contact where they could be had, a room those of `RoomChanged`.
    """

    id: int
    account: str
    event: str
    kind: str
    payload: dict[str, Any]
    received_ms: int

    @property
    def subject(self) -> str:
        """The gateway's id of what it is about: 'message:ID', 'friendship:TIME:ID'."""
        return self.event.split(":", 2)[2] if self.kind == "friendship" else self.event.partition(":")[2]


_RETURNED = (Arrival.id, Arrival.account, Arrival.event, Arrival.kind, Arrival.received_ms)
_FETCH = (
    update(Arrival)
    .where(Arrival.id == bindparam("row"), Arrival.state == ArrivalState.RECEIVED.value)
    .values(state=ArrivalState.FETCHED.value, payload=bindparam("found"))
)


async def record(tx: AsyncConnection, arrivals: Sequence[NewArrival]) -> list[Received]:
    """Write events; one that is there already is left alone. Returns the new rows, in the order of `arrivals`."""
    bare = [arrival for arrival in arrivals if arrival.payload is None]
    full = [arrival for arrival in arrivals if arrival.payload is not None]
    new: list[Received] = []
    if bare:
        rows = await tx.execute(
            insert_ignoring(tx, Arrival).returning(*_RETURNED),
            [
                {
                    "account": arrival.account,
                    "event": arrival.event,
                    "kind": arrival.kind,
                    "state": ArrivalState.RECEIVED.value,
                    "received_ms": arrival.received_ms,
                }
                for arrival in bare
            ],
        )
        new += [Received(id, account, event, kind, {}, at_ms) for id, account, event, kind, at_ms in rows]
    if full:
        rows = await tx.execute(
            insert_ignoring(tx, Arrival).returning(*_RETURNED),
            [
                {
                    "account": arrival.account,
                    "event": arrival.event,
                    "kind": arrival.kind,
                    "state": ArrivalState.FETCHED.value,
                    "payload": arrival.payload,
                    "received_ms": arrival.received_ms,
                }
                for arrival in full
            ],
        )
        payloads = {(arrival.account, arrival.event): arrival.payload or {} for arrival in full}
        new += [
            Received(id, account, event, kind, payloads[account, event], at_ms)
            for id, account, event, kind, at_ms in rows
        ]
    return sorted(new, key=lambda received: received.id)


async def mark_fetched(tx: AsyncConnection, rows: Sequence[Received]) -> None:
    """Write what the events say."""
    if rows:
        await tx.execute(_FETCH, [{"row": received.id, "found": received.payload} for received in rows])


async def mark_handled(tx: AsyncConnection, outcomes: Sequence[tuple[int, str]], *, now_ms: int) -> None:
    """Close rows with what came of them: [(id, outcome)]."""
    if outcomes:
        await tx.execute(
            update(Arrival)
            .where(Arrival.id == bindparam("row"), Arrival.state == ArrivalState.FETCHED.value)
            .values(state=ArrivalState.HANDLED.value, handled_ms=bindparam("at"), outcome=bindparam("what")),
            [{"row": id, "what": outcome, "at": now_ms} for id, outcome in outcomes],
        )


async def mark_lost(tx: AsyncConnection, rows: Sequence[Received], *, outcome: str, message: str, now_ms: int) -> None:
    """Give rows up and leave a repair for each: `payload_lost:ID`, saying `message` of the catalogue."""
    if not rows:
        return
    await tx.execute(
        update(Arrival)
        .where(Arrival.id == bindparam("row"), or_(*(Arrival.state == state for state in OPEN)))
        .values(state=ArrivalState.LOST.value, handled_ms=now_ms, outcome=outcome),
        [{"row": received.id} for received in rows],
    )
    await tx.execute(
        insert_ignoring(tx, Repair),
        [
            {
                "key": f"payload_lost:{received.id}",
                "account": received.account,
                "message": message,
                "values": {"account": received.account, "event": received.event, "arrival": received.id},
                "since_ms": now_ms,
            }
            for received in rows
        ],
    )


async def unhandled(
    tx: AsyncConnection, accounts: Sequence[str] | None = None, *, after_id: int = 0, limit: int = 1000
) -> list[Received]:
    """A page of rows that nobody has handled, oldest first; a row without payload has `payload` == {}.

    `accounts` None means all accounts.
    """
    statement = (
        select(*_RETURNED, Arrival.payload, Arrival.state)
        .where(Arrival.state.in_(OPEN), Arrival.id > after_id)
        .order_by(Arrival.id)
        .limit(limit)
    )
    if accounts is not None:
        statement = statement.where(Arrival.account.in_(accounts))
    return [
        Received(id, account, event, kind, payload or {}, at_ms)
        for id, account, event, kind, at_ms, payload, _state in await tx.execute(statement)
    ]
