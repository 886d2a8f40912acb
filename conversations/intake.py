"""Everything that reached an account and must be acted upon. One arrival, one transaction, all its effects.

Who spoke decides the road: ourselves (receipt, or a hand on the phone), a sibling (never answered), staff (commands),
a customer. Rooms are silent but for the staff room, which one account, the desk, hears, and for ponds
(`conversations.ponds`).
"""

import re
from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import Message, MessageKind
from bots.payloads import message_of, room_of
from conversations.answers import Ask, nobody_to_ask
from conversations.arrivals import StaffMessage, Stranger
from conversations.customer import CustomerTalk
from conversations.intents import Wish, wish_of
from conversations.own_words import own_words
from conversations.phone import own_message
from conversations.ponds import PondTalk
from conversations.products import NO_PRODUCTS, Products
from conversations.speaking import Voices
from conversations.talkers import Known, Talker, staff_room, who_is
from scheduler.moments.materials import Source, keep_picture
from scheduler.ponds.ponds import pond_in
from storage.inbox import Received

PREFIXES = ("/", "#", "＃", "／")
"""How a command begins."""

_MENTION = re.compile(r"^(?:@[^\s/#＃／]{1,30}\s+)+")
_A_NUMBER = re.compile(r"\s*[0-9]{1,15}\s*")
"""Staff choose from a list that they were just shown; without one it is no command."""
_UNSEEN = re.compile(r"[\u200b-\u200f\u2060\ufeff]")
"""Signs without a width that phones put around a mention."""

OnCommand = Callable[[AsyncConnection, StaffMessage], Awaitable[str]]
"""A staff member commands; returns the outcome in a word."""
OnStranger = Callable[[AsyncConnection, Stranger], Awaitable[bool]]
"""Were these words an invitation code, and is the sender staff now?"""
OnFriendship = Callable[[AsyncConnection, Received, int], Awaitable[str]]
"""(tx, received, now_ms): somebody asks to be a friend, or has become one; returns the outcome in a word."""

OnRoomCode = Callable[[AsyncConnection, str, str, str, int], Awaitable[bool]]
"""(tx, text, room, account, now_ms): was it a code by which staff say which group this room is?"""


class Intake:
    """The handler that the root hands to the fleet."""

    def __init__(
        self,
        voices: Voices,
        *,
        on_command: OnCommand,
        on_stranger: OnStranger,
        on_friendship: OnFriendship,
        products: Products = NO_PRODUCTS,
        ask: Ask = nobody_to_ask,
        on_room_code: OnRoomCode | None = None,
    ) -> None:
        self._customers = CustomerTalk(voices, products, ask)
        self._on_command = on_command
        self._on_stranger = on_stranger
        self._on_friendship = on_friendship
        self._on_room_code = on_room_code
        self._ponds = PondTalk(voices)

    async def handle(self, tx: AsyncConnection, received: Received, now_ms: int, late: bool = False) -> str | None:
        """Act upon one arrival; the outcome in a word, None for "not yet, ask again".

        `late`: it waited for more than ten minutes. Then an opt-out still binds, the rest goes to a person.
        """
        if received.kind == "friendship":
            return await self._on_friendship(tx, received, now_ms)
        if received.kind == "room":
            return "ignored" if late else await self._ponds.changed(tx, room_of(received.payload), now_ms)
        if received.kind != "message":
            return "ignored"
        return await self._message(tx, received, message_of(received.payload), now_ms, late)

    async def _message(
        self, tx: AsyncConnection, received: Received, message: Message, now_ms: int, late: bool
    ) -> str | None:
        account = received.account
        known = await who_is(tx, account, message.talker)
        if known.talker is Talker.OURSELVES:
            return await own_message(tx, account, message, received_ms=received.received_ms, now_ms=now_ms)
        if known.talker is Talker.SIBLING:
            return "ignored"
        if message.room:
            return await self._in_a_room(tx, received, message, known, now_ms, late)
        if known.talker is Talker.STAFF:
            return await self._from_staff(tx, received, message, known, now_ms, late)
        if message.kind is MessageKind.TEXT and not late:
            stranger = Stranger(received.id, account, message.talker, message.text, now_ms)
            if await self._on_stranger(tx, stranger):
                return "joined"
        return await self._customers.hear(tx, account, message, received.id, now_ms, late=late)

    async def _in_a_room(
        self, tx: AsyncConnection, received: Received, message: Message, known: Known, now_ms: int, late: bool
    ) -> str:
        """Only the desk hears staff in the staff room; elsewhere those who say which room it is. In a pond customers
        are heard, and no command is ever answered before them.
        """
        account = received.account
        if known.talker is not Talker.STAFF:
            return await self._ponds.said(tx, message, arrival=received.id, account=account, now_ms=now_ms, late=late)
        if self._on_room_code and not late:
            text = without_mention(message.text)
            if await self._on_room_code(tx, text, message.room, account, now_ms):
                return "bound"
        here = await staff_room(tx)
        if (here.desk and here.desk != account) or await pond_in(tx, message.room) is not None:
            return "ignored"
        return await self._from_staff(tx, received, message, known, now_ms, late)

    async def _from_staff(
        self, tx: AsyncConnection, received: Received, message: Message, known: Known, now_ms: int, late: bool
    ) -> str:
        if message.kind is MessageKind.IMAGE:
            return await _picture_of_staff(tx, received, message, known, now_ms)
        text = without_mention(message.text)
        if message.kind is not MessageKind.TEXT or not is_command(text):
            return "ignored"
        words = StaffMessage(
            arrival=received.id,
            account=received.account,
            staff=known.staff,
            contact=message.talker,
            room=message.room,
            text=text,
            at_ms=now_ms,
            late=late,
        )
        return await self._on_command(tx, words)


async def _picture_of_staff(
    tx: AsyncConnection, received: Received, message: Message, known: Known, now_ms: int
) -> str:
    """Into the library: /发圈 takes what was sent before it, /素材 添加 says whose it is."""
    by = f"staff:{known.staff}"
    await keep_picture(tx, account=received.account, message=message.id, source=Source.STAFF, by=by, now_ms=now_ms)
    return "material"


def is_command(text: str) -> bool:
    """Does staff command with these words, without the mention? Perhaps by the number of a choice."""
    return text.startswith(PREFIXES) or _A_NUMBER.fullmatch(text) is not None


def is_urgent(received: Received, *, stops_everything: Callable[[str], bool]) -> bool:
    """Must it not wait behind other conversations? An opt-out, even a doubtful one, and the 全停 of staff.

    By its words alone, without the database: who speaks is looked at when it is handled.
    """
    if received.kind != "message":
        return False
    message = message_of(received.payload)
    if message.kind is not MessageKind.TEXT:
        return False
    text = without_mention(message.text)
    if text.startswith(PREFIXES):
        return stops_everything(text)
    return not message.room and wish_of(own_words(text).text) in (Wish.OPT_OUT, Wish.UNCLEAR)


def without_mention(text: str) -> str:
    """What was said to the bot: in a room people begin with its name, "@小鱼 /状态"."""
    return _MENTION.sub("", _UNSEEN.sub("", text).lstrip())
