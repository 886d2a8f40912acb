"""The Moments webhook: takes signed posts over HTTP, publishes each key once, and shows them to the world.

`POST /moments` with a JSON body {key, account, kind, text, media, link, at_ms}. Headers: `X-Wxfleet-Timestamp` (unix
seconds), `X-Wxfleet-Signature: sha256=<hex>` (HMAC of "<timestamp>.<body>" with the secret), `Idempotency-Key` (the
body's key). Answers 200 {"id"}, 400 for what is malformed, 401 for a wrong signature, 404 for another path, 503 and
silence on request.
"""

import asyncio
import hmac
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from simulator.errors import NoSuchThing
from simulator.world import World

_HOST = "127.0.0.1"
_PATH = "/moments"
_MOST_BYTES = 1_000_000
_PATIENCE_S = 10.0
"""Wall seconds a client may take to say what it wants."""

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 503: "Service Unavailable"}


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class _Bad(Exception):
    """The request is answered with this status and words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class MomentsWebhook:
    """The HTTP server, and what may go wrong with it."""

    def __init__(self, world: World, secret: str) -> None:
        self.world = world
        self.secret = secret
        self.requests = 0
        """How many well-formed requests with a good signature came in."""
        self._failures: list[int] = []
        self._hangs: list[bool] = []
        self._server: asyncio.Server | None = None
        self.port = 0
        """Where it listens, kept while it lives; 0 until it listened once and nobody chose."""
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where to post, once started."""
        return f"http://{_HOST}:{self.port}{_PATH}"

    def fail(self, times: int = 1, status: int = 503) -> None:
        """Let the next `times` requests be answered with a server's error; nothing is published."""
        self._failures += [status] * times

    def hang(self, times: int = 1, *, published: bool) -> None:
        """Let the next `times` requests never be answered, whether their post is published or not."""
        self._hangs += [published] * times

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, _HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more and end what is open."""
        if self._server is None:
            return
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        try:
            status, answer = await self._answer(reader)
            body = json.dumps(answer, ensure_ascii=False).encode()
            head = (
                f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            """The client is gone: nobody waits for an answer."""
        except asyncio.CancelledError:
            """Only `stop` cancels, and this is the task's end. Python 3.11 takes a cancelled one of a server's for an
            error of its own and shouts."""
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, dict[str, Any]]:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                request = await _read_request(reader)
            post = self._checked(request)
        except _Bad as bad:
            return bad.status, {"error": str(bad)}
        self.requests += 1
        if self._failures:
            return self._failures.pop(0), {"error": "not now"}
        if self._hangs:
            if self._hangs.pop(0):
                self._publish(post)
            await asyncio.get_running_loop().create_future()
        try:
            return 200, {"id": self._publish(post)}
        except NoSuchThing as error:
            return 400, {"error": str(error)}

    def _publish(self, post: dict[str, Any]) -> str:
        return self.world.publish(
            post["account"], post["key"], post["kind"], post["text"], tuple(post.get("media") or ()), post.get("link")
        )

    def _checked(self, request: _Request) -> dict[str, Any]:
        """The post in a request. Raises _Bad for anything that the contract does not say."""
        if request.path != _PATH or request.method != "POST":
            raise _Bad(404, f"only POST {_PATH} is served here")
        self._check_signature(request)
        try:
            post = json.loads(request.body)
        except ValueError as error:
            raise _Bad(400, "the body is no JSON") from error
        if not isinstance(post, dict):
            raise _Bad(400, "the body is no JSON object")
        for name in ("key", "account", "kind"):
            if not isinstance(post.get(name), str) or not post[name]:
                raise _Bad(400, f"{name} is missing")
        if not isinstance(post.get("text"), str) or not isinstance(post.get("at_ms"), int):
            raise _Bad(400, "text or at_ms is missing")
        media = post.get("media") or []
        if not isinstance(media, list) or not all(isinstance(item, str) for item in media):
            raise _Bad(400, "media is no list of names")
        if request.headers.get("idempotency-key") != post["key"]:
            raise _Bad(400, "Idempotency-Key differs from the key of the post")
        return post

    def _check_signature(self, request: _Request) -> None:
        stamp = request.headers.get("x-wxfleet-timestamp", "")
        if not stamp.isascii() or not stamp.isdigit():
            raise _Bad(401, "X-Wxfleet-Timestamp must be unix seconds")
        given = request.headers.get("x-wxfleet-signature", "").encode()
        if not hmac.compare_digest(given, sign(self.secret, stamp, request.body).encode()):
            raise _Bad(401, "the signature does not match")


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature header of a request."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()


async def _read_request(reader: asyncio.StreamReader) -> _Request:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError as error:
        raise _Bad(400, "the head is too long") from error
    first, *lines = head.split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3:
        raise _Bad(400, "this is no HTTP request")
    headers = {}
    for line in filter(None, lines):
        name, colon, value = line.partition(":")
        if not colon:
            raise _Bad(400, "a header has no colon")
        headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > _MOST_BYTES:
        raise _Bad(400, "the body has no good length")
    return _Request(parts[0], parts[1], headers, await reader.readexactly(int(length)))
