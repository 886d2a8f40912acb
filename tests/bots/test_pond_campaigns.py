"""Campaigns in ponds: one for each and rolling week, by its owner alone, whatever was planned, crashed or raced."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from bots.assisted import Assisted, complete
from bots.courier import Courier
from bots.errors import OutcomeUnknown, Refused
from rules.gates import WEEK_MS
from rules.kinds import Kind
from rules.roles import Role
from scheduler.errors import PondRefused
from scheduler.ponds.pond_file import PondFile
from scheduler.ponds.pond_posts import Planned, plan_post
from scheduler.ponds.ponds import bind, keep_ponds
from storage.engine import Database
from storage.outbox import Claimed, Content, NewDelivery
from storage.pond_tables import Pond
from storage.tables import Delivery, Setting
from storage.task_tables import Task
from tests.bots.people import DAY_MS, RecordingSender, add_account, lane, planned, states, taken_over
from tests.bots.test_courier import Desk
from tests.virtual_time import VirtualClock

ROOM = "100@chatroom"


def pond(**more: Any) -> PondFile:
    file = {"name": "lounge", "title": "闺蜜群", "account": "a", "room": ROOM, "theme": "穿搭", **more}
    return PondFile.model_validate(file)


class Shop(Desk):
    """Two sales accounts in one room, which `a` owns, and a courier that hands over what a person must do."""

    def new_courier(self) -> Courier:
        courier = super().new_courier()
        courier._hand_over = Assisted().hand_over
        return courier

    async def open(self, *files: PondFile) -> None:
        async with self.db.write() as tx:
            await add_account(tx, "a")
            await add_account(tx, "b")
            await keep_ponds(tx, {file.name: file for file in files}, self.now_ms)

    async def post(self, text: str = "今晚八点上新", **more: Any) -> Planned:
        async with self.db.write() as tx:
            return await plan_post(tx, "lounge", text, due_ms=self.now_ms, by="staff:owner", now_ms=self.now_ms, **more)

    async def force(self, key: str, account: str = "a", to: str = ROOM) -> None:
        """A row that nobody looked at when it was planned."""
        content = Content(text=key, pond={"name": "lounge", "by_hand": False})
        row = NewDelivery(Kind.POND_CAMPAIGN, account, to, content, key, self.now_ms)
        await planned(self.db, [row], self.now_ms)

    async def week(self) -> int | None:
        async with self.db.read() as connection:
            return await connection.scalar(select(Pond.last_campaign_ms).where(Pond.name == "lounge"))


@pytest.fixture
async def shop(database: Database, clock: VirtualClock) -> Shop:
    shop = Shop(database, clock)
    await shop.open(pond())
    return shop


async def test_a_campaign_goes_by_the_owner_and_takes_the_week(shop: Shop) -> None:
    sender = shop.add(lane("a"))
    await shop.post()
    with pytest.raises(PondRefused, match="已经排了一次"):
        await shop.post("第二条")
    await shop.pass_time(2)
    assert [(row.to, row.text) for row in sender.sent] == [(ROOM, "今晚八点上新")]
    sent_ms = await shop.week()
    assert sent_ms is not None
    with pytest.raises(PondRefused, match="7 天内已经发过") as refused:
        await shop.post("第二条")
    assert "以后可以再发" in (refused.value.hint or "")
    await shop.clock.advance((sent_ms + WEEK_MS - shop.now_ms) / 1000)
    await shop.post("下周的")
    await shop.pass_time(2)
    assert [row.text for row in sender.sent] == ["今晚八点上新", "下周的"]


async def test_the_claim_holds_it_whatever_was_planned(shop: Shop) -> None:
    """Two rows that slipped past the planning, one of them of an account that does not own the pond."""
    sender, other = shop.add(lane("a")), shop.add(lane("b"))
    for key, account in (("one", "a"), ("two", "a"), ("theirs", "b")):
        await shop.force(key, account)
    await shop.pass_time(3)
    assert [row.text for row in (*sender.sent, *other.sent)] == ["one"]
    found = await states(shop.db)
    assert found["two"] == ("pending", "pond_week")
    assert found["theirs"] == ("skipped", "pond_owner")


async def test_never_to_the_staff_room_nor_to_a_room_that_is_no_pond_any_more(shop: Shop) -> None:
    sender = shop.add(lane("a"))
    await shop.force("old-room", to="99@chatroom")
    async with shop.db.write() as tx:
        await tx.execute(insert(Setting).values(key="staff_room", value=ROOM, changed_ms=0))
    with pytest.raises(PondRefused, match="员工群"):
        await shop.post()
    await shop.force("staff")
    await shop.pass_time(2)
    found = await states(shop.db)
    assert found == {"old-room": ("skipped", "staff_room"), "staff": ("skipped", "staff_room")}
    async with shop.db.write() as tx:
        await tx.execute(update(Setting).where(Setting.key == "staff_room").values(value="s"))
    await shop.force("moved", to="99@chatroom")
    await shop.pass_time(2)
    assert (await states(shop.db))["moved"] == ("skipped", "pond_gone")
    assert sender.sent == []


async def test_a_full_stop_holds_it_and_the_role_forbids_it(shop: Shop) -> None:
    sender = shop.add(lane("a"))
    await shop.post()
    async with shop.db.write() as tx:
        await tx.execute(insert(Setting).values(key="stop_all", value="owner 1", changed_ms=0))
    await shop.pass_time(3)
    assert sender.sent == []
    acquiring = RecordingSender()
    shop.add(lane("a", role=Role.ACQUISITION), acquiring)
    async with shop.db.write() as tx:
        await tx.execute(update(Setting).values(value=""))
    await shop.pass_time(3)
    assert acquiring.sent == []
    assert [reason for _, reason in (await states(shop.db)).values()] == ["role"]


async def test_what_was_refused_gives_the_week_back_and_what_may_have_arrived_keeps_it(shop: Shop) -> None:
    answers = [Refused("no"), OutcomeUnknown("?")]

    async def act(row: Claimed) -> str:
        raise answers.pop(0)

    shop.add(lane("a"), RecordingSender(act))
    await shop.post()
    await shop.pass_time(2)
    assert await shop.week() is None
    await shop.clock.advance(1)
    await shop.post("再来")
    await shop.pass_time(2)
    assert await shop.week() is not None
    with pytest.raises(PondRefused):
        await shop.post("又来")


async def test_two_couriers_after_a_crash_never_send_a_second_one(shop: Shop) -> None:
    shop.add(lane("a"))
    await shop.force("one")
    await shop.force("two")
    await shop.courier.tick()  # claimed and committed; the process dies before the gateway answers
    await taken_over(shop.db, shop.now_ms)
    sender = RecordingSender()
    shop.courier = shop.new_courier()
    shop.add(lane("a"), sender)
    await shop.pass_time(5)
    assert sender.sent == []
    assert sorted(state for state, _ in (await states(shop.db)).values()) == ["in_doubt", "pending"]


async def test_a_group_elsewhere_is_a_task_with_the_words_and_takes_the_week_too(
    database: Database, clock: VirtualClock
) -> None:
    shop = Shop(database, clock)
    await shop.open(pond(kind="taobao", room=None))
    shop.add(lane("a"))
    assert (await shop.post("粘到淘宝群")).by_hand
    await shop.pass_time(2)
    assert await shop.week() is not None
    async with database.write() as tx:
        task = (await tx.execute(select(Task.kind, Task.state, Task.title))).one()
        assert (task.kind, task.state) == ("pond_post", "open")
        assert "闺蜜群" in task.title
        copies = (await tx.scalars(select(Delivery.content).where(Delivery.kind == "staff_notice"))).all()
        assert "粘到淘宝群" in [content.get("text") for content in copies]
        assert len(await complete(tx, "owner", "a", shop.now_ms)) == 1
    assert [state for key, (state, _) in (await states(database)).items() if key.startswith("pond:")] == ["accepted"]
    with pytest.raises(PondRefused):
        await shop.post()


async def test_a_paste_that_nobody_did_gives_the_week_back(database: Database, clock: VirtualClock) -> None:
    shop = Shop(database, clock)
    await shop.open(pond(kind="other", room=None))
    shop.add(lane("a"))
    await shop.post()
    await shop.pass_time(2)
    async with database.write() as tx:
        await Assisted().remind_and_expire(tx, shop.now_ms + DAY_MS)
    assert await shop.week() is None


async def test_a_pond_whose_file_goes_and_comes_back_keeps_its_week(shop: Shop) -> None:
    shop.add(lane("a"))
    await shop.post()
    await shop.pass_time(2)
    for files in ({}, {"lounge": pond(title="新群名")}):
        async with shop.db.write() as tx:
            await keep_ponds(tx, files, shop.now_ms)
    with pytest.raises(PondRefused, match="7 天内"):
        await shop.post()


async def test_a_room_is_one_ponds_only(database: Database, clock: VirtualClock) -> None:
    shop = Shop(database, clock)
    await shop.open(pond(room=None), pond(name="second", title="二群", room=None))
    async with database.write() as tx:
        await bind(tx, "lounge", ROOM)
        await bind(tx, "二群", ROOM)
        rooms = {row.name: row.room for row in await tx.execute(select(Pond.name, Pond.room))}
    assert rooms == {"lounge": None, "second": ROOM}
    with pytest.raises(PondRefused, match="哪个群"):
        await shop.post()


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["post", "force", "theirs", "days"]), st.integers(1, 9), st.booleans()), max_size=8
    )
)
async def test_whatever_is_planned_and_refused_no_pond_hears_two_within_a_week(
    sqlite_shape: Any, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, bool]]
) -> None:
    """By its owner only, and each campaign once."""
    from tests.conftest import _copied, _open

    async with _open(_copied(sqlite_shape, tmp_path_factory.mktemp("pond"))) as db:
        shop = Shop(db, VirtualClock())
        await shop.open(pond())
        heard: list[tuple[int, str]] = []
        refuses = [False]

        async def act(row: Claimed) -> str:
            if refuses[0]:
                raise Refused("no")
            heard.append((shop.now_ms, row.account))
            return "m"

        for account in ("a", "b"):
            shop.add(lane(account), RecordingSender(act))
        for number, (what, days, refuse) in enumerate(steps):
            refuses[0] = refuse
            if what == "post":
                try:
                    await shop.post(f"第{number}条")
                except PondRefused:
                    continue
            elif what == "days":
                await shop.clock.advance(days * 86_400 + 1)
            else:
                await shop.force(f"{what}{number}", "b" if what == "theirs" else "a")
            await shop.pass_time(1)
        times = [at_ms for at_ms, _ in heard]
        assert all(later - earlier >= WEEK_MS for earlier, later in pairwise(times))
        assert {account for _, account in heard} <= {"a"}
