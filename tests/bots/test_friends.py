"""New friends: accepted, routed, left waiting or refused as the rules say; welcomed once; the cap never broken."""

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.friend_requests import TRANSITIONS, RequestState
from bots.friend_rooms import rooms_of
from bots.friends import Friends
from bots.gateway import Friendship
from bots.lifecycle import State
from customers.channels.channels import ChannelConfig
from rules.kinds import Kind
from rules.limits import Limits
from rules.roles import Role
from storage.engine import Database, open_database
from storage.fleet_tables import Repair
from storage.outbox import Content, NewDelivery, plan
from storage.staff_tables import StaffContact, StaffMember
from storage.tables import Account, Delivery, FriendRequest, Person
from storage.tables import Friendship as FriendshipRow
from tests.bots.fleet_world import add_accounts

NOW = 1_795_226_400_000
CHANNELS = [
    ChannelConfig(code="parcel-card", name="包裹卡", accounts=["a"], reserved=True),
    ChannelConfig(code="sms", name="短信", accounts=["a"]),
]
SMALL = Limits(friends=20, visible=10, reserve=0.2).model_dump(mode="json")  # open to anybody below 8


@dataclass
class Door:
    """Friends with a memory of whom it welcomed."""

    db: Database
    welcomed: list[int] = field(default_factory=list)
    now_ms: int = NOW

    def __post_init__(self) -> None:
        self.friends = Friends(CHANNELS, self._welcome)

    async def _welcome(self, tx: AsyncConnection, friendship: int, now_ms: int) -> bool:
        self.welcomed.append(friendship)
        await tx.execute(update(FriendshipRow).where(FriendshipRow.id == friendship).values(welcomed_ms=now_ms))
        return True

    async def ask(self, account: str, contact: str, hello: str = "", request: str = "") -> str:
        return await self._arrive(account, Friendship(request or f"r-{contact}", "receive", contact, hello, 3, "t"))

    async def confirm(self, account: str, contact: str, name: str = "", alias: str = "") -> str:
        return await self._arrive(account, Friendship(f"c-{contact}", "confirm", contact, "", 3, "", name, alias))

    async def _arrive(self, account: str, friendship: Friendship) -> str:
        self.now_ms += 1000
        async with self.db.write() as tx:
            return await self.friends.friendship_arrived(tx, account, friendship, self.now_ms)

    async def reconsider(self) -> int:
        async with self.db.write() as tx:
            return await self.friends.reconsider_waiting(tx, self.now_ms)

    async def one(self, statement: Any) -> Any:
        async with self.db.read() as connection:
            return (await connection.execute(statement)).one()

    async def request(self, contact: str) -> tuple[str, str | None]:
        query = select(FriendRequest.state, FriendRequest.reason).where(FriendRequest.contact == contact)
        row = await self.one(query)
        return row.state, row.reason

    async def rows(self, kind: Kind) -> list[Any]:
        query = select(Delivery.__table__).where(Delivery.kind == kind.value).order_by(Delivery.id)
        async with self.db.read() as connection:
            return list((await connection.execute(query)).all())

    async def repairs(self) -> set[str]:
        async with self.db.read() as connection:
            return set((await connection.scalars(select(Repair.key))).all())

    async def fill(self, account: str, friends: int | None) -> None:
        async with self.db.write() as tx:
            await tx.execute(update(Account).where(Account.id == account).values(friends_listed=friends))


async def add(db: Database, account: str, friends: int | None, **columns: Any) -> None:
    values = {"limits": SMALL, "state": State.ONLINE.value, "self_contact": f"wxid_{account}", **columns}
    await add_accounts(db, account, friends_listed=friends, **values)


def test_every_state_of_a_request_has_a_row_and_a_friend_is_never_lost_again() -> None:
    assert set(TRANSITIONS) == set(RequestState)
    assert all(RequestState.CONFIRMED in row for state, row in TRANSITIONS.items() if row)
    assert TRANSITIONS[RequestState.CONFIRMED] == frozenset()


async def test_a_request_below_the_threshold_is_accepted_once_with_its_channel(database: Database) -> None:
    await add(database, "a", 0)
    door = Door(database)
    assert await door.ask("a", "x", "你好，短信看到的") == "accepting"
    assert await door.ask("a", "x", "你好，短信看到的") == "repeated"
    [row] = await door.rows(Kind.ACCEPT)
    assert (row.key, row.content, row.to if hasattr(row, "to") else row.recipient) == (
        "accept:a:r-x",
        {"request": "r-x"},
        "x",
    )
    assert (await door.one(select(FriendRequest.channel))).channel == "sms"


async def test_a_confirmation_makes_a_friend_a_person_and_a_welcome_once(database: Database) -> None:
    await add(database, "a", 3)
    door = Door(database)
    await door.ask("a", "x", "包裹卡来的")
    assert await door.confirm("a", "x", name="小花🌸") == "confirmed"
    await door.confirm("a", "x", name="小花🌸")
    friend = await door.one(select(FriendshipRow.__table__))
    assert (friend.state, friend.origin, friend.nickname, friend.channel) == (
        "friend",
        "event",
        "小花🌸",
        "parcel-card",
    )
    assert friend.since_ms > NOW
    assert door.welcomed == [friend.id]
    assert (await door.one(select(Account.friends_listed))).friends_listed == 4
    assert (await door.request("x"))[0] == "confirmed"


async def test_somebody_added_on_the_phone_is_welcomed_too(database: Database) -> None:
    await add(database, "a", 3)
    door = Door(database)
    assert await door.confirm("a", "y", name="阿月") == "confirmed"
    friend = await door.one(select(FriendshipRow.__table__))
    assert (friend.origin, len(door.welcomed)) == ("phone", 1)


async def test_an_old_friend_whose_confirmation_is_told_again_is_not_welcomed(database: Database) -> None:
    await add(database, "a", 3)
    async with database.write() as tx:
        await tx.execute(insert(Person).values(id=1, created_ms=1))
        await tx.execute(
            insert(FriendshipRow).values(account="a", contact="old", person=1, origin="listed", since_ms=1)
        )
    door = Door(database)
    assert await door.confirm("a", "old") == "repeated"
    assert door.welcomed == []


async def test_the_same_wechat_id_at_a_sibling_is_the_same_person(database: Database) -> None:
    await add(database, "a", 0)
    await add(database, "b", 0)
    door = Door(database)
    await door.confirm("a", "x")
    await door.confirm("b", "x")
    assert (await door.one(select(func.count()).select_from(Person)))[0] == 1
    assert (await door.one(select(func.count()).select_from(FriendshipRow)))[0] == 2


async def test_our_own_accounts_and_staff_are_known_as_such(database: Database) -> None:
    await add(database, "a", 0)
    await add(database, "b", 0)
    async with database.write() as tx:
        await tx.execute(insert(StaffMember).values(id="owner", name="老板", role="owner"))
        await tx.execute(insert(StaffContact).values(contact="wxid_boss", staff="owner"))
    door = Door(database)
    await door.confirm("a", "wxid_b")
    await door.confirm("a", "wxid_boss")
    await door.confirm("a", "x")
    async with database.read() as connection:
        kinds = (await connection.scalars(select(Person.kind).order_by(Person.id))).all()
    assert kinds == ["own", "staff", "customer"]


async def test_the_reserve_is_for_named_channels_referrals_and_staff(database: Database) -> None:
    await add(database, "a", 8)
    async with database.write() as tx:
        await tx.execute(insert(StaffMember).values(id="owner", name="老板", role="owner"))
        await tx.execute(insert(StaffContact).values(contact="wxid_boss", staff="owner"))
    door = Door(database)
    assert await door.ask("a", "anybody", "短信") == "waiting"
    assert await door.ask("a", "card", "包裹卡") == "accepting"
    assert await door.ask("a", "wxid_boss", "我") == "accepting"
    assert await door.request("anybody") == ("waiting", "reserve_kept")


async def test_nobody_enters_the_valley_while_a_sibling_has_room_and_staff_hear_it_once(database: Database) -> None:
    await add(database, "a", 10, holder="owner")
    await add(database, "b", 2)
    door = Door(database)
    for contact in ("x", "y", "z"):
        assert await door.ask("a", contact, "包裹卡") == "waiting"
    assert await door.request("x") == ("waiting", "valley_kept")
    assert await door.repairs() == {"friends_wait:a"}
    [notice] = await door.rows(Kind.STAFF_NOTICE)
    assert "b" in notice.content["text"]


async def test_above_the_threshold_the_new_friend_gets_the_card_of_the_sibling_with_room(database: Database) -> None:
    await add(database, "a", 12)
    await add(database, "b", 2)
    door = Door(database)
    await door.confirm("a", "wxid_b", name="二号")
    assert await door.ask("a", "x", "短信") == "accepting"
    await door.confirm("a", "x")
    [card] = await door.rows(Kind.OFFER)
    assert card.content == {"card": "wxid_b"}
    assert len(door.welcomed) == 2


async def test_a_sibling_who_is_no_contact_becomes_a_repair_not_a_dead_card(database: Database) -> None:
    await add(database, "a", 12)
    await add(database, "b", 2)
    door = Door(database)
    await door.ask("a", "x")
    await door.confirm("a", "x")
    assert await door.rows(Kind.OFFER) == []
    assert "introduce:a:b" in await door.repairs()


async def test_at_the_cap_requests_wait_and_come_oldest_first_when_somebody_leaves(database: Database) -> None:
    await add(database, "a", 20)
    door = Door(database)
    for contact in ("x", "y"):
        assert await door.ask("a", contact, "包裹卡") == "waiting"
    assert await door.request("x") == ("waiting", "cap")
    assert await door.reconsider() == 0
    await door.fill("a", 19)
    assert await door.reconsider() == 1
    assert (await door.request("x"))[0] == "accepting"
    assert (await door.request("y"))[0] == "waiting"
    await door.fill("a", 5)
    assert await door.reconsider() == 1
    await door.reconsider()
    assert await door.repairs() == set()


async def test_accepts_on_their_way_count(database: Database) -> None:
    await add(database, "a", 18)
    await add(database, "b", 20)
    door = Door(database)
    outcomes = [await door.ask("a", f"x{number}", "包裹卡") for number in range(4)]
    assert outcomes == ["accepting", "accepting", "waiting", "waiting"]


async def test_an_accept_that_failed_gives_its_place_back_and_keeps_the_reason(database: Database) -> None:
    await add(database, "a", 19)
    door = Door(database)
    await door.ask("a", "x")
    await door.ask("a", "y")
    async with database.write() as tx:
        await tx.execute(update(Delivery).values(state="failed", reason="申请已过期"))
    assert await door.reconsider() == 1
    assert await door.request("x") == ("refused", "申请已过期")
    assert (await door.request("y"))[0] == "accepting"


async def test_accepts_that_no_longer_fit_wait_again(database: Database) -> None:
    """People added on the phone took the places meanwhile."""
    await add(database, "a", 17)
    await add(database, "b", 20)
    door = Door(database)
    for contact in ("x", "y", "z"):
        assert await door.ask("a", contact) == "accepting"
    await door.fill("a", 19)
    await door.reconsider()
    states = [(await door.request(contact))[0] for contact in ("x", "y", "z")]
    assert states == ["accepting", "waiting", "waiting"]
    assert len(await door.rows(Kind.ACCEPT)) == 1


async def test_an_account_whose_list_is_not_known_yet_lets_people_wait(database: Database) -> None:
    await add(database, "a", None)
    door = Door(database)
    assert await door.ask("a", "x") == "waiting"
    assert await door.request("x") == ("waiting", "list_unknown")
    assert await door.repairs() == set()
    await door.fill("a", 0)
    assert await door.reconsider() == 1


async def test_a_training_account_takes_partners_and_introduced_people_only(database: Database) -> None:
    await add(database, "t", 0, role="training")
    await add(database, "a", 0)
    door = Door(database)
    for contact in ("partner", "shown", "nobody"):
        await door.confirm("a", contact)
    async with database.write() as tx:
        people = {
            row.contact: row.person for row in await tx.execute(select(FriendshipRow.contact, FriendshipRow.person))
        }
        await tx.execute(update(Person).where(Person.id == people["partner"]).values(level="partner"))
        card = NewDelivery(Kind.NAME_CARD, "a", "shown", Content(card="wxid_t"), "card", NOW, person=people["shown"])
        await plan(tx, [card], now_ms=NOW)
        await tx.execute(update(Delivery).where(Delivery.key == "card").values(state="accepted"))
    assert await door.ask("t", "partner") == "accepting"
    assert await door.ask("t", "shown") == "accepting"
    assert await door.ask("t", "nobody") == "refused"
    assert await door.request("nobody") == ("refused", "role")


async def test_accepted_by_hand_while_ours_was_waiting_is_not_accepted_twice(database: Database) -> None:
    await add(database, "a", 0)
    door = Door(database)
    await door.ask("a", "x")
    await door.confirm("a", "x")
    [row] = await door.rows(Kind.ACCEPT)
    assert (row.state, row.reason) == ("skipped", "accepted_on_phone")


STEP = st.tuples(
    st.sampled_from(["ask", "ask", "ask", "send", "confirm", "fail", "leave", "tick"]),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["短信", "包裹卡"]),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries({name: st.integers(0, 7) for name in "abc"}),
    st.lists(STEP, max_size=45),
)
def test_whatever_happens_no_account_passes_its_cap_and_none_enters_the_valley_too_early(
    sqlite_shape: Path, tmp_path: Path, start: dict[str, int], steps: list[tuple[str, str, str]]
) -> None:
    """Requests, sends, confirmations, failures, people who leave and ticks in any order."""
    asyncio.run(_play(shutil.copy(sqlite_shape, tmp_path / f"{uuid4()}.db"), start, steps))


TINY = Limits(friends=6, visible=3, reserve=0.34).model_dump(mode="json")


async def _play(path: Path, start: dict[str, int], steps: list[tuple[str, str, str]]) -> None:
    db = open_database(f"sqlite:///{path}")
    try:
        for account, friends in start.items():
            await add(db, account, min(friends, 6), limits=TINY)
        door = Door(db)
        for number, (what, account, hello) in enumerate(steps):
            before = await _friends(db)
            await _step(door, what, account, f"p{number}", hello)
            after = await _friends(db)
            for name, friends in after.items():
                assert friends <= 6
                grew = friends > before[name]
                if grew and before[name] == 3:
                    others = [count for other, count in before.items() if other != name]
                    assert min(others) >= 3, "entered the valley while a sibling had room"
    finally:
        await db.close()


async def _friends(db: Database) -> dict[str, int]:
    async with db.read() as connection:
        return {found.room.account: found.room.friends for found in await rooms_of(connection, Role.SALES)}


async def _step(door: Door, what: str, account: str, contact: str, hello: str) -> None:
    if what == "ask":
        await door.ask(account, contact, hello)
    elif what == "tick":
        await door.reconsider()
    elif what == "leave":
        async with door.db.write() as tx:
            await tx.execute(
                update(Account)
                .where(Account.id == account, Account.friends_listed > 0)
                .values(friends_listed=Account.friends_listed - 1)
            )
    else:
        await _move_one(door, what, account)


async def _move_one(door: Door, what: str, account: str) -> None:
    """Send, fail or confirm the account's oldest accept."""
    states = {"send": ("pending",), "fail": ("pending", "sending"), "confirm": ("accepted", "in_doubt")}[what]
    query = (
        select(Delivery.id, Delivery.to)
        .where(Delivery.account == account, Delivery.kind == "accept", Delivery.state.in_(states))
        .order_by(Delivery.id)
    )
    async with door.db.read() as connection:
        row = (await connection.execute(query)).first()
    if row is None:
        return
    if what == "confirm":
        await door.confirm(account, row[1])
        return
    new = "failed" if what == "fail" else ("accepted" if row.id % 2 else "in_doubt")
    async with door.db.write() as tx:
        await tx.execute(update(Delivery).where(Delivery.id == row.id).values(state=new))
