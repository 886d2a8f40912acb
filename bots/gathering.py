"""A transaction costs more than a row: whoever has just written waits a little for more to write."""

import asyncio

_APART_S = 0.01
"""Seconds of the machine between two beginnings. Ours: of 200 messages a second a few each, and nobody notices."""


class Gathers:
    """Of one task that writes again and again."""

    def __init__(self) -> None:
        self._next_s = 0.0

    async def some(self) -> None:
        """Return at once, or `_APART_S` after the last time."""
        loop = asyncio.get_running_loop()
        if (rest_s := self._next_s - loop.time()) > 0:
            await asyncio.sleep(rest_s)
        self._next_s = loop.time() + _APART_S
