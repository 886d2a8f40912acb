"""One person, however many entries: what goes with them in a merge, what an undo brings back, what it never does."""

import contextlib
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.consent import opt_out
from customers.errors import MergeInConflict, MergeRefused, NoSuchMerge
from customers.finding.people import find
from customers.merging.claims import ClaimOutcome, claim
from customers.merging.linking import link_all, link_member, link_or_ask, link_phone
from customers.merging.merging import merge, unmerge
from rules.kinds import Kind
from storage.customer_tables import PersonNote, PersonTag, Referral
from storage.engine import Database
from storage.fleet_tables import Repair
from storage.order_tables import Claim, Merge, Order
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Delivery, Friendship, Person
from tests.customers.shop import friend, look, person

NUMBER = "2202600000000000001"


async def _order(db: Database, number: str, member: str, who: int | None = None, **more: Any) -> None:
    row = {"number": number, "member_name": member, "person": who, "status": "done", "paid_fen": 10_000,
           "created_ms": 1, "batch": 1, **more}  # fmt: skip
    async with db.write() as tx:
        await tx.execute(insert(Order).values(row))


async def _merge(db: Database, keep: int, gone: int) -> int:
    async with db.write() as tx:
        return await merge(tx, keep, gone, "staff's word", "staff:owner", 50)


async def _unmerge(db: Database, number: int) -> None:
    async with db.write() as tx:
        await unmerge(tx, number, "staff:owner", 90)


async def _whose(db: Database, column: Any, key: Any) -> dict[Any, int]:
    async with db.read() as connection:
        return {row[0]: row[1] for row in (await connection.execute(select(key, column))).all()}


async def test_an_undone_merge_gives_each_what_they_had(database: Database) -> None:
    db = database
    keep = await person(db, name="花花", member_name="M1", call_me="花花", profile={"sizes": "M"})
    gone = await person(db, name="阿花", member_name="M2", phone="13800001234", profile={"taste": "法式"})
    await friend(db, "lin-1", "wx_a", keep)
    await friend(db, "lin-2", "wx_b", gone)
    await _order(db, "1" * 16, "M1", keep)
    await _order(db, "2" * 16, "M2", gone)
    brought = await person(db, name="新人")
    async with db.write() as tx:
        for who, tag in ((keep, "好客"), (gone, "好客"), (gone, "爱裙子")):
            await tx.execute(insert(PersonTag).values(tag=tag, person=who, by="x", since_ms=1))
        await tx.execute(insert(PersonNote).values(person=gone, text="周末取件", by="x", at_ms=1))
        await tx.execute(
            insert(Claim).values(order_number="2" * 16, person=gone, account="a", evidence="c", claimed_ms=1)
        )
        await tx.execute(
            insert(Referral).values(person=brought, referrer=gone, evidence="m", by="x", at_ms=1, state="registered")
        )
        row = NewDelivery(Kind.REPLY, "lin-2", "wx_b", Content(text="好"), "reply:1", 0, person=gone)
        await plan(tx, [row], now_ms=1)
    number = await _merge(db, keep, gone)
    one = await look(db, keep)
    assert (one.orders, one.net_paid_fen, one.phone, one.profile) == (
        2, 20_000, "13800001234", {"sizes": "M", "taste": "法式"},
    )  # fmt: skip
    assert set((await _whose(db, Friendship.person, Friendship.contact)).values()) == {keep}
    await friend(db, "lin-3", "wx_b", keep)  # a sibling meets the same WeChat id meanwhile
    await _unmerge(db, number)
    assert await _whose(db, Friendship.person, Friendship.id) == {1: keep, 2: gone, 3: gone}
    assert await _whose(db, Order.person, Order.number) == {"1" * 16: keep, "2" * 16: gone}
    assert await _whose(db, Claim.person, Claim.order_number) == {"2" * 16: gone}
    assert await _whose(db, PersonNote.person, PersonNote.text) == {"周末取件": gone}
    assert await _whose(db, Referral.referrer, Referral.person) == {brought: gone}
    assert await _whose(db, Delivery.person, Delivery.key) == {"reply:1": gone}
    async with db.read() as connection:
        tags = (await connection.execute(select(PersonTag.person, PersonTag.tag))).all()
        assert {tuple(tag) for tag in tags} == {(keep, "好客"), (gone, "好客"), (gone, "爱裙子")}
        assert [one.id for one in await find(connection, "阿花")] == [gone]
    first, second = await look(db, keep), await look(db, gone)
    assert (first.member_name, first.orders, first.phone, first.profile) == ("M1", 1, None, {"sizes": "M"})
    assert (second.member_name, second.orders, second.merged_into) == ("M2", 1, None)


async def test_undoing_a_merge_loosens_nothing(database: Database) -> None:
    keep = await person(database, last_push_ms=70, last_push_id=7)
    gone = await person(database, muted_until_ms=900, muted_by="x", last_push_ms=50)
    await friend(database, "lin-2", "wx_b", gone)
    number = await _merge(database, keep, gone)
    async with database.write() as tx:
        await opt_out(tx, keep, by="inbox:1", words="退订", now_ms=60)
    await _unmerge(database, number)
    async with database.write() as tx:
        row = NewDelivery(Kind.PUSH, "lin-2", "wx_b", Content(text="好"), "push:1", 0, person=gone)
        await plan(tx, [row], now_ms=1)
    for who in (await look(database, keep), await look(database, gone)):
        assert (who.opted_out_ms, who.muted_until_ms, who.last_push_ms) == (60, 900, 70)


async def test_a_merge_under_a_later_one_is_undone_after_it_and_each_once(database: Database) -> None:
    one, two, three = await person(database), await person(database), await person(database)
    first = await _merge(database, one, two)
    second = await _merge(database, three, one)
    with pytest.raises(MergeRefused, match=str(second)):
        await _unmerge(database, first)
    await _unmerge(database, second)
    await _unmerge(database, first)
    with pytest.raises(MergeRefused, match="已经撤销"):
        await _unmerge(database, first)
    with pytest.raises(NoSuchMerge):
        await _unmerge(database, 999)
    assert [(await look(database, who)).merged_into for who in (one, two, three)] == [None, None, None]


async def test_a_bound_member_name_can_be_taken_away_again(database: Database) -> None:
    await _order(database, NUMBER, "M1")
    hua, ye = await person(database), await person(database)
    async with database.write() as tx:
        assert await claim(tx, hua, "a", NUMBER, 5) is ClaimOutcome.CLAIMED
        number = await tx.scalar(select(Merge.id))
        assert number is not None
    await _unmerge(database, number)
    assert ((await look(database, hua)).member_name, (await look(database, hua)).orders) == (None, 0)
    async with database.write() as tx:
        assert await claim(tx, ye, "a", NUMBER, 6) is ClaimOutcome.CLAIMED
    assert (await look(database, ye)).orders == 1


async def test_whole_phones_make_one_person_and_two_phones_are_asked_about(database: Database) -> None:
    hua = await person(database)
    card = await person(database, phone="13800001234", name="表里的花花")
    await _order(database, NUMBER, "M1", phone="13800001234")
    async with database.write() as tx:
        assert await link_phone(tx, hua, "13800001234", "staff:owner", 5, by="staff:owner") == hua
        with pytest.raises(MergeInConflict):
            await link_phone(tx, hua, "13900001234", "staff:owner", 6, by="staff:owner")
    assert (await look(database, card)).merged_into == hua
    assert ((await look(database, hua)).member_name, (await look(database, hua)).orders) == ("M1", 1)


async def test_contradicting_evidence_becomes_a_repair_and_goes_when_staff_decide(database: Database) -> None:
    hua = await person(database, phone="13800001234")
    other = await person(database, phone="13900001234", member_name="M1")
    named = await person(database, member_name="M2")
    staff = await person(database, member_name="M3", kind="staff")
    await _order(database, NUMBER, "M1", other)
    async with database.write() as tx:
        assert await claim(tx, hua, "a", NUMBER, 5) is ClaimOutcome.TAKEN
        assert await link_or_ask(tx, named, "M9", "alias:lin-1", 5) is None
        assert await link_or_ask(tx, named, "M3", "order 1", 5) is None
        keys = set((await tx.scalars(select(Repair.key))).all())
        assert keys == {f"merge:{hua}:{other}", f"member:{named}:M9", f"member:{named}:M3"}
        await link_member(tx, hua, "M1", "staff:owner", 6, by="staff:owner", sure=True)
        assert await tx.scalar(select(Repair.key).where(Repair.key.startswith("merge:"))) is None
    assert (await look(database, other)).merged_into == hua
    assert (await look(database, staff)).merged_into is None


async def test_many_remarks_are_read_at_once_and_only_what_contradicts_one_by_one(database: Database) -> None:
    hua, ye, mei, known, again = [await person(database, name=name) for name in ("花", "叶", "美", "老", "又")]
    await _order(database, NUMBER, "M1")
    async with database.write() as tx:
        await link_member(tx, known, "M3", "order 1", 4)
        await link_all(tx, [(hua, "M1"), (ye, "M2"), (mei, "M3"), (known, "M9"), (again, "M2")], "alias:lin-1", 5)
        keys = (await tx.scalars(select(Repair.key))).all()
    assert ((await look(database, hua)).member_name, (await look(database, hua)).orders) == ("M1", 1)
    assert (await look(database, known)).merged_into == mei  # two accounts know the member M3
    assert {(await look(database, ye)).merged_into, (await look(database, again)).merged_into} == {None, again}
    assert keys == [f"member:{mei}:M9"]  # a second member name on the word of a remark
    async with database.read() as connection:
        assert [one.id for one in await find(connection, "M1")] == [hua]


@dataclass
class _Oracle:
    """The plain truth: which entries are one person, and which entry brought each friendship and member name."""

    parts: dict[int, set[int]]
    """Whoever lives: the entries they are made of."""
    contacts: dict[str, int] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    claimed: set[str] = field(default_factory=set)
    silent: set[int] = field(default_factory=set)
    """Entries of people who opted out."""
    merges: list[tuple[int, int, int]] = field(default_factory=list)
    """(number, kept, gone), not undone."""

    def living(self, entry: int) -> int:
        return next(who for who, parts in self.parts.items() if entry in parts)

    def merged(self, number: int, kept: int, gone: int) -> None:
        self.merges.append((number, kept, gone))
        self.parts[kept] |= self.parts.pop(gone)
        self._spread(kept)

    def undo(self, kept: int, gone: int, parts: set[int]) -> None:
        self.parts[kept] -= parts
        self.parts[gone] = parts
        if kept in self.silent:
            self._spread(gone, silent=True)

    def _spread(self, who: int, *, silent: bool = False) -> None:
        if silent or self.parts[who] & self.silent:
            self.silent |= self.parts[who]


class _OneLife:
    """Random things that happen to six people and the six orders of three members, each held against the oracle."""

    def __init__(self, tx: AsyncConnection, people: list[int]) -> None:
        self._tx = tx
        self._people = people
        self._truth = _Oracle({who: {who} for who in people})
        self._parts_of: dict[int, set[int]] = {}  # a merge's number: the entries that came with it

    async def step(self, what: str, one: int, other: int, now_ms: int) -> None:
        who = self._truth.living(self._people[one])
        if what == "friend":
            await self._befriend(who, f"wx{len(self._truth.contacts)}")
        elif what == "sibling" and self._truth.contacts:
            contact = sorted(self._truth.contacts)[one % len(self._truth.contacts)]
            await self._befriend(self._truth.living(self._truth.contacts[contact]), contact)
        elif what == "claim":
            await self._claim(who, other, now_ms)
        elif what == "merge":
            await self._merge(who, self._truth.living(self._people[other]), now_ms)
        elif what == "undo" and self._truth.merges:
            await self._undo(self._truth.merges[other % len(self._truth.merges)], now_ms)
        elif what == "out":
            await opt_out(self._tx, self._people[one], by="inbox:1", words="退订", now_ms=now_ms)
            self._truth.silent |= self._truth.parts[who]

    async def _befriend(self, who: int, contact: str) -> None:
        self._truth.contacts.setdefault(contact, who)
        account = f"a{await self._tx.scalar(select(func.count()).select_from(Friendship))}"
        row = {"account": account, "contact": contact, "person": who, "since_ms": 0}
        await self._tx.execute(insert(Friendship).values(row))

    async def _claim(self, who: int, number: int, now_ms: int) -> None:
        name, order = f"M{number % 3}", str(number) * 16
        owner = self._truth.names.get(name)
        theirs = None if owner is None else self._truth.living(owner)
        outcome = await claim(self._tx, who, "a", order, now_ms)
        if theirs == who:
            assert outcome is ClaimOutcome.ALREADY_YOURS
        elif theirs is not None and order in self._truth.claimed:
            assert outcome is ClaimOutcome.TAKEN
            return
        else:
            assert outcome is ClaimOutcome.CLAIMED
            self._truth.names.setdefault(name, who)
            if theirs is not None:
                await self._note_merge(who, theirs)
        self._truth.claimed.add(order)

    async def _merge(self, who: int, other: int, now_ms: int) -> None:
        if who == other:
            with pytest.raises(MergeRefused):
                await merge(self._tx, who, other, "word", "staff:owner", now_ms)
            return
        await merge(self._tx, who, other, "word", "staff:owner", now_ms)
        await self._note_merge(who, other)

    async def _note_merge(self, kept: int, gone: int) -> None:
        number = await self._tx.scalar(select(func.max(Merge.id)))
        assert number is not None
        self._parts_of[number] = set(self._truth.parts[gone])
        self._truth.merged(number, kept, gone)

    async def _undo(self, one: tuple[int, int, int], now_ms: int) -> None:
        number, kept, gone = one
        if kept not in self._truth.parts:  # merged on since
            with pytest.raises(MergeRefused):
                await unmerge(self._tx, number, "staff:owner", now_ms)
            return
        await unmerge(self._tx, number, "staff:owner", now_ms)
        self._truth.merges.remove(one)
        self._truth.undo(kept, gone, self._parts_of[number])

    async def agrees(self) -> None:
        truth, tx = self._truth, self._tx
        for row in (await tx.execute(select(Friendship.contact, Friendship.person))).all():
            assert row.person == truth.living(truth.contacts[row.contact])
        owners = {name: truth.living(entry) for name, entry in truth.names.items()}
        orders = {row.number: row for row in (await tx.execute(select(Order.__table__))).all()}
        assert all(row.person == owners.get(row.member_name) for row in orders.values())
        for number, claimant in (await tx.execute(select(Claim.order_number, Claim.person))).all():
            assert claimant == orders[number].person
        people = select(Person.id, Person.opted_out_ms, Person.orders).where(Person.merged_into.is_(None))
        rows = (await tx.execute(people)).all()
        assert {row.id for row in rows} == set(truth.parts)
        for row in rows:
            assert (row.opted_out_ms is not None) == bool(truth.parts[row.id] & truth.silent)
            assert row.orders == 2 * sum(owner == row.id for owner in owners.values())


_step = st.tuples(
    st.sampled_from(["friend", "sibling", "claim", "merge", "undo", "out"]), st.integers(0, 5), st.integers(0, 5)
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(_step, min_size=4, max_size=16))
@example([("claim", 0, 1), ("merge", 2, 0), ("claim", 2, 4), ("friend", 2, 0), ("undo", 0, 0), ("claim", 0, 3)])
@example(
    [("claim", 0, 1), ("claim", 2, 2), ("merge", 2, 0), ("out", 0, 0), ("merge", 3, 2), ("undo", 0, 1), ("undo", 0, 0)]
)
async def test_whatever_happens_every_order_and_friendship_has_one_living_owner_and_silence_holds(
    database: Database, steps: list[tuple[str, int, int]]
) -> None:
    with contextlib.suppress(_TakenBack):
        async with database.write() as tx:
            rows = [{"name": f"人{number}", "created_ms": 0} for number in range(6)]
            found = await tx.scalars(insert(Person).returning(Person.id, sort_by_parameter_order=True), rows)
            life = _OneLife(tx, list(found.all()))
            for number in range(6):
                row = {"number": f"{number}" * 16, "member_name": f"M{number % 3}", "status": "done", "paid_fen": 100,
                       "created_ms": 1, "batch": 1}  # fmt: skip
                await tx.execute(insert(Order).values(row))
            for now_ms, (what, one, other) in enumerate(steps, 100):
                await life.step(what, one, other, now_ms)
                await life.agrees()
            raise _TakenBack


class _TakenBack(Exception):
    """Ends an example, so that the next one begins with an empty database."""
