"""Nobody becomes somebody else by guessing: ends of numbers are tried a few times a day, and merge nobody."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, update

from conversations.intake import Intake
from customers.merging.claim_tries import MOST_A_DAY
from customers.merging.claim_words import Hint
from customers.merging.claims import ClaimOutcome, claim, claim_by_hint
from customers.merging.linking import link_all, link_member
from customers.own_data.dossier import everything_about
from customers.own_data.erasure import erase
from customers.standing.purchases import recompute
from rules.pacing import DAY_MS, MINUTE_MS
from storage.customer_tables import ClaimTry, DoNotContact
from storage.engine import Database
from storage.fleet_tables import Repair
from storage.order_tables import Claim, Merge, Order
from storage.tables import Friendship, Person
from tests.conversations.shop import NOW_MS, Post, befriend, open_shop, outbox, voices
from tests.conversations.test_intake import Door
from tests.customers.shop import friend, look, person

ZONE = "Asia/Shanghai"
HOUR_MS = 60 * MINUTE_MS
FIRST, SECOND = "3344556677889900299", "3344556677889910555"
IN_VAIN = (ClaimOutcome.NOT_ONE, ClaimOutcome.TAKEN, ClaimOutcome.UNKNOWN_YET)


async def _orders(db: Database, *numbers: str, member: str = "hua88", who: int | None = None) -> None:
    values: dict[str, Any] = {"member_name": member, "person": who, "status": "done", "paid_fen": 9_900, "batch": 1}
    async with db.write() as tx:
        await tx.execute(insert(Order), [values | {"number": one, "created_ms": NOW_MS} for one in numbers])
        if who is not None:
            await recompute(tx, [who], now_ms=NOW_MS)


async def _hint(db: Database, who: int, end: str, now_ms: int = NOW_MS, account: str = "lin-1") -> ClaimOutcome:
    async with db.write() as tx:
        return await claim_by_hint(tx, who, account, Hint(end, amount_fen=9_900), ZONE, now_ms)


async def _whole(db: Database, who: int, number: str, now_ms: int = NOW_MS) -> ClaimOutcome:
    async with db.write() as tx:
        return await claim(tx, who, "lin-1", number, now_ms)


async def _owners(db: Database) -> dict[str, int | None]:
    async with db.read() as connection:
        return {row.number: row.person for row in (await connection.execute(select(Order.number, Order.person))).all()}


async def _count(db: Database, table: Any) -> int:
    async with db.read() as connection:
        return await connection.scalar(select(func.count()).select_from(table)) or 0


async def test_an_end_gives_that_order_alone_and_no_name(sqlite_database: Database) -> None:
    who = await person(sqlite_database)
    await _orders(sqlite_database, FIRST, SECOND)
    assert await _hint(sqlite_database, who, "0299") is ClaimOutcome.CLAIMED
    assert await _owners(sqlite_database) == {FIRST: who, SECOND: None}
    now = await look(sqlite_database, who)
    assert (now.member_name, now.orders) == (None, 1)
    assert await _hint(sqlite_database, who, "0299") is ClaimOutcome.ALREADY_YOURS
    assert await _count(sqlite_database, ClaimTry) == 0


async def test_who_says_the_whole_number_after_its_end_gets_all(sqlite_database: Database) -> None:
    who = await person(sqlite_database)
    await _orders(sqlite_database, FIRST, SECOND)
    await _hint(sqlite_database, who, "0299")
    assert await _whole(sqlite_database, who, FIRST) is ClaimOutcome.CLAIMED
    now = await look(sqlite_database, who)
    assert (now.member_name, now.orders) == ("hua88", 2)


async def test_whoever_said_but_the_end_gives_way_to_the_buyer(database: Database) -> None:
    """Whether the buyer says that very number, another of theirs, or staff know their name, or wrote it in an alias."""
    guesser, buyer = await person(database), await person(database)
    await _orders(database, FIRST, SECOND)
    for proof in (FIRST, SECOND, "staff", "alias"):
        assert await _hint(database, guesser, "0299") is ClaimOutcome.CLAIMED
        async with database.write() as tx:
            if proof == "staff":
                await link_member(tx, buyer, "hua88", "staff:boss", NOW_MS, by="staff:boss")
            elif proof == "alias":
                await link_all(tx, [(buyer, "hua88")], "alias:lin-1", NOW_MS)
            else:
                assert await claim(tx, buyer, "lin-1", proof, NOW_MS) is ClaimOutcome.CLAIMED
        assert await _owners(database) == {FIRST: buyer, SECOND: buyer}
        assert (await look(database, guesser)).orders == 0
        async with database.write() as tx:
            for table in (Claim, Order, Merge):
                await tx.execute(delete(table))
            await tx.execute(Person.__table__.update().values(member_name=None))  # type: ignore[attr-defined]
        await _orders(database, FIRST, SECOND)


async def test_the_order_of_another_is_asked_of_staff(sqlite_database: Database) -> None:
    guesser, buyer = await person(sqlite_database), await person(sqlite_database, member_name="hua88", phone="1")
    await friend(sqlite_database, "lin-2", "wxid_buyer", buyer)
    await _orders(sqlite_database, FIRST, SECOND, who=buyer)
    assert await _hint(sqlite_database, guesser, "0299") is ClaimOutcome.TAKEN
    assert await _owners(sqlite_database) == {FIRST: buyer, SECOND: buyer}
    assert await _count(sqlite_database, Merge) == 0
    async with sqlite_database.read() as connection:
        repair = (await connection.execute(select(Repair.key, Repair.message, Repair.values))).one()
    assert (repair.key, repair.message) == (f"merge:{guesser}:{buyer}", "customers.repair.by_hint")
    assert (repair.values["asker"], repair.values["owner"], repair.values["end"]) == (guesser, buyer, "0299")


async def test_whose_order_was_guessed_stays_unknown_to_the_guesser_and_keeps_it(sqlite_database: Database) -> None:
    """Neither an export nor an erasure of the guesser takes what stands in the order for theirs."""
    guesser, buyer = await person(sqlite_database), await person(sqlite_database)
    await _orders(sqlite_database, FIRST, SECOND)
    async with sqlite_database.write() as tx:
        await tx.execute(update(Order).values(receiver="林小花", phone="13800001234"))
    assert await _hint(sqlite_database, guesser, "0299") is ClaimOutcome.CLAIMED
    async with sqlite_database.write() as tx:
        known = repr(await everything_about(tx, guesser))
    assert "***0299" in known
    assert not [word for word in (FIRST, "hua88", "林小花", "13800001234") if word in known]
    await erase(sqlite_database, guesser, now_ms=NOW_MS)
    async with sqlite_database.read() as connection:
        order = (await connection.execute(select(Order.__table__).where(Order.number == FIRST))).one()
        assert await connection.scalar(select(func.count()).select_from(DoNotContact)) == 0
    assert (order.member_name, order.receiver, order.phone, order.person) == ("hua88", "林小花", "13800001234", None)
    assert await _whole(sqlite_database, buyer, SECOND) is ClaimOutcome.CLAIMED
    assert await _owners(sqlite_database) == {FIRST: buyer, SECOND: buyer}


async def test_after_three_in_vain_nothing_is_looked_up_until_a_day_is_over(sqlite_database: Database) -> None:
    who = await person(sqlite_database)
    await _orders(sqlite_database, FIRST)
    assert await _hint(sqlite_database, who, "0001") is ClaimOutcome.NOT_ONE
    assert await _hint(sqlite_database, who, "0002", NOW_MS + 1, account="lin-2") is ClaimOutcome.NOT_ONE
    assert await _whole(sqlite_database, who, "9" * 19, NOW_MS + 2) is ClaimOutcome.UNKNOWN_YET
    assert await _hint(sqlite_database, who, "0299", NOW_MS + 3, account="lin-2") is ClaimOutcome.TOO_MANY
    assert await _whole(sqlite_database, who, FIRST, NOW_MS + DAY_MS - 1) is ClaimOutcome.TOO_MANY
    assert await _hint(sqlite_database, who, "0299", NOW_MS + DAY_MS) is ClaimOutcome.CLAIMED


async def test_a_number_that_is_not_imported_yet_may_be_asked_about_again(sqlite_database: Database) -> None:
    who = await person(sqlite_database)
    for turn in range(5):
        assert await _whole(sqlite_database, who, FIRST, NOW_MS + turn) is ClaimOutcome.UNKNOWN_YET
    assert await _count(sqlite_database, ClaimTry) == 1


async def test_who_guesses_hears_the_same_polite_words_and_staff_hear_once(sqlite_database: Database) -> None:
    """At two accounts, with the right end among the guesses."""
    await open_shop(sqlite_database)
    async with sqlite_database.write() as tx:
        buyer = await befriend(tx, "lin-2", "wxid_buyer", "买家", member_name="hua88", level="VIP2")
    await _orders(sqlite_database, FIRST, who=buyer)
    door = Door()
    post = Post(
        sqlite_database,
        Intake(voices(), on_command=door.on_command, on_stranger=door.on_stranger, on_friendship=door.on_friendship),
    )
    said = [
        await post.bring(f"尾号{end:04d} 99元", account=f"lin-{1 + end % 2}", now_ms=NOW_MS + (end - 290) * 1_000)
        for end in range(290, 302)
    ]
    assert "claimed" not in said and said[-8:] == ["handed_over"] * 8
    assert (await _owners(sqlite_database), await _count(sqlite_database, Merge)) == ({FIRST: buyer}, 0)
    for account in ("lin-1", "lin-2"):
        told = [row.content["text"] for row in await outbox(sqlite_database, to="wxid_hua", account=account)]
        assert told[-1] == "同事马上来" and len(told) == 2
    assert len(await outbox(sqlite_database, kind="staff_notice")) == 2  # one wait at each account


_GUESSES = st.lists(
    st.tuples(
        st.sampled_from(("end", "whole")), st.integers(0, 1), st.integers(0, 9), st.integers(0, 14 * HOUR_MS)
    ),
    max_size=14,
)  # fmt: skip


@given(_GUESSES)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_guessed_few_are_looked_up_in_a_day_and_ends_merge_nobody(
    sqlite_database: Database, guesses: list[tuple[str, int, int, int]]
) -> None:
    """Of ten ends three are another friend's, two nobody's yet; whole numbers are none of ours."""
    async with sqlite_database.write() as tx:
        for table in (ClaimTry, Claim, Merge, Repair, Order, Friendship, Person):
            await tx.execute(delete(table))
    guesser, buyer = await person(sqlite_database), await person(sqlite_database, member_name="hua88")
    await friend(sqlite_database, "lin-1", "wxid_guesser", guesser)
    await friend(sqlite_database, "lin-2", "wxid_buyer", buyer)
    theirs = [f"334455667788990000{end}" for end in range(3)]
    await _orders(sqlite_database, *theirs, who=buyer)
    await _orders(sqlite_database, *(f"334455667788990000{end}" for end in (3, 4)), member="ye77")
    now_ms, vain, kept = NOW_MS, list[int](), set[int]()
    for way, account, end, later_ms in guesses:
        now_ms += later_ms
        if way == "end":
            outcome = await _hint(sqlite_database, guesser, f"000{end}", now_ms, account=f"lin-{account + 1}")
        else:
            outcome = await _whole(sqlite_database, guesser, f"9{end}" * 9, now_ms)
        lately = [at_ms for at_ms in vain if at_ms > now_ms - DAY_MS]
        assert (outcome is ClaimOutcome.TOO_MANY) == (len(lately) >= MOST_A_DAY)
        asked_again = outcome is ClaimOutcome.UNKNOWN_YET and end in kept
        vain = lately + [now_ms] * (outcome in IN_VAIN and not asked_again)
        kept |= {end} if outcome is ClaimOutcome.UNKNOWN_YET else set()
    owners = await _owners(sqlite_database)
    assert all(owners[number] == buyer for number in theirs)
    assert await _count(sqlite_database, Merge) == 0
    assert (await look(sqlite_database, guesser)).member_name is None
