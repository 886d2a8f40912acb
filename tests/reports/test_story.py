"""What the screen tells of the last moments: in the reader's words, once, and a dry run as what it is."""

from typing import Any

import pytest
from sqlalchemy import insert, select

from reports.story import Line, told
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.move_tables import Move
from storage.staff_tables import Audit
from storage.tables import Arrival, Delivery, Friendship
from tests.conversations.shop import NOW_MS, open_shop

NAMES = {"lin-1": "小林", "lin-2": "小林二号"}


@pytest.fixture
async def db(database: Database) -> Database:
    await open_shop(database)
    return database


async def put(db: Database, key: str, **values: Any) -> None:
    """A row of the outbox that was settled a moment ago."""
    row = {
        "account": "lin-1", "kind": "reply", "priority": 1, "key": key, "to": "wxid_hua", "content": {},
        "text": "搜店名就能找到", "source": "", "due_ms": NOW_MS, "state": "accepted", "attempts": 1, "epoch": 0,
        "created_ms": NOW_MS - 500, "settled_ms": NOW_MS - 500,
    }  # fmt: skip
    async with db.write() as tx:
        await tx.execute(insert(Delivery).values({**row, **values}))


async def hand_over(db: Database, talker: str, kind: str, text: str) -> None:
    payload = {"talker": talker, "kind": kind, "text": text}
    async with db.write() as tx:
        await tx.execute(
            insert(Arrival).values(
                account="lin-1", event=f"message:{talker}", kind="message", state="handled", payload=payload,
                received_ms=NOW_MS - 500, handled_ms=NOW_MS - 500, outcome="handed_over",
            )
        )  # fmt: skip


async def story(db: Database, after_ms: int = NOW_MS - 1000, until_ms: int = NOW_MS) -> list[Line]:
    async with db.read() as connection:
        return await told(connection, after_ms, until_ms, NAMES, {})


async def test_somebody_without_a_name_is_a_customer(db: Database) -> None:
    await put(db, "1", to="wxid_nobody")
    await hand_over(db, "wxid_nobody", "text", "能改地址吗")
    assert [line.text for line in await story(db)] == [
        "小林 回复 一位客户：搜店名就能找到",
        "一位客户 问 小林「能改地址吗」，已转给真人",
    ]


@pytest.mark.parametrize(
    ("kind", "sent"),
    [("image", "发来一张图片"), ("red_envelope", "发来一个红包"), ("group_note", "发来一条要在手机上看的消息")],
)
async def test_what_is_no_text_is_named_and_not_its_file(db: Database, kind: str, sent: str) -> None:
    await hand_over(db, "wxid_hua", kind, "wx_photo.jpg")
    assert [line.text for line in await story(db)] == [f"花花🌸 给 小林 {sent}，已转给真人"]


async def test_a_dry_run_says_in_one_line_what_it_would_have_answered(db: Database) -> None:
    dry = {"state": "skipped", "reason": "dry_run"}
    await put(db, "1", kind="accept", to="wxid_new", text=None, **dry)
    await put(db, "2", **dry)
    await put(db, "3", kind="welcome", text="你好呀", **dry)
    await put(db, "4", state="skipped", reason="expired")
    assert await story(db) == [Line("talk", "演练：小林 会回 花花🌸：搜店名就能找到（另有 2 条）")]


async def test_a_dry_run_of_an_accept_has_no_words_to_quote(db: Database) -> None:
    await put(db, "1", kind="accept", to="wxid_new", text=None, state="skipped", reason="dry_run")
    assert await story(db) == [Line("talk", "演练：小林 会通过一位新朋友")]


async def test_a_push_is_told_when_it_got_further_and_only_then(db: Database) -> None:
    async with db.write() as tx:
        campaign = await tx.scalar(
            insert(Campaign)
            .values(
                name="fuli", title="老客福利", kind="push", state="running", spec={}, preview={}, created_by="boss",
                created_ms=NOW_MS, starts_ms=NOW_MS, changed_ms=NOW_MS,
            )
            .returning(Campaign.id)
        )  # fmt: skip
    push = {"kind": "push", "campaign": campaign}
    await put(db, "1", **push)
    await put(db, "2", **push, settled_ms=NOW_MS + 500)
    await put(db, "3", **push, state="skipped", reason="muted", settled_ms=NOW_MS + 1500)
    assert [line.text for line in await story(db)] == ["「老客福利」已送出 1/3"]
    assert [line.text for line in await story(db, NOW_MS, NOW_MS + 1000)] == ["「老客福利」已送出 2/3"]
    assert await story(db, NOW_MS + 1000, NOW_MS + 2000) == []


async def test_who_is_handed_on_is_told_when_the_card_leaves_and_when_they_come(db: Database) -> None:
    async with db.write() as tx:
        hua = await tx.scalar(select(Friendship.person).where(Friendship.contact == "wxid_hua"))
        await tx.execute(insert(Move).values(
            id=7, person=hua, aim="sales", why="bought", from_account="lin-1", to_account="lin-2", state="followed",
            offered_ms=NOW_MS, changed_ms=NOW_MS,
        ))  # fmt: skip
    await put(db, "move:7:words", kind="level_up", person=hua)
    await put(db, "move:7:card", kind="level_up", person=hua, text=None, content={"card": "wxid_self_1"})
    await put(db, "w", kind="welcome", person=hua, account="lin-2", text="你好")
    assert [line.text for line in await story(db)] == [
        "小林二号 欢迎 花花🌸：你好", "小林 给 花花🌸 推了 小林二号 的名片", "花花🌸 从 小林 加到 小林二号 来了",
    ]  # fmt: skip


async def test_what_cannot_be_taken_back_is_not_told_as_a_missing_right(sqlite_database: Database) -> None:
    await open_shop(sqlite_database)
    row = {"at_ms": NOW_MS, "staff": "mei", "door": "chat", "request": {}, "outcome": "refused", "detail": ""}
    async with sqlite_database.write() as tx:
        await tx.execute(insert(Audit), [{**row, "verb": "undo"}, {**row, "verb": "push"}])
    undone, refused = (line.text for line in await story(sqlite_database))
    assert undone.endswith("撤不回，已说明怎么办")
    assert refused.endswith("没有权限或规则不许，已说明原因")
