"""The port to a WeChat gateway: one object, one connection, one account."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from storage.outbox import Content
from texts.unbroken import unbroken


class MessageKind(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    CARD = "card"
    FILE = "file"
    LINK = "link"
    MINI_PROGRAM = "mini_program"
    EMOTICON = "emoticon"
    LOCATION = "location"
    TRANSFER = "transfer"
    RED_ENVELOPE = "red_envelope"
    RECALLED = "recalled"
    GROUP_NOTE = "group_note"
    CHAT_HISTORY = "chat_history"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The gateway lives."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A QR code waits. `status`: waiting | scanned | confirmed | timeout | cancel | unknown; `code` is the QR text."""

    status: str
    code: str


@dataclass(frozen=True, slots=True)
class Login:
    """The account is in; `contact` is its own WeChat id."""

    contact: str


@dataclass(frozen=True, slots=True)
class Logout:
    """The account is out: by itself, by the phone, or by the platform."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Friends and rooms are loaded."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The gateway asks us to attach anew."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fault:
    """The gateway reports an error of its own."""

    text: str


@dataclass(frozen=True, slots=True)
class MessageArrived:
    id: str


@dataclass(frozen=True, slots=True)
class FriendshipChanged:
    id: str


@dataclass(frozen=True, slots=True)
class RoomChanged:
    """Somebody joined or left a room, or its topic changed. `what`: join | leave | topic | invite."""

    what: str
    room: str
    contacts: tuple[str, ...]
    by: str
    at_ms: int
    text: str = ""


GatewayEvent = (
    Heartbeat | Scan | Login | Logout | Ready | Reset | Fault | MessageArrived | FriendshipChanged | RoomChanged
)


@dataclass(frozen=True, slots=True)
class Message:
    """`room` is '' in a private chat; then `talker` or `listener` is ourselves. `sent_ms` is epoch ms."""

    id: str
    kind: MessageKind
    text: str
    talker: str
    listener: str
    room: str
    sent_ms: int
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Friendship:
    """`kind`: receive (they ask) | confirm (we are friends now) | verify | unknown.

    `name` and `alias` are the contact's; the inbox fills them in where the gateway can say, adapters leave them ''.
    """

    id: str
    kind: str
    contact: str
    hello: str
    scene: int
    ticket: str
    name: str = ""
    alias: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", unbroken(self.name))
        object.__setattr__(self, "alias", unbroken(self.alias))


@dataclass(frozen=True, slots=True)
class Contact:
    """Names and remarks stand in one line, whatever their owners put into them."""

    id: str
    name: str
    alias: str
    friend: bool
    weixin: str = ""
    phones: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", unbroken(self.name))
        object.__setattr__(self, "alias", unbroken(self.alias))


@dataclass(frozen=True, slots=True)
class OwnProfile:
    """What the account's own card says; '' where the gateway does not tell."""

    nickname: str
    signature: str


@dataclass(frozen=True, slots=True)
class RoomInfo:
    id: str
    topic: str
    owner: str
    members: tuple[str, ...]


Still = Callable[[], bool]
"""May it go even now? Asked right before it is written: to whoever was frozen the decision is only seemingly fresh."""


def always() -> bool:
    """Nobody else could have the account."""
    return True


class Gateway(Protocol):
    """One account's way to WeChat.

    Every method may raise the classes of `bots.errors`, nothing else. Methods other than `events` may run
    concurrently. Time-outs are wall time and belong to the gateway.
    """

    async def open(self) -> None:
        """Connect and see that a Wechaty gateway answers to our token. Never restarts its WeChat session."""
        ...

    def events(self) -> AsyncIterator[GatewayEvent]:
        """Attach to the event stream, in order. Ends when the gateway ends it; raises when the connection breaks."""
        ...

    async def start_session(self) -> None:
        """Ask a gateway that is not logged in to begin a session (it answers with `Scan` or `Login` events)."""
        ...

    async def log_out(self) -> None: ...

    async def send(self, to: str, content: Content, still: Still = always) -> str:
        """Send one message to a contact or room. Returns its id, '' where the gateway gives none: also a success.

        Raises OutcomeUnknown when the request was written and no answer came; TooLate when it may not go any more.
        """
        ...

    async def accept(self, request: str, still: Still = always) -> None:
        """Accept the friend request with this id. Raises as `send` does."""
        ...

    async def recall(self, message: str, still: Still = always) -> None:
        """Take back a message of the account's own, by its id. WeChat allows it for two minutes.

        Raises as `send` does; Refused when it is too late, or the gateway can't.
        """
        ...

    async def message(self, id: str) -> Message: ...

    async def friendship(self, id: str) -> Friendship: ...

    async def contact(self, id: str) -> Contact: ...

    async def contact_ids(self) -> list[str]:
        """Ids of everybody in the account's list, official accounts and strangers included."""
        ...

    async def room(self, id: str) -> RoomInfo: ...

    async def contact_qr(self) -> str:
        """What the account's own QR code says: whoever scans it asks to be a friend."""
        ...

    async def keep_picture(self, message: str, stem: str) -> str:
        """Fetch the picture of a message, and keep it below the media folder as `stem` with its own ending.

        Returns the file's name there. Raises PayloadGone when there is none, or none that is a picture.
        """
        ...

    async def own_profile(self) -> OwnProfile:
        """The account's own profile, as far as its gateway tells it. Raises NotLoggedIn before the login."""
        ...

    async def change_profile(
        self, *, nickname: str | None = None, signature: str | None = None, still: Still = always
    ) -> None:
        """Change one of them; None stays as it is. Raises as `send` does; Refused by gateways that can't."""
        ...

    async def close(self) -> None:
        """Let go of the connection. Never raises, never logs the account out."""
        ...
