"""Channels switch to who has room, once, and staff hear of it."""

from typing import Any

from sqlalchemy import insert, select, update

from bots.channel_pools import ChannelPools, show, shown_now
from customers.channels.channels import ChannelConfig
from rules.limits import Limits
from storage.engine import Database
from storage.fleet_tables import Repair
from storage.tables import Account, Delivery, Setting

MINUTE_MS = 60_000
CHANNEL = ChannelConfig(code="live", name="直播", accounts=["yu", "hua"])


async def _accounts(db: Database, **friends: int | None) -> None:
    limits = Limits().model_dump(mode="json")
    rows: list[dict[str, Any]] = [
        {
            "id": id, "persona": "p", "role": "acquisition", "time_zone": "Asia/Shanghai", "limits": limits,
            "opened_ms": 0, "state": "online", "friends_listed": number,
        }
        for id, number in friends.items()
    ]  # fmt: skip
    async with db.write() as tx:
        await tx.execute(insert(Account), rows)
        staff_room = {"staff_room": "room", "desk": "yu"}
        await tx.execute(insert(Setting), [{"key": k, "value": v, "changed_ms": 0} for k, v in staff_room.items()])


async def _listed(db: Database, **friends: int) -> None:
    async with db.write() as tx:
        for id, number in friends.items():
            await tx.execute(update(Account).where(Account.id == id).values(friends_listed=number))


async def _tick(db: Database, pools: ChannelPools, minute: int) -> bool:
    async with db.read() as connection:
        due = await pools.somebody_does_better(connection, minute * MINUTE_MS)
    if due:
        async with db.write() as tx:
            await pools.switch(tx, minute * MINUTE_MS)
    return due


async def _told(db: Database) -> list[str]:
    async with db.read() as connection:
        return [row["text"] for row in await connection.scalars(select(Delivery.content).order_by(Delivery.id))]


async def _shows(db: Database) -> Any:
    async with db.read() as connection:
        shown = (await shown_now(connection)).get("live")
        return shown and (shown.account, shown.why)


async def test_a_channel_moves_on_when_its_account_is_full_and_says_when_all_are(database: Database) -> None:
    await _accounts(database, yu=2_000, hua=None)
    pools = ChannelPools([CHANNEL])
    assert await _tick(database, pools, 1)
    assert (await _shows(database), await _told(database)) == (("yu", "room"), [])
    await _listed(database, yu=2_700, hua=10)
    assert not await _tick(database, pools, 1)  # looked a moment ago
    assert await _tick(database, pools, 2)
    assert await _shows(database) == ("hua", "room")
    assert not await _tick(database, pools, 3)
    assert "换成 hua 的二维码" in (await _told(database))[0]
    await _listed(database, yu=5_000, hua=5_000)
    assert await _tick(database, pools, 4)
    assert await _shows(database) == (None, "full")
    async with database.read() as connection:
        assert (await connection.scalars(select(Repair.key))).all() == ["channel_full:live"]
    assert "都满了" in (await _told(database))[1]
    await _listed(database, yu=100)
    await _tick(database, pools, 5)
    async with database.read() as connection:
        assert (await connection.scalars(select(Repair.key))).all() == []


async def test_before_the_lists_were_counted_nothing_is_chosen(database: Database) -> None:
    await _accounts(database, yu=None, hua=None)
    assert not await _tick(database, ChannelPools([CHANNEL]), 1)
    assert await _shows(database) is None


async def test_what_staff_chose_stays(database: Database) -> None:
    await _accounts(database, yu=2_000, hua=10)
    async with database.write() as tx:
        await show(tx, "live", "yu", "staff", 0)
    await _listed(database, yu=2_699)
    assert not await _tick(database, ChannelPools([CHANNEL]), 1)
    await _listed(database, yu=2_700)
    assert await _tick(database, ChannelPools([CHANNEL]), 2)
    assert await _shows(database) == ("hua", "room")
