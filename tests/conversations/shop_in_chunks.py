"""A small shop whose arrivals come in chunks, for tests: its friends, its staff, and what it was asked."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.chunks import LATE_MS, Chunks, ReadAhead, Waiting
from bots.gateway import Message, MessageKind
from bots.payloads import message_payload
from conversations.arrivals import StaffMessage, Stranger
from conversations.handover import give_back, take_over
from conversations.intake import Intake
from storage.engine import Database
from storage.inbox import NewArrival, Received, record
from storage.order_tables import Order
from storage.staff_tables import StaffMember
from storage.tables import Friendship, Setting
from tests.conversations.shop import ACCOUNTS, NOW_MS, befriend, open_shop, voices
from tests.virtual_time import VirtualClock

FRIENDS = [(account, f"wxid_c{number}") for number in range(6) for account in ("lin-1", "lin-2")[: 1 + number % 2]]
ORDERS = ("1234567890123456789", "1234567890123450000")
HANDED_OVER = ("你们老板娘结婚了吗", "我要投诉", "找人工客服")


async def _command(tx: AsyncConnection, message: StaffMessage) -> str:
    """/接手 花花, /归还 花花: the conversation of one customer at lin-1, whose contact stands for the name."""
    verb, _, contact = message.text.partition(" ")
    talk = select(Friendship.id).where(Friendship.account == "lin-1", Friendship.contact == contact)
    friendship = (await tx.scalars(talk)).one()
    if verb == "/接手":
        await take_over(tx, friendship, message.staff, message.at_ms)
    else:
        await give_back(tx, friendship, message.staff, message.at_ms)
    return "command"


async def _no_code(tx: AsyncConnection, stranger: Stranger) -> bool:
    return False


async def _request(tx: AsyncConnection, received: Received, now_ms: int) -> str:
    return "requested"


class Shop:
    """The conversation of a shop whose arrivals come in chunks; counts what the handler was asked."""

    def __init__(self, db: Database, read: ReadAhead) -> None:
        self.db = db
        self.clock = VirtualClock()
        intake = Intake(voices(), on_command=_command, on_stranger=_no_code, on_friendship=_request)
        self.handle: Callable[..., Any] = intake.handle
        self.chunks = Chunks(db, self.clock, self._handle, read)
        self.alone = 0
        self.dealt: list[int] = []
        self._heard = count()

    async def _handle(self, tx: AsyncConnection, received: Received, now_ms: int, late: bool = False) -> str | None:
        outcome: str | None = await self.handle(tx, received, now_ms, late)
        self.alone += type(tx) is AsyncConnection
        self.dealt.append(received.id)
        return outcome

    async def hear(
        self, said: Sequence[tuple[str, str, str]], *, guarded: bool = False, late: int = 0, turns: Sequence[int] = ()
    ) -> list[Waiting]:
        """(account, who, words) in one chunk, and more where time was up. Returns who is to be asked again.

        The first `late` of them came long ago. `turns`: the order in which they are handled, by their ids.
        """
        async with self.db.write() as tx:
            new = [
                NewArrival(account, f"message:{number}", "message",
                           self.clock.now_ms() - (LATE_MS + 1 if place < late else 0),
                           _message(f"m{number}", account, who, words))
                for place, (number, (account, who, words)) in enumerate(zip(self._heard, said, strict=False))
            ]  # fmt: skip
            rows = await record(tx, new)
        if turns:
            rows.sort(key=lambda row: turns.index(row.id))
        left, again = [Waiting(row, 0) for row in rows], list[Waiting]()
        while left:
            dealt = await self.chunks.handle(left, guarded=guarded, blocked=set(), released=())
            left = dealt.left
            again += dealt.again
        return again


def _message(id: str, account: str, who: str, words: str) -> dict[str, Any]:
    own = f"wxid_self_{ACCOUNTS.index(account)}"
    talker, listener = (own, who[1:]) if who.startswith("→") else (who, own)
    kind = MessageKind.IMAGE if words == "[图片]" else MessageKind.TEXT
    return message_payload(Message(id, kind, words, talker, listener, "", NOW_MS))


async def furnish(db: Database) -> None:
    """Three of the staff share the work by their load, one of them at lin-2 only."""
    await open_shop(db)
    async with db.write() as tx:
        await tx.execute(update(StaffMember).where(StaffMember.id == "fan").values(role="service"))
        await tx.execute(insert(StaffMember).values(id="ming", name="小明", role="service", accounts=["lin-2"]))
        await tx.execute(insert(Setting).values(key="do_not_contact_key", value="00" * 32, changed_ms=0))
        for number, (account, contact) in enumerate(FRIENDS):
            bought = {"orders": 2, "level": "VIP1"} if number % 3 == 0 else {}
            await befriend(tx, account, contact, f"客{contact[-1]}", **bought)
        for order in ORDERS:
            await tx.execute(insert(Order).values(
                number=order, member_name="hua88", status="交易成功", paid_fen=9900, created_ms=NOW_MS, paid_ms=NOW_MS,
                batch=1,
            ))  # fmt: skip
