"""Our own messages as they come back: the receipt of what we sent, or somebody typing on the phone."""

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import Message, MessageKind
from bots.sync import may_be_person
from conversations.acquaintance import acquaintance, find
from conversations.handover import ON_THE_PHONE, typed_on_the_phone
from conversations.machines import by_wechat_itself
from conversations.talkers import Talker, who_is
from rules.kinds import Kind, gate_of
from storage.outbox import Content, DeliveryState, insert_ignoring
from storage.settling import EchoMatch, match_echo
from storage.tables import Delivery

_LINES_OF_WECHAT = (MessageKind.RECALLED, MessageKind.GROUP_NOTE)
"""What WeChat writes in our name, nobody typed: that a message was taken back, or notes on the conversation."""


async def own_message(
    tx: AsyncConnection, account: str, message: Message, *, received_ms: int, now_ms: int
) -> str | None:
    """What became of a message of our own: 'own', 'takeover'; None while a send to them is still in flight.

    It is compared with what we sent around `received_ms`: however long it waited here, it is no less a receipt.
    """
    if message.kind in _LINES_OF_WECHAT or by_wechat_itself(message):
        return "own"
    to = message.room or message.listener
    match = await match_echo(
        tx,
        account=account,
        to=to,
        kind=message.kind.value,
        words=message.text,
        message_id=message.id,
        at_ms=received_ms,
    )
    if match is EchoMatch.IN_FLIGHT:
        return None
    if match is EchoMatch.MATCHED:
        return "own"
    person = await _taken_over(tx, account, message, now_ms)
    await _record(tx, account, to, message, person, received_ms)
    return "takeover" if person is not None else "own"


async def _taken_over(tx: AsyncConnection, account: str, message: Message, now_ms: int) -> int | None:
    """A customer heard from a person: the bot falls silent there. Returns who they are."""
    if message.room or (await who_is(tx, account, message.listener)).talker is not Talker.CUSTOMER:
        return None
    who = await find(tx, account, message.listener)
    if who is None:
        if not may_be_person(message.listener):
            return None
        who = await acquaintance(tx, account, message.listener, now_ms)  # its list of friends was not read yet
    await typed_on_the_phone(tx, who, now_ms)
    return who.person


async def _record(tx: AsyncConnection, account: str, to: str, message: Message, person: int | None, at_ms: int) -> None:
    """It has left the account already: the row is there so that pacing and the daily limits count it."""
    text = message.text if message.kind is MessageKind.TEXT else f"[{message.kind}]"
    values = {
        "account": account,
        "kind": Kind.STAFF_MESSAGE.value,
        "priority": gate_of(Kind.STAFF_MESSAGE).priority,
        "key": f"phone:{account}:{message.id}",
        "to": to,
        "person": person,
        "content": Content(text=text).as_json(),
        "text": text,
        "source": ON_THE_PHONE,
        "due_ms": at_ms,
        "state": DeliveryState.ACCEPTED.value,
        "created_ms": at_ms,
        "sent_ms": at_ms,
        "settled_ms": at_ms,
        "gateway_id": message.id,
        "echo": message.id,
    }
    await tx.execute(insert_ignoring(tx, Delivery).values(**values))
