"""A contest: terms before the entry, a number for each, one vote a person and none for oneself, the first are told."""

from typing import Any

import pytest
from sqlalchemy import select, update

from customers.merging.merging import merge
from reports.campaigns import progress
from rules.kinds import Kind
from rules.lots import BY_VOTES_APART, Lot, hash_of, hash_with_votes
from scheduler.kinds import draws
from scheduler.kinds.contests import voted_number
from scheduler.kinds.draws import flaws_of
from scheduler.moments.materials import ConsentMark, listed, mark
from scheduler.participants.participants import Guest, Standing
from scheduler.participants.said import Photo
from scheduler.participants.votes import count_votes
from storage.campaign_tables import Participant
from storage.engine import Database
from storage.entry_tables import PrizeWon
from storage.outbox import Content, NewDelivery, plan
from tests.scheduler.kinds import MINUTE_MS, KindShop, campaign, opened
from tests.scheduler.matrix import friends

PART: dict[str, Any] = {
    "theme": "第一件毛衣", "terms": "照片会用在朋友圈里，一人一票。", "entries_until": "+60m",
    "prizes": [{"places": 1, "prize": "围巾"}, {"places": 1, "prize": "挎包"}],
}  # fmt: skip


@pytest.fixture
async def shop(sqlite_database: Database) -> KindShop:
    return await opened(sqlite_database)


async def votes(shop: KindShop, id: int) -> dict[int, int]:
    async with shop.db.read() as connection:
        return dict((await draws.look(connection, id)).votes)


def _nobody_can_count_anew(record: dict[str, Any]) -> None:
    """Other votes with the winners to suit them are not what was hashed at the close; a record of before is good."""
    votes = [{"number": 1, "votes": 1}, {"number": 2, "votes": 9}]
    winners = [{**won, "number": 3 - won["number"]} for won in record["winners"]]
    forged = {**record, "votes": votes, "winners": winners}
    assert flaws_of(forged) == ["entrants"]
    lots = [Lot(one["number"]) for one in record["entrants"]]
    rehashed = {**forged, "entrants_hash": hash_with_votes(lots, {1: 1, 2: 9})}
    assert flaws_of(rehashed, record["entrants_hash"]) == ["closed"]
    before = {**record, "algorithm": BY_VOTES_APART, "entrants_hash": hash_of(lots)}
    assert flaws_of(before) == []


async def test_from_the_file_to_the_report(database: Database) -> None:
    shop = await opened(database)
    people = await friends(shop.db, "lin-1", 7, shop.now_ms)
    id = await shop.starts(campaign("contest", PART))
    await shop.passes(5)
    assert await shop.hears(people[0], "", photo=True) == "terms"
    assert await shop.hears(people[3], "1") is not None  # nothing to vote for yet: it is a wish to take part
    assert await shop.hears(people[0], "同意") == "photo_entered"
    assert await shop.hears(people[1], "我想参加") == "send_photo"  # the terms are in the answer
    assert await shop.hears(people[1], "好的，同意") == "photo_next"  # that it is the photo which counts
    assert await shop.hears(people[1], "不是这件") is None
    assert await shop.hears(people[1], "", photo=True) == "photo_entered"
    assert await shop.hears(people[2], "", photo=True) == "terms"
    assert await shop.hears(people[2], "不同意") == "terms_refused"
    said = [(people[0], "投1号"), (people[0], "2"), (people[1], "一号"), (people[4], "2号"), (people[4], "1"),
            (people[5], "投给1号"), (people[5], "9")]  # fmt: skip
    heard = [await shop.hears(person, words) for person, words in said]
    voted = "voted_entry"
    assert heard == ["own_entry", voted, voted, voted, "vote_changed", voted, "no_such_entry"]
    assert await votes(shop, id) == {1: 3, 2: 1}
    await shop.passes(60, step=20)
    assert await shop.hears(people[6], "", photo=True) == "entries_over"
    assert await shop.hears(people[6], "2") == "voted_entry"
    await shop.passes(60, step=20)
    assert await shop.hears(people[6], "1") is None  # votes are counted
    async with shop.db.write() as tx:
        record = await draws.draw(tx, id, "staff:owner", shop.now_ms)
        prizes = select(PrizeWon.person, PrizeWon.prize).order_by(PrizeWon.place)
        won = [tuple(row) for row in (await tx.execute(prizes)).all()]
    assert won == [(people[0], "围巾"), (people[1], "挎包")]
    assert flaws_of(record) == [] and flaws_of({**record, "votes": []}) == ["entrants", "winners"]
    _nobody_can_count_anew(record)
    await shop.passes(4)
    told = await shop.told()
    assert set(told) == set(people[:2]) and all(len(texts) == 1 for texts in told.values())
    async with shop.db.read() as connection:
        assert (await progress(connection, id))[0]["counts"]["accepted"] >= 2
        materials = {(row.person, row.source.value, row.consent) for row in await listed(connection)}
    assert materials == {
        (people[0], "contest", ConsentMark.GIVEN), (people[1], "contest", ConsentMark.GIVEN),
        (people[2], "contest", ConsentMark.REFUSED),
    }  # fmt: skip
    assert await shop.messages_each() == 2


async def test_a_consent_that_is_taken_back_takes_the_entry_out_at_once(shop: KindShop) -> None:
    people = await friends(shop.db, "lin-1", 3, shop.now_ms)
    id = await shop.starts(campaign("contest", PART))
    await shop.passes(5)
    for person in people[:2]:
        await shop.hears(person, "参加")
        await shop.hears(person, "", photo=True)
    await shop.hears(people[2], "1")
    async with shop.db.write() as tx:
        first = next(row.id for row in await listed(tx) if row.person == people[0])
        await mark(tx, first, ConsentMark.REFUSED, by="staff:owner", now_ms=shop.now_ms)
    assert await votes(shop, id) == {2: 0}
    assert await shop.hears(people[2], "1") == "no_such_entry"


async def test_one_person_on_two_accounts_has_one_vote_and_a_vote_for_oneself_goes_when_two_are_one(
    shop: KindShop,
) -> None:
    people = await friends(shop.db, "lin-1", 5, shop.now_ms)
    id = await shop.starts(campaign("contest", PART))
    await shop.passes(5)
    for person in people[:2]:
        await shop.hears(person, "参加")
        await shop.hears(person, "", photo=True)
    for person in people[2:]:
        await shop.hears(person, "1")
    await shop.hears(people[1], "1")
    assert await votes(shop, id) == {1: 4, 2: 0}
    async with shop.db.write() as tx:
        await merge(tx, people[2], people[3], "word", "staff:owner", shop.now_ms)
        assert [one.votes for one in await count_votes(tx, id, ["1"])] == [3]
        await merge(tx, people[1], people[4], "word", "staff:owner", shop.now_ms)
    assert (await votes(shop, id))[1] == 2
    await shop.is_staff(people[2])
    assert (await votes(shop, id))[1] == 1


async def test_only_words_on_the_terms_agree_to_them_and_nothing_that_a_person_is_answered_with(shop: KindShop) -> None:
    people = await friends(shop.db, "lin-1", 3, shop.now_ms)
    await shop.starts(campaign("contest", PART))
    await shop.passes(5)
    for person in people[:2]:
        await shop.hears(person, "", photo=True)
    assert await shop.hears(people[0], "好的") == "photo_entered"
    shop.now_ms += 40 * MINUTE_MS
    assert await shop.hears(people[1], "好的") is None  # said to something else by now
    assert await shop.hears(people[1], "同意") == "photo_entered"
    async with shop.db.write() as tx:
        held = Guest(people[2], "lin-1", f"wx{people[2]}")
        photo = Photo("m-held", "花花")
        assert await shop.answers.hear(tx, held, "", 90, shop.now_ms, photo=photo, unheard=True) is None
        voted = await shop.answers.hear(tx, held, "1", 91, shop.now_ms, unheard=True)
    assert voted is not None and voted.outcome == "voted_entry"


async def test_a_picture_of_something_else_is_no_entry(shop: KindShop) -> None:
    people = await friends(shop.db, "lin-1", 2, shop.now_ms)
    await shop.starts(campaign("contest", PART))
    await shop.passes(5)
    async with shop.db.write() as tx:
        for person in people:
            answer = NewDelivery(
                kind=Kind.REPLY, account="lin-1", to=f"wx{person}", person=person, content=Content(text="拍我看看"),
                key=f"reply:{person}", due_ms=shop.now_ms, source="inbox:7:angry",
            )  # fmt: skip
            await plan(tx, [answer], now_ms=shop.now_ms)
    assert await shop.hears(people[0], "", photo=True) is None
    assert await shop.hears(people[1], "参加") == "send_photo"
    assert await shop.hears(people[1], "", photo=True) == "photo_entered"


async def test_a_new_photo_takes_the_place_of_the_old_and_keeps_the_number(shop: KindShop) -> None:
    person = (await friends(shop.db, "lin-1", 1, shop.now_ms))[0]
    await shop.starts(campaign("contest", PART))
    await shop.passes(5)
    await shop.hears(person, "参加")
    first = await shop.says(person, "", photo=True)
    second = await shop.says(person, "", photo=True)
    assert first is not None and second is not None
    assert (first.outcome, second.outcome) == ("photo_entered", "photo_replaced")
    assert first.values["number"] == second.values["number"] == "1"
    shop.now_ms += MINUTE_MS
    assert await shop.hears(person, "算了") == "withdrawn"
    assert await shop.hears(person, "", photo=True) == "terms"


@pytest.mark.parametrize(
    ("plain", "number"),
    [("3", 3), ("投3号", 3), ("我要投给12号", 12), ("三号", 3), ("十二号", 12), ("支持20号作品", 20), ("第5", 5),
     ("3件", None), ("多少号", None), ("3号什么时候发货", None), ("十", 10), ("", None)],
)  # fmt: skip
def test_a_vote_is_a_whole_message(plain: str, number: int | None) -> None:
    assert voted_number(plain) == number


async def test_a_vote_for_oneself_that_was_no_vote_takes_no_honest_one_with_it(shop: KindShop) -> None:
    people = await friends(shop.db, "lin-1", 2, shop.now_ms)
    id = await shop.starts(campaign("contest", PART))
    await shop.passes(5)
    await shop.hears(people[0], "参加")
    await shop.hears(people[0], "", photo=True)
    await shop.hears(people[1], "1")
    declined = {"state": Standing.DECLINED.value, "choice": "1"}  # as a merge leaves it
    async with shop.db.write() as tx:
        await tx.execute(update(Participant).where(Participant.person == people[0]).values(declined))
    assert await votes(shop, id) == {1: 1}
