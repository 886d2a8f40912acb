"""A small shop for tests: three accounts with one persona, an owner, a customer service, and their friends."""

from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import Message, MessageKind
from bots.payloads import message_payload
from conversations.speaking import Voices
from personas.book import Book
from personas.model import Persona, Shop
from rules.limits import Limits
from storage.engine import Database
from storage.inbox import Received
from storage.staff_tables import StaffContact, StaffMember
from storage.tables import Account, Arrival, Delivery, Friendship, Person, Setting
from tests.virtual_time import START

NOW_MS = round(START.timestamp() * 1000)
DAY_MS = 86_400_000
ACCOUNTS = ("lin-1", "lin-2", "xiaoyu-1")

PERSONA = Persona.model_validate(
    {
        "id": "lin", "kind": "influencer", "audience": "老客", "name": "小林", "portrait": "爱喝咖啡",
        "position": "主理人",
        "voice": {"samples": ["一", "二", "三", "四", "五"]},
        "welcome": "{{ call_me }}你好，我是{{ me }}。{{ disclosure }}",
        "disclosure": "{{ shop }}的{{ position }}，电话{{ contact }}，不想收福利回「退订」",
        "replies": [
            {"name": "shop-name", "keywords": ["店名"], "answers": ["{{ call_me }}，搜{{ search }}"]},
            {"name": "size", "keywords": ["什么码"], "answers": ["身高体重报我，我帮你挑码"]},
            {"name": "angry", "keywords": ["投诉"], "answers": ["对不起，我这就找同事"], "hand_over": True},
        ],
        "templates": {
            "unknown": "我问下同事哈", "hand_over": "同事马上来", "media": "我看看",
            "opted_out": "好的，以后不发福利了",
            "claimed": "找到啦，你是{{ level }}", "claim_unknown": "记下了，查到告诉你",
        },
    }
)  # fmt: skip


def voices() -> Voices:
    book = Book({"lin": PERSONA}, {"lin": PERSONA})
    return Voices(book, Shop(name="小林的衣橱", brand="XL", contact="400-000-0000"))


async def open_shop(db: Database, *, room: str = "") -> None:
    """Accounts, staff (boss: owner, mei: service), and Huahua, a friend of lin-1 and lin-2."""
    async with db.write() as tx:
        for number, account in enumerate(ACCOUNTS):
            await tx.execute(
                insert(Account).values(
                    id=account,
                    persona="lin",
                    role="acquisition" if account == "xiaoyu-1" else "sales",
                    time_zone="Asia/Shanghai",
                    limits=Limits().model_dump(mode="json"),
                    holder="mei",
                    self_contact=f"wxid_self_{number}",
                    state="online",
                )
            )
        for staff, name, role in (("boss", "老板", "owner"), ("mei", "小美", "service"), ("fan", "小范", "operator")):
            await tx.execute(insert(StaffMember).values(id=staff, name=name, role=role, accounts=[]))
            await tx.execute(insert(StaffContact).values(contact=f"wxid_{staff}", staff=staff))
        await befriend(tx, "lin-1", "wxid_hua", "花花🌸")
        await befriend(tx, "lin-2", "wxid_hua", "花花🌸")
        await befriend(tx, "lin-1", "wxid_mei", "小美", kind="staff")
        if room:
            await tx.execute(insert(Setting).values(key="staff_room", value=room, changed_ms=0))
            await tx.execute(insert(Setting).values(key="desk", value="xiaoyu-1", changed_ms=0))


async def befriend(
    tx: AsyncConnection, account: str, contact: str, nickname: str, *, kind: str = "customer", **person: Any
) -> int:
    """A friendship of thirty days. Returns the person."""
    known = await tx.scalar(select(Friendship.person).where(Friendship.contact == contact))
    if known is None:
        made = await tx.execute(
            insert(Person).values(name=nickname, kind=kind, created_ms=NOW_MS - 30 * DAY_MS, **person)
        )
        known = made.inserted_primary_key[0]  # type: ignore[index]
    values = {"account": account, "contact": contact, "person": known, "nickname": nickname}
    await tx.execute(insert(Friendship).values(**values, since_ms=NOW_MS - 30 * DAY_MS))
    return int(known)


class Post:
    """Brings messages to an intake as the fleet does: an inbox row, then the handler in a transaction."""

    def __init__(self, db: Database, intake: Any) -> None:
        self._db = db
        self._intake = intake
        self._count = 0

    async def bring(
        self,
        text: str,
        *,
        account: str = "lin-1",
        talker: str = "wxid_hua",
        listener: str | None = None,
        kind: MessageKind = MessageKind.TEXT,
        room: str = "",
        now_ms: int = NOW_MS,
        late: bool = False,
        id: str = "",
        waited_ms: int = 0,
    ) -> str | None:
        """The outcome, at `now_ms`, of a message that waited `waited_ms` in the inbox."""
        self._count += 1
        message = Message(
            id=id or f"m{self._count}",
            kind=kind,
            text=text,
            talker=talker,
            listener=listener if listener is not None else f"wxid_self_{ACCOUNTS.index(account)}",
            room=room,
            sent_ms=now_ms,
        )
        payload = message_payload(message)
        async with self._db.write() as tx:
            made = await tx.execute(
                insert(Arrival).values(
                    account=account, event=f"message:{message.id}:{self._count}", kind="message", state="fetched",
                    payload=payload, received_ms=now_ms,
                )
            )  # fmt: skip
            row = made.inserted_primary_key[0]  # type: ignore[index]
            received = Received(row, account, f"message:{message.id}", "message", payload, now_ms - waited_ms)
            outcome: str | None = await self._intake.handle(tx, received, now_ms, late)
            await tx.execute(
                update(Arrival).where(Arrival.id == row).values(state="handled", handled_ms=now_ms, outcome=outcome)
            )
        return outcome


async def outbox(db: Database, **where: Any) -> list[Any]:
    """Rows of the outbox in order, narrowed by columns."""
    statement = select(Delivery.__table__).order_by(Delivery.id)
    for column, value in where.items():
        statement = statement.where(getattr(Delivery, column) == value)
    async with db.read() as conn:
        return list((await conn.execute(statement)).all())


async def texts(db: Database, **where: Any) -> list[str]:
    """What the rows of the outbox say."""
    return [row.content["text"] for row in await outbox(db, **where)]


async def row_of(db: Database, table: Any, **where: Any) -> Any:
    """The one row of `table` with these values."""
    statement = select(table.__table__)
    for column, value in where.items():
        statement = statement.where(getattr(table, column) == value)
    async with db.read() as conn:
        return (await conn.execute(statement)).one()


async def count(db: Database, table: Any) -> int:
    async with db.read() as conn:
        return int(await conn.scalar(select(func.count()).select_from(table)) or 0)
