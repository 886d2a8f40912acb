"""The calendar: read with every mistake at its place, planned once, each account in its own minutes."""

import itertools
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.limits import Limits
from rules.quiet_hours import local, within
from rules.roles import PostKind
from scheduler.moments.calendar_files import load_calendar
from scheduler.moments.day_plan import plan_day, preview
from scheduler.moments.moments import Calendar, CalendarFile, Entry
from scheduler.moments.rhythm import Planned, advise
from storage.engine import Database
from tests.scheduler.matrix import ZONE, account, rows
from tests.virtual_time import START

NOW_MS = round(START.timestamp() * 1000)  # Saturday 2026-11-21, 10:00 in Shanghai
TODAY = date(2026, 11, 21)
HOUR_MS = 3_600_000


def _entry(name: str, at: str | None = None, window: str | None = None, kind: str = "life", **more: object) -> Entry:
    return Entry.model_validate({"name": name, "kind": kind, "at": at, "window": window, "text": "好", **more})


def _calendar(*entries: Entry, persona: str = "persona-lin-1") -> Calendar:
    return Calendar((CalendarFile(persona=persona, posts=entries),))


async def test_a_day_is_planned_once_however_often_it_is_planned(database: Database) -> None:
    await account(database, "lin-1")
    calendar = _calendar(_entry("coffee", "10:20"), _entry("shirt", window="12:40-12:55", kind="product"))
    for expected in (2, 0, 0):
        async with database.write() as tx:
            assert (await plan_day(tx, calendar, TODAY, NOW_MS)).new == expected
    planned = await rows(database)
    assert [row.key for row in planned] == [
        "moment:lin-1:lin-1:2026-11-21:coffee",
        "moment:lin-1:lin-1:2026-11-21:shirt",
    ]
    assert planned[0].due_ms == NOW_MS + 20 * 60_000
    assert {row.state for row in planned} == {"pending"}


async def test_mirrors_and_removed_accounts_have_no_posts_of_their_own(database: Database) -> None:
    await account(database, "lin-1")
    await account(database, "lin-2", persona="persona-lin-1", mirror_of="lin-1")
    await account(database, "old", persona="persona-lin-1", removed=True)
    async with database.write() as tx:
        await plan_day(tx, _calendar(_entry("coffee", "10:20")), TODAY, NOW_MS)
    assert [row.account for row in await rows(database)] == ["lin-1"]


async def test_what_is_past_when_it_is_planned_is_written_down_as_too_late(database: Database) -> None:
    await account(database, "lin-1")
    calendar = _calendar(_entry("early", "09:29"), _entry("grace", "09:31"), _entry("later", "20:00"))
    async with database.write() as tx:
        await plan_day(tx, calendar, TODAY, NOW_MS)
    found = {row.key.rpartition(":")[2]: (row.state, row.reason) for row in await rows(database)}
    assert found == {"early": ("skipped", "too_late"), "grace": ("pending", None), "later": ("pending", None)}


async def test_a_training_account_never_sells_and_says_so(database: Database) -> None:
    await account(database, "qin-1", role="training")
    calendar = _calendar(_entry("tip", "12:00"), _entry("buy", "14:00", kind="benefit"), persona="persona-qin-1")
    async with database.write() as tx:
        await plan_day(tx, calendar, TODAY, NOW_MS)
    found = {row.key.rpartition(":")[2]: (row.state, row.reason) for row in await rows(database)}
    assert found == {"tip": ("pending", None), "buy": ("skipped", "role")}


async def test_the_day_is_the_accounts_own_day(sqlite_database: Database) -> None:
    await account(sqlite_database, "lin-1")
    await account(sqlite_database, "tokyo", time_zone="America/New_York", persona="persona-lin-1")
    async with sqlite_database.write() as tx:
        await plan_day(tx, _calendar(_entry("coffee", "10:20")), TODAY, NOW_MS)
    due = {row.account: row.due_ms for row in await rows(sqlite_database)}
    assert due["tokyo"] - due["lin-1"] == 13 * HOUR_MS
    assert {local(due["tokyo"], "America/New_York").strftime("%d %H:%M")} == {"21 10:20"}


async def test_a_preview_writes_nothing(sqlite_database: Database) -> None:
    await account(sqlite_database, "lin-1")
    async with sqlite_database.read() as connection:
        seen = await preview(connection, _calendar(_entry("coffee", "10:20")), TODAY, NOW_MS)
    assert [post.key for post in seen.posts] == ["lin-1:2026-11-21:coffee"]
    assert await rows(sqlite_database) == []


async def test_a_day_that_the_caps_will_not_let_happen_is_warned_of(sqlite_database: Database) -> None:
    await account(sqlite_database, "lin-1")
    calendar = _calendar(_entry("a", "12:00"), _entry("b", "12:30"))
    async with sqlite_database.write() as tx:
        plan = await plan_day(tx, calendar, TODAY, NOW_MS)
    assert [(who, advice.name, advice.reason) for who, advice in plan.warnings] == [("lin-1", "b", "post_gap")]


_minutes = st.integers(min_value=0, max_value=24 * 60 - 1)


@given(st.text(min_size=1, max_size=8), _minutes, st.integers(min_value=1, max_value=120), st.integers(0, 400))
def test_an_account_posts_in_its_own_minute_of_the_window_and_always_in_the_same(
    who: str, start: int, length: int, days: int
) -> None:
    end = min(start + length, 24 * 60 - 1)
    if end <= start:
        return
    window = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    entry = _entry("post", window=window)
    day = date.fromordinal(TODAY.toordinal() + days)
    due_ms = entry.due_ms(who, day, ZONE)
    assert entry.window is not None
    assert within(due_ms, entry.window.start, entry.window.end, ZONE)
    assert local(due_ms, ZONE).date() == day
    assert due_ms == entry.due_ms(who, day, ZONE)


def test_accounts_spread_over_the_window() -> None:
    entry = _entry("post", window="10:10-10:40")
    assert len({entry.due_ms(f"account-{n}", TODAY, ZONE) for n in range(50)}) > 40


_posts = st.lists(
    st.builds(
        Planned,
        name=st.uuids().map(str),
        kind=st.sampled_from(PostKind),
        due_ms=st.integers(NOW_MS, NOW_MS + 13 * HOUR_MS),
    ),
    max_size=8,
)


@settings(max_examples=200)
@given(_posts)
def test_a_day_without_advice_keeps_every_cap(posts: list[Planned]) -> None:
    limits = Limits()
    advised = {advice.name for advice in advise(posts, limits, ZONE)}
    if advised:
        return
    ordered = sorted(posts, key=lambda post: post.due_ms)
    assert len(ordered) <= limits.posts_per_day
    for before, after in itertools.pairwise(ordered):
        assert after.due_ms - before.due_ms >= 59 * 60_000
    for first in range(len(ordered)):
        assert sum(post.kind.sells for post in ordered[first : first + 3]) <= 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('at: "25:00"', "at"),
        ('window: "11:00-10:00"', "开始要早于结束"),
        ('at: "10:00"\n    window: "10:00-10:10"', "只写一个"),
        ('at: "10:00"\n    days: [someday]', "daily"),
        ('at: "10:00"\n    media: [nowhere.jpg]', "nowhere.jpg"),
        ('at: "10:00"\n    kind: advert', "kind"),
        ('at: "06:00"', "7:30"),
    ],
)
def test_each_mistake_in_the_calendar_is_said_at_its_line(tmp_path: Path, line: str, words: str) -> None:
    kind = "" if "kind" in line else "    kind: life\n"
    (tmp_path / "lin.yaml").write_text(
        f"persona: lin\nposts:\n  - name: coffee\n{kind}    text: 好\n    {line}\n", encoding="utf-8"
    )
    _, mistakes = load_calendar(tmp_path, media=tmp_path)
    assert len(mistakes) == 1
    assert words in str(mistakes[0])
    assert mistakes[0].line >= 2


def test_one_name_stands_for_one_post(tmp_path: Path) -> None:
    post = "  - {name: coffee, kind: life, at: '10:20', text: 好}\n"
    (tmp_path / "a.yaml").write_text(f"persona: lin\nposts:\n{post}", encoding="utf-8")
    (tmp_path / "b.yaml").write_text(f"persona: lin\nposts:\n{post}", encoding="utf-8")
    (tmp_path / "c.yaml").write_text(f"persona: su\nposts:\n{post}", encoding="utf-8")
    _, mistakes = load_calendar(tmp_path)
    assert [(Path(mistake.file).name, mistake.line) for mistake in mistakes] == [("b.yaml", 3)]


def test_the_committed_calendar_has_no_mistake_and_gives_every_persona_a_post_each_day() -> None:
    root = Path(__file__).parents[2]
    calendar, mistakes = load_calendar(root / "moments", media=root / "media")
    assert mistakes == []
    for persona in calendar.personas:
        for day in range(23, 30):
            assert calendar.entries("", persona, date(2026, 11, day)), (persona, day)
