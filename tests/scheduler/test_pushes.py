"""A push from preview to its end: who gets it and why the others do not, once, in batches, within its hours."""

from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.segments.segment_file import Segment
from personas.book import load_book
from personas.model import Shop
from rules.kinds import Kind, gate_of
from rules.pacing import DAY_MS
from scheduler.campaign_state import TRANSITIONS, CampaignState, Move, move, next_state
from scheduler.errors import MoveRefused, NoSuchCampaign, PushRefused, WordsIncomplete
from scheduler.push_events import CampaignEvent
from scheduler.pushes.push_file import PushFile, PushKind, as_spec, from_spec, load_pushes
from scheduler.pushes.push_planning import PushPlanning
from scheduler.pushes.push_progress import advance, due_campaigns
from scheduler.pushes.push_words import PushWording
from scheduler.pushes.pushes import Preview, cancel, check, create, pause, preview, resume, start
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.order_tables import Claim
from storage.outbox import Recipient
from storage.tables import Account, Delivery, Friendship, Person
from tests.scheduler.matrix import account, friend, friends, nobody_hears, rows, settle
from tests.virtual_time import START

NOW_MS = round(START.timestamp() * 1000)  # Saturday 10:00 in Shanghai
OLD_MS = NOW_MS - 30 * DAY_MS
HOUR_MS = 3_600_000
MINUTE_MS = 60_000


def push(**more: Any) -> PushFile:
    file = {
        "name": "fuli",
        "title": "老客专享福利",
        "who": {"levels": ["VIP1", "VIP2"]},
        "words": {"default": "{{ call_me }}，{{ shop }}有你一份，{{ landing }}"},
        "landing": {"search": "小林的衣橱"},
        **more,
    }
    return PushFile.model_validate(file)


async def _preview(db: Database, file: PushFile, now_ms: int = NOW_MS) -> Preview:
    async with db.read() as connection:
        return await preview(connection, file, now_ms)


async def _start(db: Database, file: PushFile, now_ms: int = NOW_MS) -> int:
    """Created, checked, started and planned."""
    async with db.write() as tx:
        campaign = await create(tx, file, "staff:owner", now_ms)
        await start(tx, campaign, now_ms, checked=await check(tx, campaign, now_ms))
    await planning(db, now_ms).carry_on(campaign)
    return campaign


def planning(
    db: Database, now_ms: int = NOW_MS, heard: list[CampaignEvent] | None = None, *, always_ask: bool = False
) -> PushPlanning:
    async def tell(tx: AsyncConnection, event: CampaignEvent, now_ms: int) -> None:
        if heard is not None:
            heard.append(event)

    return PushPlanning(db, lambda: now_ms, tell=tell, always_ask=always_ask)


async def _advance(db: Database, campaign: int, now_ms: int = NOW_MS) -> list[str]:
    async with db.read() as connection:
        due = campaign in await due_campaigns(connection, now_ms)
    async with db.write() as tx:
        events = await advance(tx, campaign, now_ms)
        assert await advance(tx, campaign, now_ms) == []
        left = await due_campaigns(tx, now_ms)
    assert due or not events
    assert campaign not in left
    return [event.what for event in events]


async def _state(db: Database, campaign: int) -> str:
    async with db.read() as connection:
        return (await connection.execute(select(Campaign.state).where(Campaign.id == campaign))).scalar_one()


async def _open(db: Database) -> list[Any]:
    return [row for row in await rows(db, state="pending") if row.reason is None]


async def test_everybody_is_a_recipient_or_excluded_with_the_first_reason_that_holds(database: Database) -> None:
    await account(database, "lin-1")
    await account(database, "xiaoyu-1", role="acquisition")
    got = await friend(database, "lin-1", since_ms=OLD_MS)
    await friend(database, "lin-1", since_ms=OLD_MS, level="VIP2")
    await friend(database, "lin-1", since_ms=OLD_MS, level="friend", orders=0)
    await friend(database, "lin-1", since_ms=OLD_MS, level="friend", opted_out_ms=1)
    await friend(database, "lin-1", since_ms=OLD_MS, kind="staff")
    await friend(database, "xiaoyu-1", since_ms=OLD_MS)
    await friend(database, "lin-1", since_ms=OLD_MS, known={"state": "gone"})
    await friend(database, "lin-1", since_ms=OLD_MS, opted_out_ms=1, muted_until_ms=NOW_MS + 1)
    await friend(database, "lin-1", since_ms=OLD_MS, muted_until_ms=NOW_MS + 1)
    await friend(database, "lin-1", since_ms=OLD_MS, last_push_ms=NOW_MS - 6 * DAY_MS)
    await friend(database, "lin-1", since_ms=OLD_MS, last_push_ms=NOW_MS - 8 * DAY_MS)
    await friend(database, "lin-1", since_ms=NOW_MS - 6 * DAY_MS)
    await friend(database, "lin-1", since_ms=OLD_MS, orders=0)
    await friend(database, "lin-1", since_ms=OLD_MS, merged_into=got)
    seen = await _preview(database, push())
    assert seen.excluded == {
        "not_vip": 2,
        "own_or_staff": 1,
        "no_friendship": 2,
        "opted_out": 1,
        "muted": 1,
        "weekly_cap": 1,
        "trust_first": 2,
    }
    assert (seen.recipients, seen.by_account) == (3, {"lin-1": 3})
    assert seen.audience == seen.recipients + sum(seen.excluded.values()) == 13


async def test_one_word_or_one_claim_is_a_conversation(database: Database) -> None:
    await account(database, "lin-1")
    await friend(database, "lin-1", since_ms=OLD_MS, orders=0, known={"last_in_ms": 5})
    claimer = await friend(database, "lin-1", since_ms=OLD_MS, orders=0)
    async with database.write() as tx:
        row = {"order_number": "1", "person": claimer, "account": "lin-1", "evidence": "chat", "claimed_ms": 1}
        await tx.execute(insert(Claim).values(row))
    assert (await _preview(database, push())).recipients == 2


async def test_what_is_previewed_is_what_is_planned_one_row_a_person(database: Database) -> None:
    for name in ("lin-1", "lin-2", "suye-1"):
        await account(database, name)
    people = await friends(database, "lin-1", 7, NOW_MS) + await friends(database, "lin-2", 5, NOW_MS)
    async with database.write() as tx:  # everybody knows suye-1, too
        await tx.execute(
            insert(Friendship),
            [{"account": "suye-1", "contact": f"wx{p}", "person": p, "since_ms": OLD_MS} for p in people],
        )
    seen = await _preview(database, push())
    await _start(database, push())
    planned = await rows(database)
    assert {row.person for row in planned} == set(people)
    assert len(planned) == len(people) == seen.recipients
    by_account: dict[str, int] = {}
    for row in planned:
        by_account[row.account] = by_account.get(row.account, 0) + 1
        assert row.to == f"wx{row.person}"
        assert row.content == {"template": "default"}
        assert (row.kind, row.priority) == ("push", 5)
    assert by_account == seen.by_account


async def test_the_account_that_knows_them_best_writes(database: Database) -> None:
    await account(database, "lin-1", persona="lin")
    await account(database, "suye-1", persona="suye")
    await account(database, "paused-1", paused_by="owner")
    both = {"level": "VIP1"}

    async def known(persona: str | None, *, lin: dict[str, Any], suye: dict[str, Any]) -> int:
        who = await friend(database, "lin-1", since_ms=OLD_MS, known=lin, preferred_persona=persona, **both)
        async with database.write() as tx:
            row = {"account": "suye-1", "contact": f"wx{who}", "person": who, "since_ms": OLD_MS, **suye}
            await tx.execute(insert(Friendship).values(row))
            row = {"account": "paused-1", "contact": f"wx{who}", "person": who, "since_ms": OLD_MS, "last_in_ms": 99}
            await tx.execute(insert(Friendship).values(row))
        return who

    prefers = await known("suye", lin={"last_in_ms": 9}, suye={})
    talked = await known(None, lin={"last_in_ms": 3}, suye={"last_in_ms": 4})
    trusted = await known("lin", lin={"since_ms": NOW_MS - DAY_MS}, suye={})
    handed_on = await known(None, lin={"last_in_ms": 9}, suye={"serves_ms": OLD_MS})
    just_now = await known(None, lin={"last_in_ms": 9}, suye={"serves_ms": NOW_MS, "since_ms": NOW_MS})
    await _start(database, push())
    chosen = {row.person: row.account for row in await rows(database)}
    assert chosen == {prefers: "suye-1", talked: "suye-1", trusted: "suye-1", handed_on: "suye-1"}
    assert just_now not in chosen, "the account before does not go on, the new one waits until it is trusted"


async def test_a_mirror_is_the_persona_it_mirrors(sqlite_database: Database) -> None:
    await account(sqlite_database, "lin-1", persona="lin")
    await account(sqlite_database, "lin-2", persona="lin-mirror-1", mirror_of="lin-1")
    await account(sqlite_database, "suye-1", persona="suye")
    who = await friend(sqlite_database, "suye-1", since_ms=OLD_MS, level="VIP1", preferred_persona="lin")
    async with sqlite_database.write() as tx:
        row = {"account": "lin-2", "contact": f"wx{who}", "person": who, "since_ms": OLD_MS}
        await tx.execute(insert(Friendship).values(row))
    await _start(sqlite_database, push())
    assert [row.account for row in await rows(sqlite_database)] == ["lin-2"]


async def test_training_and_acquisition_accounts_never_push(database: Database) -> None:
    for role in ("acquisition", "training"):
        await account(database, role, role=role)
        await friend(database, role, since_ms=OLD_MS)
    seen = await _preview(database, push())
    assert (seen.recipients, seen.excluded) == (0, {"no_friendship": 2})
    with pytest.raises(PushRefused):
        await _start(database, push())
    assert await rows(database) == []


async def test_somebody_with_another_push_waiting_gets_no_second(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 3, NOW_MS)
    await _start(database, push())
    seen = await _preview(database, push(name="second"))
    assert (seen.recipients, seen.excluded) == (0, {"already_planned": 3})


async def test_the_rest_waits_for_the_first_batch(database: Database) -> None:
    await account(database, "lin-1")
    await account(database, "lin-2")
    await friends(database, "lin-1", 20, NOW_MS)
    await friends(database, "lin-2", 4, NOW_MS)
    campaign = await _start(database, push(first_batch=6))
    batch = await _open(database)
    assert sorted(row.account for row in batch) == ["lin-1"] * 3 + ["lin-2"] * 3
    assert {row.due_ms for row in batch} == {NOW_MS}
    assert await _advance(database, campaign) == []
    assert len(await _open(database)) == 6
    await settle(database, [row.key for row in batch[:5]], "accepted", NOW_MS)
    assert await _advance(database, campaign) == []
    assert len(await _open(database)) == 1
    await settle(database, [batch[5].key], "in_doubt", NOW_MS)
    assert await _advance(database, campaign, NOW_MS + 1) == []
    opened = await _open(database)
    assert len(opened) == 18
    assert {row.due_ms for row in opened} == {NOW_MS + 1}


async def test_a_row_that_waits_for_a_dead_account_does_not_hold_up_everybody(database: Database) -> None:
    await account(database, "lin-1")
    await account(database, "lin-2")
    await friends(database, "lin-1", 5, NOW_MS)
    await friends(database, "lin-2", 5, NOW_MS)
    campaign = await _start(database, push(first_batch=4))
    await settle(database, [row.key for row in await _open(database) if row.account == "lin-1"], "accepted", NOW_MS)
    await _advance(database, campaign, NOW_MS + 29 * MINUTE_MS)
    assert len(await _open(database)) == 2
    await _advance(database, campaign, NOW_MS + 31 * MINUTE_MS)
    assert len(await _open(database)) == 8


async def test_under_a_full_stop_the_rest_stays_behind_the_first_batch(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 5, NOW_MS)
    campaign = await _start(database, push(first_batch=2))
    await _advance(database, campaign, NOW_MS + 5 * HOUR_MS)
    assert len(await _open(database)) == 2


async def test_with_hold_the_rest_waits_for_a_word(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 5, NOW_MS)
    campaign = await _start(database, push(first_batch=2, hold=True))
    await settle(database, [row.key for row in await _open(database)], "accepted", NOW_MS)
    assert await _advance(database, campaign) == ["first_batch"]
    assert await _state(database, campaign) == "holding"
    assert await _open(database) == []
    async with database.write() as tx:
        await resume(tx, campaign, NOW_MS + 5)
    assert await _state(database, campaign) == "running"
    assert len(await _open(database)) == 3
    await settle(database, [row.key for row in await rows(database, state="pending")], "accepted", NOW_MS + 6)
    assert await _advance(database, campaign, NOW_MS + 7) == ["finished"]
    assert await _state(database, campaign) == "finished"


async def test_a_pause_in_the_first_batch_does_not_skip_the_look_at_it(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 5, NOW_MS)
    campaign = await _start(database, push(first_batch=2))
    async with database.write() as tx:
        await pause(tx, campaign, NOW_MS)
        await resume(tx, campaign, NOW_MS)
    assert len(await _open(database)) == 2
    await settle(database, [row.key for row in await _open(database)], "accepted", NOW_MS)
    async with database.write() as tx:
        await pause(tx, campaign, NOW_MS)
        await resume(tx, campaign, NOW_MS)
    assert len(await _open(database)) == 3


async def test_too_many_failures_pause_it_and_a_word_lets_it_go_on(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 30, NOW_MS)
    campaign = await _start(database, push(first_batch=10))
    batch = [row.key for row in await _open(database)]
    await settle(database, batch[:3], "failed", NOW_MS)
    await settle(database, batch[3:9], "accepted", NOW_MS)
    assert await _advance(database, campaign) == []
    await settle(database, batch[9:], "accepted", NOW_MS)
    assert await _advance(database, campaign, NOW_MS + 1) == ["error_budget"]
    assert await _state(database, campaign) == "paused"
    async with database.write() as tx:
        await resume(tx, campaign, NOW_MS + 2)
    assert await _advance(database, campaign, NOW_MS + 3) == []
    assert await _state(database, campaign) == "running"


async def test_a_cancelled_push_sends_nothing_more_and_what_left_stays(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 5, NOW_MS)
    campaign = await _start(database, push(first_batch=2))
    await settle(database, [(await _open(database))[0].key], "accepted", NOW_MS)
    async with database.write() as tx:
        assert await cancel(tx, campaign, NOW_MS + 1) == 4
    found = await rows(database)
    assert sorted((row.state, row.reason) for row in found) == [("accepted", None)] + [("skipped", "cancelled")] * 4
    for refused in (resume, pause, start):
        with pytest.raises(MoveRefused):
            async with database.write() as tx:
                await refused(tx, campaign, NOW_MS + 2)
    assert await _state(database, campaign) == "cancelled"


async def test_at_the_end_of_its_validity_what_is_left_expires(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 5, NOW_MS)
    campaign = await _start(database, push(first_batch=2, valid_for="2h"))
    async with database.write() as tx:
        await pause(tx, campaign, NOW_MS + 1)
    assert await _advance(database, campaign, NOW_MS + HOUR_MS) == []
    assert await _advance(database, campaign, NOW_MS + 2 * HOUR_MS) == ["finished"]
    assert {(row.state, row.reason) for row in await rows(database)} == {("skipped", "expired")}


async def test_outside_its_window_a_push_waits_for_the_next_opening_in_each_zone(database: Database) -> None:
    await account(database, "lin-1")
    await account(database, "paris", time_zone="Europe/Paris")
    await friends(database, "lin-1", 2, NOW_MS)
    await friends(database, "paris", 2, NOW_MS)
    file = push(window="10:05-11:00")
    campaign = await _start(database, file)
    due = {row.account: row.due_ms for row in await rows(database)}
    assert due["lin-1"] == NOW_MS + 5 * MINUTE_MS
    assert due["paris"] == NOW_MS + 7 * HOUR_MS + 5 * MINUTE_MS
    closed_ms = NOW_MS + HOUR_MS
    assert await _advance(database, campaign, closed_ms) == []
    moved = {(row.account, row.due_ms, row.reason) for row in await rows(database)}
    assert ("lin-1", NOW_MS + DAY_MS + 5 * MINUTE_MS, "push_window") in moved
    assert {row.state for row in await rows(database)} == {"pending"}


async def test_a_window_that_never_opens_again_ends_in_expiry_not_in_a_loop(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 4, NOW_MS)
    campaign = await _start(database, push(window="09:00-10:30", valid_for="3h", first_batch=1))
    await settle(database, [row.key for row in await _open(database)], "accepted", NOW_MS)
    late_ms = NOW_MS + 2 * HOUR_MS
    assert await _advance(database, campaign, late_ms) == []
    assert await _advance(database, campaign, NOW_MS + 3 * HOUR_MS) == ["finished"]


async def test_a_variable_that_nobody_gave_is_refused_with_how_many_it_concerns(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 3, NOW_MS)
    await friends(database, "lin-1", 2, NOW_MS, level="VIP2")
    words = {"VIP1": "{{ gift }}给你", "VIP2": "{{ member_name }}，好"}
    with pytest.raises(WordsIncomplete) as refused:
        await _start(database, push(words=words))
    assert "gift" in refused.value.message and "3 人" in refused.value.message
    assert "member_name" in refused.value.message and "2 人" in refused.value.message
    with pytest.raises(WordsIncomplete, match="VIP2"):
        await _start(database, push(words={"VIP1": "好"}))
    assert await rows(database) == []
    await _start(database, push(words={"VIP1": "{{ gift }}给你", "VIP2": "好"}, variables={"gift": "发带"}))
    templates = sorted(row.content["template"] for row in await rows(database))
    assert templates == ["VIP1"] * 3 + ["VIP2"] * 2


async def test_people_who_have_not_bought_can_not_be_pushed_to(sqlite_database: Database) -> None:
    async with sqlite_database.write() as tx:
        with pytest.raises(PushRefused, match="friend"):
            await create(tx, push(who={"levels": ["VIP1", "friend"]}), "staff:owner", NOW_MS)
        with pytest.raises(PushRefused):
            await create(tx, push(valid_until="2026-11-21 09:59"), "staff:owner", NOW_MS)
        with pytest.raises(NoSuchCampaign):
            await start(tx, 99, NOW_MS)


def test_what_a_campaign_keeps_is_the_whole_push() -> None:
    for file in (push(), push(valid_until="2026-11-30 20:00", window="10:05-21:00", hold=True)):
        assert as_spec(from_spec(as_spec(file))) == as_spec(file)
    assert push(valid_until="2026-11-21 20:00").valid_until_ms(0, "Asia/Shanghai") == NOW_MS + 10 * HOUR_MS
    assert push(valid_for="90m").valid_until_ms(NOW_MS, "Asia/Shanghai") == NOW_MS + 90 * MINUTE_MS


async def test_words_are_made_for_one_person_in_the_voice_that_writes(sqlite_database: Database) -> None:
    root = Path(__file__).parents[2]
    book, _ = load_book(root / "personas")
    await account(sqlite_database, "lin-1", persona="influencer-lin")
    await friends(sqlite_database, "lin-1", 1, NOW_MS)
    words = {"default": "{{ call_me }}|{{ level }}|{{ shop }}|{{ landing }}|{{ gift }}"}
    campaign = await _start(sqlite_database, push(words=words, variables={"gift": "{{ call_me }}"}))
    wording = PushWording(book, Shop(name="小林的衣橱", contact="400-000-0000"))
    async with sqlite_database.read() as connection:
        await wording.load(connection, campaign)
        await wording.load(connection, campaign)

    def said(call_me: str | None, nickname: str) -> str:
        recipient = Recipient(1, "lin-1", call_me, nickname, "VIP1", None)
        return wording.render(campaign, "default", recipient)

    assert said("阿花", "A-代购小王🌸") == "阿花|VIP1|小林的衣橱|淘宝搜“小林的衣橱”|{{ call_me }}"
    stranger = book.resolved("influencer-lin").voice.stranger
    assert said(None, "🌸🌸").startswith(f"{stranger}|")
    assert "{{ shop }}" in said("{{ shop }}", "x")


def test_every_state_has_a_row_is_reachable_and_can_be_left_or_is_the_end() -> None:
    assert set(TRANSITIONS) == set(CampaignState)
    reached = {target for moves in TRANSITIONS.values() for target in moves.values()}
    assert reached | {CampaignState.DRAFT} == set(CampaignState)
    for state, moves in TRANSITIONS.items():
        assert bool(moves) != (state in (CampaignState.FINISHED, CampaignState.CANCELLED))
        assert not moves or moves[Move.CANCEL] is CampaignState.CANCELLED


@pytest.mark.parametrize("state", CampaignState)
@pytest.mark.parametrize("step", Move)
async def test_the_database_makes_exactly_the_moves_of_the_table(
    sqlite_database: Database, state: CampaignState, step: Move
) -> None:
    async with sqlite_database.write() as tx:
        campaign = await create(tx, push(), "staff:owner", NOW_MS)
        await tx.execute(update(Campaign).values(state=state.value))
        expected = next_state(state, step)
        if expected is None:
            with pytest.raises(MoveRefused):
                await move(tx, campaign, step, NOW_MS)
        else:
            await move(tx, campaign, step, NOW_MS)
    assert await _state(sqlite_database, campaign) == (expected or state).value


def test_the_committed_pushes_have_no_mistake() -> None:
    pushes, mistakes = load_pushes(Path(__file__).parents[2] / "pushes", {"VIP1", "VIP2", "VIP3", "partner"})
    assert mistakes == []
    assert pushes


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kind: reply", "kind 只能是 push、campaign_push、warm_up、precise_task、wake_up"),
        ("words: {VIP1: '{{ gift }}'}", "gift"),
        ("words: {VIP1: '{{ landing }}'}", "landing"),
        ("words: {VIP1: '{{ call_me.x }}'}", "模板"),
        ("words: {VIP2: 好}", "VIP1"),
        ("who: {levels: [VIP9]}\nwords: {default: 好}", "VIP9"),
        ("valid_for: soon", "36h"),
        ("valid_for: 36", "36h"),
        ("valid_for: 2h\nvalid_until: 2026-11-30 20:00", "只写一个"),
        ("window: 10:00", "10:40-10:55"),
        ("frist_batch: 20", "first_batch"),
    ],
)
def test_each_mistake_in_a_push_is_said_at_its_line(tmp_path: Path, line: str, words: str) -> None:
    lines = ["name: fuli", "title: 福利"]
    lines += [
        other for other in ("who: {levels: [VIP1]}", "words: {VIP1: 好}") if other.split(":")[0] + ":" not in line
    ]
    (tmp_path / "fuli.yaml").write_text("\n".join([*lines, line]) + "\n", encoding="utf-8")
    _, mistakes = load_pushes(tmp_path, {"VIP1", "VIP2"})
    assert len(mistakes) == 1, [str(mistake) for mistake in mistakes]
    assert words in str(mistakes[0])


def test_a_push_may_be_whatever_the_weekly_cap_counts_and_what_follows_it_only_for_those_who_joined() -> None:
    follow_ups = {Kind.REMINDER, Kind.THANKS}
    assert set(get_args(PushKind)) == {kind for kind in Kind if gate_of(kind).weekly} | follow_ups
    for kind in follow_ups:
        with pytest.raises(ValidationError):
            push(kind=kind)
        assert push(kind=kind, who={"levels": ["VIP1"], "joined": {"campaign": 1, "standings": ["yes"]}}).kind is kind


async def test_an_account_at_rest_is_not_given_rows_when_another_knows_them(sqlite_database: Database) -> None:
    await account(sqlite_database, "lin-1")
    await account(sqlite_database, "lin-2", state="restricted")
    who = await friend(sqlite_database, "lin-1", since_ms=OLD_MS)
    async with sqlite_database.write() as tx:
        row = {"account": "lin-2", "contact": "w", "person": who, "since_ms": OLD_MS, "last_in_ms": 9}
        await tx.execute(insert(Friendship).values(row))
    assert (await _preview(sqlite_database, push())).by_account == {"lin-1": 1}
    async with sqlite_database.write() as tx:
        await tx.execute(update(Account).values(state="restricted"))
    assert (await _preview(sqlite_database, push())).by_account == {"lin-2": 1}
    async with sqlite_database.read() as connection:
        assert (await connection.execute(select(Person.id).join(Delivery, Delivery.person == Person.id))).all() == []


async def test_whose_birthday_it_is_is_told_by_the_shops_day_in_the_preview_and_at_the_start(
    sqlite_database: Database,
) -> None:
    """Saturday morning in Shanghai is Friday in Los Angeles."""
    shop_zone = "America/Los_Angeles"
    await account(sqlite_database, "lin-1")
    friday, saturday = START.date() - timedelta(days=1), START.date()
    born = {
        day: await friend(sqlite_database, "lin-1", since_ms=OLD_MS, birthday_mmdd=day.month * 100 + day.day)
        for day in (friday, saturday)
    }
    when = {"birthday": {"from_days": 0, "to_days": 0}}
    today = Segment.model_validate({"name": "birthday", "title": "今天生日", "who": when})
    file = push(who={"levels": ["VIP1"], "segment": today})
    async with sqlite_database.write() as tx:
        campaign = await create(tx, file, "staff:owner", NOW_MS, shop_zone=shop_zone)
        seen = await preview(tx, file, NOW_MS, shop_zone=shop_zone)
        assert (await check(tx, campaign, NOW_MS, shop_zone=shop_zone)).reached == seen.recipients == 1
        await start(tx, campaign, NOW_MS, shop_zone=shop_zone)
    await PushPlanning(sqlite_database, lambda: NOW_MS, tell=nobody_hears, shop_zone=shop_zone).carry_on(campaign)
    assert [row.person for row in await rows(sqlite_database)] == [born[friday]]
