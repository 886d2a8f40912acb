"""Service by person equals what one counts with a loop, on random waits."""

from math import ceil
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from reports.period import period_of
from reports.report import Asked
from reports.shelf import SHELF
from storage.conversation_tables import Wait
from storage.engine import Database
from storage.staff_tables import StaffMember
from storage.tables import Friendship, Person

DAY_MS = 86_400_000
NOW_MS = 1_790_784_000_000
PERIOD = period_of("2026-09-24..2026-09-28", NOW_MS, "Asia/Shanghai")
STAFF = (None, "mei", "fan")


def _waits(roll: Random) -> list[dict[str, Any]]:
    waits = []
    for id in range(1, roll.randint(0, 30) + 1):
        since_ms = PERIOD.start_ms + roll.choice((-1, 0, 1, 3_600_000, PERIOD.end_ms - PERIOD.start_ms))
        state = roll.choice(("answered", "answered", "answered", "returned", "dropped", "waiting", "escalated"))
        ended = state in ("answered", "returned", "dropped")
        waits.append({
            "id": id, "friendship": id, "account": "a", "person": 1, "why": "unknown", "staff": roll.choice(STAFF),
            "state": state, "since_ms": since_ms, "from_ms": since_ms,
            "ended_ms": since_ms + roll.choice((1_000, 59_999, 60_000, 7_200_000, 3 * DAY_MS)) if ended else None,
            "ended_by": roll.choice(("mei", "fan", "phone")) if ended else None,
        })  # fmt: skip
    return waits


def _by_hand(waits: list[dict[str, Any]], stale: set[int]) -> dict[str, tuple[int, list[int], list[int]]]:
    """Staff → how many waited, after how many seconds they were answered, and since when those wait who do now."""
    found: dict[str, tuple[int, list[int], list[int]]] = {}
    for wait in waits:
        answered = wait["state"] == "answered"
        whose = (wait["ended_by"] if answered else wait["staff"]) or ""
        if PERIOD.start_ms <= wait["since_ms"] < PERIOD.end_ms:
            number, took, open_ = found.get(whose, (0, [], []))
            ms = wait["ended_ms"] - wait["since_ms"] if answered else 3 * DAY_MS
            found[whose] = (number + 1, took + [ms // 1000] * (ms <= 2 * DAY_MS), open_)
        if wait["ended_ms"] is None and wait["id"] not in stale:
            number, took, open_ = found.get(wait["staff"] or "", (0, [], []))
            found[wait["staff"] or ""] = (number, took, [*open_, wait["since_ms"]])
    return found


def _rank(values: list[int], percent: int) -> int | None:
    return sorted(values)[ceil(len(values) * percent / 100) - 1] if values else None


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(roll=st.randoms(use_true_random=False))
async def test_every_time_of_everybody_is_what_one_counts_by_hand(sqlite_database: Database, roll: Random) -> None:
    waits = _waits(roll)
    stale = {wait["id"] for wait in waits if roll.random() < 0.1}
    async with sqlite_database.write() as tx:
        for table in (Wait, Friendship, Person, StaffMember):
            await tx.execute(delete(table))
        await tx.execute(insert(Person).values(id=1, created_ms=0))
        await tx.execute(insert(StaffMember).values(id="mei", name="小美", role="service", accounts=[]))
        for wait in waits:
            held = "mei" if wait["ended_ms"] is None and wait["id"] not in stale else None
            await tx.execute(
                insert(Friendship).values(
                    id=wait["id"], account="a", contact=f"c{wait['id']}", person=1, since_ms=0, held_by=held
                )
            )
            await tx.execute(insert(Wait).values(wait))
    async with sqlite_database.read() as connection:
        report = await SHELF["service"].make(connection, Asked(PERIOD, NOW_MS))
    found = {row["staff"]: row for row in report.rows if not row["account"]}
    by_hand = _by_hand(waits, stale)
    assert set(found) == set(by_hand)
    for staff, (number, took, since) in by_hand.items():
        row = found[staff]
        assert (row["handed_over"], row["answered_by_people"], row["waiting"]) == (number, len(took), len(since))
        assert (row["people_median_s"], row["people_most_s"]) == (_rank(took, 50), _rank(took, 90))
        assert row["longest_waiting_s"] == (max(0, NOW_MS - min(since)) // 1000 if since else None)
    assert {found[staff]["who"] for staff in found if staff == "mei"} <= {"小美"}
