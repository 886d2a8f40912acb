"""From account to account as somebody climbs: offered once, to an account with a place that knows what was before."""

import asyncio
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from customers.consent import mute, opt_out
from customers.merging.merging import merge
from storage.engine import Database
from storage.fleet_tables import Repair
from storage.move_tables import Move
from storage.tables import Account, Arrival, Delivery, Friendship, Person, Setting
from tests.conversations.matrix import Matrix, contact_of, friend, open_matrix
from tests.conversations.shop import DAY_MS, NOW_MS, outbox, row_of, texts

HUA = "wxid_hua"


async def _customer(db: Database, *accounts: str, contact: str = HUA, **person: object) -> int:
    bought = {"orders": 1, "level": "VIP1", "call_me": "花花"}
    async with db.write() as tx:
        return await friend(tx, contact, *(accounts or ("xiaoyu-1",)), **{**bought, **person})


async def test_who_has_bought_gets_a_sales_account_once_and_is_greeted_there_by_name(database: Database) -> None:
    await open_matrix(database)
    await _customer(database)
    matrix = Matrix(database)
    await matrix.says(HUA, "xiaoyu-1", "店名叫什么")
    await matrix.look()
    ((account, to, card),) = await matrix.cards()
    assert (account, to) == ("xiaoyu-1", HUA)
    assert card in {contact_of(sales) for sales in ("lin-1", "lin-2", "suye-1")}
    (words,) = await texts(database, key="move:1:words")
    assert words.startswith("花花，") and "加的时候说是我介绍的" in words
    await matrix.send_all(NOW_MS + DAY_MS)
    await matrix.says(HUA, "xiaoyu-1", "什么码", NOW_MS + 8 * DAY_MS)
    await Matrix(database).look(NOW_MS + 8 * DAY_MS)
    assert len(await matrix.cards()) == 1, "after a restart, too"

    await matrix.joins(HUA, card.removeprefix("wxid_"), NOW_MS + 8 * DAY_MS)
    (welcome,) = await texts(database, kind="welcome")
    assert welcome.startswith("花花你好") and "小鱼跟我说起过你" in welcome
    (move,) = await matrix.moves()
    assert (move.state, move.look_ms) == ("followed", None)
    served = await row_of(database, Friendship, account=move.to_account, contact=HUA)
    assert served.serves_ms == NOW_MS + 8 * DAY_MS


async def test_nobody_who_has_not_bought_or_knows_a_sales_account_is_handed_on(sqlite_database: Database) -> None:
    await open_matrix(sqlite_database)
    await _customer(sqlite_database, contact="wxid_new", orders=0, level="friend")
    await _customer(sqlite_database, "xiaoyu-1", "lin-2", contact="wxid_known")
    matrix = Matrix(sqlite_database)
    for contact in ("wxid_new", "wxid_known"):
        await matrix.says(contact, "xiaoyu-1", "店名叫什么")
    await matrix.look()
    assert await matrix.moves() == []


async def test_a_place_is_counted_for_everybody_who_was_offered_it(sqlite_database: Database) -> None:
    """2,700 places are open to anybody below the threshold of 3,000: with 2,699 friends one is left."""
    await open_matrix(sqlite_database, lin_1=2_699, lin_2=2_700, suye_1=3_000)
    people = [f"wxid_{number}" for number in range(3)]
    matrix = Matrix(sqlite_database)
    for contact in people:
        await _customer(sqlite_database, contact=contact)
        await matrix.says(contact, "xiaoyu-1", "店名叫什么")
    await matrix.look()
    assert [card for _, _, card in await matrix.cards()] == ["wxid_lin-1"]
    assert await row_of(sqlite_database, Repair) is not None, "staff hear that nobody else has a place"
    await matrix.send_all(NOW_MS + DAY_MS)
    await matrix.look(NOW_MS + 15 * DAY_MS)
    (first,) = await matrix.moves()
    assert first.state == "rested"
    await matrix.says(people[2], "xiaoyu-1", "店名叫什么", NOW_MS + 15 * DAY_MS)
    await matrix.look(NOW_MS + 15 * DAY_MS)
    assert len(await matrix.cards()) == 2, "who never came keeps nobody out for ever"


async def test_one_reminder_and_then_it_rests(sqlite_database: Database) -> None:
    await open_matrix(sqlite_database)
    await _customer(sqlite_database)
    matrix = Matrix(sqlite_database)
    await matrix.says(HUA, "xiaoyu-1", "店名叫什么")
    await matrix.look()
    await matrix.send_all(NOW_MS + DAY_MS)
    for days in range(1, 40):
        await matrix.look(NOW_MS + days * DAY_MS)
    assert len(await texts(sqlite_database, key="move:1:again")) == 1
    assert [move.state for move in await matrix.moves()] == ["rested"]
    await matrix.joins(HUA, (await matrix.moves())[0].to_account, NOW_MS + 50 * DAY_MS)
    assert [move.state for move in await matrix.moves()] == ["followed"], "a late guest is welcome"


async def test_who_never_got_the_card_is_not_reminded_of_it(sqlite_database: Database) -> None:
    await open_matrix(sqlite_database)
    hua = await _customer(sqlite_database)
    matrix = Matrix(sqlite_database)
    await matrix.says(HUA, "xiaoyu-1", "店名叫什么")
    await matrix.look()
    async with sqlite_database.write() as tx:
        await opt_out(tx, hua, by="staff:boss", words="", now_ms=NOW_MS)
    await matrix.look(NOW_MS + 4 * DAY_MS)
    assert [row.state for row in await matrix.moves()] == ["declined"]
    assert await texts(sqlite_database, key="move:1:again") == []
    assert await matrix.cards() == [], "an opt-out in between stops the card"


async def test_opted_out_left_alone_and_held_people_are_not_spoken_of_it(sqlite_database: Database) -> None:
    await open_matrix(sqlite_database)
    matrix = Matrix(sqlite_database)
    async with sqlite_database.write() as tx:
        out = await friend(tx, "wxid_out", "xiaoyu-1", orders=1, level="VIP1")
        alone = await friend(tx, "wxid_alone", "xiaoyu-1", orders=1, level="VIP1")
        await friend(tx, "wxid_held", "xiaoyu-1", orders=1, level="VIP1")
        await opt_out(tx, out, by="staff:boss", words="", now_ms=NOW_MS)
        await mute(tx, alone, NOW_MS + DAY_MS, "staff:boss", words="", now_ms=NOW_MS)
    for contact in ("wxid_out", "wxid_alone", "wxid_held"):
        await matrix.says(contact, "xiaoyu-1", "店名叫什么")
    async with sqlite_database.write() as tx:
        held = update(Friendship).where(Friendship.contact == "wxid_held")
        await tx.execute(held.values(held_by="mei", held_until_ms=NOW_MS + DAY_MS))
    await matrix.look()
    assert await matrix.moves() == []


async def test_what_waits_for_a_person_waits_at_the_new_account_and_staff_hear_of_it(
    sqlite_database: Database,
) -> None:
    await open_matrix(sqlite_database)
    await _customer(sqlite_database)
    matrix = Matrix(sqlite_database)
    await matrix.says(HUA, "xiaoyu-1", "店名叫什么")
    await matrix.look()
    await matrix.says(HUA, "xiaoyu-1", "投诉", NOW_MS + 60_000)
    to = (await matrix.moves())[0].to_account
    await matrix.joins(HUA, to, NOW_MS + 120_000)
    before = await row_of(sqlite_database, Friendship, account="xiaoyu-1", contact=HUA)
    after = await row_of(sqlite_database, Friendship, account=to, contact=HUA)
    assert (before.waiting_since_ms, after.waiting_since_ms) == (None, NOW_MS + 60_000)
    notices = await texts(sqlite_database, kind="staff_notice")
    assert any(f"从 xiaoyu-1 加到 {to} 来了" in notice for notice in notices)


async def test_two_entries_of_one_person_are_offered_it_once(sqlite_database: Database) -> None:
    await open_matrix(sqlite_database)
    one = await _customer(sqlite_database, "xiaoyu-1", contact="wxid_a")
    two = await _customer(sqlite_database, "xiaoyu-2", contact="wxid_b")
    matrix = Matrix(sqlite_database)
    await matrix.says("wxid_a", "xiaoyu-1", "店名叫什么")
    await matrix.says("wxid_b", "xiaoyu-2", "店名叫什么")
    await matrix.look()
    assert len(await matrix.cards()) == 2
    async with sqlite_database.write() as tx:
        await merge(tx, one, two, "staff", "boss", NOW_MS)
    assert [to for _, to, _ in await matrix.cards()] == ["wxid_a"]
    await matrix.send_all(NOW_MS + DAY_MS)
    await matrix.look(NOW_MS + 4 * DAY_MS)
    assert not await texts(sqlite_database, key="move:2:again")


async def test_a_mentor_takes_who_was_handed_to_them_and_a_confirmation_nobody_saw_counts(
    sqlite_database: Database,
) -> None:
    await open_matrix(sqlite_database)
    hua = await _customer(sqlite_database, "lin-1", level="partner", orders=9)
    matrix = Matrix(sqlite_database)
    async with sqlite_database.write() as tx:
        ladder = '{"levels": [{"id": "friend"}, {"id": "partner", "from_net_yuan": 5, "served_by": "training"}]}'
        await tx.execute(insert(Setting).values(key="ladder", value=ladder, changed_ms=0))
    await matrix.says(HUA, "lin-1", "店名叫什么")
    await matrix.look()
    assert await matrix.cards() == [("lin-1", HUA, "wxid_qin-1")]
    async with sqlite_database.write() as tx:
        row = {"account": "qin-1", "contact": HUA, "person": hua, "since_ms": NOW_MS + 1, "origin": "listed"}
        await tx.execute(insert(Friendship).values(row))
    await matrix.look(NOW_MS + 4 * DAY_MS)
    assert [move.state for move in await matrix.moves()] == ["followed"]
    assert await texts(sqlite_database, key="move:1:again") == []


async def test_who_asks_an_acquisition_account_how_to_buy_is_shown_who_sells_once(sqlite_database: Database) -> None:
    await open_matrix(sqlite_database)
    await _customer(sqlite_database, orders=0, level="friend")
    matrix = Matrix(sqlite_database)
    await matrix.says(HUA, "xiaoyu-1", "店名叫什么，怎么买")
    await matrix.says(HUA, "xiaoyu-1", "店名叫什么，怎么下单", NOW_MS + DAY_MS)
    (card,) = await matrix.cards()
    assert card[:2] == ("xiaoyu-1", HUA)
    answer, words, shown = [row for row in await outbox(sqlite_database) if row.created_ms == NOW_MS]
    assert answer.due_ms < words.due_ms < shown.due_ms, "behind the answer to what they asked"


async def test_their_own_choice_is_kept_and_answered_each_time_they_ask(sqlite_database: Database) -> None:
    await open_matrix(sqlite_database)
    hua = await _customer(sqlite_database, "xiaoyu-1", "lin-1")
    matrix = Matrix(sqlite_database)
    for days in (0, 1):
        assert await matrix.says(HUA, "xiaoyu-1", "能推一下苏叶的名片吗", NOW_MS + days * DAY_MS) == "answered"
    cards = [row.content["card"] for row in await outbox(sqlite_database, kind="name_card")]
    assert cards == ["wxid_suye-1", "wxid_suye-1"]
    ((move),) = await matrix.moves()
    assert (move.aim, move.why, move.to_account) == ("persona", "choice", "suye-1")
    assert (await row_of(sqlite_database, Person, id=hua)).preferred_persona == "suye"
    assert await matrix.says(HUA, "xiaoyu-1", "想加小林", NOW_MS + 2 * DAY_MS) == "answered"
    assert "已经加过小林" in (await texts(sqlite_database, kind="reply"))[-1]
    assert len(await matrix.moves()) == 1, "no mirror of whom they know"


async def test_a_no_closes_the_offer_and_only_a_no_to_it(sqlite_database: Database) -> None:
    await open_matrix(sqlite_database)
    await _customer(sqlite_database)
    matrix = Matrix(sqlite_database)
    await matrix.says(HUA, "xiaoyu-1", "店名叫什么")
    assert await matrix.says(HUA, "xiaoyu-1", "不用了", NOW_MS + 1) != "declined", "nothing was offered yet"
    async with sqlite_database.write() as tx:
        await tx.execute(update(Friendship).values(waiting_since_ms=None))
    await matrix.look()
    await matrix.send_all(NOW_MS + 60_000)
    assert await matrix.says(HUA, "xiaoyu-1", "不用了谢谢", NOW_MS + 120_000) == "declined"
    assert [move.state for move in await matrix.moves()] == ["declined"]
    await matrix.look(NOW_MS + 20 * DAY_MS)
    assert await texts(sqlite_database, key="move:1:again") == []


async def test_the_persona_staff_wrote_down_is_offered_once_and_no_mirror_of_whom_they_know(
    sqlite_database: Database,
) -> None:
    await open_matrix(sqlite_database)
    await _customer(sqlite_database, "xiaoyu-1", "lin-1", contact="wxid_likes_suye", preferred_persona="suye")
    await _customer(sqlite_database, "xiaoyu-1", "lin-1", contact="wxid_likes_lin", preferred_persona="lin-mirror")
    matrix = Matrix(sqlite_database)
    for days in (0, 30):
        now_ms = NOW_MS + days * DAY_MS
        for contact in ("wxid_likes_suye", "wxid_likes_lin"):
            await matrix.says(contact, "xiaoyu-1", "店名叫什么", now_ms)
        await matrix.look(now_ms)
        await matrix.send_all(now_ms + DAY_MS)
    assert await matrix.cards() == [("xiaoyu-1", "wxid_likes_suye", "wxid_suye-1")]
    assert await texts(sqlite_database, key="move:1:again") == [], "of taste nobody is reminded"


async def test_a_partner_is_told_of_the_mentor_in_words_that_sell_nothing(sqlite_database: Database) -> None:
    await open_matrix(sqlite_database)
    await _customer(sqlite_database, level="partner", orders=9)
    matrix = Matrix(sqlite_database)
    await matrix.says(HUA, "xiaoyu-1", "店名叫什么")
    async with sqlite_database.write() as tx:
        ladder = '{"levels": [{"id": "friend"}, {"id": "partner", "from_net_yuan": 5, "served_by": "training"}]}'
        await tx.execute(insert(Setting).values(key="ladder", value=ladder, changed_ms=0))
    await matrix.look()
    (words,) = await texts(sqlite_database, key="move:1:words")
    assert words.startswith("花花，以后由我们秦老师专门照顾你") and "下单" not in words


async def test_two_processes_at_once_offer_it_once(database: Database) -> None:
    await open_matrix(database, lin_1=2_699, lin_2=2_700, suye_1=2_700)
    async with database.write() as tx:
        both = {"orders": 1, "level": "VIP1"}
        await friend(tx, "wxid_a", "xiaoyu-1", "xiaoyu-2", **both)
        await friend(tx, "wxid_b", "xiaoyu-2", **both)
    one, other = Matrix(database), Matrix(database)
    await one.says("wxid_a", "xiaoyu-1", "店名叫什么")
    await one.says("wxid_a", "xiaoyu-2", "店名叫什么")
    await one.says("wxid_b", "xiaoyu-2", "店名叫什么")
    await asyncio.gather(one.look(), other.look())
    assert len(await one.cards()) == 1, "one person once, and the last place to one person"


_STEPS = st.lists(
    st.tuples(st.sampled_from(["says", "looks", "restarts", "opts out", "rests", "joins", "a day"]), st.integers(0, 2)),
    max_size=14,
)


@given(_STEPS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_happens_nobody_is_offered_twice_or_against_their_wish_or_without_a_place(
    sqlite_database: Database, steps: list[tuple[str, int]]
) -> None:
    """lin-1 has two places for three people, the other sales accounts none."""
    async with sqlite_database.write() as tx:
        for table in (Move, Delivery, Friendship, Person, Account, Arrival):
            await tx.execute(delete(table))
    await open_matrix(sqlite_database, lin_1=2_698, lin_2=2_700, suye_1=2_700)
    people = [await _customer(sqlite_database, "xiaoyu-1", "xiaoyu-2", contact=f"wxid_{n}") for n in range(3)]
    matrix, now_ms, silent = Matrix(sqlite_database), NOW_MS, set[str]()
    offered: dict[str, int] = {}
    for step, which in steps:
        contact, before = f"wxid_{which}", Counter(await matrix.cards())
        now_ms += 60_000
        if step == "says":
            await matrix.says(contact, f"xiaoyu-{1 + which % 2}", "店名叫什么", now_ms)
        elif step == "looks":
            await matrix.look(now_ms)
        elif step == "restarts":
            matrix.restart()
        elif step == "a day":
            now_ms += DAY_MS
            await matrix.send_all(now_ms)
        elif step == "joins" and contact in offered:
            await matrix.joins(contact, "lin-1", now_ms)
        elif step in ("opts out", "rests"):
            silent.add(contact)
            async with sqlite_database.write() as tx:
                if step == "rests":
                    await mute(tx, people[which], now_ms + 90 * DAY_MS, "staff:boss", words="", now_ms=now_ms)
                else:
                    await opt_out(tx, people[which], by="staff:boss", words="", now_ms=now_ms)
        for account, to, card in (Counter(await matrix.cards()) - before).elements():
            assert to not in silent and card == "wxid_lin-1" and account.startswith("xiaoyu")
            offered[to] = offered.get(to, 0) + 1
    assert all(times == 1 for times in offered.values())
    assert len([move for move in await matrix.moves() if move.state in ("offered", "reminded")]) <= 2
