"""At most two messages to those who joined a campaign: a free place that somebody was told of is one of them."""

from sqlalchemy import select

from rules.kinds import Kind
from scheduler.participants.participants import move_up
from scheduler.pushes.follow_ups import told_enough, told_of_a_place
from storage.engine import Database
from storage.outbox import Content, NewDelivery, plan
from tests.scheduler.matrix import account, friends, rows
from tests.scheduler.test_campaigns import Shop, campaign


async def _told_of_a_place(shop: Shop, id: int, person: int) -> None:
    note = NewDelivery(
        kind=Kind.REMINDER, account="lin-1", to=f"wx{person}", person=person, campaign=id,
        content=Content(text="有位置了"), key=f"campaign:{id}:moved_up:{person}", due_ms=shop.now_ms,
    )  # fmt: skip
    async with shop.db.write() as tx:
        await plan(tx, [note], now_ms=shop.now_ms)


async def test_who_heard_of_a_free_place_is_not_reminded_but_thanked(database: Database) -> None:
    await account(database, "lin-1")
    first, second, third = await friends(database, "lin-1", 3, 1_700_000_000_000)
    shop = Shop(database)
    id = await shop.starts(campaign(took_part="said", stock={"units": 1, "factor": "1.25"}))
    await shop.passes(20, step=2)
    for person in (first, second, third):
        await shop.says(person, "1")
    left = await shop.says(first, "算了")
    assert left is not None and [guest.person for guest in left.moved_up] == [third]
    await _told_of_a_place(shop, id, third)
    await shop.passes(90, step=5)
    wrote = [(row.kind, row.person) for row in await rows(database) if row.person in (second, third)]
    follow_ups = sorted(row for row in wrote if row[0] in ("reminder", "thanks"))
    assert follow_ups == [("reminder", second), ("reminder", third), ("thanks", second), ("thanks", third)]
    async with database.read() as connection:
        assert set((await connection.scalars(told_enough(id))).all()) == {second, third}
        assert (await connection.scalars(told_of_a_place(id))).all() == [third]


async def test_who_had_two_already_gets_no_third_and_the_place_goes_to_the_next(database: Database) -> None:
    await account(database, "lin-1")
    people = await friends(database, "lin-1", 4, 1_700_000_000_000)
    shop = Shop(database)
    file = campaign(stock={"units": 1, "factor": "1.25"})
    id = await shop.starts(file)
    await shop.passes(20, step=2)
    for person in people:
        await shop.says(person, "1")
    for number in range(2):
        note = NewDelivery(
            kind=Kind.THANKS, account="lin-1", to="wx", person=people[2], campaign=id, content=Content(text="谢谢"),
            key=f"told:{number}", due_ms=shop.now_ms,
        )  # fmt: skip
        async with database.write() as tx:
            await plan(tx, [note], now_ms=shop.now_ms)
    left = await shop.says(people[0], "算了")
    assert left is not None and [guest.person for guest in left.moved_up] == [people[3]]
    async with database.write() as tx:
        assert file.stock is not None and await move_up(tx, id, file.stock.places, shop.now_ms) == []
        assert (await tx.scalars(select(told_enough(id).subquery().c.person))).all() == [people[2]]
