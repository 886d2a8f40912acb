"""The people of a large shop are counted by reading, told after: it takes longer than other writers should wait."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.staff_line import NOTICE_VALID_MS, road_to_holder
from operations.asking import Asked, Reply
from operations.requests.registry import request_of
from operations.requests.request import Door, Request, Verb
from rules.kinds import Kind
from storage.fleet_tables import LiveRequest
from storage.outbox import Content, NewDelivery, plan
from storage.statements import both, rows_of
from storage.tables import Person
from texts.catalogue import say

LARGE_PEOPLE = 50_000
"""From so many people on they are counted while nobody waits for the writer: up to then it is some tenths of a second.
Ours."""
COUNTED = frozenset({Verb.PREVIEW, Verb.PUSH})
_VERB, _QUEUED = "count", "queued"
_OLDEST = both(f"SELECT id FROM requests WHERE state = '{_QUEUED}' AND verb = '{_VERB}' ORDER BY id LIMIT 1")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for in a chat. `confirmed`: they have seen the counts, and it begins now."""

    staff: str
    request: dict[str, Any]
    confirmed: bool

    def meant(self) -> Request:
        return request_of(self.request)


Look = Callable[[AsyncConnection, Wish, int], Awaitable[Any]]
"""(reading connection, wish, now_ms): counts; raises nothing that staff can cause."""
Finish = Callable[[AsyncConnection, Wish, Any, int], Awaitable[Reply]]
"""(transaction, wish, what `Look` found, now_ms): acts on it, and says what to tell."""


async def to_be_counted(tx: AsyncConnection, asked: Asked[Any]) -> bool:
    """Is it a count for a chat, in a shop with so many people that others would have to wait for it?"""
    if asked.door is not Door.CHAT or asked.request.verb not in COUNTED:
        return False
    return (await tx.scalar(select(func.max(Person.id))) or 0) > LARGE_PEOPLE


async def wish(tx: AsyncConnection, asked: Asked[Any], *, confirmed: bool = False) -> Reply:
    """Write the wish down; `Counting` fulfils it within seconds."""
    wished = Wish(asked.staff.id, asked.request.as_json(), confirmed)
    row = {"account": "", "verb": _VERB, "payload": asdict(wished), "state": _QUEUED, "created_ms": asked.now_ms}
    await tx.execute(insert(LiveRequest).values(row))
    return Reply(True, say("operations.counting"), changed=False)


class Counting:
    """A step of the planner: `due` counts by reading, `act` only writes what came of it, and tells whoever asked."""

    def __init__(self, look: Look, finish: Finish) -> None:
        self._look = look
        self._finish = finish
        self._ready: tuple[int, Wish, Any] | None = None

    async def due(self, connection: AsyncConnection, now_ms: int) -> bool:
        """Does somebody wait for a count?"""
        found = await rows_of(connection, _OLDEST, {})
        if not found:
            return False
        id = found[0][0]
        payload = await connection.scalar(select(LiveRequest.payload).where(LiveRequest.id == id))
        wished = Wish(**(payload or {}))
        self._ready = id, wished, await self._look(connection, wished, now_ms)
        return True

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """To whoever asked, by an account that knows them."""
        if self._ready is None:
            return
        (id, wished, found), self._ready = self._ready, None
        done = await tx.execute(
            update(LiveRequest)
            .where(LiveRequest.id == id, LiveRequest.state == _QUEUED)
            .values(state="done", result={}, done_ms=now_ms)
        )
        if done.rowcount != 1:
            return
        reply = await self._finish(tx, wished, found, now_ms)
        road = await road_to_holder(tx, "", wished.staff)
        if road.account:
            row = NewDelivery(
                kind=Kind.COMMAND_REPLY, account=road.account, to=road.to, content=Content(text=reply.text),
                key=f"count:{id}", due_ms=now_ms, valid_until_ms=now_ms + NOTICE_VALID_MS, source=f"request:{id}",
            )  # fmt: skip
            await plan(tx, [row], now_ms=now_ms)
