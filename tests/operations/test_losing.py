"""An account is lost: what it had planned leaves once, from a sibling; its friends are found; and it can come back."""

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from commands.chat import Chat
from operations.desk import Desk
from operations.losing import LeadIn, Losing, Way
from operations.open_matters import repairs_now
from operations.why import reason_words
from rules.kinds import Kind
from rules.limits import Limits
from rules.pacing import MINUTE_MS
from storage.engine import Database
from storage.move_tables import Move
from storage.order_tables import Order
from storage.outbox import Content, NewDelivery, plan
from storage.staff_tables import Audit
from storage.tables import Account, Delivery, Friendship, Person
from storage.task_tables import Task
from tests.commands.test_chat import Office, vips
from tests.conversations.shop import DAY_MS, NOW_MS, befriend, open_shop, row_of
from texts.problem import ExitCode

ZONE = "Asia/Shanghai"
WELFARE = Content(text="福利")
LEAD_IN = LeadIn("小林的衣橱", {"lin-2": "xl_lin2"}, {"xiaoyu-1": "https://u.wechat.com/abcdefghijkl"})


@pytest.fixture
async def office(database: Database) -> Office:
    """lin-1 has five VIPs, Huahua, whom lin-2 knows too, and somebody who opted out."""
    await open_shop(database)
    made = Office(database)
    made.desk = Desk(made.pushes, zone=ZONE, lead_in=LEAD_IN)
    made.chat = Chat(made.desk, ZONE)
    await vips(database, 5)
    async with database.write() as tx:
        await befriend(tx, "lin-1", "wxid_out", "小退", opted_out_ms=1, phone="13900000009")
        await tx.execute(update(Account).values(friends_listed=10, opened_ms=NOW_MS - 90 * DAY_MS))
        await tx.execute(update(Person).where(Person.name == "小客4").values(tier="gold", phone="13800001234"))
        await tx.execute(update(Person).where(Person.name == "小客1").values(phone="13700005678"))
        person = await tx.scalar(select(Person.id).where(Person.name == "小客2"))
        for number, phone, member in (
            (1, "13600000001", "tb_old"),
            (2, "13600004321", "tb_ke2"),
            (3, "136****", "t**"),
        ):
            order = {"number": f"{number}", "person": person, "member_name": member, "phone": phone, "batch": 1}
            await tx.execute(insert(Order).values(**order, status="completed", paid_fen=1, created_ms=number))
        await tx.execute(update(Person).where(Person.name == "小客3").values(member_name="tb_ke3"))
        await tx.execute(update(Friendship).where(Friendship.contact == "wxid_vip_4").values(waiting_since_ms=NOW_MS))
    return made


async def _lose(office: Office, account: str = "lin-1") -> Any:
    shown = await office.says(f"/账号 丢失 {account}")
    assert shown.code, shown.text
    done = await office.says(f"/确认 {shown.code}")
    assert done.ok, done.text
    return done


async def _ways(office: Office, account: str = "lin-1") -> dict[str, Way]:
    async with office.db.read() as connection:
        ways = await Losing(LEAD_IN, ZONE).ways(connection, account, NOW_MS)
    return {way.friend.name: way for way in ways}


async def _planned(
    office: Office, contact: str, kind: Kind, key: str, state: str = "pending", content: Content = WELFARE
) -> None:
    async with office.db.write() as tx:
        person = await tx.scalar(select(Friendship.person).where(Friendship.contact == contact))
        row = NewDelivery(kind, "lin-1", contact, content, key, NOW_MS, person=person)
        await plan(tx, [row], now_ms=NOW_MS)
        await tx.execute(update(Delivery).where(Delivery.key == key).values(state=state))


async def _accounts_of_rows(office: Office) -> dict[str, tuple[str, str]]:
    async with office.db.read() as connection:
        rows = await connection.execute(select(Delivery.key, Delivery.account, Delivery.state))
        return {row.key: (row.account, row.state) for row in rows}


async def test_what_was_planned_leaves_once_from_a_sibling_that_may_send_it_and_the_rest_is_held(
    office: Office,
) -> None:
    async with office.db.write() as tx:  # somebody whom only an acquisition account knows besides: it sends no push
        await befriend(tx, "xiaoyu-1", "wxid_vip_0", "小客0")
    await _planned(office, "wxid_hua", Kind.PUSH, "push:9:1")
    await _planned(office, "wxid_hua", Kind.CARE, "care:1")
    await _planned(office, "wxid_hua", Kind.REPLY, "reply:1")
    await _planned(office, "wxid_hua", Kind.PUSH, "push:8:1", state="in_doubt")
    await _planned(office, "wxid_vip_0", Kind.PUSH, "push:9:2")
    await _planned(office, "wxid_vip_0", Kind.CARE, "care:2")
    done = await _lose(office)
    assert (done.data["moved"], done.data["held"]) == ({"lin-2": 2, "xiaoyu-1": 1}, 2)
    assert await _accounts_of_rows(office) == {
        "push:9:1": ("lin-2", "pending"), "care:1": ("lin-2", "pending"), "care:2": ("xiaoyu-1", "pending"),
        "reply:1": ("lin-1", "pending"), "push:9:2": ("lin-1", "pending"), "push:8:1": ("lin-1", "in_doubt"),
    }  # fmt: skip
    account = await row_of(office.db, Account, id="lin-1")
    assert (account.paused_by, account.removed, account.lost_by) == ("lost", True, "boss")


async def test_what_is_written_in_its_voice_goes_to_its_likeness_only_and_offers_are_withdrawn_as_shown(
    office: Office,
) -> None:
    """lin-2, whom Huahua knows too, is another person; xiaoyu-1, whom 小客0 knows, is a mirror of lin-1."""
    async with office.db.write() as tx:
        await tx.execute(update(Account).where(Account.id == "lin-2").values(persona="suye"))
        mirror = {"persona": "lin-mirror", "mirror_of": "lin-1"}
        await tx.execute(update(Account).where(Account.id == "xiaoyu-1").values(**mirror))
        await befriend(tx, "xiaoyu-1", "wxid_vip_0", "小客0")
        hua = await tx.scalar(select(Friendship.person).where(Friendship.contact == "wxid_hua"))
        card = Content(card="wxid_self_0")
        shown = {"kind": Kind.OFFER, "content": card, "key": "introduce:lin-2:hua", "source": "friends:lin-1"}
        await plan(tx, [NewDelivery(account="lin-2", to="wxid_hua", due_ms=NOW_MS, **shown)], now_ms=NOW_MS)  # type: ignore[arg-type]
        offer = {"aim": "sales", "why": "bought", "state": "offered", "offered_ms": NOW_MS, "changed_ms": NOW_MS}
        await tx.execute(insert(Move).values(person=hua, from_account="lin-2", to_account="lin-1", **offer))
    for contact, key in (("wxid_hua", "hua"), ("wxid_vip_0", "vip")):
        await _planned(office, contact, Kind.CARE, f"care:{key}")
        await _planned(office, contact, Kind.GREETING, f"greeting:{key}", content=Content(image="cake.jpg"))
    await _planned(office, "wxid_hua", Kind.PUSH, "push:1", content=Content(template="vip"))
    asked = await office.says("/账号 丢失 lin-1")
    assert "2 条写好的是它的人设口吻" in asked.text and "2 次推名片会收回" in asked.text
    done = await _lose(office)
    assert "2 条写好的是它的人设口吻" in done.text and "2 次推名片已收回" in done.text
    assert (done.data["moved"], done.data["held"]) == ({"lin-2": 1, "xiaoyu-1": 2}, 2)
    rows = await _accounts_of_rows(office)
    assert (rows["push:1"], rows["care:hua"]) == (("lin-2", "pending"), ("lin-1", "pending"))
    assert rows["introduce:lin-2:hua"] == ("lin-2", "skipped")
    held = await row_of(office.db, Delivery, key="care:hua")
    assert "不能替它说" in reason_words(held.reason)
    assert (await office.says("/账号 找回 lin-1")).ok
    assert (await row_of(office.db, Delivery, key="care:hua")).reason is None


async def test_its_friends_are_found_gold_first_by_what_is_known_of_them(office: Office) -> None:
    ways = await _ways(office)
    assert next(iter(ways)) == "小客4"
    assert {name: way.how for name, way in ways.items()} == {
        "小客4": "sms", "小客1": "sms", "小客2": "sms", "小客3": "member", "小客0": "nobody", "花花🌸": "others",
        "小退": "opted_out",
    }  # fmt: skip
    assert (ways["小客2"].friend.phone, ways["小客2"].friend.member_name) == ("13600004321", "tb_ke2")
    text = ways["小客4"].text
    assert text.startswith("【小林的衣橱】") and text.endswith("拒收请回复R") and len(text) <= 70
    assert "xl_lin2" in text and ways["小客4"].turn is not None and ways["小客4"].turn.account == "lin-2"


async def test_nobody_is_led_where_there_is_no_room_and_a_qr_code_leads_as_well(office: Office) -> None:
    tight = Limits(visible=12, reserve=0).model_dump(mode="json")
    async with office.db.write() as tx:
        await tx.execute(update(Account).where(Account.id == "lin-2").values(limits=tight, friends_listed=11))
        await tx.execute(update(Account).where(Account.id == "xiaoyu-1").values(limits=tight, friends_listed=11))
    ways = await _ways(office)
    assert [ways[name].how for name in ("小客4", "小客1", "小客2")] == ["sms", "sms", "no_room"]
    text = ways["小客1"].text
    assert "https://u.wechat.com/abcdefghijkl" in text and len(text) <= 70
    assert "没有号有位置" in (await office.says("/账号 丢失 lin-1")).text


async def test_its_friends_are_as_many_as_the_list_of_accounts_says(office: Office) -> None:
    listed = next(line for line in (await office.says("/账号")).text.split("\n") if line.startswith("lin-1"))
    assert "好友 10/" in listed and "好友 10 人" in (await office.says("/账号 丢失 lin-1")).text


async def test_it_is_shown_masked_and_done_by_its_code_only_and_refused_the_second_time(office: Office) -> None:
    shown = await office.says("/账号 丢失 lin-1")
    assert (
        "好友 10 人（3 人不用找：" in shown.text
        and "客户 7 人，其中黄金 1 人，正等真人回复 1 人" in shown.text
        and "1. 小客4" in shown.text
    )
    assert "138****1234" in shown.text and "13800001234" not in shown.text
    assert (await row_of(office.db, Account, id="lin-1")).lost_ms is None
    assert (await office.says("/账号 丢失 lin-1", "mei")).exit_code is ExitCode.NOT_ALLOWED
    await _lose(office)
    again = await office.says("/账号 丢失 lin-1")
    assert not again.ok and "已经按丢失处理了" in again.text and "/账号 找回 lin-1" in again.text
    unknown = await office.says("/账号 丢失 lin-9")
    assert unknown.exit_code is ExitCode.NOT_FOUND and "lin-" in unknown.text
    assert "没有丢失" in (await office.says("/账号 找回 lin-2")).text
    logged = [(row.verb, row.outcome) for row in await _log(office)]
    assert ("accounts lost", "asked") in logged and ("accounts lost", "refused") in logged


async def _log(office: Office) -> list[Any]:
    async with office.db.read() as connection:
        return list((await connection.execute(select(Audit.__table__).order_by(Audit.id))).all())


async def test_a_lost_account_is_no_sibling_of_another_lost_one(office: Office) -> None:
    await _lose(office)
    await _planned(office, "wxid_hua", Kind.PUSH, "push:9:1")  # as if somebody planned for it at that very moment
    async with office.db.write() as tx:
        await tx.execute(update(Delivery).values(account="lin-2"))
    done = await _lose(office, "lin-2")
    assert (done.data["moved"], done.data["held"]) == ({}, 1)
    lines = (await office.says("/账号")).text.splitlines()
    assert [line for line in lines if "已丢失" in line] == lines[:2]


async def test_it_comes_back_by_word_or_by_undo_and_what_went_on_stays_where_it_is(office: Office) -> None:
    await _planned(office, "wxid_hua", Kind.PUSH, "push:9:1")
    await _lose(office)
    assert (await office.says("/撤销", now_ms=NOW_MS + 1000)).ok
    account = await row_of(office.db, Account, id="lin-1")
    assert (account.lost_ms, account.removed, account.paused_by) == (None, False, None)
    assert (await _accounts_of_rows(office))["push:9:1"] == ("lin-2", "pending")
    async with office.db.write() as tx:
        await tx.execute(update(Account).where(Account.id == "lin-1").values(paused_by="fan"))
    await _lose(office)
    assert (await office.says("/账号 找回 lin-1")).ok
    assert (await row_of(office.db, Account, id="lin-1")).paused_by == "fan"  # as it was before


async def test_undo_brings_no_account_back_that_a_colleague_has_lost_since(office: Office) -> None:
    await _lose(office)
    assert (await office.says("/账号 找回 lin-1", "fan", now_ms=NOW_MS + 1)).ok
    shown = await office.says("/账号 丢失 lin-1", "fan", now_ms=NOW_MS + 2)
    assert (await office.says(f"/确认 {shown.code}", "fan", now_ms=NOW_MS + 3)).ok
    assert "情况已经变了" in (await office.says("/撤销", now_ms=NOW_MS + 4)).text
    assert (await row_of(office.db, Account, id="lin-1")).lost_by == "fan"


async def test_its_tasks_are_dropped_and_the_status_keeps_it_in_mind_until_it_is_back(office: Office) -> None:
    row = {"kind": "moment", "priority": 9, "to": "", "content": {}, "due_ms": NOW_MS, "created_ms": NOW_MS}
    async with office.db.write() as tx:
        made = await tx.execute(insert(Delivery).values(account="lin-1", key="moment:1", state="handed", **row))
        task = {"package": "p", "kind": "moment", "account": "lin-1", "holder": "mei", "title": "早安"}
        delivery = made.inserted_primary_key[0]  # type: ignore[index]
        await tx.execute(insert(Task).values(**task, delivery=delivery, state="open", created_ms=NOW_MS))
    assert "1 条朋友圈不用管了" in (await _lose(office)).text
    delivered = await row_of(office.db, Delivery, key="moment:1")
    assert (delivered.state, delivered.reason) == ("skipped", "account_lost")
    assert "lin-1 已丢失" in (await office.says("/状态")).text
    async with office.db.write() as tx:  # somebody scanned its code after all
        later = {"state": "online", "state_since_ms": NOW_MS + 30 * MINUTE_MS}
        await tx.execute(update(Account).where(Account.id == "lin-1").values(**later))
    async with office.db.read() as connection:
        [line] = [r for r in await repairs_now(connection, NOW_MS + DAY_MS, ZONE) if r.key == "lost:lin-1"]
    assert line.commands == ("/账号 找回 lin-1",)
    assert (await office.says(line.commands[0])).ok
    assert "丢失" not in (await office.says("/状态")).text + (await office.says("/账号")).text


async def test_who_waits_at_a_lost_account_stays_in_the_list_with_the_way_to_them(office: Office) -> None:
    """小客4 is known to lin-1 only; Huahua to lin-2, too."""
    async with office.db.write() as tx:
        hua = Friendship.account == "lin-1", Friendship.contact == "wxid_hua"
        await tx.execute(update(Friendship).where(*hua).values(waiting_since_ms=NOW_MS))
    done = await _lose(office)
    assert done.data["waiting"] == 2
    assert "2 位客户在它上面等真人回复" in done.text
    async with office.db.read() as connection:
        lines = [r for r in await repairs_now(connection, NOW_MS, ZONE) if r.key.startswith("waiting:lin-1:")]
    assert "小客4" in lines[0].text
    assert lines[0].commands == ("/账号 lin-1",)
    assert "也在 lin-2 上" in lines[1].mend
    assert lines[1].commands[0].startswith("/接手 #")
