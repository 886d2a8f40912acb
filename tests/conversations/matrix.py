"""A matrix for tests of moves: acquisition, sales and training, who know each other, and people who write to them."""

from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.friends import Friends
from bots.gateway import Friendship as FriendshipEvent
from conversations.intake import Intake
from conversations.moving import Moving
from conversations.speaking import Voices
from conversations.welcome import Welcome
from personas.book import Book
from personas.model import Shop
from rules.limits import Limits
from storage.engine import Database
from storage.inbox import Received
from storage.move_tables import Move
from storage.tables import Account, Delivery, Friendship, Person
from tests.conversations.shop import DAY_MS, NOW_MS, PERSONA, Post

PERSONAS = {"lin": "小林", "xiaoyu": "小鱼", "suye": "苏叶", "qin": "秦老师"}
ROLES = {
    "xiaoyu-1": ("xiaoyu", "acquisition", None),
    "xiaoyu-2": ("xiaoyu", "acquisition", None),
    "lin-1": ("lin", "sales", None),
    "lin-2": ("lin-mirror", "sales", "lin-1"),
    "suye-1": ("suye", "sales", None),
    "qin-1": ("qin", "training", None),
}
"""By account: persona, role, whose mirror."""


def voices() -> Voices:
    written = {id: PERSONA.model_copy(update={"id": id, "name": name}) for id, name in PERSONAS.items()}
    written["lin-mirror"] = written["lin"].model_copy(update={"id": "lin-mirror", "mirror_of": "lin"})
    return Voices(Book(written, written), Shop(name="小林的衣橱", brand="XL", contact="400-000-0000"))


def contact_of(account: str) -> str:
    return f"wxid_{account}"


async def open_matrix(db: Database, **friends_listed: int) -> None:
    """All accounts online, friends of each other, with ten friends or as many as `friends_listed` (lin_1=…) says."""
    async with db.write() as tx:
        for account, (persona, role, source) in ROLES.items():
            await tx.execute(insert(Account).values(
                id=account, persona=persona, role=role, mirror_of=source, time_zone="Asia/Shanghai", state="online",
                limits=Limits().model_dump(mode="json"), holder="mei", self_contact=contact_of(account),
                friends_listed=friends_listed.get(account.replace("-", "_"), 10), first_sync_done_ms=0,
            ))  # fmt: skip
        for account in ROLES:
            own = (await tx.execute(insert(Person).values(kind="own", created_ms=0).returning(Person.id))).scalar_one()
            for other in ROLES:
                if other != account:
                    row = {"account": other, "contact": contact_of(account), "person": own, "since_ms": 0}
                    await tx.execute(insert(Friendship).values(row))


async def friend(tx: AsyncConnection, contact: str, *accounts: str, **person: Any) -> int:
    """Somebody who is a friend of these accounts since a month ago."""
    values = {"name": contact, "created_ms": 0, **person}
    who = (await tx.execute(insert(Person).values(values).returning(Person.id))).scalar_one()
    for account in accounts:
        row = {"account": account, "contact": contact, "person": who, "nickname": "花花"}
        await tx.execute(insert(Friendship).values(**row, since_ms=NOW_MS - 30 * DAY_MS))
    return who


class Matrix:
    """The intake and the steps of one process on `db`."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.moving = Moving(voices())
        self._friends = Friends((), Welcome(voices()))
        self._post = Post(db, Intake(voices(), on_command=_nobody, on_stranger=_never, on_friendship=self._friendship))
        self._events = 0

    def restart(self) -> None:
        """A process that begins anew remembers nothing of how far it had looked."""
        self.moving = Moving(voices())

    async def says(self, contact: str, account: str, text: str, now_ms: int = NOW_MS) -> str | None:
        return await self._post.bring(
            text, account=account, talker=contact, listener=contact_of(account), now_ms=now_ms
        )

    async def look(self, now_ms: int = NOW_MS) -> None:
        """The planner's tick, as often as there is something due; a handful of times at most."""
        for _ in range(5):
            async with self.db.read() as connection:
                if not await self.moving.due(connection, now_ms):
                    return
            async with self.db.write() as tx:
                await self.moving.act(tx, now_ms)

    async def joins(self, contact: str, account: str, now_ms: int) -> None:
        """They asked the account to be a friend, and it was confirmed."""
        self._events += 1
        event = FriendshipEvent(f"f{self._events}", "confirm", contact, "", 3, "", "花花")
        async with self.db.write() as tx:
            await self._friends.friendship_arrived(tx, account, event, now_ms)

    async def send_all(self, now_ms: int) -> None:
        """The courier took all that is due."""
        async with self.db.write() as tx:
            await tx.execute(
                update(Delivery)
                .where(Delivery.state == "pending", Delivery.due_ms <= now_ms)
                .values(state="accepted", sent_ms=now_ms, settled_ms=now_ms)
            )

    async def moves(self) -> list[Any]:
        async with self.db.read() as connection:
            return list((await connection.execute(select(Move.__table__).order_by(Move.id))).all())

    async def cards(self) -> list[tuple[str, str, str]]:
        """(account, to whom, whose card) of every card that was planned and not skipped."""
        query = select(Delivery.account, Delivery.to, Delivery.content).where(
            Delivery.key.like("move:%:card"), Delivery.state != "skipped"
        )
        async with self.db.read() as connection:
            rows = (await connection.execute(query.order_by(Delivery.id))).all()
        return [(row.account, row.to, row.content["card"]) for row in rows]

    async def _friendship(self, tx: AsyncConnection, received: Received, now_ms: int) -> str:
        raise AssertionError("friendships come by joins()")


async def _nobody(tx: AsyncConnection, message: Any) -> str:
    return "ignored"


async def _never(tx: AsyncConnection, stranger: Any) -> bool:
    return False
