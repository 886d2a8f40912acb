"""Messages and friend requests, with the numbers that gateways put on the wire."""

from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """Type numbers as gateways send them: those of the TypeScript side, not of the protocol's enum."""

    UNKNOWN = 0
    FILE = 1
    AUDIO = 2
    CARD = 3
    CHAT_HISTORY = 4
    EMOTICON = 5
    IMAGE = 6
    TEXT = 7
    LOCATION = 8
    MINI_PROGRAM = 9
    GROUP_NOTE = 10
    TRANSFER = 11
    RED_ENVELOPE = 12
    RECALLED = 13
    LINK = 14
    VIDEO = 15


class Scene(IntEnum):
    """By which way somebody asked to be a friend."""

    WEIXIN = 3
    ROOM = 14
    PHONE = 15
    CARD = 17
    QR_CODE = 30


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `talker` and `listener` are contact ids; `room` is '' in private."""

    id: str
    at_ms: int
    kind: Kind
    text: str
    talker: str
    listener: str
    room: str = ""
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Friendship:
    """A friendship event: somebody asks (`asks`), or somebody is a friend now."""

    id: str
    account: str
    contact: str
    hello: str
    scene: int
    ticket: str
    asks: bool
