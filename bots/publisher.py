"""The port for Moments: posts leave through the person who holds the phone, or through a webhook."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PostPackage:
    """One post for one account. `key` is its idempotency key: publishing it twice must show it once."""

    key: str
    account: str
    kind: str
    text: str
    media: tuple[str, ...]
    link: str | None


class Publisher(Protocol):
    async def publish(self, post: PostPackage) -> str:
        """Publish now. Returns the platform's id of the post, '' where there is none.

        Raises bots.errors: Refused (it said no), GatewayUnavailable (nothing was written), OutcomeUnknown.
        """
        ...
