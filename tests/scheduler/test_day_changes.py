"""A day that was planned meets a calendar that changed, a library of photos, and pictures that are missing."""

from datetime import date, timedelta
from pathlib import Path

from PIL import Image
from sqlalchemy import select

from operations.repairs import noted_repairs
from scheduler.moments.calendar_files import load_calendar
from scheduler.moments.calendar_preview import as_text, preview_span
from scheduler.moments.day_plan import plan_day, posters
from scheduler.moments.live_calendar import LiveCalendar
from scheduler.moments.materials import ConsentMark, add_file, mark
from scheduler.moments.media_watch import MediaWatch
from scheduler.moments.mirrors import follow
from scheduler.moments.moments import Calendar, CalendarFile, Entry
from scheduler.planner import Planner
from storage.campaign_tables import Post
from storage.engine import Database
from storage.fleet_tables import Repair
from tests.scheduler.matrix import account, rows, settle
from tests.virtual_time import START, VirtualClock

NOW_MS = round(START.timestamp() * 1000)  # Saturday 2026-11-21, 10:00 in Shanghai
TODAY = date(2026, 11, 21)
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def _entry(name: str, **values: object) -> Entry:
    return Entry.model_validate({"name": name, "kind": "life", "text": f"今天说{name}", **values})


def _calendar(*entries: Entry) -> Calendar:
    return Calendar((CalendarFile(persona="persona-lin-1", posts=entries),))


async def _plan(db: Database, *entries: Entry, now_ms: int = NOW_MS) -> int:
    async with db.write() as tx:
        return (await plan_day(tx, _calendar(*entries), TODAY, now_ms)).new


async def _found(db: Database) -> dict[str, tuple[str, str | None, int]]:
    return {
        row.key.removeprefix("moment:lin-1:lin-1:2026-11-21:"): (row.state, row.reason, row.due_ms)
        for row in await rows(db, account="lin-1")
    }


async def test_words_and_minutes_of_what_has_not_left_follow_the_calendar(database: Database) -> None:
    await account(database, "lin-1")
    await _plan(database, _entry("a", at="12:00"), _entry("b", at="14:00"))
    await settle(database, ["moment:lin-1:lin-1:2026-11-21:a"], "accepted", NOW_MS + HOUR_MS)
    changed = (_entry("a", at="13:00", text="改过的话"), _entry("b", at="15:00", text="改过的话二"))
    assert await _plan(database, *changed, now_ms=NOW_MS + HOUR_MS) == 0
    found = await _found(database)
    assert found["a"][2] == NOW_MS + 2 * HOUR_MS  # it left: nothing about it changes
    assert found["b"] == ("pending", None, NOW_MS + 5 * HOUR_MS)
    async with database.read() as connection:
        texts = (await connection.scalars(select(Post.text).order_by(Post.id))).all()
    assert list(texts) == ["今天说a", "改过的话二"]


async def test_what_is_no_longer_in_the_calendar_does_not_appear(database: Database) -> None:
    await account(database, "lin-1")
    await _plan(database, _entry("a", at="12:00"), _entry("b", at="14:00"))
    assert await _plan(database, _entry("a", at="12:00")) == 0
    assert (await _found(database))["b"][:2] == ("skipped", "calendar_changed")


async def test_a_post_that_only_got_another_name_is_not_posted_twice(database: Database) -> None:
    await account(database, "lin-1")
    await _plan(database, _entry("a", at="12:00", text="只有一句话"))
    for state in ("pending", "accepted"):
        if state == "accepted":
            await settle(database, ["moment:lin-1:lin-1:2026-11-21:a"], state, NOW_MS + 2 * HOUR_MS)
        assert await _plan(database, _entry("renamed", at="12:00", text="只有一句话")) == 0
        assert (await _found(database))["a"][:2] == (state, None)


async def test_a_post_that_was_too_late_and_got_a_later_minute_goes_and_its_mirrors_with_it(database: Database) -> None:
    await account(database, "lin-1")
    await account(database, "lin-2", persona="persona-lin-1", mirror_of="lin-1")
    await _plan(database, _entry("a", at="08:00"))
    async with database.write() as tx:
        await follow(tx, NOW_MS)
    assert [row.state for row in await rows(database)] == ["skipped", "skipped"]
    await _plan(database, _entry("a", at="20:00"))
    assert [(row.account, row.state) for row in await rows(database)] == [("lin-1", "pending")]
    await settle(database, ["moment:lin-1:lin-1:2026-11-21:a"], "accepted", NOW_MS + 10 * HOUR_MS)
    async with database.write() as tx:
        assert await follow(tx, NOW_MS + 10 * HOUR_MS) == 1


async def test_a_free_post_stays_where_it_was_put_when_others_come(database: Database) -> None:
    await account(database, "lin-1")
    await _plan(database, _entry("free", at="free", window="11:00-20:00"))
    before = (await _found(database))["free"]
    assert await _plan(database, _entry("free", at="free", window="11:00-20:00"), _entry("b", at="12:30")) == 1
    assert (await _found(database))["free"] == before


async def test_only_photos_whose_people_agreed_are_posted(database: Database) -> None:
    await account(database, "lin-1")
    async with database.write() as tx:
        photo = await add_file(
            tx, "materials/1.jpg", name="花花", person=1, consent=ConsentMark.ASKED, by="staff:owner", now_ms=NOW_MS
        )
    entry = _entry("show", at="12:00", kind="customer_show", material=photo)
    await _plan(database, entry)
    assert (await _found(database))["show"][:2] == ("skipped", "no_consent")
    async with database.write() as tx:
        await mark(tx, photo, ConsentMark.GIVEN, by="inbox:1", now_ms=NOW_MS)
    await _plan(database, _entry("second", at="13:00", kind="customer_show", material=photo))
    async with database.write() as tx:
        assert (await tx.scalar(select(Post.media).where(Post.entry == "second"))) == ["materials/1.jpg"]
        await mark(tx, photo, ConsentMark.REFUSED, by="inbox:2", now_ms=NOW_MS)
    assert (await _found(database))["second"][:2] == ("skipped", "no_consent")


async def test_a_missing_picture_is_a_repair_the_day_before_and_at_its_minute_the_post_is_left_out(
    database: Database, tmp_path: Path
) -> None:
    await account(database, "lin-1")
    await _plan(database, _entry("a", at="12:00", media=["a.jpg"]), _entry("b", at="14:00", media=["b.jpg"]))
    watch = MediaWatch(tmp_path)
    assert await _watch(database, watch, NOW_MS) == {"media:a.jpg", "media:b.jpg"}
    Image.new("RGB", (600, 400)).save(tmp_path / "b.jpg")
    assert await _watch(database, watch, NOW_MS + 10 * MINUTE_MS) == {"media:a.jpg"}
    assert (await _found(database))["a"][0] == "pending"
    await _watch(database, watch, NOW_MS + 119 * MINUTE_MS)
    await _watch(database, watch, NOW_MS + 4 * HOUR_MS)
    found = await _found(database)
    assert found["a"][:2] == ("skipped", "media_missing")
    assert found["b"][:2] == ("pending", None)


async def _watch(db: Database, watch: MediaWatch, now_ms: int) -> set[str]:
    """One tick of the planner, as it gives a step its turn. Returns the open repairs."""
    async with db.read() as connection:
        due = await watch.due(connection, now_ms)
    if due:
        async with db.write() as tx:
            await watch.act(tx, now_ms)
    async with db.read() as connection:
        assert not await watch.due(connection, now_ms)
        return set(await connection.scalars(select(Repair.key)))


async def test_a_preview_shows_the_days_the_shares_and_what_is_odd(sqlite_database: Database) -> None:
    await account(sqlite_database, "lin-1")
    await account(sqlite_database, "lin-2", persona="persona-lin-1", mirror_of="lin-1")
    calendar = _calendar(
        _entry("a", at="12:00", text="今天的咖啡不加糖，因为已经够甜了"),
        _entry("b", at="20:00", kind="opinion", days=["sun"], text="今天的咖啡不加糖，因为已经够甜啦"),
        _entry("old", at="21:00", days=["2026-11-01"]),
    )
    async with sqlite_database.read() as connection:
        people = await posters(connection)
        span = await preview_span(connection, calendar, people, TODAY, 3, NOW_MS)
        text = as_text(span)
        before = await preview_span(connection, calendar, people, TODAY - timedelta(days=3), 4, NOW_MS)
    assert as_text(before).startswith(
        "11-18 到 11-20 已经过去，没有排过朋友圈（照日历本来有 3 条），不会补发\n\n【11-21"
    )
    assert len(before.lines) == 4 and "✗" not in as_text(before), (
        "what went by is one line for people, all for machines"
    )
    assert [line.name for line in span.lines] == ["a", "a", "b", "a"]
    assert {note.what for _, note in span.notes} == {"alike", "repeats", "past"}
    assert "【11-22 周日】农历十月十四 小雪" in text
    assert "lin-1（lin-2 跟着发）" in text
    assert "比例：生活 75%、观点 25%" in text
    assert await rows(sqlite_database) == []


async def test_files_that_change_count_at_once_and_files_with_mistakes_never(tmp_path: Path) -> None:
    file = tmp_path / "lin.yaml"
    good: list[Calendar] = [_calendar(_entry("a", at="12:00"))]
    file.write_text("a", encoding="utf-8")
    live = LiveCalendar(lambda: (good[-1], []), tmp_path)
    assert not await live.changed()
    good.append(_calendar(_entry("b", at="12:00")))
    file.write_text("ab", encoding="utf-8")
    assert await live.changed()
    assert live.current is good[-1]


async def test_a_fleet_that_runs_takes_up_what_operators_change(
    sqlite_database: Database, clock: VirtualClock, tmp_path: Path
) -> None:
    """A file saved in the middle of the day counts within a few ticks; one with mistakes changes nothing."""
    await account(sqlite_database, "lin-1")
    file = tmp_path / "lin.yaml"
    head = "accounts: [lin-1]\nposts:\n"
    file.write_text(f"{head}  - {{name: a, kind: life, at: '12:00', text: 早}}\n", encoding="utf-8")
    live = LiveCalendar(lambda: load_calendar(tmp_path), tmp_path)
    planner = Planner(sqlite_database, clock, live, tell=_nobody)
    await planner.tick()
    assert set(await _found(sqlite_database)) == {"a", "moment:lin-1:lin-1:2026-11-22:a"}
    file.write_text(f"{head}  - {{name: b, kind: nonsense, at: '12:00', text: 早}}\n", encoding="utf-8")
    for _ in range(4):
        await planner.tick()
    assert live.errors and (await _found(sqlite_database))["a"][0] == "pending"
    async with sqlite_database.read() as connection:
        [repair] = await noted_repairs(connection)
    assert "lin.yaml:3" in repair.text and "wxfleet check" in repair.mend
    file.write_text(f"{head}  - {{name: b, kind: life, at: '14:00', text: 午}}\n", encoding="utf-8")
    for _ in range(4):
        await planner.tick()
    found = await _found(sqlite_database)
    assert (found["a"][1], found["b"][0]) == ("calendar_changed", "pending")
    async with sqlite_database.read() as connection:
        assert await noted_repairs(connection) == []


async def _nobody(*_: object) -> None:
    """Nobody hears of campaigns here."""
