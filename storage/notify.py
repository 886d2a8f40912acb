"""Hearing at once, on PostgreSQL, what other processes planned: LISTEN on a connection of its own.

Nothing depends on it: the courier looks every second anyway. It tells where to look, never what is true.
"""

import asyncio

import psycopg
import structlog

from rules.clock import Clock
from storage.engine import CHANNEL, EVERYBODY, Database

log = structlog.get_logger(__name__)

_AGAIN_WALL_MS = 1_000
_SILENCE_S = 30.0
"""After so long without a word the server is asked whether it is still there."""
_ANSWER_S = 5.0


class Listener:
    """Passes what other processes plan to the listeners of `db`. A line that breaks is made anew."""

    def __init__(self, db: Database, clock: Clock) -> None:
        """`db` must be on PostgreSQL."""
        self._db = db
        self._clock = clock
        self._troubled = False

    async def run(self) -> None:
        """Listen until cancelled. Raises nothing: without it everything is heard a little later."""
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError, TimeoutError) as error:
                if not self._troubled:
                    log.warning("notify.deaf", problem=str(error) or repr(error))
                self._troubled = True
            await self._clock.sleep(self._clock.span_ms(_AGAIN_WALL_MS) / 1000)

    async def _listen(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            self._db.address, autocommit=True, connect_timeout=round(_ANSWER_S), application_name="wxfleet listener"
        )
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            if self._troubled:
                log.info("notify.hears_again")
            self._troubled = False
            self._db.hear(frozenset({EVERYBODY}))  # whatever was told while nobody listened
            while True:
                async for notice in connection.notifies(timeout=_SILENCE_S):
                    self._db.hear(frozenset(notice.payload.split("\n")))
                async with asyncio.timeout(_ANSWER_S):
                    await connection.execute("SELECT 1")
