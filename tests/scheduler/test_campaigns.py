"""A campaign from its file to its end: phases in their time, answers counted once, places and promises kept."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.pacing import DAY_MS
from scheduler.campaign_files.campaign_file import CampaignFile, campaign_of, campaign_spec
from scheduler.campaign_files.campaign_files import load_campaigns
from scheduler.campaigns import campaigns, steering
from scheduler.campaigns.campaign_answers import Answered, CampaignAnswers
from scheduler.campaigns.phases import Phases
from scheduler.errors import CampaignRefused
from scheduler.participants.participants import TRANSITIONS, Answer, Guest, Standing, counted, places_held, settle
from scheduler.participants.said import Photo
from scheduler.phase_state import PHASE_MOVES, PhaseState
from scheduler.push_events import CampaignEvent
from scheduler.pushes.push_planning import PushPlanning
from scheduler.pushes.push_progress import advance, due_campaigns
from storage.campaign_tables import Campaign, Participant, Phase, Post
from storage.engine import Database
from storage.order_tables import ImportBatch, Order
from storage.tables import Person
from tests.scheduler.matrix import ZONE, account, friends, rows
from tests.scheduler.matrix import settle as sent
from tests.virtual_time import START

NOW_MS = round(START.timestamp() * 1000)  # Saturday 10:00 in Shanghai
MINUTE_MS = 60_000


def campaign(**more: Any) -> CampaignFile:
    file = {
        "name": "double-eleven",
        "title": "双十一",
        "items": ["大衣"],
        "offer": "再减 50",
        "gift": "发带",
        "join": {"how": "回复 1"},
        "from": "+8m",
        "until": "+90m",
        "who": {"levels": ["VIP1"]},
        "phases": [
            {"kind": "warm_up", "at": "-7m", "post": {"kind": "opinion", "text": "先挑再说"}},
            {"kind": "push", "at": "0m", "until": "+50m", "words": {"default": "{{ offer }}，{{ join }}"}},
            {"kind": "reminder", "at": "+55m", "words": {"default": "给你留着{{ gift }}，到{{ ends }}"}},
            {"kind": "thanks", "at": "+95m", "words": {"default": "收到单了"}},
        ],
        **more,
    }
    return CampaignFile.model_validate(file)


class Shop:
    """A campaign under way, with a clock that is moved by hand and phones that take what is due."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.now_ms = NOW_MS
        self.heard: list[CampaignEvent] = []
        self.phases = Phases(tell=self._tell, shop_zone=ZONE)
        self.answers = CampaignAnswers(ZONE)
        self.arrivals = 0

    async def _tell(self, tx: AsyncConnection, event: CampaignEvent, now_ms: int) -> None:
        self.heard.append(event)

    async def starts(self, file: CampaignFile) -> int:
        async with self.db.write() as tx:
            id = await campaigns.create(tx, file, "staff:owner", self.now_ms, shop_zone=ZONE)
            await campaigns.start(tx, id, self.now_ms, shop_zone=ZONE)
        return id

    async def tick(self) -> None:
        """What the planner does; then everything due is accepted by the gateways."""
        for _ in range(2):
            async with self.db.read() as connection:
                due = await self.phases.due(connection, self.now_ms)
            if due:
                async with self.db.write() as tx:
                    await self.phases.act(tx, self.now_ms)
            planning = PushPlanning(self.db, lambda: self.now_ms, tell=self._tell, shop_zone=ZONE)
            async with self.db.read() as connection:
                open_ones = (await connection.scalars(select(Campaign.id).where(Campaign.parent.is_not(None)))).all()
            for id in open_ones:
                await planning.carry_on(id)
            await self._send()
            async with self.db.write() as tx:
                for id in await due_campaigns(tx, self.now_ms):
                    await advance(tx, id, self.now_ms)

    async def _send(self) -> None:
        waiting = await rows(self.db, state="pending")
        due = [row.key for row in waiting if row.due_ms <= self.now_ms]
        async with self.db.read() as connection:
            paused = set((await connection.scalars(select(Campaign.id).where(Campaign.state != "running"))).all())
        await sent(
            self.db,
            [row.key for row in waiting if row.key in due and row.campaign not in paused],
            "accepted",
            self.now_ms,
        )

    async def passes(self, minutes: int, step: int = 1) -> None:
        for _ in range(0, minutes, step):
            self.now_ms += step * MINUTE_MS
            await self.tick()

    async def says(self, person: int, text: str, *, photo: bool = False, account: str = "lin-1") -> Answered | None:
        self.arrivals += 1
        async with self.db.write() as tx:
            guest = Guest(person, account, f"wx{person}")
            picture = Photo(f"m{self.arrivals}", "花花") if photo else None
            return await self.answers.hear(tx, guest, text, self.arrivals, self.now_ms, photo=picture)

    async def counts(self, id: int) -> dict[str, int]:
        async with self.db.read() as connection:
            return {state: number for state, number in (await counted(connection, id)).items() if number}

    async def state(self, id: int) -> str:
        async with self.db.read() as connection:
            return (await connection.execute(select(Campaign.state).where(Campaign.id == id))).scalar_one()

    async def phase_states(self, id: int) -> dict[str, str]:
        async with self.db.read() as connection:
            found = await connection.execute(select(Phase.name, Phase.state).where(Phase.campaign == id))
            return {row.name: row.state for row in found.all()}


async def test_a_campaign_runs_from_warm_up_to_thanks(database: Database) -> None:
    await account(database, "lin-1")
    await account(database, "xiaoyu-1", role="acquisition")
    people = await friends(database, "lin-1", 4, NOW_MS)
    shop = Shop(database)
    id = await shop.starts(campaign())
    await shop.passes(10, step=2)
    async with database.read() as connection:
        posts = (await connection.execute(select(Post.account, Post.text))).all()
    assert [tuple(post) for post in posts] == [("lin-1", "先挑再说")]
    assert {row.person for row in await rows(database, kind="campaign_push")} == set(people)
    assert await shop.counts(id) == {"invited": 4}
    assert (await shop.says(people[0], "1！")).outcome == "yes"  # type: ignore[union-attr]
    assert (await shop.says(people[1], "我要报名～")).outcome == "yes"  # type: ignore[union-attr]
    assert (await shop.says(people[2], "不要")).outcome == "declined"  # type: ignore[union-attr]
    await shop.passes(60, step=5)
    assert {row.person for row in await rows(database, kind="reminder")} == set(people[:2])
    async with database.write() as tx:
        await _bought(tx, people[0], "羊毛大衣", shop.now_ms)
    await shop.passes(40, step=5)
    assert {row.person for row in await rows(database, kind="thanks")} == {people[0]}
    shop.now_ms += 2 * DAY_MS
    await shop.tick()
    assert await shop.state(id) == "finished"
    assert await shop.counts(id) == {"invited": 1, "declined": 1, "kept": 1, "broken": 1}
    async with database.read() as connection:
        promises = select(Person.id, Person.kept_promises, Person.broken_promises).order_by(Person.id).limit(2)
        assert [tuple(row) for row in (await connection.execute(promises)).all()] == [
            (people[0], 1, 0),
            (people[1], 0, 1),
        ]
    assert set((await shop.phase_states(id)).values()) == {"done"}


async def test_what_is_done_twice_happens_once(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 3, NOW_MS)
    shop = Shop(database)
    await shop.starts(campaign())
    await shop.passes(10, step=2)
    async with database.write() as tx:  # a process that died before it wrote down that it was through
        await shop.phases.act(tx, shop.now_ms)
        await shop.phases.act(tx, shop.now_ms)
    assert len(await rows(database, kind="campaign_push")) == 3
    assert len(await rows(database, kind="moment")) == 1


async def test_a_phase_that_comes_too_late_is_skipped_with_its_reason_and_the_next_goes_on(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 3, NOW_MS)
    shop = Shop(database)
    id = await shop.starts(campaign())
    shop.now_ms += 60 * MINUTE_MS  # the computer slept: 11:00, the push was good until 10:58
    await shop.tick()
    assert (await shop.phase_states(id))["push"] == "skipped"
    assert await rows(database, kind="campaign_push") == []
    assert [event.what for event in shop.heard][:1] == ["phase_skipped"]
    async with database.read() as connection:
        reason = await connection.scalar(select(Phase.reason).where(Phase.name == "push"))
    assert reason == "too_late"


async def test_a_paused_campaign_starts_no_phase_and_a_cancelled_one_never_does(database: Database) -> None:
    await account(database, "lin-1")
    people = await friends(database, "lin-1", 3, NOW_MS)
    shop = Shop(database)
    id = await shop.starts(campaign())
    await shop.passes(10, step=2)
    await shop.says(people[0], "要")
    async with database.write() as tx:
        await steering.pause(tx, id, shop.now_ms)
    await shop.passes(55, step=5)
    assert (await shop.phase_states(id))["reminder"] == "waiting"
    async with database.write() as tx:
        await steering.resume(tx, id, shop.now_ms)
    await shop.tick()
    assert [row.person for row in await rows(database, kind="reminder")] == people[:1]
    async with database.write() as tx:
        await steering.cancel(tx, id, shop.now_ms)
    await shop.passes(60, step=20)
    assert await rows(database, kind="thanks") == []
    assert await shop.state(id) == "cancelled"
    assert (await shop.phase_states(id))["thanks"] == "cancelled"


async def test_cancelling_in_the_middle_of_a_push_skips_what_has_not_left(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 5, NOW_MS)
    shop = Shop(database)
    id = await shop.starts(campaign())
    shop.now_ms += 8 * MINUTE_MS
    async with database.write() as tx:
        await shop.phases.act(tx, shop.now_ms)
        child = await tx.scalar(select(Phase.child).where(Phase.name == "push"))
    await PushPlanning(database, lambda: shop.now_ms, tell=shop._tell).carry_on(child or 0)
    async with database.write() as tx:
        assert (await steering.cancel(tx, id, shop.now_ms)).waiting == 5
    assert {(row.state, row.reason) for row in await rows(database, kind="campaign_push")} == {("skipped", "cancelled")}


async def test_only_those_who_were_asked_are_heard_unless_it_is_open(database: Database) -> None:
    await account(database, "lin-1")
    people = await friends(database, "lin-1", 2, NOW_MS)
    shop = Shop(database)
    id = await shop.starts(campaign())
    assert await shop.says(people[0], "1") is None  # the push has not left
    await shop.passes(10, step=2)
    stranger = (await friends(database, "lin-1", 1, NOW_MS, level="VIP2"))[0]
    assert await shop.says(stranger, "1") is None
    assert (await shop.says(people[0], "1")) is not None
    for words in ("1件大衣多少钱", "在吗", "我要退货", ""):
        assert await shop.says(people[1], words) is None
    shop.now_ms += DAY_MS
    assert await shop.says(people[1], "1") is None  # it is over
    assert (await shop.counts(id))["yes"] == 1
    open_to_all = campaign(name="open", join={"how": "回复 1", "open": True}, who={"levels": ["VIP2"]})
    await shop.starts(open_to_all)
    assert (await shop.says(stranger, "参加")) is not None


async def test_a_yes_counts_once_and_is_taken_back_and_given_again(database: Database) -> None:
    await account(database, "lin-1")
    person = (await friends(database, "lin-1", 1, NOW_MS))[0]
    shop = Shop(database)
    id = await shop.starts(campaign())
    await shop.passes(10, step=2)
    said = [(await shop.says(person, words)) for words in ("1", "+1", "算了", "不要", "报名")]
    assert [answered.outcome for answered in said if answered] == ["yes", "again", "withdrawn", "declined", "yes"]
    assert await shop.counts(id) == {"yes": 1}


async def test_of_two_that_ask_the_one_that_wrote_last_is_meant(database: Database) -> None:
    await account(database, "lin-1")
    person = (await friends(database, "lin-1", 1, NOW_MS))[0]
    shop = Shop(database)
    first = await shop.starts(campaign())
    await shop.passes(10, step=2)
    async with database.write() as tx:
        await tx.execute(update(Person).values(last_push_ms=None))
    second = await shop.starts(campaign(name="second", **{"from": "+1m"}, phases=[
        {"kind": "push", "at": "0m", "words": {"default": "再问一次，回复 1"}}]))  # fmt: skip
    await shop.passes(3)
    await shop.says(person, "1")
    assert (await shop.counts(second), await shop.counts(first)) == ({"yes": 1}, {"invited": 1})


async def test_a_vote_is_heard_by_name_or_number_and_may_change(database: Database) -> None:
    await account(database, "lin-1")
    person = (await friends(database, "lin-1", 1, NOW_MS))[0]
    shop = Shop(database)
    await shop.starts(campaign(join={"how": "回复号码", "choices": ["燕麦色", "酒红"]}))
    await shop.passes(10, step=2)

    async def choice() -> str | None:
        async with database.read() as connection:
            return await connection.scalar(select(Participant.choice))

    assert await shop.says(person, "3") is None
    await shop.says(person, "2")
    assert await choice() == "酒红"
    await shop.says(person, "燕麦色！")
    assert await choice() == "燕麦色"


async def test_a_photo_is_a_yes_only_where_one_is_asked_for(database: Database) -> None:
    await account(database, "lin-1")
    person = (await friends(database, "lin-1", 1, NOW_MS))[0]
    shop = Shop(database)
    await shop.starts(campaign())
    await shop.passes(10, step=2)
    assert await shop.says(person, "", photo=True) is None
    async with database.write() as tx:
        await tx.execute(update(Person).values(last_push_ms=None))
    await shop.starts(campaign(name="contest", join={"how": "发一张照片", "photo": True}, **{"from": "+1m"}, phases=[
        {"kind": "push", "at": "0m", "words": {"default": "发照片"}}]))  # fmt: skip
    await shop.passes(3)
    assert (await shop.says(person, "", photo=True)) is not None


async def test_full_means_a_queue_those_who_keep_their_word_first(database: Database) -> None:
    await account(database, "lin-1")
    people = await friends(database, "lin-1", 6, NOW_MS)
    async with database.write() as tx:
        await tx.execute(update(Person).where(Person.id == people[5]).values(kept_promises=3))
        await tx.execute(update(Person).where(Person.id == people[3]).values(broken_promises=2))
    shop = Shop(database)
    id = await shop.starts(campaign(stock={"units": 2, "per_person": 1}))  # 2 fit, 3 are promised
    await shop.passes(10, step=2)
    outcomes = [(await shop.says(person, "1")).outcome for person in people]  # type: ignore[union-attr]
    assert outcomes == ["promised"] * 3 + ["waiting"] * 3
    up = []
    for person in people[:3]:
        left = await shop.says(person, "算了")
        assert left is not None and left.outcome == "withdrawn"
        up += [guest.person for guest in left.moved_up]
    assert up == [people[5], people[4], people[3]]
    assert await shop.counts(id) == {"declined": 3, "promised": 3}


async def test_invited_are_as_many_as_fill_the_places_and_no_more(database: Database) -> None:
    await account(database, "lin-1")
    people = await friends(database, "lin-1", 12, NOW_MS)
    async with database.write() as tx:
        await tx.execute(update(Person).where(Person.id == people[0]).values(broken_promises=3))
    file = campaign(stock={"units": 2, "per_person": 1, "yes_rate": 0.5})  # 3 promised ÷ 0.5
    async with database.read() as connection:
        seen = await campaigns.preview(connection, file, NOW_MS, shop_zone=ZONE)
    assert (seen.promised, seen.invited, seen.recipients) == (3, 6, 6)
    shop = Shop(database)
    await shop.starts(file)
    await shop.passes(10, step=2)
    asked = {row.person for row in await rows(database, kind="campaign_push")}
    assert len(asked) == 6 and people[0] not in asked


async def test_staff_say_who_came_and_correct_themselves(database: Database) -> None:
    await account(database, "lin-1")
    person = (await friends(database, "lin-1", 1, NOW_MS))[0]
    shop = Shop(database)
    id = await shop.starts(campaign())
    await shop.passes(10, step=2)
    await shop.says(person, "1")

    async def promises(answer: Answer) -> tuple[int, int]:
        async with database.write() as tx:
            await settle(tx, id, [person], answer, "staff:owner", shop.now_ms)
            found = (await tx.execute(select(Person.kept_promises, Person.broken_promises))).one()
        return found.kept_promises, found.broken_promises

    assert await promises(Answer.STAYED_AWAY) == (0, 1)
    assert await promises(Answer.CAME) == (1, 0)
    assert await promises(Answer.CAME) == (1, 0)


@pytest.mark.parametrize(
    ("migrated_url", "seed"),
    [*(("sqlite", seed) for seed in range(6)), *(("postgresql", seed) for seed in (6, 7))],
    indirect=["migrated_url"],
)
async def test_whatever_people_say_promises_stay_within_the_places_and_add_up(database: Database, seed: int) -> None:
    """Any order of yes, no, came and stayed away: never more places than promised, nobody waits beside a free one."""
    await account(database, "lin-1")
    people = await friends(database, "lin-1", 7, NOW_MS)
    shop = Shop(database)
    id = await shop.starts(campaign(stock={"units": 3, "per_person": 1}))  # 4 promised
    await shop.passes(10, step=2)
    roll = Random(seed)
    for _ in range(60):
        person, act = roll.choice(people), roll.random()
        if act < 0.8:
            await shop.says(person, "1" if act < 0.5 else "算了")
        else:
            async with database.write() as tx:
                await settle(tx, id, [person], roll.choice((Answer.CAME, Answer.STAYED_AWAY)), "staff", shop.now_ms)
        async with database.read() as connection:
            held = await places_held(connection, id)
            totals = (await connection.execute(
                select(func.sum(Person.kept_promises), func.sum(Person.broken_promises),
                       func.min(Person.kept_promises), func.min(Person.broken_promises))
            )).one()  # fmt: skip
            came = select(func.count()).where(Participant.state == "kept", Participant.answered_ms.is_not(None))
            kept = await connection.scalar(came) or 0
        numbers = await shop.counts(id)
        assert sum(numbers.values()) == 7
        assert numbers.get("promised", 0) <= 4
        assert (int(totals[0]), int(totals[1])) == (kept, numbers.get("broken", 0))
        assert totals[2] >= 0 and totals[3] >= 0
        assert held <= 4 + kept  # whoever came from the queue took nobody's place


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"until": "-1h"}, "结束不能早于开始"),
        ({"from": "2026-11-01 10:00", "until": "2026-11-02 10:00"}, "已经过去"),
        ({"from": "2026-11-21 22:00", "until": "2026-11-21 23:50"}, "免打扰"),
        ({"who": {"levels": ["VIP3"]}}, "一个人都发不到"),
    ],
)
async def test_what_can_not_work_is_said_before_the_start(
    database: Database, change: dict[str, Any], words: str
) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 2, NOW_MS)
    with pytest.raises(CampaignRefused) as refused:
        await Shop(database).starts(campaign(**change))
    assert words in refused.value.message and "push：" not in refused.value.message
    assert await rows(database) == []


async def test_two_campaigns_that_want_the_same_people_are_told_apart_with_how_many(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 4, NOW_MS)
    shop = Shop(database)
    await shop.starts(campaign())
    later = campaign(name="later", title="感恩季", **{"from": "+3d 12:00", "until": "+1d 12:00"})
    async with database.read() as connection:
        seen = await campaigns.preview(connection, later, NOW_MS, shop_zone=ZONE)
    assert any("“双十一”（推送，" in words and "4 个人" in words for words in seen.doubts)
    far = campaign(name="far", **{"from": "+9d 12:00", "until": "+1d 12:00"})
    async with database.read() as connection:
        assert (await campaigns.preview(connection, far, NOW_MS, shop_zone=ZONE)).doubts == ()


async def test_an_override_reaches_people_who_had_a_push_this_week(database: Database) -> None:
    await account(database, "lin-1")
    people = await friends(database, "lin-1", 2, NOW_MS)
    shop = Shop(database)
    id = await shop.starts(campaign())
    async with database.write() as tx:
        await tx.execute(update(Person).where(Person.id == people[0]).values(last_push_ms=NOW_MS - DAY_MS))
        await campaigns.override_weekly(tx, id, NOW_MS)
    await shop.passes(10, step=2)
    assert {row.person for row in await rows(database, kind="campaign_push")} == set(people)


def test_a_campaign_is_the_same_after_it_stood_in_its_row() -> None:
    file = campaign(stock={"units": 5, "factor": 1.3, "yes_rate": 0.2}, answers={"yes": "好"})
    assert campaign_of(campaign_spec(file)) == file


def test_mistakes_of_a_file_have_their_places(tmp_path: Path) -> None:
    """Reversed and overlapping phases, a name nobody has, a missing picture, too many follow-ups."""
    text = """
name: bad
title: 坏的
items: [大衣]
offer: 减
gift: 无
join: {how: 回复 1}
from: +1d 10:00
until: +1d 22:00
who: {levels: [VIP1, gold]}
phases:
  - {kind: push, at: 0m, until: +3h, words: {default: "{{ call_me }} {{ colour }}"}}
  - {kind: warm_up, at: +1h, post: {text: 早, media: missing.jpg}}
"""
    (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")
    _, mistakes = load_campaigns(tmp_path, NOW_MS, ZONE, levels={"VIP1"}, media=tmp_path)
    places = {(mistake.line, mistake.reason) for mistake in mistakes}
    assert {line for line, _ in places} == {10, 12, 13}
    assert any("colour" in reason for _, reason in places)
    assert any("missing.jpg" in reason for _, reason in places)
    assert any("“预热”排在“推送”前面" in reason for _, reason in places)
    third = "  - {kind: thanks, name: NAME, at: +AFTERh, words: {default: 谢谢}}\n"
    for after, name in enumerate(("one", "two", "three"), start=5):
        text += third.replace("NAME", name).replace("AFTER", str(after))
    (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")
    _, mistakes = load_campaigns(tmp_path, NOW_MS, ZONE)
    assert any("最多两条" in mistake.reason for mistake in mistakes)


def test_the_committed_double_eleven_is_in_order() -> None:
    found, mistakes = load_campaigns(Path("campaigns"), NOW_MS, ZONE, media=Path("media"))
    assert [str(mistake) for mistake in mistakes] == []
    assert {phase.kind.value for phase in found["double-eleven"].phases} == {"warm_up", "push", "reminder", "thanks"}


def test_every_standing_can_be_reached_and_every_phase_ends() -> None:
    reached = {Standing.INVITED} | {to for moves in TRANSITIONS.values() for after in moves.values() for to in after}
    assert reached == set(Standing) == set(TRANSITIONS)
    assert set(PHASE_MOVES) == set(PhaseState)
    assert all(after or state in (PhaseState.DONE, PhaseState.SKIPPED, PhaseState.CANCELLED)
               for state, after in PHASE_MOVES.items())  # fmt: skip


async def _bought(tx: AsyncConnection, person: int, title: str, at_ms: int) -> None:
    batch = {"kind": "orders", "files": [], "counts": {}, "created_ms": at_ms, "finished_ms": at_ms}
    id = (await tx.execute(insert(ImportBatch).values(batch).returning(ImportBatch.id))).scalar_one()
    row = {
        "number": f"o{person}", "member_name": "hua", "person": person, "status": "paid", "paid_fen": 100,
        "items": title, "created_ms": at_ms, "paid_ms": at_ms, "batch": id,
    }  # fmt: skip
    await tx.execute(insert(Order).values(row))


async def test_two_who_begin_the_same_campaign_at_once_begin_one(database: Database) -> None:
    """Both looked when neither had begun; begun twice its posts would be seen twice. Once over, it may come again."""
    await account(database, "lin-1")
    await friends(database, "lin-1", 2, NOW_MS)
    shop = Shop(database)
    async with database.read() as connection:
        seen = await campaigns.preview(connection, campaign(), NOW_MS, shop_zone=ZONE)

    async def begin(by: str) -> int:
        async with database.write() as tx:
            id = await campaigns.create(tx, campaign(), by, NOW_MS, shop_zone=ZONE, seen=seen)
            await campaigns.start(tx, id, NOW_MS, shop_zone=ZONE)
        return id

    ended = await asyncio.gather(*map(begin, ("staff:owner", "staff:mei", "cli")), return_exceptions=True)
    [first] = [one for one in ended if isinstance(one, int)]
    refused = [one for one in ended if isinstance(one, CampaignRefused)]
    assert len(refused) == 2 and all(f"已经在进行（#{first}）" in str(one) for one in refused)
    async with database.read() as connection:
        again = await campaigns.preview(connection, campaign(), NOW_MS, shop_zone=ZONE)
        assert (await connection.scalars(select(Campaign.id).where(Campaign.kind == "campaign"))).all() == [first]
    assert any("已经在进行" in words for words in again.wrong)
    async with database.write() as tx:
        await steering.cancel(tx, first, NOW_MS)
    assert await begin("staff:owner") and await shop.state(first) == "cancelled"
