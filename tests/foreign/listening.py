"""A test's ear on one account's event stream."""

import asyncio
from contextlib import aclosing
from typing import TypeVar

from bots.gateway import Gateway, GatewayEvent

Event = TypeVar("Event", bound=GatewayEvent)

_PATIENCE_S = 10


class Listener:
    """Reads `gateway.events()` in a task of its own; `heard` is everything so far, in order."""

    def __init__(self, gateway: Gateway) -> None:
        self.heard: list[GatewayEvent] = []
        self.failure: Exception | None = None
        self._gateway = gateway
        self._begun = asyncio.Event()
        self._queue: asyncio.Queue[GatewayEvent | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._listen(), name="listener")

    async def next(self, kind: type[Event]) -> Event:
        """The next event of this kind; what comes before it is passed over."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                event = await self._queue.get()
                assert event is not None, f"the stream ended: {self.failure!r}"
                if isinstance(event, kind):
                    return event

    async def attached(self) -> None:
        """Wait for the first event, the gateway's heartbeat: what happens from now on is heard. Or for a failure."""
        async with asyncio.timeout(_PATIENCE_S):
            await self._begun.wait()

    async def ended(self) -> Exception | None:
        """Wait for the end of the stream; what ended it, None when the gateway did."""
        async with asyncio.timeout(_PATIENCE_S):
            await self._task
        return self.failure

    async def stop(self) -> None:
        """Detach, as a runner does."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        try:
            async with aclosing(self._gateway.events()) as events:  # type: ignore[type-var]
                async for event in events:
                    self.heard.append(event)
                    self._queue.put_nowait(event)
                    self._begun.set()
        except Exception as error:
            self.failure = error
        finally:
            self._queue.put_nowait(None)
            self._begun.set()
