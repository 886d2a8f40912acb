"""Commands of staff, from the words in a chat to the answer in the outbox."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from commands.chat import Chat
from conversations.intake import Intake
from operations.asking import Reply
from operations.desk import Desk
from operations.repairs import short_name
from operations.requests.request import Door
from rules.kinds import Kind
from scheduler.pushes.push_file import PushFile
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.fleet_tables import LiveRequest, Repair
from storage.outbox import Content, NewDelivery, plan
from storage.staff_tables import Audit, Invitation, StaffContact, StaffMember
from storage.tables import Account, Delivery, Friendship, Person, Setting
from storage.task_tables import Task
from tests.conversations.shop import (
    DAY_MS,
    NOW_MS,
    Post,
    befriend,
    count,
    open_shop,
    outbox,
    row_of,
    texts,
    voices,
)
from tests.scheduler.matrix import plan_pushes
from texts.problem import ExitCode

ZONE = "Asia/Shanghai"
FULI = PushFile.model_validate(
    {
        "name": "laoke-fuli",
        "title": "老客专享福利",
        "who": {"levels": ["VIP1"]},
        "words": {"default": "{{ call_me }}，今晚有福利"},
    }
)


class Office:
    """The chat door on a shop, with staff who speak through it."""

    def __init__(self, db: Database, *, second_person_above: int = 500) -> None:
        self.db = db
        self.pushes = {FULI.name: FULI}
        self.desk = Desk(self.pushes, zone=ZONE, second_person_above=second_person_above)
        self.chat = Chat(self.desk, ZONE)
        self.intake = Intake(
            voices(),
            on_command=self.chat.on_command,
            on_stranger=self.chat.on_stranger,
            on_friendship=_no_friendships,
        )
        self.post = Post(db, self.intake)

    async def says(self, line: str, staff: str = "boss", now_ms: int = NOW_MS) -> Reply:
        """By the terminal."""
        async with self.db.write() as tx:
            return await self.chat.run_line(tx, staff, line, Door.CLI, now_ms)


async def _no_friendships(*_: Any) -> str:
    return "ignored"


@pytest.fixture
async def office(database: Database) -> Office:
    await open_shop(database)
    return Office(database)


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    """Where the database is not the point."""
    await open_shop(sqlite_database)
    return Office(sqlite_database)


async def vips(db: Database, number: int) -> None:
    """Customers of lin-1 who bought and wrote."""
    async with db.write() as tx:
        for n in range(number):
            contact = f"wxid_vip_{n}"
            await befriend(tx, "lin-1", contact, f"小客{n}", level="VIP1", orders=1, net_paid_fen=9900)
        await tx.execute(update(Friendship).values(last_in_ms=NOW_MS - DAY_MS))


async def test_an_answer_goes_back_to_whoever_asked(office: Office) -> None:
    assert await office.post.bring("＃状态", talker="wxid_boss") == "command"
    (row,) = await outbox(office.db)
    assert (row.kind, row.account, row.to) == ("command_reply", "lin-1", "wxid_boss")
    assert row.content["text"].startswith("3 个号：在线 3")


async def test_the_same_words_within_a_minute_are_one_command(office: Office) -> None:
    assert await office.post.bring("/状态", talker="wxid_boss") == "command"
    assert await office.post.bring("/状态 ", talker="wxid_boss", now_ms=NOW_MS + 59_000) == "command_repeated"
    assert await office.post.bring("/状态", talker="wxid_boss", now_ms=NOW_MS + 60_000) == "command"
    assert await count(office.db, Delivery) == 2


async def test_in_the_staff_room_the_desk_answers_once_by_name(sqlite_database: Database) -> None:
    await open_shop(sqlite_database, room="1@chatroom")
    office = Office(sqlite_database)
    for account in ("lin-1", "lin-2", "xiaoyu-1"):
        await office.post.bring("/状态", account=account, talker="wxid_mei", room="1@chatroom")
    (row,) = await outbox(office.db)
    assert (row.account, row.to, row.content["mentions"]) == ("xiaoyu-1", "1@chatroom", ["wxid_mei"])


async def test_a_strange_room_hears_nothing(shop: Office) -> None:
    assert await shop.post.bring("/状态", talker="wxid_boss", room="2@chatroom") == "ignored"
    assert await count(shop.db, Delivery) == 0


async def test_whoever_is_not_staff_gets_an_ordinary_reply(shop: Office) -> None:
    await shop.post.bring("/状态")
    assert await texts(shop.db, kind="command_reply") == []
    assert await texts(shop.db, kind="reply") == ["我问下同事哈"]
    assert await count(shop.db, Audit) == 0


async def test_a_typing_error_gets_the_nearest_command(shop: Office) -> None:
    reply = await shop.says("/状态态")
    assert reply.ok is False
    assert (await shop.says("/壮态")).text == "没有「壮态」这个命令\n是不是想发 /状态？"
    assert (await shop.says("/statsu")).text.endswith("/status？")


async def test_chinese_verbs_need_no_blank(shop: Office) -> None:
    assert (await shop.says("/暂停lin-1")).ok
    assert (await row_of(shop.db, Account, id="lin-1")).paused_by == "boss"


async def test_late_commands_are_not_carried_out_but_a_stop_is(shop: Office) -> None:
    assert await shop.post.bring("/暂停 lin-1", talker="wxid_boss", late=True) == "command_late"
    assert (await row_of(shop.db, Account, id="lin-1")).paused_by is None
    assert await shop.post.bring("/全停", talker="wxid_boss", late=True) == "command"
    assert (await row_of(shop.db, Setting, key="stop_all")).value != ""


async def test_pause_and_resume_one_account(office: Office) -> None:
    assert (await office.says("/暂停 lin-1", "fan")).ok
    assert (await row_of(office.db, Account, id="lin-1")).paused_by == "fan"
    assert (await row_of(office.db, Account, id="lin-2")).paused_by is None
    assert (await office.says("/继续 lin-1", "fan")).ok
    assert (await row_of(office.db, Account, id="lin-1")).paused_by is None


async def test_an_unknown_account_names_the_nearest(shop: Office) -> None:
    reply = await shop.says("/暂停 lin-11")
    assert (reply.ok, reply.exit_code) == (False, ExitCode.NOT_FOUND)
    assert "lin-1" in reply.text


async def test_stop_all_never_asks_and_resume_all_waits_for_its_code(office: Office) -> None:
    stopped = await office.says("/全停 快！", "mei")
    assert stopped.ok and stopped.code is None
    assert (await row_of(office.db, Setting, key="stop_all")).value.startswith("mei ")
    assert "已全停（小美，11-21 10:00）" in (await office.says("/状态")).text
    asked = await office.says("/全部恢复")
    assert (await row_of(office.db, Setting, key="stop_all")).value != ""
    assert (await office.says(f"/确认 {asked.code}")).ok
    assert (await row_of(office.db, Setting, key="stop_all")).value == ""


async def test_a_code_resumes_the_stop_that_was_shown_and_no_later_one(shop: Office) -> None:
    """Somebody sees that it is not over, and stops everything again before the code is said."""
    await shop.says("/全停", "mei")
    asked = await shop.says("/全部恢复")
    await shop.says("/全停", "mei", now_ms=NOW_MS + 1)
    refused = await shop.says(f"/确认 {asked.code}", now_ms=NOW_MS + 2)
    assert not refused.ok and "又有人发了 /全停" in refused.text
    assert (await row_of(shop.db, Setting, key="stop_all")).value != ""
    again = await shop.says("/全部恢复", now_ms=NOW_MS + 3)
    assert (await shop.says(f"/确认 {again.code}", now_ms=NOW_MS + 4)).ok


async def test_a_push_that_is_confirmed_while_all_is_stopped_says_so(shop: Office) -> None:
    await vips(shop.db, 1)
    await shop.says("/全停")
    asked = await shop.says("/推送 laoke-fuli")
    confirmed = await shop.says(f"/确认 {asked.code}")
    assert confirmed.ok and "现在是全停" in asked.text and "现在是全停" in confirmed.text


async def test_an_account_that_is_resumed_while_all_is_stopped_promises_nothing(shop: Office) -> None:
    await shop.says("/暂停 lin-1")
    await shop.says("/全停")
    told = (await shop.says("/恢复 lin-1")).text
    assert "现在是全停" in told and "接着发" not in told


async def test_rights_are_looked_at_and_refusals_are_logged(shop: Office) -> None:
    refused = await shop.says("/推送 laoke-fuli", "mei")
    assert (refused.ok, refused.exit_code) == (False, ExitCode.NOT_ALLOWED)
    line = await row_of(shop.db, Audit)
    assert (line.staff, line.verb, line.outcome, line.door) == ("mei", "push", "refused", "cli")


async def test_staff_with_accounts_of_their_own_leave_the_others_alone(shop: Office) -> None:
    async with shop.db.write() as tx:
        await tx.execute(update(StaffMember).where(StaffMember.id == "fan").values(accounts=["lin-2"]))
        await tx.execute(update(StaffMember).where(StaffMember.id == "boss").values(accounts=["lin-2"]))
    assert (await shop.says("/暂停 lin-1", "fan")).exit_code == ExitCode.NOT_ALLOWED
    assert (await shop.says("/暂停 lin-2", "fan")).ok
    assert (await shop.says("/暂停 lin-1", "boss")).ok


async def test_customers_of_others_are_left_alone_but_an_opt_out_is_always_obeyed(shop: Office) -> None:
    async with shop.db.write() as tx:
        await tx.execute(update(StaffMember).where(StaffMember.id == "fan").values(accounts=["lin-2"]))
        others = await befriend(tx, "lin-1", "wxid_fang1", "王芳", phone="13912345678")
        own = await befriend(tx, "lin-2", "wxid_fang2", "王芳")
        told = await befriend(tx, "lin-1", "wxid_told", "小告")
    for line in (
        "/客户 {}",
        "/标签 {} +大方",
        "/备注 {} 难缠",
        "/资料 {} 尺码=M",
        "/会员 {} VIP1",
        "/为什么 {}",
        "/绑定 {} tb_x",
    ):
        for who in ("小告", f"#{others}", "5678"):
            refused = await shop.says(line.format(who), "fan")
            assert refused.exit_code == ExitCode.NOT_ALLOWED, line
            assert (
                f"「{who}」不在你负责的号上" in refused.text and "lin-2" in refused.text and "王芳" not in refused.text
            )
    assert (await shop.says(f"/绑定 #{own} #{others}", "fan")).exit_code == ExitCode.NOT_ALLOWED
    assert (await shop.says("/备注 王芳 爱笑", "fan")).data["person"] == own  # of two of a name theirs is meant
    shown = await shop.says("/客户 王芳", "fan")
    assert f"#{own}" in shown.text and f"#{others}" not in shown.text
    assert f"#{others}" in (await shop.says("/客户 王芳", "mei")).text
    assert (await shop.says("/退订 小告", "fan")).ok
    assert (await row_of(shop.db, Person, id=told)).opted_out_ms is not None


async def test_a_push_shows_its_counts_and_starts_when_confirmed(office: Office) -> None:
    await vips(office.db, 3)
    asked = await office.says("/推送 老客专享福利")
    assert asked.ok and asked.code is not None and asked.code in asked.text
    assert "将发给 3 人" in asked.text
    assert await count(office.db, Campaign) == 0
    confirmed = await office.says(f"/确认 {asked.code}")
    assert confirmed.ok, confirmed.text
    assert (await row_of(office.db, Campaign)).state == "planning"
    await plan_pushes(office.db, NOW_MS)
    assert (await row_of(office.db, Campaign)).state == "running"
    assert len(await outbox(office.db, kind="push")) == 3


async def test_a_push_can_be_paused_continued_and_cancelled(shop: Office) -> None:
    await vips(shop.db, 3)
    await shop.says(f"/确认 {(await shop.says('/推送 laoke-fuli')).code}")
    await plan_pushes(shop.db, NOW_MS)
    assert (await shop.says("/暂停 laoke-fuli")).ok
    assert (await row_of(shop.db, Campaign)).state == "paused"
    assert (await shop.says(f"/确认 {(await shop.says('/继续')).code}")).ok
    assert (await row_of(shop.db, Campaign)).state == "running"
    assert "3 条" in (await shop.says("/取消 laoke-fuli")).text
    assert {row.reason for row in await outbox(shop.db, kind="push")} == {"cancelled"}


async def test_words_that_change_before_the_code_are_not_what_was_confirmed(shop: Office) -> None:
    await vips(shop.db, 3)
    asked = await shop.says("/推送 laoke-fuli")
    shop.pushes[FULI.name] = FULI.model_copy(update={"words": {"default": "换了话"}})
    refused = await shop.says(f"/确认 {asked.code}")
    assert (refused.ok, refused.exit_code) == (False, ExitCode.REFUSED_BY_POLICY)
    assert await count(shop.db, Campaign) == 0


async def test_a_push_to_nobody_says_why_and_hands_out_no_code(shop: Office) -> None:
    reply = await shop.says("/推送 laoke-fuli")
    assert (reply.ok, reply.code) == (False, None)


async def test_a_code_works_for_one_person_once_and_two_minutes(office: Office) -> None:
    first = await office.says("/全部恢复")
    assert (await office.says(f"/确认 {first.code}", "fan")).exit_code == ExitCode.NOT_ALLOWED
    assert (await office.says(f"/确认 {first.code}", now_ms=NOW_MS + 119_999)).ok
    assert not (await office.says(f"/确认 {first.code}", now_ms=NOW_MS + 119_999)).ok
    second = await office.says("/全部恢复", now_ms=NOW_MS + 200_000)
    assert not (await office.says(f"/确认 {second.code}", now_ms=NOW_MS + 320_000)).ok


async def test_asked_again_the_old_code_is_void_and_each_code_stands_for_its_own_question(shop: Office) -> None:
    await vips(shop.db, 1)
    old = await shop.says("/推送 laoke-fuli")
    first = await shop.says("/推送 laoke-fuli")
    second = await shop.says("/全部恢复")
    assert not (await shop.says(f"/确认 {old.code}")).ok
    assert await count(shop.db, Campaign) == 0
    assert (await shop.says(f"/确认 {second.code}")).ok
    assert await count(shop.db, Campaign) == 0
    assert (await shop.says(f"/确认 {first.code}")).ok
    assert await count(shop.db, Campaign) == 1


async def test_guessing_codes_ends_after_a_few(shop: Office) -> None:
    asked = await shop.says("/全部恢复")
    wrong = "00000" if asked.code != "00000" else "11111"
    for _ in range(5):
        assert not (await shop.says(f"/确认 {wrong}")).ok
    assert "太多次" in (await shop.says(f"/确认 {asked.code}")).text


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    guess=st.from_regex(r"[0-9]{4,6}", fullmatch=True),
    staff=st.sampled_from(["boss", "fan"]),
    wait_ms=st.integers(0, 240_000),
)
async def test_nothing_starts_but_by_its_own_code_person_and_time(
    shop: Office, guess: str, staff: str, wait_ms: int
) -> None:
    async with shop.db.write() as tx:
        await tx.execute(Audit.__table__.delete())
    asked = await shop.says("/全部恢复")
    answered = await shop.says(f"/确认 {guess}", staff, NOW_MS + wait_ms)
    assert answered.ok == (guess == asked.code and staff == "boss" and wait_ms < 120_000)


async def test_many_people_need_a_second_person_where_there_is_one(sqlite_database: Database) -> None:
    await open_shop(sqlite_database)
    await vips(sqlite_database, 3)
    office = Office(sqlite_database, second_person_above=2)
    asked = await office.says("/推送 laoke-fuli")
    assert "另一位同事" in asked.text
    assert (await office.says(f"/确认 {asked.code}")).exit_code == ExitCode.REFUSED_BY_POLICY
    assert (await office.says(f"/确认 {asked.code}", "mei")).exit_code == ExitCode.NOT_ALLOWED
    assert (await office.says(f"/确认 {asked.code}", "fan")).ok
    assert await count(office.db, Campaign) == 1


async def test_a_single_boss_confirms_alone(sqlite_database: Database) -> None:
    await open_shop(sqlite_database)
    await vips(sqlite_database, 3)
    async with sqlite_database.write() as tx:
        await tx.execute(update(StaffMember).where(StaffMember.id != "boss").values(removed=True))
    office = Office(sqlite_database, second_person_above=2)
    asked = await office.says("/推送 laoke-fuli")
    assert (await office.says(f"/确认 {asked.code}")).ok


async def test_an_invitation_makes_its_first_sender_staff(office: Office) -> None:
    invited = await office.says("/邀请 小新 客服")
    code = re.search(r"WX-\w{4}-\w{4}", invited.text)
    assert code is not None
    assert await office.post.bring(code[0].lower(), talker="wxid_hua") == "joined"
    member = await row_of(office.db, StaffMember, id="staff-1")
    assert (member.name, member.role, member.invited) == ("小新", "service", True)
    assert (await row_of(office.db, StaffContact, contact="wxid_hua")).staff == "staff-1"
    friendship = await row_of(office.db, Friendship, account="lin-1", contact="wxid_hua")
    assert (await row_of(office.db, Person, id=friendship.person)).kind == "staff"
    assert await office.post.bring("/状态", talker="wxid_hua") == "command"
    assert await office.post.bring(code[0], talker="wxid_late") == "handed_over"


@pytest.mark.parametrize("word", ["boss", "老板"])
async def test_an_invitation_makes_the_wechat_of_a_member_known(office: Office, word: str) -> None:
    """By id or name; their rights stay as config.yaml gives them, whatever the command says."""
    invited = await office.says(f"/邀请 {word} 只看")
    assert invited.data["staff"] == "boss"
    assert invited.text.startswith("老板（权限：老板）的邀请码是 WX-")
    assert await office.post.bring(invited.data["invitation"], talker="wxid_hua") == "joined"
    assert (await row_of(office.db, StaffContact, contact="wxid_hua")).staff == "boss"
    assert (await row_of(office.db, StaffMember, id="boss")).role == "owner"
    assert await count(office.db, StaffMember) == 3
    friendship = await row_of(office.db, Friendship, account="lin-1", contact="wxid_hua")
    assert (await row_of(office.db, Person, id=friendship.person)).kind == "staff"


async def test_an_invitation_of_a_member_who_left_is_an_ordinary_message(shop: Office) -> None:
    code = (await shop.says("/邀请 mei")).data["invitation"]
    async with shop.db.write() as tx:
        await tx.execute(update(StaffMember).where(StaffMember.id == "mei").values(removed=True))
    assert await shop.post.bring(code, talker="wxid_hua") == "handed_over"


async def test_two_members_of_one_name_are_invited_by_id(shop: Office) -> None:
    async with shop.db.write() as tx:
        await tx.execute(insert(StaffMember).values(id="mei-2", name="小美", role="service", accounts=[]))
    refused = await shop.says("/邀请 小美")
    assert (refused.ok, refused.text) == (False, "叫「小美」的员工不止一位，请写编号\n可以选：mei、mei-2")
    assert (await shop.says("/邀请 mei-2")).data["staff"] == "mei-2"


async def test_two_newcomers_of_one_name_are_two_members(shop: Office) -> None:
    for talker in ("wxid_x", "wxid_y"):
        code = (await shop.says("/邀请 小新")).data["invitation"]
        assert await shop.post.bring(code, talker=talker) == "joined"
    assert (await row_of(shop.db, StaffContact, contact="wxid_y")).staff == "staff-2"


async def test_an_account_that_is_online_needs_no_scan(shop: Office) -> None:
    assert (await shop.says("/扫码 lin-1")).text == "lin-1 在线，不用扫码"
    assert await count(shop.db, LiveRequest) == 0


async def test_the_terminal_says_how_a_terminal_confirms(shop: Office) -> None:
    asked = await shop.says("/全部恢复")
    assert f'wxfleet command "/确认 {asked.code}"' in asked.text
    await shop.post.bring("/全部恢复", talker="wxid_boss")
    (told,) = await texts(shop.db, kind="command_reply")
    assert "确认请回复 /确认 " in told


async def test_a_whole_name_is_meant_before_parts_of_names(office: Office) -> None:
    async with office.db.write() as tx:
        await befriend(tx, "lin-1", "wxid_ma", "花花妈")
        lily = await befriend(tx, "lin-1", "wxid_l", "花花世界", call_me="Lily")
        await befriend(tx, "lin-1", "wxid_ly", "lilyan")
        hua = await tx.scalar(select(Friendship.person).where(Friendship.contact == "wxid_hua"))
        await tx.execute(update(Friendship).where(Friendship.contact == "wxid_hua").values(alias="花花"))
    assert (await office.says("/为什么 花花")).text.startswith("花花🌸 这边")
    assert (await office.says("/为什么 lily")).text.startswith("Lily 这边")
    assert (await office.says(f"/为什么 {hua}")).text.startswith("花花🌸 这边")
    assert (await office.says(f"/为什么 {lily}")).text.startswith("Lily 这边")
    assert "「花」有 3 位" in (await office.says("/为什么 花")).text


async def test_why_shows_what_a_dry_run_would_have_said(office: Office) -> None:
    async with office.db.write() as tx:
        person = await tx.scalar(select(Friendship.person).where(Friendship.contact == "wxid_hua"))
        rows = [
            NewDelivery(Kind.REPLY, "lin-1", "wxid_hua", Content(text=""), key, NOW_MS, person=person)
            for key in ("dry", "late")
        ]
        await plan(tx, rows, now_ms=NOW_MS)
        skipped = update(Delivery).values(state="skipped", text="搜店名\n就能找到")
        await tx.execute(skipped.where(Delivery.key == "dry").values(reason="dry_run"))
        await tx.execute(skipped.where(Delivery.key == "late").values(reason="expired"))
    reply = await office.says(f"/为什么 {person}")
    (line,) = [line for line in reply.text.splitlines() if "演练" in line]
    assert line.endswith("没有发：演练：只记录，不发出；会说「搜店名 就能找到」")
    assert sorted(answer["words"] for answer in reply.data["answers"]) == ["", "搜店名\n就能找到"]


async def test_an_old_invitation_is_an_ordinary_message(shop: Office) -> None:
    await shop.says("/邀请 小新")
    async with shop.db.read() as conn:
        code = await conn.scalar(select(Invitation.code))
    assert await shop.post.bring(str(code), talker="wxid_x", now_ms=NOW_MS + DAY_MS) == "handed_over"


async def test_only_an_owner_invites(shop: Office) -> None:
    assert (await shop.says("/邀请 小新", "fan")).exit_code == ExitCode.NOT_ALLOWED


async def test_a_room_becomes_the_staff_room_by_its_code(office: Office) -> None:
    code = (await office.says("/邀请 群")).data["invitation"]
    for account in ("lin-2", "lin-1"):
        await office.post.bring(f"/设为员工群 {code}", account=account, talker="wxid_boss", room="7@chatroom")
    assert (await row_of(office.db, Setting, key="staff_room")).value == "7@chatroom"
    assert (await row_of(office.db, Setting, key="desk")).value == "lin-2"
    assert len(await outbox(office.db, to="7@chatroom")) == 1
    await office.post.bring("/状态", account="lin-2", talker="wxid_mei", room="7@chatroom")
    assert len(await outbox(office.db, to="7@chatroom")) == 2


async def test_a_wrong_room_code_changes_nothing(shop: Office) -> None:
    await shop.post.bring("/设为员工群 WX-2222-3333", talker="wxid_boss", room="7@chatroom")
    assert await count(shop.db, Setting) == 0


async def test_help_shows_what_the_rights_allow(shop: Office) -> None:
    assert "/推送" in (await shop.says("/帮助")).text
    mine = (await shop.says("/帮助", "mei")).text
    assert "/推送" not in mine and "/全停" in mine
    assert "/群发" in (await shop.says("/帮助 推送")).text


async def test_what_a_command_does_not_take_is_refused_not_ignored(shop: Office) -> None:
    await vips(shop.db, 1)
    reply = await shop.says("/推送 laoke-fuli 速度=快")
    assert (reply.ok, reply.exit_code) == (False, ExitCode.USAGE)
    assert "速度=快" in reply.text


async def test_staff_opt_somebody_out_on_their_request(office: Office) -> None:
    assert (await office.says("/退订 花花", "mei")).ok
    friendship = await row_of(office.db, Friendship, account="lin-1", contact="wxid_hua")
    assert (await row_of(office.db, Person, id=friendship.person)).opted_out_ms == NOW_MS


async def test_do_not_disturb_has_an_end(shop: Office) -> None:
    assert (await shop.says("/勿扰 花花 7天后", "mei")).ok
    friendship = await row_of(shop.db, Friendship, account="lin-1", contact="wxid_hua")
    assert (await row_of(shop.db, Person, id=friendship.person)).muted_until_ms == NOW_MS + 7 * DAY_MS
    assert not (await shop.says("/勿扰 花花", "mei")).ok


async def test_staff_take_a_conversation_over_and_give_it_back(shop: Office) -> None:
    assert (await shop.says("/接手 花花", "mei")).ok
    assert await shop.post.bring("店名是啥") == "held"
    assert (await shop.says("/交回 @花花", "mei")).ok
    assert await shop.post.bring("店名是啥") == "answered"


async def test_several_of_one_name_are_a_choice(shop: Office) -> None:
    async with shop.db.write() as tx:
        await befriend(tx, "lin-2", "wxid_hua2", "花花🌷")
    reply = await shop.says("/退订 花花", "mei")
    assert not reply.ok and "2 位" in reply.text
    number = re.search(r"^#?(\d+)\s+花花", reply.text, re.MULTILINE)
    assert number is not None
    assert (await shop.says(f"/退订 {number[1]}", "mei")).ok


async def test_why_tells_what_was_sent_and_what_was_not(office: Office) -> None:
    friendship = await row_of(office.db, Friendship, account="lin-1", contact="wxid_hua")
    row = NewDelivery(
        Kind.PUSH, "lin-1", "wxid_hua", Content(text="福利"), "push:9", NOW_MS, person=friendship.person, source="x"
    )
    async with office.db.write() as tx:
        await plan(tx, [row], now_ms=NOW_MS)
    await office.post.bring("退订")
    reply = await office.says("/为什么 花花")
    assert "没有发" in reply.text and "退订" in reply.text
    push = next(entry for entry in reply.data["answers"] if entry["source"] == "x")
    assert set(push) == {"when", "what", "outcome", "reason", "rule", "source", "words"}
    assert (push["outcome"], push["rule"]) == ("skipped", "opted_out")


async def test_status_shows_first_what_needs_somebody(shop: Office) -> None:
    async with shop.db.write() as tx:
        await tx.execute(
            insert(Repair).values(
                key="scan:lin-1", account="lin-1", message="operations.no_account", values={}, since_ms=NOW_MS
            )
        )
    assert (await shop.says("/状态")).text.startswith("· 没有叫 lin-1 的号")


async def test_what_was_lost_stays_on_the_list_until_somebody_looked(office: Office) -> None:
    async with office.db.write() as tx:
        for key in ("payload_lost:7", "scan:lin-1"):
            values = {"account": "lin-1", "event": "message:9", "arrival": 7}
            await tx.execute(
                insert(Repair).values(
                    key=key, account="lin-1", message="bots.payload_lost", values=values, since_ms=NOW_MS
                )
            )
    name = short_name("payload_lost:7")
    assert f"→ 看过后发 /完成 {name}" in (await office.says("/状态")).text
    done = await office.says(f"/完成 {name.lower()}", "mei")
    assert done.ok and "不再提醒：" in done.text
    await office.says("/完成 scan:lin-1", "mei")
    assert (await row_of(office.db, Repair)).key == "scan:lin-1"


async def test_resuming_a_limited_account_ends_its_rest(office: Office) -> None:
    async with office.db.write() as tx:
        await tx.execute(update(Account).where(Account.id == "lin-1").values(state="restricted"))
    assert (await office.says("/恢复 lin-1")).ok
    asked = await row_of(office.db, LiveRequest)
    assert (asked.account, asked.verb, asked.state) == ("lin-1", "rest_over", "waiting")


async def test_a_qr_code_is_asked_of_the_running_fleet(shop: Office) -> None:
    async with shop.db.write() as tx:
        await tx.execute(update(Account).where(Account.id == "lin-2").values(state="awaiting_scan"))
    assert (await shop.says("/扫码 lin-2", "mei")).ok
    asked = await row_of(shop.db, LiveRequest)
    assert (asked.account, asked.verb) == ("lin-2", "qr")


async def test_nobody_becomes_staff_by_naming_an_id(shop: Office) -> None:
    reply = await shop.says("/状态", "nobody")
    assert (reply.ok, reply.exit_code) == (False, ExitCode.NOT_ALLOWED)


async def test_long_answers_are_cut_into_messages(shop: Office) -> None:
    async with shop.db.write() as tx:
        account = (await tx.execute(select(Account.__table__).where(Account.id == "lin-1"))).mappings().one()
        for number in range(60):
            await tx.execute(insert(Account).values({**account, "id": f"x-{number}", "self_contact": None}))
    await shop.post.bring("/账号", talker="wxid_boss")
    pages = await texts(shop.db, kind="command_reply")
    assert len(pages) > 1
    assert all(len(page) <= 1800 for page in pages)


async def test_tasks_are_listed_and_ticked_off(office: Office) -> None:
    async with office.db.write() as tx:
        for number, holder in enumerate(("mei", "fan")):
            await tx.execute(
                insert(Task).values(
                    package=f"p{number}", kind="moment", account="lin-1", holder=holder, title=f"晒咖啡{number}",
                    state="open", created_ms=NOW_MS,
                )
            )  # fmt: skip
    listed = (await office.says("/任务", "fan")).text
    assert listed.index("晒咖啡1") < listed.index("晒咖啡0")
    assert "完成 1 项" in (await office.says("/完成 全部", "mei")).text
    assert (await row_of(office.db, Task, holder="mei")).state == "done"
    assert (await row_of(office.db, Task, holder="fan")).state == "open"


@pytest.mark.parametrize("which", ["9" * 30, "没有这个", "0"])
async def test_ticking_off_what_is_not_there_says_so(office: Office, which: str) -> None:
    assert "没有等你完成的任务" in (await office.says(f"/完成 {which}", "mei")).text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40))
async def test_any_line_gets_an_answer(office: Office, line: str) -> None:
    assert (await office.says(line, "mei")).text
