"""What a Wechaty gateway tells us, in our own words: events, message kinds, times.

Payloads are JSON strings with TypeScript's names. One that can't be read becomes a `Fault`; the stream goes on.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from wechaty_grpc.wechaty.puppet import EventResponse

from bots.gateway import (
    Fault,
    FriendshipChanged,
    GatewayEvent,
    Heartbeat,
    Login,
    Logout,
    MessageArrived,
    MessageKind,
    Ready,
    Reset,
    RoomChanged,
    Scan,
)
from texts.catalogue import say

# What gateways send is the numbering of their TypeScript side, not that of the generated Python enum.
_MESSAGE_KINDS: Mapping[int, MessageKind] = {
    1: MessageKind.FILE,
    2: MessageKind.AUDIO,
    3: MessageKind.CARD,
    4: MessageKind.CHAT_HISTORY,
    5: MessageKind.EMOTICON,
    6: MessageKind.IMAGE,
    7: MessageKind.TEXT,
    8: MessageKind.LOCATION,
    9: MessageKind.MINI_PROGRAM,
    10: MessageKind.GROUP_NOTE,
    11: MessageKind.TRANSFER,
    12: MessageKind.RED_ENVELOPE,
    13: MessageKind.RECALLED,
    14: MessageKind.LINK,
    15: MessageKind.VIDEO,
}

# How protocol buffers announce them: field 1, a number below 128 in one byte; field 2, a text after its length.
_TYPE_FIELD = 0x08
_PAYLOAD_FIELD = 0x12

_SCAN_STATES: Mapping[int, str] = {1: "cancel", 2: "waiting", 3: "scanned", 4: "confirmed", 5: "timeout"}

_FRIENDSHIP_KINDS: Mapping[int, str] = {1: "confirm", 2: "receive", 3: "verify"}

_SECONDS_END = 100_000_000_000  # year 5138 in seconds, March 1973 in milliseconds
_MILLISECONDS_END = _SECONDS_END * 1000


def message_kind(number: int) -> MessageKind:
    """The kind behind a gateway's number; what nobody knows yet is OTHER."""
    return _MESSAGE_KINDS.get(number, MessageKind.OTHER)


def friendship_kind(number: int) -> str:
    return _FRIENDSHIP_KINDS.get(number, "unknown")


def epoch_ms(moment: float) -> int:
    """Epoch milliseconds from what a gateway calls a timestamp: seconds, milliseconds or microseconds, by size."""
    if moment < _SECONDS_END:
        return int(moment * 1000)
    if moment < _MILLISECONDS_END:
        return int(moment)
    return int(moment / 1000)


def read_event(raw: bytes, redact: Callable[[str], str]) -> GatewayEvent | None:
    """One message of the event stream. None for what doesn't concern us; a Fault for what can't be read.

    `redact` takes secrets out of a text that the gateway wrote.
    """
    try:
        number, said = _type_and_payload(raw)
        if number in _PLAIN:
            return _PLAIN[number]
        read = _READERS.get(number)
        if read is None:
            return None
        event = read(json.loads(said) if said else {})
    except Exception:  # a stranger's bytes: whatever they provoke, the stream must go on
        return Fault(say("gateway.event_garbled", sample=redact(_sample(raw))))
    return Fault(redact(event.text)) if isinstance(event, Fault) else event


def _type_and_payload(raw: bytes) -> tuple[int, str]:
    """The two fields of an event, by hand where they stand as every gateway writes them: a fleet reads thousands a
    second. Raises what betterproto raises for the rest.
    """
    size = len(raw)
    if size > 3 and raw[0] == _TYPE_FIELD and raw[1] < 0x80 and raw[2] == _PAYLOAD_FIELD:
        if raw[3] == size - 4 < 0x80:
            return raw[1], raw[4:].decode()
        if size > 4 and raw[3] >= 0x80 and raw[4] < 0x80 and raw[3] & 0x7F | raw[4] << 7 == size - 5:
            return raw[1], raw[5:].decode()
    response = EventResponse().parse(raw)
    return int(response.type), response.payload


def _sample(raw: bytes) -> str:
    return ascii(raw[:60])


def _id(payload: Mapping[str, Any], key: str) -> str:
    """A required id. Raises KeyError, ValueError."""
    value = payload[key]
    if not isinstance(value, str) or not value:
        raise ValueError(key)
    return value


def _ids(payload: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(one for one in payload.get(key) or () if isinstance(one, str) and one)


def _said(payload: Mapping[str, Any]) -> str:
    return str(payload.get("data") or "")


def _read_scan(payload: Mapping[str, Any]) -> Scan:
    return Scan(_SCAN_STATES.get(payload.get("status", 0), "unknown"), str(payload.get("qrcode") or ""))


def _read_fault(payload: Mapping[str, Any]) -> Fault:
    said = str(payload.get("gerror") or payload.get("data") or "")
    with suppress(ValueError, KeyError, TypeError):  # not every gateway wraps its errors
        said = str(json.loads(said)["message"])
    return Fault(first_line(said))


def _read_room(what: str, contacts_key: str, by_key: str) -> Callable[[Mapping[str, Any]], RoomChanged]:
    def read(payload: Mapping[str, Any]) -> RoomChanged:
        return RoomChanged(
            what=what,
            room=_id(payload, "roomId"),
            contacts=_ids(payload, contacts_key),
            by=str(payload.get(by_key) or ""),
            at_ms=epoch_ms(payload.get("timestamp") or 0),
            text=str(payload.get("newTopic") or ""),
        )

    return read


def _read_invitation(payload: Mapping[str, Any]) -> RoomChanged:
    """Of an invitation only its own id is known; it stands where the room's would."""
    return RoomChanged("invite", _id(payload, "roomInvitationId"), (), "", 0)


def first_line(text: str, limit: int = 200) -> str:
    """The first line of what a gateway said; the rest is usually its stack trace."""
    return text.strip().split("\n", 1)[0].strip()[:limit]


# By the protocol's numbers (3 is the answer to a ding). What these say besides their coming matters to nobody.
_PLAIN: Mapping[int, GatewayEvent] = {1: Heartbeat(), 3: Heartbeat(), 23: Ready()}

# Left out on purpose: 4 post, 27 dirty (we keep no cache that could be).
_READERS: Mapping[int, Callable[[Mapping[str, Any]], GatewayEvent]] = {
    2: lambda payload: MessageArrived(_id(payload, "messageId")),
    16: _read_fault,
    17: lambda payload: FriendshipChanged(_id(payload, "friendshipId")),
    18: _read_invitation,
    19: _read_room("join", "inviteeIdList", "inviterId"),
    20: _read_room("leave", "removeeIdList", "removerId"),
    21: _read_room("topic", "", "changerId"),
    22: _read_scan,
    24: lambda payload: Reset(_said(payload)),
    25: lambda payload: Login(_id(payload, "contactId")),
    26: lambda payload: Logout(_said(payload)),
}
