"""Whatever happens around the courier, in whatever order: once, from the right account, within every cap, none lost."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rules.kinds import Kind
from storage.engine import Database
from tests.bots.fleet_day import FleetDay
from tests.virtual_time import VirtualClock

_who = st.integers(0, 5)
_account = st.integers(0, 3)
_some_kind = st.sampled_from(
    [Kind.REPLY, Kind.REPLY, Kind.COMMAND_REPLY, Kind.GREETING, Kind.WAKE_UP, Kind.WELCOME, Kind.OPT_OUT_CONFIRMATION]
)
happenings = st.one_of(
    st.tuples(st.just("write_to"), _some_kind, _who, _account, st.integers(1, 6), st.sampled_from([None, 60, 90_000])),
    st.tuples(st.just("push_to_all"), st.integers(0, 1), _account),
    st.tuples(st.just("opt_out"), _who, st.sampled_from([True, True, False])),
    st.tuples(st.just("mute"), _who, st.integers(1, 48)),
    st.tuples(st.just("pause"), _account, st.booleans()),
    st.tuples(st.just("stop_everything"), st.booleans()),
    st.tuples(st.just("turn_campaign"), st.integers(0, 1), st.sampled_from(["paused", "running", "cancelled"])),
    st.tuples(
        st.just("turn_gateway"), _account, st.sampled_from(["ok", "refuse", "away", "vanish", "hang", "offline"])
    ),
    st.tuples(st.just("break_database"), st.sampled_from(["before", "after"])),
    st.tuples(st.just("crash")),
    st.tuples(st.just("restart")),
    st.tuples(st.just("pass_time"), st.just(0.25), st.integers(1, 8)),
    st.tuples(st.just("pass_time"), st.just(2), st.integers(1, 20)),
    st.tuples(st.just("pass_time"), st.just(3600), st.integers(1, 12)),
)
schedules = st.lists(happenings, min_size=5, max_size=30)


_which = st.integers(0, 1)
together = st.one_of(
    happenings,
    st.tuples(st.just("silence"), _which),
    st.tuples(st.just("freeze"), _which),
    st.tuples(st.just("thaw"), _which),
    st.tuples(st.just("crash"), _which),
    st.tuples(st.just("restart"), _which),
    st.tuples(st.just("hand_over"), _account, _which),
    st.tuples(st.just("break_database"), st.sampled_from(["before", "after"]), _which),
)
schedules_together = st.lists(together, min_size=5, max_size=30)


async def _live(db: Database, schedule: list[tuple], seed: int, processes: int = 1) -> None:  # type: ignore[type-arg]
    day = FleetDay(db, VirtualClock(), seed, processes)
    await day.begin()
    for name, *arguments in schedule:
        await getattr(day, name)(*arguments)
    await day.crash()
    await day.come_to_rest()
    await day.judge()


SLOW = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(schedules, st.integers(0, 10**6))
@example([("push_to_all", 0, 0), ("break_database", "after"), ("pass_time", 2, 2), ("pass_time", 2, 5)], 1)
@example([("turn_gateway", 0, "hang"), ("push_to_all", 0, 0), ("pass_time", 2, 1), ("crash",), ("pass_time", 2, 5)], 2)
async def test_any_schedule_keeps_every_promise(sqlite_database: Database, schedule: list[tuple], seed: int) -> None:  # type: ignore[type-arg]
    await _live(sqlite_database, schedule, seed)


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
@settings(max_examples=10, deadline=None, suppress_health_check=SLOW)
@given(schedules, st.integers(0, 10**6))
async def test_any_schedule_keeps_every_promise_on_postgresql(
    database: Database,
    schedule: list[tuple],
    seed: int,  # type: ignore[type-arg]
) -> None:
    await _live(database, schedule, seed)


@settings(max_examples=20, deadline=None, suppress_health_check=SLOW)
@given(schedules_together, st.integers(0, 10**6))
@example(
    [("turn_gateway", 0, "hang"), ("push_to_all", 0, 0), ("pass_time", 2, 2), ("freeze", 0), ("pass_time", 2, 20),
     ("turn_gateway", 0, "ok"), ("thaw", 0), ("pass_time", 2, 5)],
    3,
)  # fmt: skip
@example([("push_to_all", 0, 0), ("break_database", "after", 0), ("silence", 0), ("pass_time", 2, 9)], 4)
async def test_two_processes_keep_every_promise_together(
    sqlite_database: Database,
    schedule: list[tuple],
    seed: int,  # type: ignore[type-arg]
) -> None:
    await _live(sqlite_database, schedule, seed, 2)


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
@settings(max_examples=5, deadline=None, suppress_health_check=SLOW)
@given(schedules_together, st.integers(0, 10**6))
async def test_two_processes_keep_every_promise_together_on_postgresql(
    database: Database,
    schedule: list[tuple],
    seed: int,  # type: ignore[type-arg]
) -> None:
    await _live(database, schedule, seed, 2)
