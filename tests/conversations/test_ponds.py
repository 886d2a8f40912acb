"""In a group of customers: one welcome for all who come, one answer to a question, and nobody hears a command."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from bots.gateway import Message, MessageKind, RoomChanged
from bots.payloads import message_payload, room_payload
from conversations.intake import Intake
from customers.own_data.erasure import erase
from operations.ponding import bind_pond, heard_code
from rules.pacing import MINUTE_MS
from scheduler.errors import PondRefused
from scheduler.ponds.pond_file import PondFile
from scheduler.ponds.pond_members import PondMembers
from scheduler.ponds.pond_posts import plan_post
from scheduler.ponds.ponds import keep_ponds, pond_named
from storage.engine import Database
from storage.fleet_tables import LiveRequest, Repair
from storage.inbox import Received
from storage.pond_tables import Pond, PondAnswer, PondMember
from storage.tables import Arrival, Delivery, Person
from tests.conversations.shop import ACCOUNTS, NOW_MS, befriend, open_shop, outbox, voices

ROOM = "100@chatroom"
SELF = {account: f"wxid_self_{number}" for number, account in enumerate(ACCOUNTS)}


async def _nobody(*_: Any) -> Any:
    return False


class Group:
    """One pond, owned by lin-1, in which lin-2 and xiaoyu-1 sit as well."""

    def __init__(self, db: Database, **more: Any) -> None:
        self.db = db
        self.now_ms = NOW_MS
        self.file = PondFile.model_validate({
            "name": "lounge", "title": "闺蜜群", "account": "lin-1", "room": ROOM, "theme": "穿搭", "limit": 3,
            "welcome": {"text": "欢迎{{ newcomers }}来{{ pond }}", "every": "5m"},
            "faq": [{"ask": ["店名", "怎么找到你们"], "answer": "搜{{ shop }}"}],
            **more,
        })  # fmt: skip
        self.intake = Intake(
            voices(), on_command=_nobody, on_stranger=_nobody, on_friendship=_nobody, on_room_code=heard_code
        )
        self._count = 0

    async def open(self) -> None:
        await open_shop(self.db, room="staff@chatroom")
        await self.keep()

    async def keep(self) -> None:
        async with self.db.write() as tx:
            await keep_ponds(tx, {"lounge": self.file}, self.now_ms)

    async def _bring(self, account: str, kind: str, payload: dict[str, Any], late: bool = False) -> str | None:
        self._count += 1
        async with self.db.write() as tx:
            values = {"account": account, "event": f"e{self._count}", "kind": kind, "state": "fetched",
                      "payload": payload, "received_ms": self.now_ms}  # fmt: skip
            id = (await tx.execute(insert(Arrival).values(values).returning(Arrival.id))).scalar_one()
            received = Received(id, account, f"e{self._count}", kind, payload, self.now_ms)
            return await self.intake.handle(tx, received, self.now_ms, late)

    async def come(self, *contacts: str, heard_by: tuple[str, ...] = ACCOUNTS, what: str = "join") -> list[str | None]:
        """Every account in the room is told, each a little later."""
        change = RoomChanged(what, ROOM, contacts, contacts[0], self.now_ms)
        return [await self._bring(account, "room", room_payload(change)) for account in heard_by]

    async def say(
        self,
        text: str,
        *,
        to: str = "",
        talker: str = "wxid_hua",
        heard_by: tuple[str, ...] = ACCOUNTS,
        room: str = ROOM,
        late: bool = False,
        waited_ms: int = 0,
    ) -> list[str | None]:
        """`to`: the account that the message names. `waited_ms`: so long ago it was sent."""
        mentions = (SELF[to],) if to else ()
        outcomes = []
        for number, account in enumerate(heard_by):
            id = f"m{self._count}-{number}"
            message = Message(id, MessageKind.TEXT, text, talker, "", room, self.now_ms - waited_ms, mentions)
            outcomes.append(await self._bring(account, "message", message_payload(message), late))
        return outcomes

    async def rows(self, kind: str) -> list[Any]:
        return await outbox(self.db, kind=kind)


@pytest.fixture
async def group(database: Database) -> Group:
    group = Group(database)
    await group.open()
    return group


async def test_who_comes_within_a_while_is_welcomed_together_once_by_the_owner(group: Group) -> None:
    assert await group.come("wxid_hua", "wx1") == ["welcomed", "ignored", "ignored"]
    group.now_ms += 5_000
    touched: list[frozenset[str]] = []
    group.db.on_touched(touched.append)
    await group.come("wx2")
    assert touched == [frozenset({"lin-1"})]  # a courier that read the welcome before reads it anew
    [row] = await group.rows("welcome")
    assert (row.account, row.to, row.content["mentions"]) == ("lin-1", ROOM, ["wxid_hua", "wx1", "wx2"])
    assert row.content["text"] == "欢迎花花 等 3 位来闺蜜群"


async def test_the_next_welcome_waits_as_long_as_its_file_says(group: Group) -> None:
    await group.come("wx1")
    async with group.db.write() as tx:
        await tx.execute(update(Delivery).values(state="accepted", sent_ms=group.now_ms))
    group.now_ms += MINUTE_MS
    await group.come("wx2")
    await group.come("wx1", what="leave")
    await group.come("wx1")
    first, second = await group.rows("welcome")
    assert second.due_ms == first.due_ms + 5 * MINUTE_MS
    assert second.content["mentions"] == ["wx2", "wx1"]


async def test_somebody_erased_is_named_in_no_welcome_any_more(group: Group) -> None:
    await group.come("wxid_hua", "wx1")
    await group.say("店名", to="lin-1")
    async with group.db.read() as connection:
        hua = await connection.scalar(select(Person.id).where(Person.name == "花花🌸"))
    await erase(group.db, hua or 0, now_ms=NOW_MS + 1)
    [row] = await group.rows("welcome")
    assert "wx1" in repr(row) and "wxid_hua" not in repr(row) and "花花" not in repr(row)
    async with group.db.read() as connection:
        assert (await connection.scalars(select(PondMember.contact))).all() == ["wx1"]
        assert (await connection.scalars(select(PondAnswer.contact))).all() == []


async def test_staff_and_our_own_accounts_are_no_newcomers(group: Group) -> None:
    await group.come("wxid_mei", SELF["lin-2"])
    assert await group.rows("welcome") == []


async def test_a_benefit_picture_follows_the_welcome(database: Database) -> None:
    group = Group(database, welcome={"text": "欢迎{{ newcomers }}", "picture": "flowers.jpg"})
    await group.open()
    await group.come("wx1")
    words, picture = await group.rows("welcome")
    assert (words.content["text"], picture.content) == ("欢迎新来的朋友", {"image": "flowers.jpg"})
    assert picture.due_ms > words.due_ms


async def test_of_all_who_hear_a_question_the_one_that_was_named_answers_once(group: Group) -> None:
    outcomes = await group.say("@小鱼\u2005店名叫什么", to="xiaoyu-1", heard_by=("lin-2", "lin-1", "xiaoyu-1"))
    assert outcomes == ["answered", "answered_by_another", "answered_by_another"]
    [row] = await group.rows("reply")
    assert (row.account, row.to, row.content["text"]) == ("xiaoyu-1", ROOM, "搜小林的衣橱")
    assert row.content["mentions"] == ["wxid_hua"]


async def test_the_same_question_an_hour_later_is_a_new_one(group: Group) -> None:
    await group.say("店名", to="lin-1")
    group.now_ms += 60 * MINUTE_MS
    await group.say("店名", to="lin-1")
    assert len(await group.rows("reply")) == 2


async def test_nobody_answers_what_was_not_put_to_us_or_came_late_or_from_elsewhere(group: Group) -> None:
    await group.say("店名叫什么")
    await group.say("店名叫什么", to="lin-1", late=True)
    await group.say("店名叫什么", to="lin-1", room="else@chatroom")
    await group.say("店名叫什么", to="lin-1", talker=SELF["lin-2"])
    assert await group.rows("reply") == []


async def test_what_the_faq_does_not_know_goes_to_staff_once(group: Group) -> None:
    assert (await group.say("能不能寄到新疆", to="lin-1"))[0] == "handed_over"
    await group.say("还有会员卡吗", to="lin-1")
    notices = await group.rows("staff_notice")
    assert ["能不能寄到新疆" in row.content["text"] for row in notices] == [True]
    assert await group.rows("reply") == []


async def test_a_flood_of_questions_is_answered_for_a_while_only(group: Group) -> None:
    for number in range(20):
        await group.say(f"店名{number}", to="lin-1", talker=f"wx{number}")
    assert 0 < len(await group.rows("reply")) <= 6


@pytest.mark.parametrize("words", ["退订", "别再给我发广告了"])
async def test_who_opts_out_before_everybody_gets_no_pushes_and_hears_of_it_in_private(
    group: Group, words: str
) -> None:
    assert await group.say(words) == ["opted_out", "opted_out_before", "opted_out_before"]
    async with group.db.read() as connection:
        assert await connection.scalar(select(Person.opted_out_ms).where(Person.name == "花花🌸")) == NOW_MS
    [row] = await group.rows("opt_out_confirmation")
    assert (row.account, row.to) == ("lin-1", "wxid_hua")


@pytest.mark.parametrize("words", ["@小林\u2005退订", "@小林 TD", "退订@小林\u2005"])
async def test_an_opt_out_put_to_one_of_us_counts_as_much(words: str, sqlite_database: Database) -> None:
    group = Group(sqlite_database)
    await group.open()
    assert (await group.say(words, to="lin-1"))[0] == "opted_out"


async def test_what_somebody_quotes_is_not_their_wish(sqlite_database: Database) -> None:
    group = Group(sqlite_database)
    await group.open()
    assert (await group.say("「花花：退订」\n- - - - - - - - -\n她怎么了"))[0] == "ignored"


async def test_each_who_may_mean_an_opt_out_is_told_to_staff_with_their_number(sqlite_database: Database) -> None:
    group = Group(sqlite_database)
    await group.open()
    for talker in ("wxid_hua", "wx_new"):
        assert await group.say("你们好烦", talker=talker) == ["handed_over"] * 3
    hua, new = await group.rows("staff_notice")
    assert "花花🌸（#1）" in hua.content["text"] and "/退订 #1" in hua.content["text"]
    assert "/退订 #1" not in new.content["text"]


async def test_no_advertisement_in_a_nickname_is_said_in_a_welcome(sqlite_database: Database) -> None:
    group = Group(sqlite_database)
    await group.open()
    async with group.db.write() as tx:
        await befriend(tx, "lin-1", "wx_ad", "花\n\n【通知】加微信abc领红包")
        await befriend(tx, "lin-1", "wx_all", "@所有人")
    await group.come("wx_ad", "wx_all", "wxid_hua")
    [row] = await group.rows("welcome")
    assert row.content["text"] == "欢迎花花 等 3 位来闺蜜群"


async def test_an_account_that_hears_a_question_minutes_later_does_not_answer_it_again(
    sqlite_database: Database,
) -> None:
    group = Group(sqlite_database)
    await group.open()
    await group.say("店名叫什么", to="lin-1", heard_by=("lin-1",))
    group.now_ms += 5 * MINUTE_MS
    outcomes = await group.say("店名叫什么", to="lin-1", heard_by=("lin-2",), waited_ms=5 * MINUTE_MS)
    assert outcomes == ["answered_by_another"]


async def test_a_member_whose_name_begins_as_ours_is_not_us(sqlite_database: Database) -> None:
    group = Group(sqlite_database)
    await group.open()
    assert await group.say("@小林子\u2005店名叫什么") == ["ignored"] * 3
    assert (await group.say("@小林，店名叫什么"))[0] == "answered"


async def test_staff_hear_once_that_the_owner_is_not_in_its_room_any_more(sqlite_database: Database) -> None:
    group = Group(sqlite_database)
    await group.open()
    await group.come(SELF["lin-1"], what="leave")
    [row] = await group.rows("staff_notice")
    assert "群「闺蜜群」里没有 lin-1 了" in row.content["text"]


@pytest.mark.parametrize("meanwhile", ["renamed", "away", "bound"])
async def test_a_room_under_another_name_keeps_its_week(sqlite_database: Database, meanwhile: str) -> None:
    """Its file is renamed at once, or taken away before, or a code binds the room to another pond."""
    group = Group(sqlite_database)
    await group.open()
    async with group.db.write() as tx:
        await tx.execute(update(Pond).values(last_campaign_ms=NOW_MS, last_campaign_id=1))
        if meanwhile == "away":
            await keep_ponds(tx, {}, NOW_MS)
        room = None if meanwhile == "bound" else ROOM
        await keep_ponds(tx, {"den": group.file.model_copy(update={"name": "den", "room": room})}, NOW_MS)
        if meanwhile == "bound":
            await bind_pond(tx, "den", ROOM, "staff:boss", NOW_MS)
        with pytest.raises(PondRefused):
            await plan_post(tx, "den", "今晚八点", due_ms=NOW_MS + MINUTE_MS, by="staff:boss", now_ms=NOW_MS)


async def test_a_stranger_who_opts_out_is_remembered_and_not_written_to(group: Group) -> None:
    await group.say("退订", talker="wx_new")
    assert await group.rows("opt_out_confirmation") == []
    async with group.db.read() as connection:
        gone = select(func.count()).where(Person.opted_out_ms.is_not(None))
        assert await connection.scalar(gone.select_from(Person)) == 1


async def test_a_command_in_a_group_of_customers_is_never_heard(group: Group) -> None:
    heard: list[Any] = []

    async def on_command(tx: Any, words: Any) -> str:
        heard.append(words)
        return "command"

    group.intake._on_command = on_command
    await group.say("/状态", talker="wxid_boss")
    assert heard == []
    await group.say("/状态", talker="wxid_boss", room="staff@chatroom")
    assert len(heard) == 1


async def test_staff_say_a_code_in_a_room_and_it_is_that_pond(database: Database) -> None:
    group = Group(database, room=None)
    await group.open()
    async with database.write() as tx:
        _, code = await bind_pond(tx, "闺蜜群", "", "staff:boss", NOW_MS)
    assert await group.say(code, talker="wxid_hua") == ["ignored"] * 3  # not for customers
    assert await group.say(code, talker="wxid_boss", room="staff@chatroom", heard_by=("xiaoyu-1",)) != ["bound"]
    assert await group.say(code, talker="wxid_boss", heard_by=("lin-2", "lin-1")) == ["bound", "ignored"]
    async with database.read() as connection:
        assert (await pond_named(connection, "lounge")).room == ROOM
    await group.keep()  # the next start reads a file without a room
    async with database.read() as connection:
        assert (await pond_named(connection, "lounge")).room == ROOM


async def test_a_full_room_is_a_repair_that_names_the_overflow_until_somebody_leaves(group: Group) -> None:
    members = PondMembers()
    async with group.db.write() as tx:
        assert await members.due(tx, NOW_MS)
        await members.act(tx, NOW_MS)
        assert (await tx.scalars(select(LiveRequest.payload))).all() == [{"room": ROOM}]
        await tx.execute(update(LiveRequest).values(state="done"))
        await tx.execute(update(Pond).values(members=2, members_ms=NOW_MS))
        assert not await members.due(tx, NOW_MS)
    await group.come("wx1")
    async with group.db.write() as tx:
        assert await members.due(tx, NOW_MS)
        await members.act(tx, NOW_MS)
        assert (await tx.scalars(select(Repair.key))).all() == ["pond_full:lounge"]
        assert not await members.due(tx, NOW_MS)
    await group.come("wx1", what="leave")
    async with group.db.write() as tx:
        await members.act(tx, NOW_MS)
        assert (await tx.scalars(select(Repair.key))).all() == []


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["wx1", "wx2", "wx3"]), st.permutations(list(ACCOUNTS)), st.integers(0, 3)),
        min_size=1, max_size=8,
    )
)  # fmt: skip
async def test_whoever_hears_first_and_however_often_nobody_is_welcomed_or_answered_twice(
    sqlite_shape: Any, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[str], int]]
) -> None:
    from tests.conftest import _copied, _open

    async with _open(_copied(sqlite_shape, tmp_path_factory.mktemp("pond"))) as db:
        group = Group(db)
        await group.open()
        asked: set[tuple[str, int]] = set()
        for contact, order, number in steps:
            await group.come(contact, heard_by=tuple(order))
            await group.say(f"店名{number}", to="lin-2", talker=contact, heard_by=tuple(order))
            asked.add((contact, number))
        welcomed = [who for row in await group.rows("welcome") for who in row.content["mentions"]]
        assert sorted(welcomed) == sorted({contact for contact, _, _ in steps})
        assert len(await group.rows("reply")) == min(len(asked), 6)
        async with db.read() as connection:
            assert await connection.scalar(select(func.count()).select_from(PondMember)) == len(set(welcomed))
