"""The publishing webhook over real sockets: signed, repeated under one key, honest about what is not known."""

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bots.errors import GatewayProblem, GatewayUnavailable, OutcomeUnknown, Refused
from bots.publisher import PostPackage
from bots.webhook import TRIES, WebhookPublisher
from tests.virtual_time import VirtualClock

POST = PostPackage("moment:lin-1:coffee", "lin-1", "life", "早安☕", ("coffee.jpg",), None)
SECRET = "a secret of the shop"
HANG, CUT = 0, -1


@dataclass
class Service:
    """A shop's publishing service: answers by script, then 200."""

    script: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/moments"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")[1:-2]
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
                self.headers.append(headers)
                self.bodies.append(await reader.readexactly(int(headers["content-length"])))
                await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        status = self.script.pop(0) if self.script else 200
        if status == HANG:
            await reader.read()
            return
        if status == CUT:
            writer.transport.abort()
            return
        body = json.dumps({"id": f"p{len(self.bodies)}"} if status < 300 else {"error": "because"}).encode()
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
        await writer.drain()


@asynccontextmanager
async def service(*script: int) -> AsyncIterator[Service]:
    shop = Service(list(script))
    server = await asyncio.start_server(shop.serve, "127.0.0.1", 0)
    shop.port = server.sockets[0].getsockname()[1]
    try:
        yield shop
    finally:
        server.close()
        await server.wait_closed()


async def publish(url: str, clock: VirtualClock, *, timeout_s: float = 5.0) -> str:
    """Publish, moving the clock over the pauses between tries."""
    publisher = WebhookPublisher(url, SECRET, clock=clock, timeout_s=timeout_s)
    task = asyncio.create_task(publisher.publish(POST))
    try:
        async with asyncio.timeout(10):
            while not task.done():
                await clock.advance(1)
                await asyncio.sleep(0.002)
        return await task
    finally:
        await publisher.close()


async def test_a_post_is_signed_over_the_bytes_that_are_sent(clock: VirtualClock) -> None:
    async with service() as shop:
        assert await publish(shop.url, clock) == "p1"
    [headers], [body] = shop.headers, shop.bodies
    signed = headers["x-wxfleet-timestamp"].encode() + b"." + body
    assert headers["x-wxfleet-signature"] == "sha256=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["idempotency-key"] == POST.key
    document = json.loads(body)
    assert document.pop("at_ms") >= 0
    assert document == {
        "key": POST.key, "account": "lin-1", "kind": "life", "text": "早安☕", "media": ["coffee.jpg"], "link": None,
    }  # fmt: skip


@pytest.mark.parametrize("trouble", [500, 503, 429, 408, CUT])
async def test_what_may_pass_is_tried_again_with_the_same_key_and_body(clock: VirtualClock, trouble: int) -> None:
    async with service(trouble, trouble) as shop:
        assert await publish(shop.url, clock) == "p3"
    assert [headers["idempotency-key"] for headers in shop.headers] == [POST.key] * 3
    assert len(set(shop.bodies)) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 302])
async def test_a_no_is_a_no_at_once(clock: VirtualClock, status: int) -> None:
    async with service(status) as shop:
        with pytest.raises(Refused) as caught:
            await publish(shop.url, clock)
    assert len(shop.bodies) == 1
    assert "lin-1" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "script, expected",
    [
        ([500] * TRIES, OutcomeUnknown),
        ([CUT] * TRIES, OutcomeUnknown),
        ([503] * TRIES, GatewayUnavailable),
        ([503, CUT, 503, 503], OutcomeUnknown),
    ],
)
async def test_when_no_try_is_answered_what_may_have_arrived_is_unknown(
    clock: VirtualClock, script: list[int], expected: type[GatewayProblem]
) -> None:
    async with service(*script) as shop:
        with pytest.raises(expected):
            await publish(shop.url, clock)
    assert len(shop.bodies) == TRIES


async def test_silence_is_not_waited_for_for_ever(clock: VirtualClock) -> None:
    async with service(HANG) as shop:
        assert await publish(shop.url, clock, timeout_s=0.05) == "p2"


async def test_nobody_listening_means_nothing_was_written(clock: VirtualClock) -> None:
    async with service() as shop:
        url = shop.url
    with pytest.raises(GatewayUnavailable):
        await publish(url, clock)


def test_the_contract_names_every_field_and_header() -> None:
    words = Path("docs/webhook.md").read_text(encoding="utf-8")
    fields = ["key", "account", "kind", "text", "media", "link", "at_ms"]
    headers = ["Idempotency-Key", "X-Wxfleet-Timestamp", "X-Wxfleet-Signature"]
    assert [name for name in [*fields, *headers] if not re.search(rf"`{name}`", words)] == []
