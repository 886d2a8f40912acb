"""Learning an account's friends: unknown ids only, a chunk at a time, resumable, and nobody old is welcomed."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from bots.errors import GatewayUnavailable
from bots.gateway import Contact
from bots.sync import BEFORE_US_MS, CHUNK, FriendSync, Rates
from rules.pacing import DAY_MS
from storage.engine import Database
from storage.staff_tables import StaffContact, StaffMember
from storage.tables import Account, FriendRequest, Friendship, Person
from tests.bots.fleet_world import add_accounts
from tests.bots.scripted_gateway import ScriptedGateway
from tests.virtual_time import VirtualClock

QUICK = Rates(account=1e6, fleet=1e6)


class Library:
    """A sync, its clock, and one account with a scripted gateway."""

    def __init__(self, db: Database, clock: VirtualClock) -> None:
        self.db, self.clock = db, clock
        self.gateway = ScriptedGateway("wxid_a")
        self.sync = FriendSync(db, clock, QUICK, QUICK)

    def shelve(self, *contacts: str, alias: str = "", friend: bool = True) -> None:
        for contact in contacts:
            self.gateway.contacts[contact] = Contact(contact, f"名{contact}", alias, friend)

    async def once(self) -> int:
        task = asyncio.create_task(self.sync.sync("a", self.gateway))
        async with asyncio.timeout(10):
            while not task.done():
                await self.clock.advance(0.001)
                await asyncio.sleep(0)
        return await task

    async def friends(self) -> dict[str, Any]:
        async with self.db.read() as connection:
            rows = await connection.execute(select(Friendship.__table__).where(Friendship.account == "a"))
            return {row.contact: row for row in rows}

    async def account(self) -> Any:
        async with self.db.read() as connection:
            return (await connection.execute(select(Account.__table__).where(Account.id == "a"))).one()


@pytest.fixture
async def library(database: Database, clock: VirtualClock) -> Library:
    await add_accounts(database, "a")
    return Library(database, clock)


async def test_friends_of_before_are_listed_with_their_names_and_strangers_and_services_are_not(
    library: Library,
) -> None:
    library.shelve("x", "y")
    library.shelve("stranger", friend=False)
    library.shelve("gh_shop", "weixin", "1@chatroom")
    await library.once()
    friends = await library.friends()
    assert set(friends) == {"x", "y"}
    assert (friends["x"].nickname, friends["x"].origin, friends["x"].welcomed_ms) == ("名x", "listed", None)
    assert friends["x"].since_ms == library.clock.now_ms() - BEFORE_US_MS or friends["x"].since_ms < (
        library.clock.now_ms() - 80 * DAY_MS
    )
    account = await library.account()
    assert (account.friends_listed, account.sync_cursor) == (2, None)
    assert account.first_sync_done_ms is not None


async def test_a_second_sync_asks_only_for_unknown_ids_and_sees_who_left(library: Library) -> None:
    library.shelve("x", "y", "z")
    await library.once()
    library.gateway.fetched.clear()
    del library.gateway.contacts["y"]
    library.shelve("new")
    await library.clock.advance(60)
    await library.once()
    assert library.gateway.fetched == ["new"]
    friends = await library.friends()
    assert {contact: row.state for contact, row in friends.items()} == {
        "x": "friend", "y": "gone", "z": "friend", "new": "friend",
    }  # fmt: skip
    assert (friends["new"].origin, friends["new"].since_ms > friends["x"].since_ms) == ("phone", True)
    assert (await library.account()).friends_listed == 3


async def test_a_broken_sync_goes_on_where_it_stopped(library: Library) -> None:
    names = [f"p{number:04}" for number in range(CHUNK * 2 + 20)]
    library.shelve(*names)
    original = library.gateway.contact

    async def breaks_in_the_third_chunk(id: str) -> Contact:
        if id == names[CHUNK * 2 + 5]:
            raise GatewayUnavailable("cut")
        return await original(id)

    library.gateway.contact = breaks_in_the_third_chunk  # type: ignore[method-assign]
    with pytest.raises(GatewayUnavailable):
        await library.once()
    assert len(await library.friends()) == CHUNK * 2
    account = await library.account()
    assert account.first_sync_done_ms is None
    assert account.friends_listed == len(names), "until each is known, everybody counts: too many is safe"
    library.gateway.contact = original  # type: ignore[method-assign]
    library.gateway.fetched.clear()
    await library.once()
    assert library.gateway.fetched == names[CHUNK * 2 :]
    assert len(await library.friends()) == len(names)


async def test_a_remark_with_the_member_name_is_evidence_and_own_and_staff_are_known(library: Library) -> None:
    await add_accounts(library.db, "b", self_contact="wxid_b")
    async with library.db.write() as tx:
        await tx.execute(insert(StaffMember).values(id="owner", name="老板", role="owner"))
        await tx.execute(insert(StaffContact).values(contact="wxid_boss", staff="owner"))
    library.shelve("x", alias="会员:xl_huahua88 花花")
    library.shelve("wxid_b", "wxid_boss", alias="会员:not_a_customer")
    await library.once()
    async with library.db.read() as connection:
        rows = await connection.execute(
            select(Friendship.contact, Person.kind, Person.member_name).join(Person, Person.id == Friendship.person)
        )
        people = {row.contact: (row.kind, row.member_name) for row in rows}
    assert people["x"] == ("customer", "xl_huahua88")
    assert [people["wxid_b"][0], people["wxid_boss"][0]] == ["own", "staff"]


async def test_a_confirmation_that_nobody_heard_frees_its_place(library: Library) -> None:
    library.shelve("x")
    await library.once()
    async with library.db.write() as tx:
        await tx.execute(
            insert(FriendRequest).values(account="a", request="r1", contact="y", state="accepting", received_ms=1)
        )
    library.shelve("y")
    await library.once()
    async with library.db.read() as connection:
        assert await connection.scalar(select(FriendRequest.state)) == "confirmed"


async def test_a_friend_who_came_while_the_list_was_read_is_not_taken_for_gone(library: Library) -> None:
    library.shelve("x")
    original = library.gateway.contact_ids

    async def read_then_confirm() -> list[str]:
        ids = await original()
        await library.clock.advance(1)
        async with library.db.write() as tx:
            person = await tx.scalar(insert(Person).values(created_ms=1).returning(Person.id))
            await tx.execute(
                insert(Friendship).values(
                    account="a", contact="y", person=person, origin="event", since_ms=library.clock.now_ms()
                )
            )
            await tx.execute(update(Account).values(friends_listed=Account.friends_listed + 1))
        return ids

    library.gateway.contact_ids = read_then_confirm  # type: ignore[method-assign]
    await library.once()
    assert {contact: row.state for contact, row in (await library.friends()).items()} == {
        "x": "friend",
        "y": "friend",
    }
    assert (await library.account()).friends_listed == 2


async def test_calls_are_paced_on_the_wall_and_a_short_break_starts_no_new_sync(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a", simulated=False)
    gateway = ScriptedGateway("wxid_a")
    for number in range(30):
        gateway.contacts[f"p{number:02}"] = Contact(f"p{number:02}", "", "", True)
    sync = FriendSync(sqlite_database, clock, Rates(account=5, fleet=50))
    run = asyncio.create_task(sync.run())
    try:
        sync.logged_in("a", gateway)
        start_ms = clock.now_ms()

        async def until_fetched(number: int) -> None:
            async with asyncio.timeout(10):
                while len(gateway.fetched) < number:
                    await clock.advance(0.05)
                    await asyncio.sleep(0.001)

        await until_fetched(10)
        assert clock.now_ms() - start_ms >= 9 * 200
        await until_fetched(30)
        async with asyncio.timeout(10):
            while (await _first_done(sqlite_database)) is None:
                await clock.advance(0.05)
        gateway.contacts["late"] = Contact("late", "", "", True)
        sync.logged_in("a", gateway)
        await clock.advance(60)
        assert "late" not in gateway.fetched
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


async def _first_done(db: Database) -> int | None:
    async with db.read() as connection:
        return await connection.scalar(select(Account.first_sync_done_ms))
