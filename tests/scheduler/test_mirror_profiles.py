"""A mirror looks like its source: differences are seen, mended once, and asked for again only when they come back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from personas.model import Profile
from rules.pacing import DAY_MS
from scheduler.moments.mirror_profiles import AGAIN_MS, Field, Mend, MirrorProfiles, Outcome, Tried, mend_for
from storage.engine import Database
from storage.task_tables import AccountProfile
from tests.scheduler.matrix import account, rows, settle

NOW = 1_795_226_400_000
HOUR_MS = 3_600_000
LIN = Profile(nickname="小林", signature="法式的懒", avatar="lin.png")


@pytest.fixture
async def matrix(database: Database) -> Database:
    """A source with one mirror, and somebody who stands alone."""
    await account(database, "lin-1", persona="lin")
    await account(database, "lin-2", persona="lin-mirror", mirror_of="lin-1")
    await account(database, "hua-1", persona="hua")
    return database


def _step(profile: Profile = LIN) -> MirrorProfiles:
    return MirrorProfiles({"lin": profile, "lin-mirror": profile, "hua": Profile(nickname="阿花")})


async def _look(db: Database, step: MirrorProfiles, now_ms: int, **told: str) -> list[Any]:
    """The gateway of the mirror tells this; what is planned from it."""
    before = {row.id for row in await rows(db, account="lin-2")}
    async with db.write() as tx:
        await tx.execute(
            update(AccountProfile).where(AccountProfile.account == "lin-2").values(seen=told, seen_ms=now_ms)
        )
    async with db.read() as connection:
        assert await step.due(connection, now_ms)
    async with db.write() as tx:
        await step.act(tx, now_ms)
    return [row for row in await rows(db, account="lin-2") if row.id not in before]


async def _begin(db: Database, step: MirrorProfiles, now_ms: int = NOW) -> None:
    async with db.write() as tx:
        await step.act(tx, now_ms)


async def test_only_accounts_with_mirrors_and_mirrors_are_watched_and_new_words_are_looked_at_next(
    matrix: Database,
) -> None:
    await _begin(matrix, _step())
    async with matrix.write() as tx:
        await tx.execute(update(AccountProfile).values(look_ms=NOW + DAY_MS))
    await _begin(matrix, _step(Profile(nickname="小林同学")), NOW + 1)
    async with matrix.read() as connection:
        found = (await connection.execute(select(AccountProfile.__table__).order_by(AccountProfile.account))).all()
    assert [(row.account, row.wanted, row.look_ms) for row in found] == [
        ("lin-1", {"nickname": "小林同学"}, NOW + 1),
        ("lin-2", {"nickname": "小林同学"}, NOW + 1),
    ]


async def test_the_gateway_sets_what_it_can_and_a_person_the_rest_in_one_package(matrix: Database) -> None:
    step = _step()
    await _begin(matrix, step)
    planned = await _look(matrix, step, NOW, nickname="林")
    assert {row.kind for row in planned} == {"profile"}
    assert [row.content["profile"] for row in planned] == [
        {"fields": {"nickname": "小林"}, "by_hand": False, "asked_ms": NOW},
        {"fields": {"signature": "法式的懒"}, "by_hand": False, "asked_ms": NOW},
        {"fields": {"avatar": "lin.png"}, "by_hand": True, "asked_ms": NOW},
    ]
    assert await _look(matrix, step, NOW + HOUR_MS, nickname="林") == []


async def test_what_the_gateway_refused_is_asked_of_a_person(matrix: Database) -> None:
    step = _step()
    await _begin(matrix, step)
    name, signature, picture = await _look(matrix, step, NOW, nickname="林")
    await settle(matrix, [name.key], "failed", NOW + 1000, "Refused")
    await settle(matrix, [signature.key, picture.key], "accepted", NOW + 1000)
    (by_hand,) = await _look(matrix, step, NOW + HOUR_MS, nickname="林")
    assert by_hand.content["profile"] == {
        "fields": {"nickname": "小林"},
        "by_hand": True,
        "asked_ms": NOW + HOUR_MS,
    }


async def test_what_was_ticked_off_is_believed_until_the_gateway_says_otherwise_days_later(matrix: Database) -> None:
    step = _step()
    await _begin(matrix, step)
    first = await _look(matrix, step, NOW, nickname="小林")
    await settle(matrix, [row.key for row in first], "accepted", NOW + 1000)
    assert await _look(matrix, step, NOW + DAY_MS, nickname="小林") == []
    assert await _look(matrix, step, NOW + 30 * DAY_MS, nickname="小林", signature="法式的懒") == []
    (changed,) = await _look(matrix, step, NOW + 31 * DAY_MS, nickname="小林", signature="在忙")
    assert changed.content["profile"]["fields"] == {"signature": "法式的懒"}


async def test_a_dry_run_asks_nobody_to_do_by_hand_what_it_would_have_done(matrix: Database) -> None:
    step = _step(Profile(nickname="小林"))
    await _begin(matrix, step)
    (dry,) = await _look(matrix, step, NOW, nickname="林")
    await settle(matrix, [dry.key], "skipped", NOW + 1000, "dry_run")
    assert await _look(matrix, step, NOW + DAY_MS, nickname="林") == []
    (again,) = await _look(matrix, step, NOW + AGAIN_MS, nickname="林")
    assert again.content["profile"]["by_hand"] is False


_STATES = st.sampled_from(["pending", "sending", "handed", "in_doubt", "accepted", "failed", "skipped", "unknown"])
_OUTCOMES = st.builds(
    Outcome, state=_STATES, reason=st.sampled_from([None, "dry_run", "task_expired"]), settled_ms=st.integers(0, 10)
)
_TRIED = st.builds(
    Tried, value=st.sampled_from(["a", "b"]), key=st.just("k"), at_ms=st.integers(0, 10), by_hand=st.booleans()
)


@given(
    field=st.sampled_from(Field),
    told=st.sampled_from(["", "a", "b"]),
    tried=st.none() | _TRIED,
    outcome=st.none() | _OUTCOMES,
    seen_ms=st.integers(0, 10),
    now_ms=st.integers(10, 2 * AGAIN_MS),
)
def test_alike_is_left_alone_and_nothing_is_asked_twice_at_once(
    field: Field, told: str, tried: Tried | None, outcome: Outcome | None, seen_ms: int, now_ms: int
) -> None:
    mend = mend_for(field, "a", told, tried, outcome, seen_ms, now_ms)
    assert (mend is Mend.NOTHING) == (told == "a")
    if mend is Mend.GATEWAY:
        assert field.settable
    same = tried is not None and tried.value == "a"
    if told != "a" and same and outcome is not None and outcome.state in ("pending", "sending", "handed", "in_doubt"):
        assert mend is Mend.WAIT
    if mend is Mend.HAND and same and tried is not None and tried.by_hand:
        assert now_ms - tried.at_ms >= AGAIN_MS
