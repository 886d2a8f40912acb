"""The inbox: what gateways told us, once each, and the few statements that move it.

`received → fetched → handled | lost`. Each move is a compare-and-set on the state it comes from.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.fleet_tables import Repair
from storage.outbox import insert_ignoring
from storage.statements import change, rows_of
from storage.tables import Arrival


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


_SHOWN = (Arrival.id, Arrival.account, Arrival.event, Arrival.kind, Arrival.received_ms)
# The id tells the order in which events came: both databases insert in the order of the JSON array.
_RECORD = {
    "sqlite": """
        INSERT INTO inbox (account, event, kind, state, payload, received_ms)
        SELECT json_extract(v.value, '$[0]'), json_extract(v.value, '$[1]'), json_extract(v.value, '$[2]'),
               json_extract(v.value, '$[3]'), json_extract(v.value, '$[4]'), json_extract(v.value, '$[5]')
          FROM json_each(:rows) v WHERE true
        ON CONFLICT DO NOTHING
        RETURNING id, account, event""",
    "postgresql": """
        INSERT INTO inbox (account, event, kind, state, payload, received_ms)
        SELECT v.value->>0, v.value->>1, v.value->>2, v.value->>3,
               CASE WHEN json_typeof(v.value->4) = 'null' THEN NULL ELSE v.value->4 END,
               CAST(v.value->>5 AS bigint)
          FROM json_array_elements(CAST(:rows AS json)) v(value)
        ON CONFLICT DO NOTHING
        RETURNING id, account, event""",
}

_FETCHED = {
    "sqlite": f"""
        UPDATE inbox SET state = '{ArrivalState.FETCHED}', payload = json_extract(v.value, '$[1]')
          FROM json_each(:rows) v
         WHERE inbox.id = json_extract(v.value, '$[0]') AND inbox.state = '{ArrivalState.RECEIVED}'""",
    "postgresql": f"""
        UPDATE inbox SET state = '{ArrivalState.FETCHED}', payload = v.value->1
          FROM json_array_elements(CAST(:rows AS json)) v(value)
         WHERE inbox.id = CAST(v.value->>0 AS bigint) AND inbox.state = '{ArrivalState.RECEIVED}'""",
}
_HANDLED = {
    "sqlite": f"""
        UPDATE inbox SET state = '{ArrivalState.HANDLED}', handled_ms = :at_ms, outcome = json_extract(v.value, '$[1]')
          FROM json_each(:rows) v
         WHERE inbox.id = json_extract(v.value, '$[0]') AND inbox.state = '{ArrivalState.FETCHED}'""",
    "postgresql": f"""
        UPDATE inbox SET state = '{ArrivalState.HANDLED}', handled_ms = :at_ms, outcome = v.value->>1
          FROM json_array_elements(CAST(:rows AS json)) v(value)
         WHERE inbox.id = CAST(v.value->>0 AS bigint) AND inbox.state = '{ArrivalState.FETCHED}'""",
}
_STILL_OPEN = {
    "sqlite": f"SELECT id FROM inbox WHERE id IN (SELECT value FROM json_each(:ids)) AND state IN {OPEN}",
    "postgresql": f"""
        SELECT id FROM inbox
         WHERE id IN (SELECT CAST(json_array_elements_text(CAST(:ids AS json)) AS bigint)) AND state IN {OPEN}
         ORDER BY id FOR UPDATE""",
}


async def record(tx: AsyncConnection, arrivals: Sequence[NewArrival]) -> list[Received]:
    """Write events; one that is there already is left alone. Returns the new rows, in the order of `arrivals`."""
    rows = [
        (
            arrival.account,
            arrival.event,
            arrival.kind,
            (ArrivalState.RECEIVED if arrival.payload is None else ArrivalState.FETCHED).value,
            arrival.payload,
            arrival.received_ms,
        )
        for arrival in arrivals
    ]
    written = await rows_of(tx, _RECORD, {"rows": json.dumps(rows)})
    # Of an event that stands twice in `arrivals` the first is the one that was written.
    ids = {(account, event): id for id, account, event in written}
    new = []
    for arrival in arrivals:
        id = ids.pop((arrival.account, arrival.event), None)
        if id is not None:
            payload = arrival.payload or {}
            new.append(Received(id, arrival.account, arrival.event, arrival.kind, payload, arrival.received_ms))
    return new


async def recorded(tx: AsyncConnection, arrivals: Sequence[NewArrival]) -> list[Received]:
    """Which of these events stand there and are not handled yet, in the order in which they came."""
    named = {(arrival.account, arrival.event) for arrival in arrivals}
    statement = select(*_SHOWN, Arrival.payload).where(
        Arrival.account.in_({account for account, _ in named}), Arrival.event.in_({event for _, event in named}),
        Arrival.state.in_(OPEN),
    )  # fmt: skip
    return [
        Received(id, account, event, kind, payload or {}, at_ms)
        for id, account, event, kind, at_ms, payload in await tx.execute(statement.order_by(Arrival.id))
        if (account, event) in named
    ]


async def mark_fetched(tx: AsyncConnection, rows: Sequence[Received]) -> None:
    """Write what the events say."""
    if rows:
        found = [(received.id, received.payload) for received in rows]
        await change(tx, _FETCHED, {"rows": json.dumps(found)})


async def still_open(tx: AsyncConnection, ids: Sequence[int]) -> set[int]:
    """Which of these rows nobody has handled yet, and nobody else will before `tx` ends."""
    return {row[0] for row in await rows_of(tx, _STILL_OPEN, {"ids": json.dumps(list(ids))})}


async def mark_handled(tx: AsyncConnection, outcomes: Sequence[tuple[int, str]], *, now_ms: int) -> None:
    """Close rows with what came of them: [(id, outcome)]."""
    if outcomes:
        await change(tx, _HANDLED, {"rows": json.dumps(list(outcomes)), "at_ms": now_ms})


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
        select(*_SHOWN, Arrival.payload, Arrival.state)
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
