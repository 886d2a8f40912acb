"""Wishes: their history, and the list that outlives whatever else is known of somebody."""

import pytest
from sqlalchemy import delete, insert, select, update

from customers.consent import LISTED, Wished, hold_back, mute, opt_in, opt_out, take_back_opt_out, wishes
from customers.do_not_contact import KEY
from customers.merging.merging import merge
from rules.kinds import Kind
from storage.customer_tables import DoNotContact
from storage.engine import Database
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Delivery, Friendship, Person, Setting
from tests.customers.shop import friend, look, person


async def test_each_change_of_a_wish_is_kept_with_its_source_and_words(database: Database) -> None:
    """What changes nothing is no line; of an entry that was merged the lines are the person's too."""
    hua = await person(database)
    former = await person(database, merged_into=hua)
    async with database.write() as tx:
        await mute(tx, hua, 500, "inbox:1", words="最近忙", now_ms=10)
        await mute(tx, hua, 400, "inbox:2", now_ms=11)
        await opt_out(tx, former, by="inbox:3", words="退订", now_ms=12)
        await opt_out(tx, hua, by="inbox:4", words="TD", now_ms=13)
        await opt_in(tx, hua, by="staff:owner", words="想收福利", now_ms=14)
        await opt_in(tx, hua, by="staff:owner", words="想收福利", now_ms=15)
        await mute(tx, hua, 0, "staff:owner", now_ms=16)
        await opt_out(tx, hua, by="staff:owner", words="客户要求", now_ms=17)
        assert not await take_back_opt_out(tx, hua, since_ms=16, by="staff:owner", now_ms=18)
        assert await take_back_opt_out(tx, hua, since_ms=17, by="staff:owner", now_ms=19)
        found = [(wish.what, wish.at_ms, wish.source, wish.words, wish.until_ms) for wish in await wishes(tx, former)]
    assert found == [
        (Wished.MUTE, 10, "inbox:1", "最近忙", 500),
        (Wished.OPT_OUT, 12, "inbox:3", "退订", None),
        (Wished.OPT_IN, 14, "staff:owner", "想收福利", None),
        (Wished.UNMUTE, 16, "staff:owner", "", None),
        (Wished.OPT_OUT, 17, "staff:owner", "客户要求", None),
        (Wished.OPT_IN, 19, "staff:owner", "", None),
    ]


async def test_who_takes_back_their_command_takes_back_no_wish_that_a_colleague_wrote_down(database: Database) -> None:
    """Whoever of the two wrote it down first: it was wished twice."""
    for first, second in (("staff:mei", "staff:fan"), ("staff:fan", "staff:mei")):
        hua = await person(database)
        async with database.write() as tx:
            await opt_out(tx, hua, by=first, words="客户要求", now_ms=10)
            await opt_out(tx, hua, by=second, words="客户要求", now_ms=11)
            assert not await take_back_opt_out(tx, hua, since_ms=10, by=first, now_ms=12)
            assert not await take_back_opt_out(tx, hua, since_ms=11, by=second, now_ms=13)
            assert [wish.source for wish in await wishes(tx, hua)] == [first, second]
            assert await opt_in(tx, hua, by="inbox:1", words="订阅", now_ms=14)
            await opt_out(tx, hua, by=first, words="客户要求", now_ms=15)
            assert await take_back_opt_out(tx, hua, since_ms=15, by=first, now_ms=16)


async def test_who_opted_out_is_held_back_under_any_sign_of_theirs_until_they_come_back(database: Database) -> None:
    hua = await person(database, phone="13800001234", member_name="XL_Hua")
    await friend(database, "lin-1", "wxid_hua", hua)
    again = {
        "phone": await person(database, phone="+86 138-0000-1234"),
        "contact": await person(database),
        "nobody": await person(database, phone="138****1234"),
    }
    await friend(database, "xiaoyu-1", "wxid_hua", again["contact"])
    async with database.write() as tx:
        assert await hold_back(tx, again.values(), 5) == {}
        await opt_out(tx, hua, by="inbox:3", words="退订", now_ms=6)
        assert set(await hold_back(tx, again.values(), 7)) == {again["phone"], again["contact"]}
        stored = (await tx.scalars(select(DoNotContact.hash))).all()
        assert len(stored) == 3
        assert all(len(hashed) == 64 for hashed in stored)
        assert await tx.scalar(select(Setting.value).where(Setting.key == KEY))
        [wish] = await wishes(tx, again["phone"])
        assert (wish.what, wish.source) == (Wished.OPT_OUT, LISTED)
        await opt_in(tx, hua, by="inbox:9", words="恢复", now_ms=8)
        await tx.execute(delete(Friendship).where(Friendship.person == again["contact"]))
        late = (await tx.scalars(select(Person.id).where(Person.id == again["nobody"]))).all()
        await tx.execute(Person.__table__.update().where(Person.id.in_(late)).values(phone="13800001234"))
        assert await hold_back(tx, late, 9) == {}
    assert (await look(database, again["phone"])).opted_out_ms == 7
    assert (await look(database, again["nobody"])).opted_out_ms is None


@pytest.mark.parametrize("through", ["their wish", "a merge"])
async def test_what_was_planned_is_skipped_in_the_same_moment_and_what_is_under_way_is_left_alone(
    sqlite_database: Database, through: str
) -> None:
    """Or when they turn out to be somebody who had opted out. What they asked for goes all the same."""
    hua = await person(sqlite_database)
    kinds = {"push": Kind.PUSH, "offer": Kind.OFFER, "reply": Kind.REPLY, "left": Kind.PUSH}
    content = Content(text="好")
    async with sqlite_database.write() as tx:
        rows = [NewDelivery(kind, "lin-1", "wx", content, key, 0, person=hua) for key, kind in kinds.items()]
        await plan(tx, rows, now_ms=1)
        await tx.execute(update(Delivery).where(Delivery.key == "left").values(state="sending"))
        if through == "a merge":
            former = await tx.execute(insert(Person).values(name="花", created_ms=0, opted_out_ms=1))
            await merge(tx, hua, former.inserted_primary_key[0], "staff:owner", "staff:owner", 2)  # type: ignore[index]
        else:
            await opt_out(tx, hua, by="inbox:3", words="退订", now_ms=2)
        found = (await tx.execute(select(Delivery.key, Delivery.state))).all()
    assert {row.key: row.state for row in found} == {
        "push": "skipped",
        "offer": "skipped",
        "reply": "pending",
        "left": "sending",
    }
