"""A service that speaks as a language model's does, on a port of its own: what it says is up to the test."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Said = tuple[int, bytes]
"""Status and body of an answer."""


def saying(text: str | None, *, finish: str = "stop", **message: Any) -> Said:
    """What the service answers when it says `text`."""
    choice = {"finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
    return 200, json.dumps({"choices": [choice], "usage": {"total_tokens": 42}}).encode()


async def nothing() -> None:
    """Nothing happens while it thinks."""


@dataclass
class ModelService:
    """`says` is its next answer, `meanwhile` what happens before; `asked` what it heard: headers and document."""

    says: Said = field(default_factory=lambda: saying("好的"))
    meanwhile: Callable[[], Awaitable[None]] = nothing
    asked: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    @property
    def instructions(self) -> str:
        return str(self.asked[-1][1]["messages"][0]["content"])

    @property
    def question(self) -> str:
        return str(self.asked[-1][1]["messages"][1]["content"])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:]) if name}
            document = json.loads(await reader.readexactly(int(headers["content-length"])))
            self.asked.append(({**headers, "request": head[0]}, document))
            await self.meanwhile()
            status, body = self.says
            writer.write(
                f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body
            )
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked did not wait
        finally:
            writer.close()


@asynccontextmanager
async def model_service() -> AsyncIterator[ModelService]:
    """Serves on 127.0.0.1 until the block ends."""
    service = ModelService()
    server = await asyncio.start_server(service._serve, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield service
    finally:
        server.close()
        await server.wait_closed()
