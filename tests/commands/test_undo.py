"""/撤销: the last command of whoever asks, within a minute, and plainly what can't be taken back."""

import pytest
from sqlalchemy import insert, select, update

from rules.kinds import Kind
from storage.campaign_tables import Campaign, Material
from storage.engine import Database
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Account, Delivery, Person
from tests.commands.test_chat import Office, vips
from tests.conversations.shop import NOW_MS, open_shop
from tests.scheduler.matrix import plan_pushes
from texts.problem import ExitCode

PUSHES = 5


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    return Office(sqlite_database)


async def _person(shop: Office) -> tuple[int | None, int | None]:
    async with shop.db.read() as connection:
        wish = select(Person.opted_out_ms, Person.muted_until_ms).where(Person.name == "花花🌸")
        return tuple((await connection.execute(wish)).one())


async def test_an_opt_out_by_staff_is_taken_back_with_the_rows_it_withdrew(database: Database) -> None:
    await open_shop(database)
    shop = Office(database)
    async with shop.db.write() as tx:
        person = await tx.scalar(select(Person.id).where(Person.name == "花花🌸"))
        row = NewDelivery(Kind.PUSH, "lin-1", "wxid_hua", Content(text="福利"), "k", NOW_MS, person=person)
        await plan(tx, [row], now_ms=NOW_MS)
    await shop.says("/退订 花花", staff="mei")
    assert (await _person(shop))[0] == NOW_MS
    assert (await shop.says("/撤销", now_ms=NOW_MS + 1)).exit_code == ExitCode.NOT_FOUND
    reply = await shop.says("/撤销", staff="mei", now_ms=NOW_MS + 59_000)
    assert reply.ok and "1 条重新排队" in reply.text
    assert (await _person(shop))[0] is None
    async with shop.db.read() as connection:
        assert await connection.scalar(select(Delivery.state)) == "pending"
    assert not (await shop.says("/撤销", staff="mei", now_ms=NOW_MS + 59_500)).ok


@pytest.mark.parametrize(
    ("first", "again", "paused"), [("/暂停 lin-1", "/暂停 lin-1", True), ("", "/恢复 lin-1", False)]
)
async def test_what_changed_nothing_is_not_taken_back(shop: Office, first: str, again: str, paused: bool) -> None:
    """Else /撤销 would do what nobody asked for: pause an account that was never paused."""
    if first:
        await shop.says(first, now_ms=NOW_MS - 61_000)
    await shop.says(again)
    assert (await shop.says("/撤销", now_ms=NOW_MS + 1)).exit_code == ExitCode.NOT_FOUND
    async with shop.db.read() as connection:
        paused_by = await connection.scalar(select(Account.paused_by).where(Account.id == "lin-1"))
    assert (paused_by is not None) == paused


async def test_after_a_minute_nothing_is_taken_back(shop: Office) -> None:
    await shop.says("/退订 花花")
    assert not (await shop.says("/撤销", now_ms=NOW_MS + 60_000)).ok
    assert (await _person(shop))[0] == NOW_MS


async def test_a_wish_of_their_own_is_not_taken_back_by_staff(shop: Office) -> None:
    async with shop.db.write() as tx:
        await tx.execute(update(Person).values(opted_out_ms=NOW_MS - 5, opted_out_by="inbox:1: 退订"))
    await shop.says("/退订 花花")
    assert (await shop.says("/撤销", now_ms=NOW_MS + 1)).exit_code == ExitCode.REFUSED_BY_POLICY
    assert (await _person(shop))[0] == NOW_MS - 5


async def test_commands_are_taken_back_one_by_one_the_newest_first(shop: Office) -> None:
    await shop.says("/暂停 lin-1")
    await shop.says("/勿扰 花花 7天后", now_ms=NOW_MS + 1)
    await shop.says("/状态", now_ms=NOW_MS + 2)
    assert "花花" in (await shop.says("/undo", now_ms=NOW_MS + 3)).text
    assert (await _person(shop))[1] is None
    assert (await shop.says("/undo", now_ms=NOW_MS + 4)).text == "撤销了：lin-1 恢复发送"
    async with shop.db.read() as connection:
        assert await connection.scalar(select(Account.paused_by).where(Account.id == "lin-1")) is None


async def test_of_a_push_the_rest_is_cancelled_and_what_is_out_is_said(shop: Office) -> None:
    await vips(shop.db, PUSHES)
    asked = await shop.says("/推送 laoke-fuli")
    await shop.says(f"/确认 {asked.code}")
    await plan_pushes(shop.db, NOW_MS)
    async with shop.db.write() as tx:
        first = select(Delivery.id).order_by(Delivery.id).limit(2)
        await tx.execute(update(Delivery).where(Delivery.id.in_(first)).values(state="accepted", sent_ms=NOW_MS))
    reply = await shop.says("/撤销", now_ms=NOW_MS + 10)
    assert "没发的 3 条不再发" in reply.text
    assert "已经发出的 2 条撤不回来了" in reply.text  # their gateway gave no id


async def test_a_push_that_is_through_says_how_many_have_it(shop: Office) -> None:
    await vips(shop.db, 2)
    await shop.says(f"/确认 {(await shop.says('/推送 laoke-fuli')).code}")
    await plan_pushes(shop.db, NOW_MS)
    async with shop.db.write() as tx:
        await tx.execute(update(Delivery).values(state="accepted", sent_ms=NOW_MS))
        await tx.execute(update(Campaign).values(state="finished"))
    reply = await shop.says("/撤销", now_ms=NOW_MS + 10)
    assert (reply.exit_code, "2 条都收不回来" in reply.text) == (ExitCode.REFUSED_BY_POLICY, True)


async def test_what_can_not_be_taken_back_says_so(shop: Office) -> None:
    await shop.says("/全停")
    reply = await shop.says("/撤销", now_ms=NOW_MS + 1)
    assert (reply.ok, reply.exit_code) == (False, ExitCode.REFUSED_BY_POLICY)
    assert "撤不回" in reply.text


async def test_a_level_by_hand_says_what_it_does_and_is_taken_back(shop: Office) -> None:
    reply = await shop.says("/会员 花花 vip2", staff="mei")
    assert reply.ok and "→ VIP2" in reply.text and "后台" in reply.text
    assert not (await shop.says("/会员 花花 钻石", staff="mei")).ok
    assert "哪一级" in (await shop.says("/会员 花花", staff="mei")).text
    assert (await shop.says("/撤销", staff="mei", now_ms=NOW_MS + 1)).ok
    async with shop.db.read() as connection:
        query = select(Person.level, Person.given_level).where(Person.name == "花花🌸")
        assert tuple((await connection.execute(query)).one()) == ("friend", "friend")


async def test_of_two_wishes_to_be_left_alone_the_second_is_taken_back_then_the_first(shop: Office) -> None:
    await shop.says("/勿扰 花花 3天后", now_ms=NOW_MS)
    first = (await _person(shop))[1]
    await shop.says("/勿扰 花花 7天后", now_ms=NOW_MS + 1)
    assert "改回到" in (await shop.says("/撤销", now_ms=NOW_MS + 2)).text
    assert first is not None and (await _person(shop))[1] == first
    assert (await shop.says("/撤销", now_ms=NOW_MS + 3)).ok
    assert (await _person(shop))[1] is None


async def test_what_was_done_with_a_photo_is_never_mistaken_for_the_command_before(shop: Office) -> None:
    async with shop.db.write() as tx:
        photo = {"source": "chat", "consent": "unasked", "added_by": "inbox:1", "received_ms": NOW_MS}
        await tx.execute(insert(Material).values(id=3, **photo))
    await shop.says("/备注 花花 喜欢宽松的")
    assert (await shop.says("/素材 收起 3", now_ms=NOW_MS + 1)).ok
    await shop.says("/素材", now_ms=NOW_MS + 2)
    told = await shop.says("/撤销", now_ms=NOW_MS + 3)
    assert not told.ok and "/素材" in told.text
