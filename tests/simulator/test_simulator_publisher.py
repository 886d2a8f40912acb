"""The Moments webhook takes what is signed, publishes each key once, and can fail on request."""

import asyncio
import json
from typing import Any

import pytest

from simulator.publisher import sign
from simulator.simulation import Simulation
from tests.virtual_time import until

POST = {"key": "lin-1:2026-11-21:coffee", "account": "lin-1", "kind": "life", "text": "早安", "media": ["a.jpg"],
        "link": None, "at_ms": 1}  # fmt: skip
STAMP = "1795226400"


async def exchange(simulation: Simulation, raw: bytes) -> tuple[int, dict[str, Any]]:
    """Send bytes, read the whole answer."""
    host, _, port = simulation.webhook.url.removeprefix("http://").removesuffix("/moments").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(raw)
        async with asyncio.timeout(5):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), json.loads(body)
    finally:
        writer.close()
        await writer.wait_closed()


def request(
    simulation: Simulation, post: object = POST, *, path: str = "/moments", method: str = "POST", **changed: str
) -> bytes:
    body = post if isinstance(post, bytes) else json.dumps(post, ensure_ascii=False).encode()
    headers = {
        "Host": "x",
        "Content-Length": str(len(body)),
        "X-Wxfleet-Timestamp": STAMP,
        "X-Wxfleet-Signature": sign(simulation.webhook.secret, STAMP, body),
        "Idempotency-Key": str(POST["key"]),
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def test_a_signed_post_is_published_and_seen(simulation: Simulation) -> None:
    status, answer = await exchange(simulation, request(simulation))
    [post] = simulation.world.record.posts("lin-1")
    assert (status, answer["id"]) == (200, post.id)
    assert (post.text, post.media, post.kind, post.key) == ("早安", ("a.jpg",), "life", POST["key"])
    assert len(post.reached()) == len(simulation.world.accounts["lin-1"].friends)


async def test_a_repeated_key_gets_the_same_id_and_is_published_once(simulation: Simulation) -> None:
    answers = [await exchange(simulation, request(simulation)) for _ in range(3)]
    assert len({answer["id"] for _, answer in answers}) == 1
    assert len(simulation.world.record.posts("lin-1")) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"X_Wxfleet_Signature": "sha256=" + "0" * 64},
        {"X_Wxfleet_Signature": ""},
        {"X_Wxfleet_Timestamp": "1795226401"},
        {"X_Wxfleet_Timestamp": "soon"},
    ],
)
async def test_a_wrong_signature_publishes_nothing(simulation: Simulation, changed: dict[str, str]) -> None:
    status, _ = await exchange(simulation, request(simulation, **changed))
    assert status == 401
    assert simulation.world.record.posts("lin-1") == []


async def test_a_changed_body_does_not_match_its_signature(simulation: Simulation) -> None:
    raw = request(simulation).replace("早安".encode(), "晚安".encode())
    assert (await exchange(simulation, raw))[0] == 401


@pytest.mark.parametrize(
    "post",
    [
        b"not json",
        b"[]",
        *({name: value for name, value in POST.items() if name != missing} for missing in POST if missing not in
          ("media", "link")),
        POST | {"account": "nobody"},
        POST | {"at_ms": "now"},
        POST | {"media": "a.jpg"},
        POST | {"key": "another than the header's"},
    ],
)  # fmt: skip
async def test_what_is_malformed_is_refused_with_a_reason(simulation: Simulation, post: object) -> None:
    status, answer = await exchange(simulation, request(simulation, post))
    assert status == 400
    assert answer["error"]
    assert simulation.world.record.posts("lin-1") == []


@pytest.mark.parametrize(("method", "path"), [("GET", "/moments"), ("POST", "/"), ("POST", "/moments/1")])
async def test_only_the_one_door_is_there(simulation: Simulation, method: str, path: str) -> None:
    assert (await exchange(simulation, request(simulation, method=method, path=path)))[0] == 404


@pytest.mark.parametrize("raw", [b"hello\r\n\r\n", b"POST /moments HTTP/1.1\r\nbroken\r\n\r\n",
                                 b"POST /moments HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                                 b"POST /moments HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"])  # fmt: skip
async def test_what_is_no_http_is_refused(simulation: Simulation, raw: bytes) -> None:
    assert (await exchange(simulation, raw))[0] == 400


async def test_failures_on_request_publish_nothing_and_pass(simulation: Simulation) -> None:
    simulation.webhook.fail(2)
    assert [(await exchange(simulation, request(simulation)))[0] for _ in range(3)] == [503, 503, 200]
    assert len(simulation.world.record.posts("lin-1")) == 1
    assert simulation.webhook.requests == 3


@pytest.mark.parametrize("published", [True, False])
async def test_a_hanging_webhook_never_answers_and_published_or_not(simulation: Simulation, published: bool) -> None:
    simulation.webhook.hang(published=published)
    waiting = asyncio.create_task(exchange(simulation, request(simulation)))
    await until(lambda: simulation.webhook.requests == 1)
    other = json.dumps(POST | {"key": "other"}).encode()
    status, _ = await exchange(simulation, request(simulation, other, Idempotency_Key="other"))
    assert status == 200
    assert not waiting.done()
    keys = [post.key for post in simulation.world.record.posts("lin-1")]
    assert keys == ([POST["key"], "other"] if published else ["other"])
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
