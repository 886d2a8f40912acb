"""Who was brought by whom: once each, never in a circle, and thanks exactly while an order has earned them."""

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import ReferralRefused
from customers.merging.merging import merge
from customers.referrals.referral_merging import after_merge, undo_merge
from customers.referrals.referrals import (
    NEW_FOR_MS,
    ReferralState,
    deliver,
    refresh_referrals,
    register,
    take_back_delivery,
)
from customers.referrals.share_codes import ALPHABET, code_of, codes_in, owner_of, share_code_of
from customers.standing.purchases import recompute
from storage.customer_tables import Referral
from storage.engine import Database
from storage.order_tables import Order
from storage.tables import Person
from tests.customers.shop import look, person

DAY_MS = 24 * 3_600_000
NOW_MS = 100 * DAY_MS


async def _buys(tx: AsyncConnection, who: int, number: str, status: str = "done", **more: Any) -> None:
    row = {
        "number": number, "member_name": f"m{who}", "person": who, "status": status, "paid_fen": 10_000,
        "refund_fen": 0, "items": "", "created_ms": NOW_MS, "paid_ms": NOW_MS, "batch": 1, **more,
    }  # fmt: skip
    await tx.execute(insert(Order).values(row))
    await _counted(tx, who)


async def _counted(tx: AsyncConnection, who: int) -> None:
    await recompute(tx, [who], now_ms=NOW_MS)
    await refresh_referrals(tx, NOW_MS, Person.id == who)


async def _refunded(tx: AsyncConnection, number: str, fen: int) -> None:
    changed = update(Order).where(Order.number == number).values(refund_fen=fen).returning(Order.person)
    await _counted(tx, (await tx.execute(changed)).scalar_one())


async def _referral(tx: AsyncConnection, id: int) -> Any:
    return (await tx.execute(select(Referral.__table__).where(Referral.id == id))).one()


async def _says(tx: AsyncConnection, new: int, old: int, now_ms: int = NOW_MS) -> int:
    return await register(tx, new, old, evidence="test", by="staff:owner", now_ms=now_ms)


async def test_thanks_fall_due_with_a_completed_order_and_are_handed_over_once(database: Database) -> None:
    new, old = await person(database), await person(database)
    async with database.write() as tx:
        id = await _says(tx, new, old)
        await _buys(tx, new, "1", "shipped")
        with pytest.raises(ReferralRefused, match="没有该送的"):
            await deliver(tx, id, by="owner", now_ms=NOW_MS)
        await tx.execute(update(Order).values(status="done"))
        await _counted(tx, new)
        row = await _referral(tx, id)
        assert (row.state, row.order_number, row.due_ms) == ("due", "1", NOW_MS)
        await deliver(tx, id, by="owner", now_ms=NOW_MS + 1, benefit="20 元券")
        with pytest.raises(ReferralRefused):
            await deliver(tx, id, by="owner", now_ms=NOW_MS + 2)
        row = await _referral(tx, id)
    assert (row.state, row.delivered_ms, row.benefit) == ("delivered", NOW_MS + 1, "20 元券")
    assert (await look(database, old)).referred_net_fen == 10_000


async def test_a_refund_of_a_part_reverses_and_another_order_takes_its_place(database: Database) -> None:
    new, old = await person(database), await person(database)
    async with database.write() as tx:
        id = await _says(tx, new, old)
        await _buys(tx, new, "1")
        await _refunded(tx, "1", 1)
        assert (await _referral(tx, id)).state == "reversed"
        await _buys(tx, new, "2", paid_ms=NOW_MS + 5)
        row = await _referral(tx, id)
        assert (row.state, row.order_number, row.reversed_ms) == ("due", "2", None)


async def test_what_was_handed_over_is_never_due_again(database: Database) -> None:
    new, old = await person(database), await person(database)
    async with database.write() as tx:
        id = await _says(tx, new, old)
        await _buys(tx, new, "1")
        await deliver(tx, id, by="owner", now_ms=NOW_MS)
        await _refunded(tx, "1", 10_000)
        row = await _referral(tx, id)
        assert (row.state, row.delivered_ms) == ("reversed", NOW_MS)
        await _buys(tx, new, "2")
        assert (await _referral(tx, id)).state == "delivered"
        assert not await take_back_delivery(tx, id, by="fan", at_ms=NOW_MS)
        assert await take_back_delivery(tx, id, by="owner", at_ms=NOW_MS)
        assert (await _referral(tx, id)).state == "due"


async def test_who_bought_long_ago_is_nobody_new_and_a_first_parcel_still_counts(database: Database) -> None:
    long_ago, lately, old = await person(database), await person(database), await person(database)
    async with database.write() as tx:
        await _buys(tx, long_ago, "1", paid_ms=NOW_MS - NEW_FOR_MS - 1)
        await _buys(tx, lately, "2", paid_ms=NOW_MS - NEW_FOR_MS)
        with pytest.raises(ReferralRefused, match="不算新人"):
            await _says(tx, long_ago, old)
        assert (await _referral(tx, await _says(tx, lately, old))).state == "due"


async def test_staff_and_our_own_accounts_take_no_part(database: Database) -> None:
    new, staff, own = await person(database), await person(database, kind="staff"), await person(database, kind="own")
    async with database.write() as tx:
        for pair in ((new, staff), (own, new)):
            with pytest.raises(ReferralRefused, match="员工"):
                await _says(tx, *pair)


class Plain:
    """The same rules, slowly and by hand: people are numbers, a referral is [new, old, moment, handed over]."""

    def __init__(self) -> None:
        self.brought: list[list[Any]] = []
        self.today: dict[int, int] = {}

    def now(self, who: int) -> int:
        return self.now(self.today[who]) if who in self.today else who

    def elders(self, who: int) -> list[int]:
        up: list[int] = []
        while (by := [old for new, old, *_ in self.brought if new == who]) and by[0] not in up:
            who = by[0]
            up.append(who)
        return up

    def register(self, new: int, old: int, at: int) -> bool:
        new, old = self.now(new), self.now(old)
        if new == old or new in self.elders(old) or any(row[0] == new for row in self.brought):
            return [new, old] in [row[:2] for row in self.brought]
        self.brought.append([new, old, at, False])
        return True

    def merge(self, keep: int, gone: int) -> None:
        self.today[gone] = keep
        for row in self.brought:
            row[0], row[1] = self.now(row[0]), self.now(row[1])
        self.brought = [row for row in self.brought if row[0] != row[1]]
        mine = sorted((row for row in self.brought if row[0] == keep), key=lambda row: (not row[3], row[2]))
        self.brought = [row for row in self.brought if row not in mine[1:]]
        if keep in (up := self.elders(keep)):
            circle = [row for row in self.brought if row[0] in up]
            self.brought.remove(max(circle, key=lambda row: row[2]))


_person = st.integers(0, 5)
_happening = st.one_of(
    st.tuples(st.just("register"), _person, _person),
    st.tuples(st.just("register"), _person, _person),
    st.tuples(st.just("buy"), _person, st.sampled_from(["done", "done", "shipped", "closed"])),
    st.tuples(st.just("refund"), st.integers(0, 9), st.sampled_from([0, 1, 10_000])),
    st.tuples(st.just("deliver"), st.integers(0, 5)),
    st.tuples(st.just("merge"), _person, _person),
    st.tuples(st.just("merge_and_undo"), _person, _person),
)


class _EndOfExample(Exception):
    pass


class Life:
    """One example: what happens, to the tables and to the plain rules alike."""

    def __init__(self, tx: AsyncConnection, ids: list[int]) -> None:
        self._tx, self._ids, self._plain, self._moment, self._orders = tx, ids, Plain(), NOW_MS, 0

    async def register(self, new: int, old: int) -> None:
        self._moment += 1
        expected = self._plain.register(self._ids[new], self._ids[old], self._moment)
        try:
            await _says(self._tx, self._ids[new], self._ids[old], self._moment)
        except ReferralRefused:
            assert not expected
        else:
            assert expected

    async def buy(self, who: int, status: str) -> None:
        await _buys(self._tx, self._plain.now(self._ids[who]), f"{self._orders}", status)
        self._orders += 1

    async def refund(self, order: int, fen: int) -> None:
        if order < self._orders:
            await _refunded(self._tx, f"{order}", fen)

    async def deliver(self, which: int) -> None:
        due = (await self._tx.scalars(select(Referral.id).where(Referral.state == "due").order_by(Referral.id))).all()
        if which < len(due):
            await deliver(self._tx, due[which], by="owner", now_ms=NOW_MS)
            row = await _referral(self._tx, due[which])
            next(mine for mine in self._plain.brought if mine[0] == row.person)[3] = True

    async def merge(self, keep: int, gone: int) -> None:
        kept, left = self._plain.now(self._ids[keep]), self._plain.now(self._ids[gone])
        if kept != left:
            await merge(self._tx, kept, left, "test", "owner", NOW_MS)
            self._plain.merge(kept, left)

    async def merge_and_undo(self, keep: int, gone: int) -> None:
        kept, left = self._plain.now(self._ids[keep]), self._plain.now(self._ids[gone])
        if kept == left:
            return
        before = await self._rows()
        theirs = (await self._tx.scalars(select(Order.number).where(Order.person == left))).all()
        await self._tx.execute(update(Order).where(Order.person == left).values(person=kept))
        await self._tx.execute(update(Person).where(Person.id == left).values(merged_into=kept))
        for who in (kept, left):
            await recompute(self._tx, [who], now_ms=NOW_MS)
        record = await after_merge(self._tx, kept, left, NOW_MS)
        await self._tx.execute(update(Order).where(Order.number.in_(theirs)).values(person=left))
        await self._tx.execute(update(Person).where(Person.id == left).values(merged_into=None))
        for who in (kept, left):
            await recompute(self._tx, [who], now_ms=NOW_MS)
        await undo_merge(self._tx, record, kept, left, NOW_MS)
        # What fell due for the moment of the merge is reversed again: all else is as it was.
        assert [row[:3] for row in await self._rows()] == [row[:3] for row in before]

    async def _rows(self) -> list[tuple[Any, ...]]:
        query = select(Referral.id, Referral.person, Referral.referrer, Referral.state).order_by(Referral.id)
        return [tuple(row) for row in await self._tx.execute(query)]

    async def judge(self) -> None:
        rows = (await self._tx.execute(select(Referral.__table__).order_by(Referral.id))).all()
        orders = (await self._tx.execute(select(Order.__table__))).all()
        people = {row.id: row for row in await self._tx.execute(select(Person.__table__))}
        brought = [[row.person, row.referrer, row.at_ms, row.delivered_ms is not None] for row in rows]
        assert sorted(brought) == sorted(self._plain.brought)
        for row in rows:
            assert row.person not in self._plain.elders(row.person)
            assert people[row.person].merged_into is people[row.referrer].merged_into is None
            earned = any(o.person == row.person and o.status == "done" and o.refund_fen == 0 for o in orders)
            assert (row.state in ("due", "delivered")) == earned == (row.order_number is not None)
            if earned:
                assert (row.state == ReferralState.DELIVERED) == (row.delivered_ms is not None)
        for who in people.values():
            theirs = sum(people[row.person].net_paid_fen for row in rows if row.referrer == who.id)
            assert who.merged_into is not None or who.referred_net_fen == theirs


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(happenings=st.lists(_happening, min_size=3, max_size=18))
@example([("register", 1, 0), ("register", 2, 1), ("merge_and_undo", 0, 2), ("merge", 0, 2)])  # a circle
@example([("register", 3, 4), ("register", 1, 0), ("merge_and_undo", 0, 1), ("merge", 0, 1)])  # by themselves
@example([("register", 1, 0), ("register", 3, 2), ("buy", 3, "done"), ("deliver", 0), ("merge", 1, 3)])  # brought twice
async def test_whatever_happens_nobody_is_brought_twice_or_in_a_circle_and_thanks_are_due_when_earned(
    database: Database, happenings: list[Any]
) -> None:
    with pytest.raises(_EndOfExample):
        async with database.write() as tx:
            added = insert(Person).returning(Person.id)
            life = Life(tx, [(await tx.execute(added.values(created_ms=0))).scalar_one() for _ in range(6)])
            for name, *arguments in happenings:
                await getattr(life, name)(*arguments)
            await life.judge()
            raise _EndOfExample


@given(st.integers(1, 10**9), st.integers(0, 20), st.sampled_from(ALPHABET))
def test_a_share_code_is_found_in_words_and_never_with_one_wrong_sign(person: int, place: int, sign: str) -> None:
    code = code_of(person)
    assert codes_in(f"你好，我的朋友给我的码是{code.lower()}，谢谢") == [code]
    place %= len(code)
    wrong = code[:place] + sign + code[place + 1 :]
    assert wrong == code or codes_in(wrong) == []


@given(st.sets(st.integers(1, 10**8), min_size=2, max_size=200))
def test_no_two_people_share_a_code(people: set[int]) -> None:
    assert len({code_of(person) for person in people}) == len(people)


async def test_a_code_leads_to_who_the_person_is_today(database: Database) -> None:
    hua, other = await person(database), await person(database)
    async with database.write() as tx:
        assert await owner_of(tx, [code_of(hua)]) is None
        code = await share_code_of(tx, hua)
        await merge(tx, other, hua, "test", "owner", NOW_MS)
        assert await owner_of(tx, ["ZZZZZZ", code]) == (code, other)
        assert await share_code_of(tx, hua) == code_of(other)
