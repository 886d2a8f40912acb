"""Publishing through the shop's own service: one signed request a post. The contract is docs/webhook.md."""

import hashlib
import hmac
import json
from typing import Any

import httpx2

from bots.errors import GatewayUnavailable, OutcomeUnknown, Refused
from bots.publisher import PostPackage
from rules.clock import Clock
from texts.catalogue import say

TRIES = 4
"""A repetition carries the same key, so that the service shows the post once whatever became of the first."""
_FIRST_PAUSE_WALL_MS = 500
_TIMEOUT_S = 10.0  # of the wall, for one request
_CONNECT_S = 5.0
_LONGEST_ANSWER = 64 * 1024  # bytes
_BUSY = frozenset({408, 425, 429})


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The value of `X-Wxfleet-Signature`."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class WebhookPublisher:
    """Implements `bots.publisher.Publisher`."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        clock: Clock,
        timeout_s: float = _TIMEOUT_S,
        client: httpx2.AsyncClient | None = None,
    ) -> None:
        """`timeout_s`: of the wall, for each of the tries. A `client` that is handed in is not closed here."""
        self._url = url
        self._secret = secret
        self._clock = clock
        self._owns_client = client is None
        self._client = client
        self._timeout = httpx2.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s))

    async def publish(self, post: PostPackage) -> str:
        """Publish now. Returns the service's id of the post.

        Raises Refused (it said no, for good), GatewayUnavailable (nothing was ever written), OutcomeUnknown (some
        request was written and none was answered).
        """
        body = self._body(post)
        reason = ""
        may_have_arrived = False
        for number in range(TRIES):
            if number:
                await self._clock.sleep(self._clock.span_ms(_FIRST_PAUSE_WALL_MS << number) / 1000)
            try:
                status, answer = await self._post(body, post.key)
            except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
                reason = _reason(error)
                continue
            except httpx2.HTTPError as error:
                reason = _reason(error)
                may_have_arrived = True
                continue
            if 200 <= status < 300:
                return _id_in(answer)
            if status < 500 and status not in _BUSY:
                raise self._problem(Refused, post, "refused", f"HTTP {status}{_error_in(answer)}")
            reason = f"HTTP {status}"
            may_have_arrived = may_have_arrived or status not in (429, 503)
        if may_have_arrived:
            raise self._problem(OutcomeUnknown, post, "unknown", reason)
        raise self._problem(GatewayUnavailable, post, "unavailable", reason)

    async def close(self) -> None:
        if self._client is not None and self._owns_client:
            await self._client.aclose()
            self._client = None

    def _body(self, post: PostPackage) -> bytes:
        document = {
            "key": post.key,
            "account": post.account,
            "kind": post.kind,
            "text": post.text,
            "media": list(post.media),
            "link": post.link,
            "at_ms": self._clock.now_ms(),
        }
        return json.dumps(document, ensure_ascii=False).encode()

    async def _post(self, body: bytes, key: str) -> tuple[int, bytes]:
        timestamp = str(self._clock.now_ms() // 1000)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": key,
            "X-Wxfleet-Timestamp": timestamp,
            "X-Wxfleet-Signature": sign(self._secret, timestamp, body),
        }
        if self._client is None:
            self._client = httpx2.AsyncClient(follow_redirects=False)
        async with self._client.stream(
            "POST", self._url, content=body, headers=headers, timeout=self._timeout
        ) as response:
            answer = b""
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > _LONGEST_ANSWER:
                    break
            return response.status_code, answer

    def _problem(
        self, kind: type[Refused | GatewayUnavailable | OutcomeUnknown], post: PostPackage, what: str, reason: str
    ) -> Refused | GatewayUnavailable | OutcomeUnknown:
        return kind(
            say(f"bots.webhook.{what}", url=self._url, reason=reason),
            hint=say(f"bots.webhook.{what}.hint", account=post.account),
            where=post.account,
        )


def _reason(error: httpx2.HTTPError) -> str:
    return str(error) or type(error).__name__


def _document(answer: bytes) -> dict[str, Any]:
    try:
        document = json.loads(answer)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _id_in(answer: bytes) -> str:
    """The id in a success; '' where the service gives none, which is a success too."""
    id = _document(answer).get("id")
    return str(id) if isinstance(id, str | int) else ""


def _error_in(answer: bytes) -> str:
    error = _document(answer).get("error")
    return f": {error[:200]}" if isinstance(error, str) else ""
