"""The unary calls of the puppet protocol: what each asks of the world, and how it answers."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from wechaty_grpc.wechaty import puppet

from simulator.errors import NoSuchThing, NotLoggedIn, Refusal
from simulator.messages import Kind
from simulator.photos import photo_box
from simulator.world import World

VERSION = "1.19.9"
"""The protocol's release whose behaviour is played; see the notes on gateways in the docs."""

_CONFIRM, _RECEIVE = 1, 2
_PERSONAL, _OFFICIAL = 1, 2

SENDS = frozenset(
    {"MessageSendText", "MessageSendContact", "MessageSendUrl", "MessageSendFile", "MessageSendFileStream",
     "MessageSendMiniProgram"}
)  # fmt: skip


class Seat(Protocol):
    """What a call knows of the gateway that answers it."""

    world: World
    account: str
    starts: int

    def tell(self, event: str, payload: dict[str, Any]) -> None: ...
    def payload_lost(self, id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One unary call. `answer(gateway, request)` returns the response or raises a class of `simulator.errors`."""

    request: type[Any]
    response: type[Any]
    answer: Callable[[Seat, Any], Any]


# --- the session ----------------------------------------------------------------------------------------------------


def _start(gateway: Seat, request: Any) -> Any:
    gateway.starts += 1
    me = gateway.world.accounts[gateway.account]
    if not me.logged_in and me.session:
        gateway.world.log_in(gateway.account)
    elif not me.logged_in:
        gateway.world.show_code(gateway.account, login_code(gateway))
    return puppet.StartResponse()


def login_code(gateway: Seat) -> str:
    """The text of the QR code that logs this account in."""
    return f"http://weixin.qq.com/x/sim-{gateway.account}-{gateway.starts}"


def _stop(gateway: Seat, request: Any) -> Any:
    gateway.starts += 1
    gateway.world.log_out(gateway.account, "the gateway was stopped", keeps_session=True)
    return puppet.StopResponse()


def _log_out(gateway: Seat, request: Any) -> Any:
    gateway.world.log_out(gateway.account, "logged out on request")
    return puppet.LogoutResponse()


def _ding(gateway: Seat, request: Any) -> Any:
    gateway.tell("dong", {"data": request.data})
    return puppet.DingResponse()


# --- contacts and friendships ---------------------------------------------------------------------------------------


def _need_login(gateway: Seat) -> Any:
    me = gateway.world.accounts[gateway.account]
    if not me.logged_in:
        raise NotLoggedIn(f"{gateway.account} is not logged in")
    return me


def _contact_list(gateway: Seat, request: Any) -> Any:
    return puppet.ContactListResponse(ids=["filehelper", *_need_login(gateway).friends.ids()])


def _contact_payload(gateway: Seat, request: Any) -> Any:
    _need_login(gateway)
    if not request.id:
        raise NoSuchThing("no contact without an id")
    seen = gateway.world.profile(gateway.account, request.id)
    return puppet.ContactPayloadResponse(
        id=seen.contact,
        name=seen.nickname,
        signature=seen.signature,
        alias=seen.alias,
        city=seen.city,
        friend=seen.friend,
        type=_OFFICIAL if seen.official else _PERSONAL,
    )


def _self_qr_code(gateway: Seat, request: Any) -> Any:
    me = _need_login(gateway)
    return puppet.ContactSelfQrCodeResponse(qrcode=f"https://u.wechat.com/{me.contact}")


def _self_name(gateway: Seat, request: Any) -> Any:
    gateway.world.set_profile(gateway.account, name=request.name)
    return puppet.ContactSelfNameResponse()


def _self_signature(gateway: Seat, request: Any) -> Any:
    gateway.world.set_profile(gateway.account, signature=request.signature)
    return puppet.ContactSelfSignatureResponse()


def _friendship_payload(gateway: Seat, request: Any) -> Any:
    found = gateway.world.friendship(gateway.account, request.id)
    return puppet.FriendshipPayloadResponse(
        id=found.id,
        contact_id=found.contact,
        hello=found.hello,
        type=_RECEIVE if found.asks else _CONFIRM,
        ticket=found.ticket,
        scene=found.scene,
    )


def _friendship_accept(gateway: Seat, request: Any) -> Any:
    gateway.world.accept(gateway.account, request.id)
    return puppet.FriendshipAcceptResponse()


# --- messages -------------------------------------------------------------------------------------------------------


def _message_payload(gateway: Seat, request: Any) -> Any:
    if gateway.payload_lost(request.id):
        raise NoSuchThing(f"message {request.id}: payload not found")
    message = gateway.world.message(gateway.account, request.id)
    in_seconds = gateway.world.accounts[gateway.account].plan.times_in_seconds
    return puppet.MessagePayloadResponse(
        id=message.id,
        text="" if message.kind is Kind.CARD else message.text,
        timestamp=message.at_ms // 1000 if in_seconds else message.at_ms,
        type=int(message.kind),
        from_id=message.talker,
        to_id=message.listener,
        room_id=message.room,
        mention_ids=list(message.mentions),
    )


def _message_contact(gateway: Seat, request: Any) -> Any:
    message = gateway.world.message(gateway.account, request.id)
    if message.kind is not Kind.CARD:
        raise Refusal(f"message {request.id} is no card")
    return puppet.MessageContactResponse(id=message.text)


def _message_image(gateway: Seat, request: Any) -> Any:
    message = gateway.world.message(gateway.account, request.id)
    if message.kind is not Kind.IMAGE:
        raise Refusal(f"message {request.id} is no picture")
    return puppet.MessageImageResponse(filebox=photo_box(message.id))


def _message_url(gateway: Seat, request: Any) -> Any:
    message = gateway.world.message(gateway.account, request.id)
    if message.kind is not Kind.LINK:
        raise Refusal(f"message {request.id} is no link")
    return puppet.MessageUrlResponse(url_link=message.text)


def _send_text(gateway: Seat, request: Any) -> Any:
    sent = gateway.world.send(
        gateway.account, request.conversation_id, Kind.TEXT, request.text, mentions=tuple(request.mentonal_ids)
    )
    return puppet.MessageSendTextResponse(id=sent.id)


def _send_contact(gateway: Seat, request: Any) -> Any:
    sent = gateway.world.send(gateway.account, request.conversation_id, Kind.CARD, request.contact_id)
    return puppet.MessageSendContactResponse(id=sent.id)


def _send_url(gateway: Seat, request: Any) -> Any:
    _read_json(request.url_link, "link")
    sent = gateway.world.send(gateway.account, request.conversation_id, Kind.LINK, request.url_link)
    return puppet.MessageSendUrlResponse(id=sent.id)


def _send_mini_program(gateway: Seat, request: Any) -> Any:
    _read_json(request.mini_program, "mini program")
    sent = gateway.world.send(gateway.account, request.conversation_id, Kind.MINI_PROGRAM, request.mini_program)
    return puppet.MessageSendMiniProgramResponse(id=sent.id)


def _send_file(gateway: Seat, request: Any) -> Any:
    name = str(_read_json(request.filebox, "file box").get("name") or "")
    sent = gateway.world.send(gateway.account, request.conversation_id, file_kind(name), name)
    return puppet.MessageSendFileResponse(id=sent.id)


def answer_file_stream(gateway: Seat, parts: Sequence[Any]) -> Any:
    """A file sent in pieces: the conversation first, then its name and its bytes."""
    to = "".join(part.conversation_id for part in parts)
    name = "".join(part.file_box_chunk.name for part in parts)
    size = sum(len(part.file_box_chunk.data) for part in parts)
    if not to or not name or not size:
        raise Refusal("a file needs a conversation, a name and its bytes")
    sent = gateway.world.send(gateway.account, to, file_kind(name), name)
    return puppet.MessageSendFileStreamResponse(id=sent.id)


def _recall(gateway: Seat, request: Any) -> Any:
    return puppet.MessageRecallResponse(success=gateway.world.recall(gateway.account, request.id))


def file_kind(name: str) -> Kind:
    """Pictures and films show themselves; all else is a file."""
    ending = name.rpartition(".")[2].lower()
    if ending in ("jpg", "jpeg", "png", "gif", "webp", "bmp"):
        return Kind.IMAGE
    return Kind.VIDEO if ending in ("mp4", "mov") else Kind.FILE


def _read_json(text: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Refusal(f"this {what} is no JSON") from error
    if not isinstance(found, dict):
        raise Refusal(f"this {what} is no JSON object")
    return found


# --- rooms ----------------------------------------------------------------------------------------------------------


def _room_list(gateway: Seat, request: Any) -> Any:
    _need_login(gateway)
    return puppet.RoomListResponse(ids=gateway.world.rooms.of(gateway.account))


def _room_payload(gateway: Seat, request: Any) -> Any:
    members = gateway.world.rooms.members(request.id)
    return puppet.RoomPayloadResponse(
        id=request.id, topic=gateway.world.rooms.topic(request.id), owner_id=members[0], member_ids=members
    )


def _room_member_list(gateway: Seat, request: Any) -> Any:
    return puppet.RoomMemberListResponse(member_ids=gateway.world.rooms.members(request.id))


def _room_member_payload(gateway: Seat, request: Any) -> Any:
    if request.member_id not in gateway.world.rooms.members(request.id):
        raise NoSuchThing(f"{request.member_id} is not in {request.id}")
    name = gateway.world.profile(gateway.account, request.member_id).nickname
    return puppet.RoomMemberPayloadResponse(id=request.member_id, name=name)


CALLS = {
    "Start": Call(puppet.StartRequest, puppet.StartResponse, _start),
    "Stop": Call(puppet.StopRequest, puppet.StopResponse, _stop),
    "Logout": Call(puppet.LogoutRequest, puppet.LogoutResponse, _log_out),
    "Ding": Call(puppet.DingRequest, puppet.DingResponse, _ding),
    "Version": Call(puppet.VersionRequest, puppet.VersionResponse, lambda *_: puppet.VersionResponse(version=VERSION)),
    "DirtyPayload": Call(
        puppet.DirtyPayloadRequest, puppet.DirtyPayloadResponse, lambda *_: puppet.DirtyPayloadResponse()
    ),
    "ContactList": Call(puppet.ContactListRequest, puppet.ContactListResponse, _contact_list),
    "ContactPayload": Call(puppet.ContactPayloadRequest, puppet.ContactPayloadResponse, _contact_payload),
    "ContactSelfQRCode": Call(puppet.ContactSelfQrCodeRequest, puppet.ContactSelfQrCodeResponse, _self_qr_code),
    "ContactSelfName": Call(puppet.ContactSelfNameRequest, puppet.ContactSelfNameResponse, _self_name),
    "ContactSelfSignature": Call(
        puppet.ContactSelfSignatureRequest, puppet.ContactSelfSignatureResponse, _self_signature
    ),
    "FriendshipPayload": Call(puppet.FriendshipPayloadRequest, puppet.FriendshipPayloadResponse, _friendship_payload),
    "FriendshipAccept": Call(puppet.FriendshipAcceptRequest, puppet.FriendshipAcceptResponse, _friendship_accept),
    "MessagePayload": Call(puppet.MessagePayloadRequest, puppet.MessagePayloadResponse, _message_payload),
    "MessageContact": Call(puppet.MessageContactRequest, puppet.MessageContactResponse, _message_contact),
    "MessageImage": Call(puppet.MessageImageRequest, puppet.MessageImageResponse, _message_image),
    "MessageUrl": Call(puppet.MessageUrlRequest, puppet.MessageUrlResponse, _message_url),
    "MessageRecall": Call(puppet.MessageRecallRequest, puppet.MessageRecallResponse, _recall),
    "MessageSendText": Call(puppet.MessageSendTextRequest, puppet.MessageSendTextResponse, _send_text),
    "MessageSendContact": Call(puppet.MessageSendContactRequest, puppet.MessageSendContactResponse, _send_contact),
    "MessageSendUrl": Call(puppet.MessageSendUrlRequest, puppet.MessageSendUrlResponse, _send_url),
    "MessageSendMiniProgram": Call(
        puppet.MessageSendMiniProgramRequest, puppet.MessageSendMiniProgramResponse, _send_mini_program
    ),
    "MessageSendFile": Call(puppet.MessageSendFileRequest, puppet.MessageSendFileResponse, _send_file),
    "RoomList": Call(puppet.RoomListRequest, puppet.RoomListResponse, _room_list),
    "RoomPayload": Call(puppet.RoomPayloadRequest, puppet.RoomPayloadResponse, _room_payload),
    "RoomMemberList": Call(puppet.RoomMemberListRequest, puppet.RoomMemberListResponse, _room_member_list),
    "RoomMemberPayload": Call(puppet.RoomMemberPayloadRequest, puppet.RoomMemberPayloadResponse, _room_member_payload),
}
