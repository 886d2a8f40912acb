"""What a gateway says as plain JSON for the inbox, and back."""

from collections.abc import Mapping
from typing import Any

from bots.gateway import Contact, Friendship, Message, MessageKind, RoomChanged

_NUL = "\x00"  # PostgreSQL keeps no such character; nobody misses it
LONGEST_TEXT = 20_000
"""Characters of what somebody typed that are read. WeChat itself takes 16 KiB; what gateways let through is their
matter, and whoever reads a book searches it for everybody else's time. Ours.
"""


def message_payload(message: Message) -> dict[str, Any]:
    text = message.text.replace(_NUL, "")
    return {
        "id": message.id,
        "kind": message.kind.value,
        "text": text[:LONGEST_TEXT] if message.kind is MessageKind.TEXT else text,
        "talker": message.talker,
        "listener": message.listener,
        "room": message.room,
        "sent_ms": message.sent_ms,
        "mentions": list(message.mentions),
    }


def message_of(payload: Mapping[str, Any]) -> Message:
    """The message that `message_payload` wrote down."""
    return Message(
        id=payload["id"],
        kind=MessageKind(payload["kind"]),
        text=payload["text"],
        talker=payload["talker"],
        listener=payload["listener"],
        room=payload["room"],
        sent_ms=payload["sent_ms"],
        mentions=tuple(payload["mentions"]),
    )


def friendship_payload(friendship: Friendship, contact: Contact | None) -> dict[str, Any]:
    """`contact` gives name and alias where it could be fetched: a welcome is by name."""
    return {
        "id": friendship.id,
        "kind": friendship.kind,
        "contact": friendship.contact,
        "hello": friendship.hello.replace(_NUL, ""),
        "scene": friendship.scene,
        "ticket": friendship.ticket,
        "name": contact.name.replace(_NUL, "") if contact else "",
        "alias": contact.alias.replace(_NUL, "") if contact else "",
    }


def friendship_of(payload: Mapping[str, Any]) -> Friendship:
    """The friendship that `friendship_payload` wrote down."""
    return Friendship(
        id=payload["id"],
        kind=payload["kind"],
        contact=payload["contact"],
        hello=payload["hello"],
        scene=payload["scene"],
        ticket=payload["ticket"],
        name=payload["name"],
        alias=payload["alias"],
    )


def room_payload(change: RoomChanged) -> dict[str, Any]:
    return {
        "what": change.what,
        "room": change.room,
        "contacts": list(change.contacts),
        "by": change.by,
        "at_ms": change.at_ms,
        "text": change.text.replace(_NUL, ""),
    }


def room_of(payload: Mapping[str, Any]) -> RoomChanged:
    """The change that `room_payload` wrote down."""
    return RoomChanged(
        what=payload["what"],
        room=payload["room"],
        contacts=tuple(payload["contacts"]),
        by=payload["by"],
        at_ms=payload["at_ms"],
        text=payload["text"],
    )


def conversation_of(kind: str, payload: Mapping[str, Any]) -> str:
    """Which conversation of the account an arrival belongs to: order matters within one only."""
    if kind == "message":
        return payload["room"] or "|".join(sorted((payload["talker"], payload["listener"])))
    return str(payload.get("room") or payload.get("contact") or "")
