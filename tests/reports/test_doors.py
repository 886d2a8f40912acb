"""How reports reach people: the workbook, the message, the morning's digest."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.asking import Reply
from operations.desk import Desk
from operations.report_wishes import LARGE_ORDERS, ReportWishes
from operations.reporting import message_of, report_text
from operations.requests.fleet import ShowReport, Today
from operations.requests.request import Door, Request
from reports.cells import shown
from reports.daily import DailyDigest
from reports.errors import CannotWrite, NoSuchReport
from reports.period import period_of
from reports.report import Asked, Report
from reports.shelf import SHELF, volume
from reports.workbook import write_workbook
from storage.engine import Database
from storage.tables import Delivery, Friendship, Setting
from tests.conversations.shop import DAY_MS, NOW_MS, open_shop
from texts.catalogue import speak
from texts.problem import ExitCode

ZONE = "Asia/Shanghai"
PERIOD = period_of("本月", NOW_MS, ZONE)


def referral_report(member: str) -> Report:
    row: dict[str, Any] = {"member": member, "brought": 3, "brought_net_fen": 123_456, "thanks_due": None}
    return Report(
        "referrals", PERIOD, ("member", "brought", "brought_net_fen", "thanks_due"), [row],
        {"brought": 3, "brought_bought_share": 0.4567},
    )  # fmt: skip


@pytest.mark.parametrize("member", ['=HYPERLINK("http://x")', "+8613800138000", "-1+1", "@SUM(A1)", "http://x.cn"])
def test_what_people_wrote_is_text_in_the_workbook_and_phones_are_masked(tmp_path: Path, member: str) -> None:
    place = tmp_path / "老带新.xlsx"
    write_workbook(place, referral_report(member), NOW_MS)
    with zipfile.ZipFile(place) as book:
        sheets = b"".join(book.read(name) for name in book.namelist() if "worksheets/" in name)
    assert b"<f>" not in sheets and b"hyperlink" not in sheets.lower()
    sheet, explanation = CalamineWorkbook.from_path(place).sheet_names
    table = CalamineWorkbook.from_path(place).get_sheet_by_name(sheet).to_python()
    assert (sheet, explanation) == ("报表", "说明")
    assert table[3] == ["老客", "带来的人", "带来净额", "该答谢"]
    assert table[4][0] == member.replace("13800138000", "138****8000")
    assert table[4][1:] == [3, 1234.56, ""]
    words = CalamineWorkbook.from_path(place).get_sheet_by_name(explanation).to_python()
    assert any("排成一棵树" in str(cell) for line in words for cell in line)
    assert [file.name for file in tmp_path.iterdir()] == ["老带新.xlsx"]


def test_a_workbook_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite) as refused:
        write_workbook(tmp_path / "no" / "a.xlsx", referral_report("x"), NOW_MS)
    assert refused.value.exit_code == ExitCode.FAILURE and "写不了" in refused.value.message
    with pytest.raises(CannotWrite) as refused:
        write_workbook(tmp_path / "a.csv", referral_report("x"), NOW_MS)
    assert refused.value.exit_code == ExitCode.USAGE


def test_cells_are_written_as_people_read_them() -> None:
    cells = [("a_fen", 123_456), ("a_share", 0.3812), ("a_ms", NOW_MS), ("a_s", 3725), ("a_s", 65), ("n", 12345),
             ("n", 1.5), ("n", None), ("n", "="), ("n", True)]  # fmt: skip
    assert [shown(column, cell, ZONE) for column, cell in cells] == [
        "1,234.56", "38.1%", shown("b_ms", NOW_MS, ZONE), "1小时2分", "1分5秒", "12,345", "1.50", "—", "=", "是",
    ]  # fmt: skip


def test_a_message_leaves_out_what_is_nothing() -> None:
    lines = report_text(referral_report("花花")).splitlines()
    assert lines[0] == f"老带新 {PERIOD}"
    assert lines[1:] == ["花花：带来的人 3 · 带来净额 1,234.56", "合计：带来的人 3 · 买了的占比 45.7%"]


def test_reports_are_found_by_their_titles_too() -> None:
    assert volume("渠道漏斗") is volume("Channel Funnel") is volume("channels") is SHELF["channels"]
    with pytest.raises(NoSuchReport) as wrong:
        volume("渠道漏")
    assert "渠道漏斗" in wrong.value.hint


class Heard:
    """What the staff room was told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def tell(self, tx: AsyncConnection, text: str, key: str, now_ms: int) -> None:
        self.texts.append(text)


async def look(db: Database, daily: DailyDigest, now_ms: int) -> None:
    """As the planner does."""
    async with db.read() as connection:
        due = await daily.due(connection, now_ms)
    if due:
        async with db.write() as tx:
            await daily.act(tx, now_ms)


async def test_staff_hear_of_yesterday_once_in_the_morning(database: Database) -> None:
    await open_shop(database)
    midnight_ms = period_of("今天", NOW_MS, ZONE).start_ms
    async with database.write() as tx:
        person = await tx.scalar(select(Friendship.person).limit(1))
        await tx.execute(
            insert(Friendship).values(
                account="xiaoyu-1",
                contact="wxid_n",
                person=person,
                since_ms=midnight_ms - 1,
                waiting_since_ms=midnight_ms,
            )
        )
    heard = Heard()
    for hour in (0, 8, 9, 9.01, 19, 20):  # of the same day; a restart in between
        await look(database, DailyDigest(ZONE, heard.tell), midnight_ms + round(hour * 3_600_000))
    (text,) = heard.texts
    assert text.splitlines()[0].startswith("日报 ") and len(text.splitlines()) == 11
    assert "等真人的：1 位，最久 9小时0分" in text
    assert "新朋友：1 位" in text and text.splitlines()[-1] == "下一步：先回这 1 位等着的客户，/状态 看是谁"
    # A day on which nothing happened is passed over, and not asked for again.
    await look(database, DailyDigest(ZONE, heard.tell), midnight_ms + 10 * DAY_MS + 10 * 3_600_000)
    async with database.read() as connection:
        told = await connection.scalar(select(Setting.value).where(Setting.key == "digest_day"))
    assert len(heard.texts) == 1 and told == period_of("今天", midnight_ms + 10 * DAY_MS, ZONE).first.isoformat()


async def test_the_digest_has_ten_lines_in_english_too(sqlite_database: Database) -> None:
    speak("en")
    async with sqlite_database.read() as connection:
        report = await SHELF["digest"].make(connection, Asked(period_of("today", NOW_MS, ZONE), NOW_MS))
    assert len(report.rows) == 10
    assert str(report.rows[-1]["digest_line"]).startswith("next: ")


async def says(db: Database, request: Request, staff: str = "mei", door: Door = Door.CHAT) -> Reply:
    async with db.write() as tx:
        return await Desk({}, zone=ZONE).act(tx, staff, request, door, NOW_MS)


async def test_staff_read_the_day_and_any_report_in_the_chat(sqlite_database: Database) -> None:
    await open_shop(sqlite_database)
    assert (await says(sqlite_database, Today())).text.splitlines()[-1].startswith("下一步：")
    assert "· 渠道漏斗（channels）" in (await says(sqlite_database, ShowReport())).text
    reply = await says(sqlite_database, ShowReport(name="容量", period="上月"))
    assert reply.text.startswith("容量 2026-10-01 – 2026-10-31\nlin-1：功能定位 销售 · 好友 2")
    assert reply.data["report"]["report"] == "capacity"
    for wrong in (ShowReport(name="容两"), ShowReport(name="容量", period="哪天")):
        refused = await says(sqlite_database, wrong)
        assert not refused.ok and len(refused.text.splitlines()) == 2
    assert not (await says(sqlite_database, Today(), staff="nobody")).ok


async def test_a_large_shops_report_is_made_aside_and_sent_to_who_asked(sqlite_database: Database) -> None:
    db = sqlite_database
    await open_shop(db)
    async with db.write() as tx:
        await tx.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :most) "
                "INSERT INTO orders (number, member_name, status, paid_fen, refund_fen, items, item_count, receiver, "
                "phone, created_ms, batch) SELECT i, 'm' || i, 'done', 100, 0, '', 1, '', '', :now, 1 FROM n"
            ),
            {"most": LARGE_ORDERS, "now": NOW_MS},
        )
    assert (await says(db, Today(), door=Door.CLI)).text == "订单很多，要算一会儿，请用：wxfleet report digest"
    reply = await says(db, ShowReport(name="items", period="全部"))
    assert reply.text == "「每单件数」要算一会儿，算好就发给你"
    wishes = ReportWishes(ZONE, message_of)
    for _ in range(2):
        async with db.read() as connection:
            due = await wishes.due(connection, NOW_MS)
        async with db.write() as tx:
            await wishes.act(tx, NOW_MS)
    assert not due
    async with db.read() as connection:
        (row,) = (await connection.execute(select(Delivery.account, Delivery.to, Delivery.content))).all()
    assert (row.account, row.to) == ("lin-1", "wxid_mei")
    assert "订单数 100,001" in row.content["text"]
    assert ("全部（到" in row.content["text"], "2003" in row.content["text"]) == (True, False)
