"""What needs a person: the most urgent first, each with a command that works when it is typed, gone when mended."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import delete, insert, update
from typer.main import get_command

from bots.errors import GatewayUnavailable
from bots.wechaty_errors import Whereabouts
from operations.open_matters import repairs_now
from operations.repairs import RepairLine, Urgency, noted_repairs
from rules.limits import Limits
from rules.pacing import DAY_MS, MINUTE_MS
from scheduler.pushes.push_file import as_spec
from storage.campaign_tables import Campaign
from storage.customer_tables import Referral
from storage.engine import Database
from storage.fleet_tables import Repair
from storage.order_tables import ImportBatch
from storage.tables import Account, Delivery, FriendRequest, Friendship, Person
from storage.task_tables import Task
from tests.commands.test_chat import FULI, Office
from tests.conversations.shop import NOW_MS, befriend, open_shop
from texts.catalogue import speak
from wxfleet.cli import build

ZONE = "Asia/Shanghai"
_TERMINAL = get_command(build())
_COMMON = {
    "spec": as_spec(FULI),
    "created_by": "staff:boss",
    "created_ms": NOW_MS,
    "starts_ms": NOW_MS,
    "changed_ms": NOW_MS,
}
_NOTED: Sequence[tuple[str, str, dict[str, Any]]] = (
    ("scan:lin-1", "bots.repair_scan", {}),
    ("wrong_account:lin-2", "bots.repair_wrong_account", {"found": "wx1", "expected": "wx2"}),
    ("gateway:lin-2", "bots.repair_gateway", {"problem": "连不上", "hint": "看看它"}),
    ("restricted:xiaoyu-1", "bots.repair_restricted", {"problem": "操作频繁"}),
    ("payload_lost:7", "bots.payload_lost", {"event": "message:9"}),
    ("friends_wait:lin-1", "bots.friends_wait.cap", {"friends": 5000, "sibling": "lin-2"}),
    ("friends_wait:lin-2", "bots.friends_wait.valley_kept", {"friends": 3000, "sibling": "lin-1"}),
    ("introduce:lin-1:lin-2", "bots.repair_introduce", {"sibling": "lin-2"}),
    ("served_by:lin-1:training", "conversations.nobody_serves", {"level": "合伙人", "name": "花花"}),
    ("channel_full:live", "bots.channel_full", {"code": "live", "name": "直播", "sibling": "-"}),
    ("merge:1:2", "customers.repair.two_phones", {"person": 1, "other": 2, "evidence": "订单"}),
    ("merge:2:3", "customers.repair.by_hint", {"person": 2, "other": 3, "asker": 3, "owner": 2, "end": "0299"}),
    ("member:1:tb_hua", "customers.repair.not_customer", {"person": 1, "member": "tb_hua", "evidence": "订单"}),
    ("coupons:ten", "scheduler.coupons.short",
     {"title": "福利", "needed": 9, "there": 2, "lacking": 7, "pool": "ten"}),
    ("media:a.jpg", "scheduler.repair.media", {"post": "早安", "flaw": "没有这个文件", "file": "a.jpg"}),
    ("calendar", "scheduler.repair.calendar", {"number": 1, "first": "a.yaml:3"}),
    ("pond_full:vip", "ponds.full", {"title": "老客群", "members": 500, "limit": 500, "overflow": "「二群」"}),
)  # fmt: skip


@pytest.fixture
async def office(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    return Office(sqlite_database)


async def _now(office: Office, now_ms: int = NOW_MS) -> dict[str, RepairLine]:
    async with office.db.read() as connection:
        return {line.key: line for line in await repairs_now(connection, now_ms, ZONE)}


async def _note_all(office: Office) -> None:
    async with office.db.write() as tx:
        for key, message, values in _NOTED:
            account = next((id for id in ("lin-1", "lin-2", "xiaoyu-1") if id in key), None)
            row = {"key": key, "account": account, "message": message, "since_ms": NOW_MS}
            await tx.execute(insert(Repair).values({**row, Repair.values: values}))


async def _fill(office: Office) -> None:
    """Everything that the tables can say at once."""
    async with office.db.write() as tx:
        gold = await befriend(tx, "lin-2", "wxid_gold", "阿金", tier="gold")
        await befriend(tx, "lin-1", "wxid_new", "小新")
        waits = update(Friendship).where(Friendship.contact == "wxid_new")
        await tx.execute(waits.values(waiting_since_ms=NOW_MS - 90 * MINUTE_MS))
        waits = update(Friendship).where(Friendship.contact == "wxid_gold")
        await tx.execute(waits.values(waiting_since_ms=NOW_MS - 5 * MINUTE_MS))
        row = {"account": "lin-1", "kind": "push", "priority": 5, "to": "wxid_new", "content": {}, "due_ms": NOW_MS}
        await tx.execute(insert(Delivery).values(**row, key="d1", state="in_doubt", sent_ms=NOW_MS, created_ms=NOW_MS))
        for id, state, reason in ((1, "paused", "error_budget"), (2, "holding", None), (3, "holding", "confirm")):
            named = {"id": id, "name": f"p{id}", "title": f"福利{id}", "kind": "push"}
            await tx.execute(insert(Campaign).values(**named, state=state, state_reason=reason, **_COMMON))
        task = {"package": "p", "kind": "moment", "account": "lin-1", "holder": "mei", "title": "发早安"}
        await tx.execute(insert(Task).values(**task, state="open", created_ms=NOW_MS - 3 * DAY_MS))
        brought = {"person": gold, "referrer": 1, "evidence": "staff", "by": "boss", "at_ms": 1}
        await tx.execute(insert(Referral).values(**brought, state="due", due_ms=1))
        batch = {"kind": "orders", "files": ["订单.csv"], "counts": {"refused": 3}, "created_ms": NOW_MS - DAY_MS}
        await tx.execute(insert(ImportBatch).values(**batch, by="boss", finished_ms=NOW_MS))
        asked = {"account": "lin-2", "request": "r1", "contact": "x", "state": "waiting"}
        await tx.execute(insert(FriendRequest).values(**asked, received_ms=NOW_MS - 2 * DAY_MS))
        full = Limits(visible=20, friends=40).model_dump(mode="json")
        await tx.execute(update(Account).where(Account.id == "lin-2").values(friends_listed=18, limits=full))
        paused = {"state": "paused", "paused_by": "fan", "state_since_ms": NOW_MS - 3 * DAY_MS}
        await tx.execute(update(Account).where(Account.id == "xiaoyu-1").values(**paused))


async def test_a_repair_noted_in_chinese_is_read_in_english(sqlite_database: Database) -> None:
    problem = Whereabouts("lin-1", "127.0.0.1:9", "t").problem(GatewayUnavailable, "timeout")
    row = {"key": "gateway:lin-1", "account": "lin-1", "message": "bots.repair_gateway", "since_ms": 1}
    async with sqlite_database.write() as tx:
        await tx.execute(insert(Repair).values({**row, Repair.values: {"account": "lin-1", **problem.kept()}}))
    speak("en")
    async with sqlite_database.read() as connection:
        (repair,) = await noted_repairs(connection)
    assert f"{repair.text}{repair.mend}".isascii()


async def test_what_is_urgent_comes_first_and_gold_before_all_who_wait_as_long(office: Office) -> None:
    await _note_all(office)
    await _fill(office)
    lines = list((await _now(office)).values())
    assert [line.urgency for line in lines] == sorted(line.urgency for line in lines)
    soonest = [line.text for line in lines if line.urgency is Urgency.NOW]
    assert "黄金客户 阿金 在 lin-2 上等真人回复，5 分钟了" in soonest and len(soonest) == 5
    said = (await office.says("/状态")).text.splitlines()
    assert said[0] == f"· {lines[0].line}" and said[1] == f"· {lines[1].line}"


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_each_has_a_command_that_is_understood_and_does_something(office: Office, language: str) -> None:
    await _note_all(office)
    await _fill(office)
    speak(language)
    lines = await _now(office)
    assert len(lines) == len(_NOTED) + 10  # of those that speak of the same account, the one that says why
    for line in lines.values():
        assert line.commands, line
        for command in line.commands:
            if command.startswith("wxfleet"):
                _is_understood(command)
            elif "确定" not in command and "sure" not in command:  # the two people of that repair are none of this shop
                reply = await office.says(command)
                assert reply.ok, (line, command, reply.text)


_ON_THE_COMPUTER = {"zh": ("管电脑的同事", "在电脑上"), "en": ("has the computer", "on the computer")}


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_what_no_phone_can_mend_says_who_has_to(office: Office, language: str) -> None:
    await _note_all(office)
    await _fill(office)
    speak(language)
    for line in (await _now(office)).values():
        by_terminal = [command for command in line.commands if not command.startswith("/")]
        if by_terminal and "in_doubt" not in line.key:
            assert any(words in line.mend for words in _ON_THE_COMPUTER[language]), line.line


def _is_understood(command: str) -> None:
    """The terminal knows the command and its options; it is not carried out."""
    _, *words = command.split()
    known = _TERMINAL
    while words and words[0] in getattr(known, "commands", {}):
        name, *words = words
        known = known.commands[name]  # type: ignore[attr-defined]
    assert known is not _TERMINAL, command
    known.make_context(known.name, words)


async def test_each_is_gone_when_it_is_mended(office: Office) -> None:
    await _fill(office)
    before = await _now(office)
    for words in ("/接手 阿金", "/接手 小新", "/取消 2", "/取消 3", "/恢复 xiaoyu-1", "/兑现 阿金 一盒茶"):
        assert (await office.says(words)).ok, words
    assert (await office.says("/完成 全部", "mei")).ok
    for words in ("/存疑 到了 全部", "/继续 1"):
        shown = await office.says(words)
        assert shown.code and (await office.says(f"/确认 {shown.code}")).ok
    async with office.db.write() as tx:
        await tx.execute(delete(FriendRequest))
        await tx.execute(update(ImportBatch).values(undone_ms=NOW_MS))
        await tx.execute(update(Account).values(limits=Limits().model_dump(mode="json"), state="online"))
        await tx.execute(update(Person).values(tier=None))
    assert len(before) >= 12
    assert await _now(office) == {}


async def test_many_who_wait_are_a_few_lines_and_a_list(office: Office) -> None:
    async with office.db.write() as tx:
        for number in range(8):
            await befriend(tx, "lin-1", f"wxid_w{number}", f"小等{number}")
        waits = update(Friendship).where(Friendship.nickname.startswith("小等"))
        await tx.execute(waits.values(waiting_since_ms=NOW_MS - MINUTE_MS))
        await tx.execute(update(Person).where(Person.name == "小等7").values(tier="growth"))
        older = {"key": "coupons:a", "message": "bots.channel_full.hint", "since_ms": 1}
        await tx.execute(insert(Repair).values({**older, Repair.values: {}}))
    lines = list((await _now(office)).values())
    assert len(lines) == 7 and "小等7" in lines[0].text and lines[5].text == "还有 3 位客户在等真人回复"
    assert lines[5].commands == ("/接手",) and (await office.says("/接手")).ok


async def test_what_is_well_is_no_repair(office: Office) -> None:
    assert await _now(office) == {}
    assert (await office.says("/状态")).data == {"repairs": []}
