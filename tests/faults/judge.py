"""Was it exactly what was meant? Compares what arrived with what was planned, and says everything that is wrong.

The judge believes the world's record and nothing that the fleet says about itself, except what it meant.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from rules.kinds import Kind, gate_of
from rules.pacing import DAY_MS, MINUTE_MS
from tests.faults.evidence import Evidence, Reached, Row, Thing

WEEK_MS = 7 * DAY_MS
SLACK_MS = 1_500
"""So much later than its intent may a message arrive: the flight, and a machine that is busy."""

_SURELY = frozenset({"accepted"})
_PERHAPS = frozenset({"sending", "in_doubt", "unknown"})


def judge(evidence: Evidence, *, slack_ms: int = SLACK_MS) -> list[str]:
    """Every complaint, as a sentence; an empty list acquits."""
    matched = _match(evidence)
    return [
        *_exactness(evidence),
        *_strangers(evidence),
        *_twice_for_one_person(evidence, matched),
        *_weekly(matched, slack_ms),
        *_after_opt_out(evidence, matched, slack_ms),
        *(() if evidence.clock_set else _pace(evidence, slack_ms)),
        *_ends(evidence),
        *_doubts(evidence),
    ]


def _match(evidence: Evidence) -> list[tuple[Row, Reached]]:
    """Which row brought which arrival; of equal rows those that surely left come first."""
    rows: dict[Thing, list[Row]] = defaultdict(list)
    for row in sorted(evidence.rows, key=lambda row: (row.state not in _SURELY, row.state not in _PERHAPS, row.id)):
        rows[row.thing].append(row)
    pairs = []
    for reached in sorted(evidence.reached, key=lambda one: one.at_ms):
        if rows[reached.thing]:
            pairs.append((rows[reached.thing].pop(0), reached))
    return pairs


def _exactness(evidence: Evidence) -> Iterator[str]:
    """Accepted arrived once, in doubt at most once, everything else never."""
    arrived = Counter(one.thing for one in evidence.reached)
    surely = Counter(row.thing for row in evidence.rows if row.state in _SURELY)
    perhaps = Counter(row.thing for row in evidence.rows if row.state in _PERHAPS)
    meant = {row.thing for row in evidence.rows}
    for thing in meant | arrived.keys():
        least, most = surely[thing], surely[thing] + perhaps[thing]
        if arrived[thing] > most:
            states = sorted(f"{row.key}={row.state}" for row in evidence.rows if row.thing == thing)
            yield f"arrived {arrived[thing]} times, at most {most} meant: {thing} {states}"
        elif arrived[thing] < least:
            yield f"lost: accepted {least} times, arrived {arrived[thing]} times: {thing}"


def _strangers(evidence: Evidence) -> Iterator[str]:
    """Nobody hears from an account that does not know them."""
    for one in evidence.reached:
        what, account, to, _ = one.thing
        if what == "message" and not to.startswith("filehelper") and (account, to) not in evidence.known:
            yield f"{account} wrote to {to}, whom it does not know: {one.thing}"


def _twice_for_one_person(evidence: Evidence, matched: list[tuple[Row, Reached]]) -> Iterator[str]:
    """One campaign reaches a person once, by whichever account."""
    times = Counter((row.campaign, row.person) for row, _ in matched if row.campaign and row.person)
    for (campaign, person), count in times.items():
        if count > 1:
            yield f"campaign {campaign} reached person {person} {count} times"


def _weekly(matched: list[tuple[Row, Reached]], slack_ms: int) -> Iterator[str]:
    """One push per person in any seven days, across the matrix."""
    pushed: dict[int, list[int]] = defaultdict(list)
    for row, reached in matched:
        if gate_of(row.kind).weekly and row.person is not None:
            pushed[row.person].append(reached.at_ms)
    for person, moments in pushed.items():
        moments.sort()
        for earlier, later in pairwise(moments):
            if later - earlier < WEEK_MS - slack_ms:
                yield f"person {person} got two pushes within {(later - earlier) / 1000:.1f} s"


def _after_opt_out(evidence: Evidence, matched: list[tuple[Row, Reached]], slack_ms: int) -> Iterator[str]:
    """After an opt-out nothing that dies with it, and one confirmation."""
    confirmed: Counter[int] = Counter()
    for row, reached in matched:
        since_ms = evidence.opted_out.get(row.person or -1)
        if since_ms is None:
            continue
        if row.kind is Kind.OPT_OUT_CONFIRMATION:
            confirmed[row.person or -1] += 1
        elif gate_of(row.kind).marketing and reached.at_ms > since_ms + slack_ms:
            late_s = (reached.at_ms - since_ms) / 1000
            yield f"{late_s:.1f} s after the opt-out of person {row.person}: {row.key} {reached.thing}"
    for person, count in confirmed.items():
        if count > 1:
            yield f"person {person} was told {count} times that the opt-out holds"


def _pace(evidence: Evidence, slack_ms: int) -> Iterator[str]:
    """Messages and people in any minute, messages in any day, of each account.

    The fleet counts a message from when its gateway had answered, which is later than it arrived. So the slack is only
    for those that a death cut off under way: of these it knows when they were meant.
    """
    sent: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for one in evidence.reached:
        if one.thing[0] == "message":
            sent[one.thing[1]].append((one.at_ms, one.thing[2]))
    for account, moments in sent.items():
        moments.sort()
        limits = evidence.limits[account]
        yield from _too_many(account, moments, MINUTE_MS - slack_ms, limits.messages_per_minute, "messages a minute")
        yield from _too_many(account, moments, DAY_MS - slack_ms, limits.messages_per_day, "messages a day")
        yield from _too_many_people(account, moments, MINUTE_MS - slack_ms, limits.people_per_minute)
        gap_ms = limits.gap_min_s * 1000 - slack_ms
        for (first, _), (second, _) in pairwise(moments):
            if second - first < gap_ms:
                yield f"{account} wrote twice within {second - first} ms"


def _too_many(account: str, moments: list[tuple[int, str]], span_ms: int, limit: int, what: str) -> Iterator[str]:
    times = [at_ms for at_ms, _ in moments]
    for place, at_ms in enumerate(times):
        count = place + 1 - bisect_left(times, at_ms - span_ms)
        if count > limit:
            yield f"{account}: {count} {what}, allowed are {limit}"
            return


def _too_many_people(account: str, moments: list[tuple[int, str]], span_ms: int, limit: int) -> Iterator[str]:
    start = 0
    inside: Counter[str] = Counter()
    for at_ms, to in moments:
        inside[to] += 1
        while moments[start][0] < at_ms - span_ms:
            inside[moments[start][1]] -= 1
            start += 1
        people = sum(count > 0 for count in inside.values()) if len(inside) > limit else 0
        if people > limit:
            yield f"{account}: {people} people in a minute, allowed are {limit}"
            return


def _ends(evidence: Evidence) -> Iterator[str]:
    """Nothing planned is lost or left lying, nothing that came in is forgotten."""
    missing = evidence.ledger - {row.key for row in evidence.rows}
    if missing:
        yield f"{len(missing)} planned rows are gone: {sorted(missing)[:5]}"
    for row in evidence.rows:
        if row.state == "sending":
            yield f"left under way: {row.key}"
        elif row.state == "pending" and row.due_ms <= evidence.now_ms - SLACK_MS and row.thing[1] not in evidence.slow:
            yield f"left lying: {row.key}, due {evidence.now_ms - row.due_ms} ms ago, {row.reason}"
    if evidence.unhandled:
        yield f"{evidence.unhandled} events were stored and never acted upon"


def _doubts(evidence: Evidence) -> Iterator[str]:
    """At each death at most one row of each account was under way, and only those are in doubt."""
    for number, crash in enumerate(evidence.crashes):
        for account, count in crash.items():
            if count > 1:
                yield f"death {number}: {count} rows of {account} were under way at once"
    doubts = sum(row.state in ("in_doubt", "unknown") for row in evidence.rows)
    allowed = sum(crash.total() for crash in evidence.crashes) + evidence.doubts_allowed
    if doubts > allowed:
        yield f"{doubts} rows are in doubt, {allowed} were under way at deaths"
