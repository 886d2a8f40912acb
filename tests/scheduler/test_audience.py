"""The statement that chooses an audience agrees with the rule written down plainly, for any crowd of people."""

from random import Random
from typing import Any

import pytest
from sqlalchemy import insert, select

from rules.gates import AccountFacts, RowFacts, Skip, Wait, decide
from rules.kinds import Kind
from rules.limits import Limits
from rules.pacing import DAY_MS
from rules.roles import Role
from scheduler.look import Look
from scheduler.pushes.audience import audience
from storage.engine import Database
from storage.staff_tables import StaffContact
from storage.tables import Friendship, Person
from tests.scheduler.matrix import account
from tests.scheduler.test_pushes import NOW_MS, push

ACCOUNTS = {"lin-1": "sales", "suye-1": "sales", "xiaoyu-1": "acquisition", "qin-1": "training"}


def _crowd(random: Random, size: int) -> list[dict[str, Any]]:
    def sometimes(value: Any) -> Any:
        return random.choice([None, None, value])

    return [
        {
            "id": number,
            "level": random.choice(["friend", "VIP1", "VIP2", "partner"]),
            "kind": random.choice(["customer"] * 8 + ["staff", "own"]),
            "orders": random.choice([0, 1, 5]),
            "opted_out_ms": sometimes(1),
            "muted_until_ms": sometimes(NOW_MS + random.choice([-1, 0, 1])),
            "last_push_ms": sometimes(NOW_MS - 7 * DAY_MS + random.choice([-1, 0, 1])),
            "merged_into": 1 if number > 1 and random.random() < 0.05 else None,
            "call_me": None,
            "created_ms": 0,
        }
        for number in range(1, size + 1)
    ]


def _friendships(random: Random, crowd: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "account": name,
            "contact": f"wx{person['id']}",
            "person": person["id"],
            "state": random.choice(["friend", "friend", "gone", "stranger"]),
            "since_ms": NOW_MS - 7 * DAY_MS + random.choice([-1, 0, 1, 5 * DAY_MS]),
            "last_in_ms": random.choice([None, 5]),
        }
        for person in crowd
        for name in ACCOUNTS
        if random.random() < 0.4
    ]


def _expected(person: dict[str, Any], theirs: list[dict[str, Any]]) -> str | None:
    """The rule in plain words; who is written to through which account aside."""
    usable = [f for f in theirs if f["state"] == "friend" and ACCOUNTS[f["account"]] == "sales"]
    if person["level"] not in ("VIP1", "VIP2"):
        return "not_vip"
    if person["kind"] != "customer":
        return "own_or_staff"
    if not usable:
        return "no_friendship"
    if person["opted_out_ms"] is not None:
        return "opted_out"
    if (person["muted_until_ms"] or 0) > NOW_MS:
        return "muted"
    if person["last_push_ms"] is not None and person["last_push_ms"] > NOW_MS - 7 * DAY_MS:
        return "weekly_cap"
    old = [f for f in usable if NOW_MS - f["since_ms"] >= 7 * DAY_MS]
    best = max(old or usable, key=lambda f: (f["last_in_ms"] or 0, f["account"] == "lin-1"))
    if not old or (person["orders"] == 0 and best["last_in_ms"] is None):
        return "trust_first"
    return None


@pytest.mark.parametrize("seed", range(4))
async def test_any_crowd_is_sorted_as_the_rule_says_and_the_courier_would_let_all_of_them_pass(
    database: Database, seed: int
) -> None:
    random = Random(seed)
    for name, role in ACCOUNTS.items():
        await account(database, name, role=role)
    crowd = _crowd(random, 300)
    known = _friendships(random, crowd)
    async with database.write() as tx:
        await tx.execute(insert(Person), crowd)
        await tx.execute(insert(Friendship), known)
    async with database.read() as connection:
        found = (await connection.execute(select(audience(push(), Look(NOW_MS))))).all()
    alive = [person for person in crowd if person["merged_into"] is None]
    assert len(found) == len(alive)
    by_person = {row.person: row for row in found}
    for person in alive:
        theirs = [f for f in known if f["person"] == person["id"]]
        row = by_person[person["id"]]
        assert row.reason == _expected(person, theirs), (person, theirs)
        if row.reason is None:
            chosen = next(f for f in theirs if f["account"] == row.account)
            assert not isinstance(_courier_says(person, chosen), Skip | Wait), (person, chosen)
    assert sum(row.reason is None for row in found) >= 5


def _courier_says(person: dict[str, Any], chosen: dict[str, Any]) -> object:
    facts = RowFacts(
        kind=Kind.PUSH,
        due_ms=NOW_MS,
        opted_out=person["opted_out_ms"] is not None,
        muted_until_ms=person["muted_until_ms"],
        last_push_ms=person["last_push_ms"],
        friend=chosen["state"] == "friend",
        friend_since_ms=chosen["since_ms"],
        conversed=bool(person["orders"]) or chosen["last_in_ms"] is not None,
        never_audience=person["kind"] != "customer",
        campaign_state="running",
    )
    return decide(facts, AccountFacts(Role.SALES, "Asia/Shanghai", Limits()), NOW_MS)


async def test_staff_and_our_own_are_left_out_before_any_synchronisation_marked_them(database: Database) -> None:
    await account(database, "lin-1")
    await account(database, "lin-2", self_contact="wx2")
    async with database.write() as tx:
        row = {"level": "VIP1", "orders": 1, "created_ms": 0}
        await tx.execute(insert(Person), [{"id": number, **row} for number in (1, 2, 3)])
        known = {"account": "lin-1", "since_ms": 0}
        await tx.execute(insert(Friendship), [{"contact": f"wx{n}", "person": n, **known} for n in (1, 2, 3)])
        await tx.execute(insert(StaffContact).values(contact="wx1", staff="owner"))
    async with database.read() as connection:
        found = (await connection.execute(select(audience(push(), Look(NOW_MS))))).all()
    assert {row.person: row.reason for row in found} == {1: "own_or_staff", 2: "own_or_staff", 3: None}
