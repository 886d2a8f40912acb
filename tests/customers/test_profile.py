"""Profiles and tags: what staff write is read, what changed is known and taken back, what did not is not written."""

import itertools
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select

from customers.errors import NoSuchField, TextRefused, ValueRefused
from customers.finding.people import find
from customers.profiles.birthday_words import NoBirthday, birthday_of, stored_birthday
from customers.profiles.notes import add_note, notes_of, remove_note
from customers.profiles.profile import Changed, NewValue, history, read_values, set_profiles, take_back
from customers.profiles.profile_fields import FIELDS, field_named, read_value, shown_value
from customers.profiles.tags import add_tags, read_tag, remove_tags, tags_of
from customers.segments.birthdays import lunar_days, solar_days
from storage.customer_tables import ProfileChange
from storage.engine import Database
from storage.tables import Account
from tests.customers.shop import look, person
from texts.catalogue import LANGUAGES, speak

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("words", "stored"),
    [
        ("8月15", "--08-15"), ("8月15日", "--08-15"), ("08-15", "--08-15"), ("1990/8/5", "1990-08-05"),
        ("1990年8月15日", "1990-08-15"), ("1990-08-15 00:00:00", "1990-08-15"), ("19900815", "1990-08-15"),
        ("农历8月15", "lunar:--08-15"), ("农历八月十五", "lunar:--08-15"), ("腊月廿三", "lunar:--12-23"),
        ("正月初一", "lunar:--01-01"), ("农历1990-08-15", "lunar:1990-08-15"), ("闰四月初三", "lunar:--04-03"),
        ("八月十五日", "--08-15"), ("公历八月三十一", "--08-31"), ("2月29日", "--02-29"), ("１２月３日", "--12-03"),
    ],
)  # fmt: skip
def test_a_birthday_is_read_as_people_write_it(words: str, stored: str) -> None:
    born = birthday_of(words, TODAY)
    assert born.stored == stored
    assert stored_birthday(stored) == born


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("2月30", "impossible"), ("2023-02-29", "impossible"), ("13-1", "impossible"), ("农历8月31", "impossible"),
        ("农历1990-1-30", "impossible"), ("农历2000年闰4月3", "impossible"), ("1890-1-1", "impossible"),
        ("2026-11-23", "future"), ("2030-1-1", "future"), ("八月十五", "unclear"), ("春天", "form"), ("815", "form"),
    ],
)  # fmt: skip
def test_impossible_days_and_unclear_words_are_no_birthday(words: str, why: str) -> None:
    with pytest.raises(NoBirthday) as refused:
        birthday_of(words, TODAY)
    assert refused.value.why == why


@given(st.dates(date(1901, 1, 1), TODAY), st.sampled_from(["{0}-{1}-{2}", "{0}年{1}月{2}日", "{1}月{2}号", "{1}/{2}"]))
def test_every_day_is_read_back_and_found_on_that_day(day: date, form: str) -> None:
    born = birthday_of(form.format(day.year, day.month, day.day), TODAY)
    assert born.mmdd in solar_days([day])
    assert birthday_of(born.words, TODAY) == born == stored_birthday(born.stored)


def test_every_lunar_day_is_read_back_from_what_both_screens_show_and_comes_within_three_years() -> None:
    falls = lunar_days([date.fromordinal(TODAY.toordinal() + n) for n in range(3 * 366)])
    for month, day in itertools.product(range(1, 13), range(1, 31)):
        born = birthday_of(f"农历{month}月{day}", TODAY)
        assert born.mmdd in falls
        for language in LANGUAGES:
            speak(language)
            assert birthday_of(born.words, TODAY) == born


@given(st.sampled_from(sorted(FIELDS)), st.text(max_size=60))
def test_whatever_is_written_is_refused_in_words_or_read_so_that_it_can_be_shown(field: str, text: str) -> None:
    try:
        value = read_value(FIELDS[field], text, TODAY)
    except ValueRefused as refused:
        assert refused.hint
        return
    assert "\x1b" not in shown_value(field, value) and "\n" not in shown_value(field, value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("尺码", "m码", "M"), ("size", "xl", "XL"), ("身高", "1.65米", 165), ("height", "165", 165),
        ("体重", "104斤", 52.0), ("体重", "52kg", 52.0), ("喜好", "法式、亚麻,法式", ["法式", "亚麻"]),
        ("称呼", "\u202e花花\x1b[31m", "花花[31m"), ("城市", "-", None), ("鞋码", "", None),
    ],
)  # fmt: skip
def test_what_staff_write_is_read(name: str, text: str, value: Any) -> None:
    assert read_value(field_named(name), text, TODAY) == value


@pytest.mark.parametrize(("typed", "meant"), [("尺吗", "尺码"), ("brithday", "birthday"), ("生曰", "生日")])
def test_a_mistyped_field_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(NoSuchField) as refused:
        field_named(typed)
    assert meant in refused.value.hint


async def test_only_what_changes_is_written_and_readers_follow(database: Database) -> None:
    """The columns that segments and the voice read follow; a second time nothing is written."""
    hua, lin = await person(database, name="A花花", profile={"city": "上海"}), await person(database, name="林")
    values = [
        NewValue(hua, "call_me", "花花"), NewValue(hua, "birthday", "lunar:--08-15"), NewValue(hua, "size", "M"),
        NewValue(hua, "taste", ["法式"]), NewValue(lin, "weight_kg", 52.5), NewValue(lin, "call_me", None),
    ]  # fmt: skip
    async with database.write() as tx:
        assert len(await set_profiles(tx, values, "import:1", 5)) == 5
        assert await set_profiles(tx, values, "import:2", 6) == []
        assert await tx.scalar(select(func.count()).select_from(ProfileChange)) == 5
        assert [found.id for found in await find(tx, "花花")] == [hua]
    row = await look(database, hua)
    assert (row.call_me, row.birthday, row.birthday_lunar, row.birthday_mmdd) == ("花花", "--08-15", True, 815)
    assert row.profile == {"city": "上海", "size": "M", "taste": ["法式"]}
    async with database.write() as tx:
        await set_profiles(tx, [NewValue(hua, "birthday", "1990-02-03"), NewValue(hua, "city", None)], "staff:mei", 7)
        past = await history(tx, hua, 2)
    row = await look(database, hua)
    assert (row.birthday, row.birthday_lunar, row.birthday_mmdd) == ("1990-02-03", False, 203)
    assert row.profile == {"size": "M", "taste": ["法式"]}
    assert [(p.field, p.before, p.after, p.by, p.at_ms) for p in past] == [
        ("city", "上海", None, "staff:mei", 7), ("birthday", "lunar:--08-15", "1990-02-03", "staff:mei", 7),
    ]  # fmt: skip


async def test_taking_back_restores_what_was_and_spares_a_later_word(database: Database) -> None:
    hua, lin = await person(database, call_me="花", profile={"size": "S"}), await person(database)
    async with database.write() as tx:
        await add_tags(tx, [(hua, "老客")], "staff:owner", 1)
        values = [NewValue(hua, "call_me", "花花"), NewValue(hua, "size", "M"), NewValue(lin, "birthday", "--01-02")]
        await set_profiles(tx, values, "import:3", 5)
        assert await add_tags(tx, [(hua, "老客"), (hua, "大码"), (lin, "大码")], "import:3", 5) == [
            (hua, "大码"), (lin, "大码"),
        ]  # fmt: skip
        await remove_tags(tx, [(hua, "老客")], "import:3", 5)
        await set_profiles(tx, [NewValue(hua, "size", "L")], "staff:mei", 6)
        back = await take_back(tx, "import:3", by="undo", now_ms=9)
        assert await tags_of(tx, hua) == ["老客"] and await tags_of(tx, lin) == []
        assert Changed(hua, "call_me", "花花", "花") in back and len(back) == 5
        assert await take_back(tx, "import:3", by="undo", now_ms=9) == []
    row = await look(database, hua)
    assert (row.call_me, row.profile) == ("花", {"size": "L"})
    row = await look(database, lin)
    assert (row.birthday, row.birthday_mmdd, row.profile) == (None, None, None)


async def test_a_merged_entry_leads_to_who_they_are_and_nobody_erased_is_written_to(sqlite_database: Database) -> None:
    hua = await person(sqlite_database)
    old, erased = await person(sqlite_database, merged_into=hua), await person(sqlite_database, erased_ms=1)
    async with sqlite_database.write() as tx:
        changed = await set_profiles(tx, [NewValue(who, "city", "上海") for who in (old, erased)], "staff:mei", 5)
        assert changed == [Changed(hua, "city", None, "上海")]
        assert await add_tags(tx, [(old, "老客"), (hua, "老客"), (erased, "老客")], "staff:mei", 5) == [(hua, "老客")]
        assert await remove_tags(tx, [(old, "老客"), (old, "没有的")], "staff:mei", 6) == [(hua, "老客")]


async def test_a_persona_that_nobody_plays_is_refused_with_the_nearest(sqlite_database: Database) -> None:
    hua = await person(sqlite_database)
    async with sqlite_database.write() as tx:
        account = {"id": "lin-1", "persona": "influencer-lin", "role": "sales", "time_zone": "Asia/Shanghai"}
        await tx.execute(insert(Account).values(account))
        with pytest.raises(ValueRefused) as refused:
            await read_values(tx, hua, {"人设": "influencer-li"}, TODAY)
        assert "influencer-lin" in refused.value.hint
        (value,) = await read_values(tx, hua, {"人设": "influencer-lin"}, TODAY)
        await set_profiles(tx, [value], "staff:mei", 5)
    assert (await look(sqlite_database, hua)).preferred_persona == "influencer-lin"


async def test_notes_are_one_line_bounded_and_taken_back(sqlite_database: Database) -> None:
    hua = await person(sqlite_database)
    async with sqlite_database.write() as tx:
        note = await add_note(tx, hua, " 喜欢\n宽松\x1b的 ", "staff:mei", 5)
        assert note.text == "喜欢 宽松的" and await notes_of(tx, hua, 5) == [note]
        for text in ("", "\u202e", "长" * 501):
            with pytest.raises(TextRefused):
                await add_note(tx, hua, text, "staff:mei", 6)
        assert not await remove_note(tx, note.id, "staff:owner")
        assert await remove_note(tx, note.id, "staff:mei")
        assert await notes_of(tx, hua, 5) == []


@pytest.mark.parametrize("words", ["", " # ", "\x1b", "长" * 21])
def test_a_tag_of_nothing_or_of_a_sentence_is_refused(words: str) -> None:
    with pytest.raises(TextRefused):
        read_tag(words)
