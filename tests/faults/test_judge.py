"""The judge complains: each way in which a fleet could fail, forged into a clean record."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from rules.kinds import Kind
from rules.limits import Limits
from tests.faults.evidence import Evidence, Reached, Row
from tests.faults.judge import WEEK_MS, judge

NOW_MS = 1_800_000_000_000
ACCEPTED, DOUBT, SKIPPED = "accepted", "in_doubt", "skipped"
HOUR_MS = 3_600_000


def row(id: int, state: str, account: str = "a", to: str = "x", kind: Kind = Kind.REPLY, **more: int) -> Row:
    thing = ("message", account, to, f"words {id}")
    return Row(id, thing, kind, f"key:{id}", state, None, NOW_MS - HOUR_MS, **more)


def arrived(row: Row, ago_ms: int = HOUR_MS) -> Reached:
    return Reached(row.thing, NOW_MS - ago_ms)


REPLY, LOST, NEVER = row(1, ACCEPTED), row(2, DOUBT), row(3, SKIPPED)
PUSH = row(4, ACCEPTED, kind=Kind.PUSH, person=7, campaign=1)
SAME_PUSH = row(5, SKIPPED, account="b", to="y", kind=Kind.PUSH, person=7, campaign=1)
CONFIRMED = row(6, ACCEPTED, to="z", kind=Kind.OPT_OUT_CONFIRMATION, person=8)
CLEAN = Evidence(
    now_ms=NOW_MS,
    rows=(REPLY, LOST, NEVER, PUSH, SAME_PUSH, CONFIRMED),
    reached=tuple(arrived(one, number * 120_000) for number, one in enumerate((REPLY, PUSH, CONFIRMED), 1)),
    limits={"a": Limits(), "b": Limits()},
    known=frozenset({("a", "x"), ("a", "z"), ("b", "y")}),
    opted_out={8: NOW_MS - HOUR_MS},
    ledger=frozenset(f"key:{id}" for id in range(1, 7)),
    crashes=(Counter(a=1),),
)


def also(*reached: Reached) -> Evidence:
    return replace(CLEAN, reached=(*CLEAN.reached, *reached))


def with_row(row: Row, *reached: Reached, **more: object) -> Evidence:
    return replace(also(*reached), rows=(*CLEAN.rows, row), ledger=CLEAN.ledger | {row.key}, **more)  # type: ignore[arg-type]


def crowd(count: int, gap_ms: int, kind: str = "one") -> Evidence:
    """`a` writes `count` messages, one each `gap_ms`: to one person or to `many`."""
    rows = [row(100 + n, ACCEPTED, to=f"p{n}" if kind == "many" else "x") for n in range(count)]
    reached = [arrived(one, HOUR_MS * 5 - n * gap_ms) for n, one in enumerate(rows)]
    known = CLEAN.known | {("a", one.thing[2]) for one in rows}
    return replace(
        CLEAN, rows=(*CLEAN.rows, *rows), reached=(*CLEAN.reached, *reached), known=known,
        ledger=CLEAN.ledger | {one.key for one in rows},
    )  # fmt: skip


def test_a_clean_record_is_acquitted() -> None:
    assert judge(CLEAN) == []


def test_a_row_in_doubt_may_have_arrived_once() -> None:
    assert judge(also(arrived(LOST, 500_000))) == []


FORGERIES: dict[str, tuple[Callable[[], Evidence], str]] = {
    "the same message twice": (lambda: also(arrived(REPLY, 500_000)), "arrived 2 times"),
    "a row in doubt that came twice": (
        lambda: also(arrived(LOST, 500_000), arrived(LOST, 600_000)), "arrived 2 times, at most 1",
    ),
    "accepted and never arrived": (lambda: replace(CLEAN, reached=CLEAN.reached[1:]), "lost: accepted 1 times"),
    "skipped and arrived": (lambda: also(arrived(NEVER, 500_000)), "arrived 1 times, at most 0"),
    "from the wrong account": (
        lambda: also(Reached(("message", "b", "x", "words 1"), NOW_MS - 500_000)), "b wrote to x, whom it does not",
    ),
    "what nobody planned": (
        lambda: also(Reached(("message", "a", "x", "invented"), NOW_MS - 500_000)), "arrived 1 times, at most 0 meant",
    ),
    "one campaign, one person, two accounts": (
        lambda: also(arrived(SAME_PUSH, 500_000)), "campaign 1 reached person 7 2 times",
    ),
    "a second push before the week is over": (
        lambda: with_row(
            second := row(9, ACCEPTED, kind=Kind.WAKE_UP, person=7), arrived(second, 240_000 + WEEK_MS - 60_000)
        ),
        "person 7 got two pushes",
    ),
    "marketing after an opt-out": (
        lambda: with_row(late := row(9, ACCEPTED, to="z", kind=Kind.CARE, person=8), arrived(late, 500_000)),
        "s after the opt-out of person 8",
    ),
    "two confirmations of an opt-out": (
        lambda: with_row(
            again := row(9, ACCEPTED, to="z", kind=Kind.OPT_OUT_CONFIRMATION, person=8), arrived(again, 500_000)
        ),
        "person 8 was told 2 times",
    ),
    "too many messages in a minute": (lambda: crowd(21, 2_500, "one"), "21 messages a minute"),
    "too many people in a minute": (lambda: crowd(11, 5_000, "many"), "11 people in a minute"),
    "too many messages in a day": (lambda: crowd(601, 20_000, "one"), "messages a day"),
    "two messages at once": (lambda: crowd(2, 1_000, "one"), "wrote twice within 1000 ms"),
    "a planned row that is gone": (lambda: replace(CLEAN, rows=CLEAN.rows[:2] + CLEAN.rows[3:]), "rows are gone"),
    "a row left in sending": (lambda: with_row(row(9, "sending")), "left under way: key:9"),
    "a row that nobody took up": (lambda: with_row(row(9, "pending")), "left lying: key:9"),
    "an event that nobody acted upon": (lambda: replace(CLEAN, unhandled=1), "1 events were stored"),
    "two rows of one account under way": (lambda: replace(CLEAN, crashes=(Counter(a=2),)), "2 rows of a were under"),
    "more in doubt than was under way": (lambda: replace(CLEAN, crashes=()), "1 rows are in doubt, 0 were under way"),
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
def test_each_forgery_is_found(forgery: str) -> None:
    make, complaint = FORGERIES[forgery]
    assert any(complaint in said for said in judge(make())), judge(make())
