"""`GET /metrics` on a port of its own, in the event loop: no thread reads what the loop is changing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

_PATIENCE_S = 5.0
_REQUEST_BYTES = 8_192
_LISTENING_AT_ONCE = 8


@asynccontextmanager
async def served(
    address: tuple[str, int], answer: Callable[[], Awaitable[bytes]], content_type: str
) -> AsyncIterator[tuple[str, int]]:
    """Answers scrapes until the block ends. Yields host and port as bound. Raises OSError when it can't have them."""

    async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_PATIENCE_S):
                writer.write(await _response(reader, answer, content_type))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(
        on_client, *address, limit=_REQUEST_BYTES, backlog=_LISTENING_AT_ONCE, reuse_address=True
    )
    try:
        bound = server.sockets[0].getsockname()
        yield str(bound[0]), int(bound[1])
    finally:
        server.close()


async def _response(reader: asyncio.StreamReader, answer: Callable[[], Awaitable[bytes]], content_type: str) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method not in (b"GET", b"HEAD"):
        return _reply("405 Method Not Allowed", b"only GET\n")
    if path != b"/metrics":
        return _reply("404 Not Found", b"see /metrics\n")
    body = await answer()
    return _reply("200 OK", body, content_type, shown=method == b"GET")


def _reply(status: str, body: bytes, content_type: str = "text/plain; charset=utf-8", *, shown: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (body if shown else b"")
