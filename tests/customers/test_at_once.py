"""Two at once on one person: the second sees what the first did. What came later counts when something is undone."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.acquaintances import NewFriend, befriend
from conversations.acquaintance import acquaintance
from customers.consent import mute, opt_out
from customers.errors import MergeRefused
from customers.imports.customer_files import CustomerOptions
from customers.imports.customer_import import import_customers
from customers.imports.import_batches import finish_orders
from customers.imports.import_undo import undo_import
from customers.imports.orders import import_orders
from customers.merging.claim_words import Hint
from customers.merging.claims import ClaimOutcome, claim, claim_by_hint
from customers.merging.linking import link_member, link_phone
from customers.merging.merging import merge, unmerge
from customers.profiles.notes import add_note, notes_of
from customers.profiles.profile import NewValue, set_profiles
from customers.profiles.tags import add_tags, tags_of
from customers.referrals.referrals import register
from storage.customer_tables import Referral
from storage.engine import Database
from storage.order_tables import Order
from storage.tables import Account, Friendship, Person
from tests.customers.shop import export, friend, look, order, person
from tests.lock_waits import until_it_waits

Act = Callable[[AsyncConnection], Awaitable[Any]]
NUMBERS = [f"22026{number:013d}7" for number in range(24)]
NOW_MS = 1_795_000_000_000


async def _at_once(db: Database, first: Act, second: Act) -> tuple[Any, Any]:
    """`second` begins before `first` is committed: on SQLite it has to wait, on PostgreSQL it may look around."""

    async def other() -> Any:
        async with db.write() as tx:
            return await second(tx)

    async with db.write() as tx:
        done = await first(tx)
        task = asyncio.create_task(other(), name="the other")
        await until_it_waits(tx, task)
    return done, await task


async def _order(db: Database, number: str, member: str, who: int | None = None, **more: Any) -> None:
    row = {"number": number, "member_name": member, "person": who, "status": "done", "paid_fen": 10_000,
           "created_ms": NOW_MS, "batch": 1, **more}  # fmt: skip
    async with db.write() as tx:
        await tx.execute(insert(Order).values(row))


def _claims(who: int, number: str) -> Act:
    return lambda tx: claim(tx, who, "lin-1", number, NOW_MS)


def _merges(keep: int, gone: int) -> Act:
    return lambda tx: merge(tx, keep, gone, "staff:owner", "staff:owner", NOW_MS)


async def test_two_orders_of_one_person_claimed_at_once_are_both_counted(database: Database) -> None:
    who = await person(database, name="花花")
    await _order(database, NUMBERS[0], "m0")
    await _order(database, NUMBERS[1], f"t***7#{NUMBERS[1]}")
    await _at_once(database, _claims(who, NUMBERS[0]), _claims(who, NUMBERS[1]))
    one = await look(database, who)
    assert (one.orders, one.net_paid_fen, one.level) == (2, 20_000, "VIP1")


async def test_of_two_who_claim_one_order_at_once_one_has_it(database: Database) -> None:
    one, other = await person(database, name="花花"), await person(database, name="小叶")
    await _order(database, NUMBERS[0], "m0")
    outcomes = await _at_once(database, _claims(one, NUMBERS[0]), _claims(other, NUMBERS[0]))
    assert outcomes == (ClaimOutcome.CLAIMED, ClaimOutcome.TAKEN)
    assert [(await look(database, who)).orders for who in (one, other)] == [1, 0]


@pytest.mark.parametrize("by_its_end", [False, True])
async def test_two_guesses_at_once_are_one_too_many_after_two_in_vain(database: Database, by_its_end: bool) -> None:
    who = await person(database, name="花花")

    def guesses(number: str) -> Act:
        hint = Hint(number[-6:], amount_fen=100)
        if by_its_end:
            return lambda tx: claim_by_hint(tx, who, "lin-1", hint, "Asia/Shanghai", NOW_MS)
        return _claims(who, number)

    for number in NUMBERS[:2]:
        async with database.write() as tx:
            await guesses(number)(tx)
    _, second = await _at_once(database, guesses(NUMBERS[2]), guesses(NUMBERS[3]))
    assert second is ClaimOutcome.TOO_MANY


async def test_who_is_brought_while_they_claim_is_brought_with_that_order(database: Database) -> None:
    new, old = await person(database, name="新人"), await person(database, name="老客")
    await _order(database, NUMBERS[0], "m0")

    async def brings(tx: AsyncConnection) -> int:
        return await register(tx, new, old, evidence="staff:owner", by="staff:owner", now_ms=NOW_MS)

    await _at_once(database, _claims(new, NUMBERS[0]), brings)
    async with database.read() as connection:
        row = (await connection.execute(select(Referral.state, Referral.order_number))).one()
    assert tuple(row) == ("due", NUMBERS[0])
    assert (await look(database, old)).referred_net_fen == 10_000


async def test_two_whom_one_brought_are_both_counted_though_they_buy_at_once(database: Database) -> None:
    old, *new = [await person(database, name=name) for name in ("老客", "新人", "又一个")]
    async with database.write() as tx:
        for who in new:
            await register(tx, who, old, evidence="staff:owner", by="staff:owner", now_ms=NOW_MS)
    for number in NUMBERS[:2]:
        await _order(database, number, f"m{number}")
    await _at_once(database, _claims(new[0], NUMBERS[0]), _claims(new[1], NUMBERS[1]))
    assert (await look(database, old)).referred_net_fen == 20_000


async def test_a_wish_uttered_while_two_are_merged_holds_for_who_they_are_then(database: Database) -> None:
    keep, gone = await person(database, name="花花"), await person(database, name="阿花")

    async def wishes(tx: AsyncConnection) -> None:
        await opt_out(tx, gone, by="inbox:1", words="退订", now_ms=NOW_MS)
        await mute(tx, gone, NOW_MS + 1, "inbox:1", now_ms=NOW_MS)

    await _at_once(database, _merges(keep, gone), wishes)
    now = await look(database, keep)
    assert (now.opted_out_ms, now.muted_until_ms) == (NOW_MS, NOW_MS + 1)


async def test_who_claims_or_is_met_while_two_are_merged_is_who_was_kept(database: Database) -> None:
    keep, gone = await person(database, name="花花"), await person(database, name="阿花")
    await friend(database, "lin-1", "wx_a", gone)
    async with database.write() as tx:
        await tx.execute(insert(Account).values(id="lin-2", persona="p", role="sales", opened_ms=0, time_zone="UTC"))
    await _order(database, NUMBERS[0], "m0")
    await _at_once(database, _merges(keep, gone), _claims(gone, NUMBERS[0]))
    assert (await look(database, keep)).orders == 1
    third = await person(database, name="小花")
    _, met = await _at_once(database, _merges(third, keep), lambda tx: acquaintance(tx, "lin-2", "wx_a", NOW_MS))
    assert met.person == third


async def test_orders_written_while_their_buyer_was_merged_go_to_who_was_kept(database: Database) -> None:
    keep, gone = await person(database, name="花花"), await person(database, name="阿花", member_name="m0")
    async with database.write() as tx:
        await merge(tx, keep, gone, "staff:owner", "staff:owner", NOW_MS)
    await _order(database, NUMBERS[0], "m0", gone)  # the import had read whose it was just before
    await finish_orders(database, 1, {}, NOW_MS)
    assert (await look(database, keep)).orders == 1


@pytest.mark.parametrize("values", [{"erased_ms": 5, "opted_out_ms": 5}, {"kind": "staff"}, {"kind": "own"}])
async def test_nothing_is_bound_to_who_was_erased_nor_to_ourselves(database: Database, values: dict[str, Any]) -> None:
    who = await person(database, **values)
    await _order(database, NUMBERS[0], "m0")
    for link, what in ((link_member, "m0"), (link_phone, "13800001234")):
        with pytest.raises(MergeRefused):
            async with database.write() as tx:
                await link(tx, who, what, "staff:owner", NOW_MS, by="staff:owner", sure=True)
    now = await look(database, who)
    assert (now.member_name, now.phone, now.orders) == (None, None, 0)


async def test_last_digits_that_fit_many_orders_of_one_and_one_of_another_fit_two(sqlite_database: Database) -> None:
    who = await person(sqlite_database, name="花花")
    for number in range(22):
        buyer = "older" if number == 0 else "m0"
        await _order(sqlite_database, f"22026{number:09d}00017", buyer, created_ms=NOW_MS + number)
    async with sqlite_database.write() as tx:
        hint = Hint(end="0017", amount_fen=10_000)
        assert await claim_by_hint(tx, who, "lin-1", hint, "Asia/Shanghai", NOW_MS) is ClaimOutcome.NOT_ONE


async def test_an_undone_import_gives_an_order_to_who_bears_its_member_name_by_now(
    database: Database, tmp_path: Path
) -> None:
    who = await person(database, name="花花")
    await import_orders(database, [export(tmp_path / "a.csv", [order(NUMBERS[0], "m3")])], now_ms=1)
    second = await import_orders(database, [export(tmp_path / "b.csv", [order(NUMBERS[0], "m2")])], now_ms=2)
    async with database.write() as tx:
        await link_member(tx, who, "m3", "staff:owner", 3, by="staff:owner")
    await undo_import(database, second.batch or 0, by="cli", now_ms=4)
    assert (await look(database, who)).orders == 1


async def test_an_undone_merge_leaves_an_order_with_whose_name_it_got_meanwhile(database: Database) -> None:
    keep, gone = await person(database, member_name="m1"), await person(database, member_name="m2")
    await _order(database, NUMBERS[0], "m2", gone)
    async with database.write() as tx:
        number = await merge(tx, keep, gone, "staff:owner", "staff:owner", NOW_MS)
        await tx.execute(update(Order).values(member_name="m1"))
        await unmerge(tx, number, "staff:owner", NOW_MS)
    assert [(await look(database, who)).orders for who in (keep, gone)] == [1, 0]


async def test_a_referral_that_an_undone_merge_gives_back_is_of_who_its_referrer_is_by_now(database: Database) -> None:
    keep, gone, first, second, third = [await person(database, name=name) for name in "甲乙丙丁戊"]
    async with database.write() as tx:
        for who, old in ((keep, first), (gone, second)):
            await register(tx, who, old, evidence="x", by="staff:owner", now_ms=NOW_MS + who)
        number = await merge(tx, keep, gone, "staff:owner", "staff:owner", NOW_MS)
        await merge(tx, third, second, "staff:owner", "staff:owner", NOW_MS)
        await unmerge(tx, number, "staff:owner", NOW_MS)
        brought = (await tx.execute(select(Referral.person, Referral.referrer).order_by(Referral.person))).all()
    assert [tuple(row) for row in brought] == [(keep, first), (gone, third)]


async def test_a_sheet_names_somebody_by_a_member_name_that_a_merge_brought_them(
    database: Database, tmp_path: Path
) -> None:
    who = await person(database, name="花花")
    await person(database, member_name="m3", merged_into=who)
    await friend(database, "lin-1", "wx_3", who)
    sheet = tmp_path / "c.csv"
    sheet.write_text("会员名,微信ID,账号\nm3,wx_3,lin-1\n", encoding="utf-8")
    options = CustomerOptions(date(2026, 11, 22), accounts=("lin-1",))
    result = await import_customers(database, [sheet], options, now_ms=NOW_MS)
    assert (result.unchanged, result.refused) == (1, 0)
    assert (await look(database, who)).member_name is None
    async with database.read() as connection:
        assert (await connection.scalars(select(Friendship.person))).all() == [who]
        assert (await connection.scalars(select(Person.merged_into).where(Person.member_name == "m3"))).all() == [who]


async def test_what_staff_note_of_somebody_while_they_are_merged_is_noted_of_who_was_kept(database: Database) -> None:
    keep, gone = await person(database, name="花花"), await person(database, name="阿花")

    async def notes(tx: AsyncConnection) -> None:
        await add_tags(tx, [(gone, "大码")], "staff:owner", NOW_MS)
        await add_note(tx, gone, "喜欢亚麻", "staff:owner", NOW_MS)
        await set_profiles(tx, [NewValue(gone, "size", "XL")], "staff:owner", NOW_MS)

    await _at_once(database, _merges(keep, gone), notes)
    async with database.read() as connection:
        assert await tags_of(connection, keep) == ["大码"]
        assert [note.text for note in await notes_of(connection, keep, 9)] == ["喜欢亚麻"]
    assert (await look(database, keep)).profile == {"size": "XL"}
    assert (await look(database, gone)).profile is None


async def test_whom_two_accounts_meet_at_once_is_one_person(database: Database) -> None:
    async with database.write() as tx:
        rows = [{"id": id, "persona": "p", "role": "sales", "opened_ms": 0, "time_zone": "UTC"} for id in ("a", "b")]
        await tx.execute(insert(Account), rows)

    def writes(account: str, contact: str) -> Act:
        return lambda tx: acquaintance(tx, account, contact, NOW_MS)

    def befriends(account: str, contact: str) -> Act:
        friends = [NewFriend(contact, "花花"), NewFriend(f"other-{account}", "别人")]
        return lambda tx: befriend(tx, account, friends, origin="listed", since_ms=NOW_MS, now_ms=NOW_MS)

    ways = ((writes, writes), (befriends, befriends), (writes, befriends), (befriends, writes))
    for number, (first, second) in enumerate(ways):
        contact = f"wx_{number}"
        await _at_once(database, first("a", contact), second("b", contact))
        async with database.read() as connection:
            people = (await connection.scalars(select(Friendship.person).where(Friendship.contact == contact))).all()
        assert len(people) == 2, contact
        assert len(set(people)) == 1, contact


async def test_whom_an_account_and_a_sheet_bring_at_once_is_one_person(database: Database, tmp_path: Path) -> None:
    async with database.write() as tx:
        rows = [{"id": id, "persona": "p", "role": "sales", "opened_ms": 0, "time_zone": "UTC"} for id in ("a", "b")]
        await tx.execute(insert(Account), rows)
    sheet = tmp_path / "c.csv"
    sheet.write_text("会员名,微信ID,账号\nm3,wx_3,b\n", encoding="utf-8")
    options = CustomerOptions(date(2026, 11, 22), accounts=("a", "b"))
    async with database.write() as tx:
        await acquaintance(tx, "a", "wx_3", NOW_MS)
        task = asyncio.create_task(import_customers(database, [sheet], options, now_ms=NOW_MS), name="the sheet")
        await until_it_waits(tx, task)
    await task
    async with database.read() as connection:
        assert (await connection.scalars(select(Person.member_name))).all() == ["m3"]
