"""Rows in doubt: shown, previewed and ended by the words of staff."""

import pytest
from sqlalchemy import insert, select, update

from operations.asking import Reply
from scheduler.pushes.push_file import as_spec
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.staff_tables import Audit, StaffMember
from storage.tables import Delivery
from tests.commands.test_chat import FULI, Office
from tests.conversations.shop import NOW_MS, befriend, open_shop
from texts.catalogue import speak
from texts.problem import ExitCode


async def doubtful(office: Office, account: str, number: int, *, campaign: int | None = None) -> list[int]:
    """Rows in doubt to as many people."""
    async with office.db.write() as tx:
        ids = []
        for n in range(number):
            contact = f"wxid_{account}_{n}"
            person = await befriend(tx, account, contact, f"客{account[-1]}{n}", level="VIP1", orders=1)
            row = insert(Delivery).values(
                account=account, kind="push", priority=5, key=f"push:{campaign}:{account}:{n}", to=contact,
                person=person, campaign=campaign, content={"text": "今晚有福利"}, text="今晚有福利", due_ms=NOW_MS,
                valid_until_ms=NOW_MS + 3_600_000, state="in_doubt", reason="owner_died", created_ms=NOW_MS,
                sent_ms=NOW_MS - 60_000, settled_ms=NOW_MS - 50_000,
            )  # fmt: skip
            ids.append((await tx.execute(row.returning(Delivery.id))).scalar_one())
        return ids


async def running(office: Office) -> int:
    async with office.db.write() as tx:
        row = insert(Campaign).values(
            name=FULI.name, title=FULI.title, kind="push", state="finished", spec=as_spec(FULI), created_by="boss",
            created_ms=NOW_MS, starts_ms=NOW_MS, changed_ms=NOW_MS,
        )  # fmt: skip
        return int((await tx.execute(row.returning(Campaign.id))).scalar_one())


async def states(office: Office) -> dict[int, tuple[str, str | None]]:
    async with office.db.read() as connection:
        rows = await connection.execute(select(Delivery.id, Delivery.state, Delivery.reason))
        return {row.id: (row.state, row.reason) for row in rows.all()}


async def confirmed(office: Office, line: str) -> Reply:
    asked = await office.says(line)
    assert asked.code, asked.text
    return await office.says(f"/确认 {asked.code}")


@pytest.fixture
async def office(database: Database) -> Office:
    await open_shop(database)
    return Office(database)


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    return Office(sqlite_database)


async def test_what_is_in_doubt_is_shown_by_account_and_push_with_the_command_that_ends_it(shop: Office) -> None:
    assert (await shop.says("/存疑")).text == "没有存疑的消息"
    campaign = await running(shop)
    (first, _) = await doubtful(shop, "lin-1", 2, campaign=campaign)
    await doubtful(shop, "lin-2", 1)
    reply = await shop.says("/存疑")
    assert reply.text.startswith("存疑 3 条（3 人）")
    assert f"lin-1 · 「老客专享福利」（编号 {campaign}）：2 条，程序中断时正在发" in reply.text
    assert f"#{first} 11-21 09:59" in reply.text and "/存疑 重发 lin-1" in reply.text
    assert reply.data["in_doubt"] == 3
    assert (await shop.says("/存疑 lin-2")).data["in_doubt"] == 1
    assert "/存疑" in (await shop.says("/状态")).text
    assert f"/存疑 到了 #{first}" in (await shop.says("/为什么 客10")).text


async def test_they_end_in_bulk_by_account_and_by_push_and_one_by_one(office: Office) -> None:
    campaign = await running(office)
    pushed = await doubtful(office, "lin-1", 3, campaign=campaign)
    others = await doubtful(office, "lin-2", 3)
    asked = await office.says(f"/存疑 到了 {FULI.title}")
    assert asked.text.startswith("将把 3 条（3 人）记为已送到")
    assert set((await states(office)).values()) == {("in_doubt", "owner_died")}
    assert (await office.says(f"/确认 {asked.code}")).data["rows"] == 3
    assert (await confirmed(office, f"/doubt unknown #{others[0]}")).data["rows"] == 1
    reply = await confirmed(office, "/存疑 重发 lin-2")
    assert reply.text == "2 条重新排队，按各号的节奏和规则再发"
    found = await states(office)
    assert {found[id] for id in pushed} == {("accepted", "seen_on_phone")}
    assert found[others[0]] == ("unknown", "given_up")
    assert {found[id] for id in others[1:]} == {("pending", "released")}
    async with office.db.read() as connection:
        logged = (await connection.scalars(select(Audit.verb).where(Audit.outcome == "asked"))).all()
    assert logged == ["resolvedoubt"] * 3


async def test_whoever_releases_is_told_the_risk_and_how_many_carry_it(shop: Office) -> None:
    await doubtful(shop, "lin-1", 2)
    asked = await shop.says("/存疑 重发 全部")
    assert "2 人会收到两遍" in asked.text
    speak("en")
    assert "they get it twice (2 of them)" in (await shop.says("/doubt release all")).text


async def test_what_changed_between_the_look_and_the_word_is_left_alone(office: Office) -> None:
    first, second = await doubtful(office, "lin-1", 2)
    asked = await office.says("/存疑 重发 lin-1")
    async with office.db.write() as tx:
        await tx.execute(update(Delivery).where(Delivery.id == first).values(state="accepted"))
    third = (await doubtful(office, "lin-2", 1))[0]
    reply = await office.says(f"/确认 {asked.code}")
    assert (reply.data["rows"], reply.data["left_alone"]) == (1, 1)
    found = await states(office)
    assert [found[id][0] for id in (first, second, third)] == ["accepted", "pending", "in_doubt"]


async def test_a_released_push_waits_for_its_own_hours(shop: Office) -> None:
    campaign = await running(shop)
    (id,) = await doubtful(shop, "lin-1", 1, campaign=campaign)
    async with shop.db.write() as tx:
        spec = {**as_spec(FULI), "window": "20:00-21:00"}
        await tx.execute(update(Campaign).values(spec=spec))
    await confirmed(shop, f"/存疑 重发 {campaign}")
    async with shop.db.read() as connection:
        due_ms = await connection.scalar(select(Delivery.due_ms).where(Delivery.id == id))
    assert due_ms is not None and due_ms > NOW_MS


async def test_what_can_not_be_sent_again_hands_out_no_code(shop: Office) -> None:
    await doubtful(shop, "lin-1", 1)
    async with shop.db.write() as tx:
        await tx.execute(update(Delivery).values(valid_until_ms=NOW_MS))
    refused = await shop.says("/存疑 重发 lin-1")
    assert (refused.ok, refused.code, refused.exit_code) == (False, None, ExitCode.REFUSED_BY_POLICY)
    assert "过了有效期" in refused.text


async def test_customer_service_may_look_but_not_end_and_others_accounts_stay_theirs(shop: Office) -> None:
    await doubtful(shop, "lin-1", 1)
    await doubtful(shop, "lin-2", 1)
    assert (await shop.says("/存疑", staff="mei")).ok
    assert (await shop.says("/存疑 到了 lin-1", staff="mei")).exit_code == ExitCode.NOT_ALLOWED
    async with shop.db.write() as tx:
        await tx.execute(update(StaffMember).where(StaffMember.id == "fan").values(accounts=["lin-2"]))
    assert (await shop.says("/存疑", staff="fan")).data["in_doubt"] == 1
    assert (await shop.says("/存疑 到了 lin-1", staff="fan")).exit_code == ExitCode.NOT_ALLOWED


@pytest.mark.parametrize("line", ["/存疑 到了", "/存疑 重发 lin-1 lin-2", "/存疑处理 lin-1", "/存疑 到了 没有这个"])
async def test_half_a_command_says_what_is_missing(shop: Office, line: str) -> None:
    reply = await shop.says(line)
    assert (reply.ok, reply.code) == (False, None)
    assert "\n" in reply.text
