"""Reports of a large shop that staff asked for in a chat: written down, made while nobody writes, sent when ready."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.staff_line import NOTICE_VALID_MS, road_to_holder
from reports.period import period_of
from reports.report import Asked, Report
from reports.shelf import volume
from rules.kinds import Kind
from storage.fleet_tables import LiveRequest
from storage.order_tables import Order
from storage.outbox import Content, NewDelivery, plan
from storage.statements import both, rows_of
from texts.masking import masked

LARGE_ORDERS = 100_000
"""From so many orders on a report takes longer than other writers should wait. Ours."""

_VERB, _QUEUED = "report", "queued"
_SOMEBODY_WAITS = both("SELECT 1 FROM requests WHERE state = :state AND verb = :verb LIMIT 1")


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants which report, of which days in the words of people."""

    staff: str
    name: str
    period: str


async def is_large(connection: AsyncConnection) -> bool:
    """Does the shop have so many orders that its reports take a while?"""
    return await connection.scalar(select(Order.number).offset(LARGE_ORDERS).limit(1)) is not None


async def wish(tx: AsyncConnection, wished: Wish, now_ms: int) -> None:
    """Write the wish down; `ReportWishes` fulfils it within seconds."""
    row = {"account": "", "verb": _VERB, "payload": asdict(wished), "state": _QUEUED, "created_ms": now_ms}
    await tx.execute(insert(LiveRequest).values(row))


class ReportWishes:
    """A step of the planner: `due` reads and words the oldest wish, `act` only sends it."""

    def __init__(self, zone: str, words: Callable[[Report], str]) -> None:
        """`zone`: the shop's; `words` makes a report a message."""
        self._zone = zone
        self._words = words
        self._ready: tuple[int, Wish, str] | None = None

    async def due(self, connection: AsyncConnection, now_ms: int) -> bool:
        """Does somebody wait for a report?"""
        if not await rows_of(connection, _SOMEBODY_WAITS, {"state": _QUEUED, "verb": _VERB}):
            return False
        row = (
            await connection.execute(
                select(LiveRequest.id, LiveRequest.payload)
                .where(LiveRequest.state == _QUEUED, LiveRequest.verb == _VERB)
                .order_by(LiveRequest.id)
                .limit(1)
            )
        ).one()
        wished = Wish(**row.payload)
        asked = Asked(period_of(wished.period, now_ms, self._zone), now_ms)
        report = await volume(wished.name).make(connection, asked)
        self._ready = row.id, wished, self._words(report)
        return True

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """To whoever asked, by an account that knows them."""
        if self._ready is None:
            return
        (id, wished, text), self._ready = self._ready, None
        done = await tx.execute(
            update(LiveRequest)
            .where(LiveRequest.id == id, LiveRequest.state == _QUEUED)
            .values(state="done", result={}, done_ms=now_ms)
        )
        road = await road_to_holder(tx, "", wished.staff)
        if done.rowcount == 1 and road.account:
            row = NewDelivery(
                kind=Kind.COMMAND_REPLY, account=road.account, to=road.to, content=Content(text=masked(text)),
                key=f"report:{id}", due_ms=now_ms, valid_until_ms=now_ms + NOTICE_VALID_MS, source=f"request:{id}",
            )  # fmt: skip
            await plan(tx, [row], now_ms=now_ms)
