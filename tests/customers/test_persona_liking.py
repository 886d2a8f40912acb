"""Whom somebody likes is learnt from whom they answer, praise and buy after; what anybody said stands above it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from customers.profiles.persona_liking import LEAST_POINTS, Liking, PersonaLiking, favourite, likings
from customers.profiles.profile import NewValue, set_profiles
from customers.profiles.profile_view import profile_view
from customers.profiles.profile_words import document, page
from storage.engine import Database
from storage.move_tables import Move
from storage.order_tables import Order
from storage.tables import Account, Delivery, Friendship, Person

DAY_MS = 86_400_000
NOW_MS = 1_000 * DAY_MS
ACCOUNTS = {"lin-1": ("lin", None), "lin-2": ("lin-mirror", "lin-1"), "suye-1": ("suye", None)}


async def _open(db: Database) -> None:
    async with db.write() as tx:
        for id, (persona, source) in ACCOUNTS.items():
            row = {"id": id, "persona": persona, "mirror_of": source, "role": "sales", "time_zone": "Asia/Shanghai"}
            await tx.execute(insert(Account).values(row))


async def _person(db: Database, *, persona: str | None = None, **messages: int) -> int:
    """Somebody who wrote so often to each account (lin_1=3)."""
    async with db.write() as tx:
        values = {"name": "花花", "created_ms": 0, "preferred_persona": persona}
        who = (await tx.execute(insert(Person).values(values).returning(Person.id))).scalar_one()
        for account, replies in messages.items():
            row = {"account": account.replace("_", "-"), "contact": f"wx{who}", "person": who, "since_ms": 0}
            await tx.execute(insert(Friendship).values(**row, replies=replies))
    return int(who)


async def _learn(db: Database, now_ms: int = NOW_MS) -> None:
    """A whole pass, and the look after it."""
    liking = PersonaLiking()
    for _ in range(4):
        async with db.read() as connection:
            due = await liking.due(connection, now_ms)
        if due:
            async with db.write() as tx:
                await liking.act(tx, now_ms)


async def _preferred(db: Database, who: int) -> Any:
    async with db.read() as connection:
        return await connection.scalar(select(Person.preferred_persona).where(Person.id == who))


async def test_the_persona_they_answer_is_theirs_and_a_mirror_is_its_source(database: Database) -> None:
    await _open(database)
    answers = await _person(database, lin_2=12, suye_1=2)
    torn = await _person(database, lin_1=12, suye_1=7)
    only = await _person(database, lin_1=12, lin_2=3)
    silent = await _person(database, lin_1=0, suye_1=0)
    await _learn(database)
    assert await _preferred(database, answers) == "lin"
    assert [await _preferred(database, who) for who in (torn, only, silent)] == [None, None, None]


async def test_orders_after_a_persona_spoke_weigh_more_than_words(sqlite_database: Database) -> None:
    await _open(sqlite_database)
    who = await _person(sqlite_database, lin_1=8, suye_1=1)
    async with sqlite_database.write() as tx:
        for number, (account, sent_ms) in enumerate((("lin-1", NOW_MS - 30 * DAY_MS), ("suye-1", NOW_MS - 2 * DAY_MS))):
            await tx.execute(insert(Delivery).values(
                account=account, kind="push", priority=5, key=f"k{number}", to="wx", person=who, content={},
                due_ms=0, state="accepted", created_ms=0, sent_ms=sent_ms,
            ))  # fmt: skip
        for number in range(2):
            await tx.execute(insert(Order).values(
                number=f"n{number}", member_name="hua", person=who, status="done", paid_fen=100, created_ms=NOW_MS,
                paid_ms=NOW_MS, batch=1,
            ))  # fmt: skip
    async with sqlite_database.read() as connection:
        assert (await likings(connection, [who]))[who][0] == Liking("suye", messages=1, orders=2)
    await _learn(sqlite_database)
    assert await _preferred(sqlite_database, who) == "suye"


async def test_what_somebody_said_stands_and_what_was_learnt_follows_them(sqlite_database: Database) -> None:
    await _open(sqlite_database)
    said = await _person(sqlite_database, lin_1=20, suye_1=1)
    imported = await _person(sqlite_database, persona="suye", lin_1=20, suye_1=1)
    learnt = await _person(sqlite_database, lin_1=20, suye_1=1)
    async with sqlite_database.write() as tx:
        await set_profiles(tx, [NewValue(said, "preferred_persona", "suye")], "staff:mei", 1)
    await _learn(sqlite_database)
    assert [await _preferred(sqlite_database, who) for who in (said, imported, learnt)] == ["suye", "suye", "lin"]
    async with sqlite_database.write() as tx:
        await tx.execute(update(Friendship).where(Friendship.account == "suye-1").values(replies=50))
    await _learn(sqlite_database)
    assert await _preferred(sqlite_database, learnt) == "lin", "once a day"
    await _learn(sqlite_database, NOW_MS + 2 * DAY_MS)
    assert await _preferred(sqlite_database, learnt) == "suye"


async def test_staff_see_whom_they_like_and_why_and_which_card_they_got(sqlite_database: Database) -> None:
    await _open(sqlite_database)
    who = await _person(sqlite_database, lin_1=20, suye_1=1)
    await _learn(sqlite_database)
    async with sqlite_database.write() as tx:
        await tx.execute(insert(Move).values(
            person=who, aim="persona", why="answers", from_account="suye-1", to_account="lin-1", state="followed",
            offered_ms=NOW_MS, changed_ms=NOW_MS,
        ))  # fmt: skip
        await tx.execute(update(Friendship).where(Friendship.account == "lin-1").values(serves_ms=NOW_MS))
    async with sqlite_database.read() as connection:
        view = await profile_view(connection, who, 5)
    shown, told = page(view, "Asia/Shanghai"), document(view)
    assert "最爱和 lin 聊（20 分）：发过 20 条消息" in shown
    assert "suye-1 推过 lin-1 的名片（最爱和这个人设聊）：加上了" in shown
    assert "现在由这个号接待" in shown and "看 TA 爱和谁聊" in shown
    assert told["moves"][0]["state"] == "followed" and told["likings"][0]["persona"] == "lin"


counts = st.integers(0, 30)
likes = st.builds(Liking, st.sampled_from(["a", "b", "c"]), counts, counts, counts, counts)


@given(st.lists(likes, max_size=3, unique_by=lambda liking: liking.persona))
def test_a_favourite_is_clear_or_there_is_none(known: list[Liking]) -> None:
    best = favourite(known)
    points = sorted((liking.points for liking in known), reverse=True)
    clear = len(points) > 1 and points[0] >= LEAST_POINTS and points[0] >= 2 * points[1]
    assert (best is not None) == clear
    assert best is None or best.points == points[0]
