"""What somebody says to a campaign that asks: yes, no, a choice, a photo; counted once, and answered."""

import re
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from scheduler.campaign_files.campaign_file import CampaignFile, campaign_of
from scheduler.campaign_files.campaign_pushes import values_of
from scheduler.campaign_files.campaign_timeline import Timeline, timeline
from scheduler.kinds.entries import withdraw
from scheduler.kinds.kind_answers import hear_kind, keep_photo
from scheduler.look import SHOP_ZONE
from scheduler.participants.participants import (
    SAID_YES,
    Guest,
    Standing,
    move_up,
    say_no,
    say_yes,
    standing_of,
)
from scheduler.participants.said import Photo, Said
from scheduler.participants.votes import read_choice
from storage import statements
from storage.ahead import Ahead
from storage.campaign_tables import CAMPAIGN, Campaign
from storage.outbox import MAY_HAVE_LEFT
from storage.statements import both, rows_of
from storage.tables import Delivery, Person
from texts.catalogue import say

LONGEST = 20
"""Characters of an answer; who writes more says something else. Ours."""
_ASKS = both(f"SELECT id FROM campaigns WHERE kind = '{CAMPAIGN}' AND state IN ('running', 'paused') ORDER BY id")
_YES = frozenset({
    "1", "+1", "要", "我要", "要的", "参加", "我参加", "我要参加", "我想参加", "想参加", "报名", "我报名",
    "我要报名", "我想报名", "算我一个", "加我一个", "yes", "来", "我来", "我来我来", "要要要", "我要我要", "有我",
    "带我", "留我一个", "给我留一个", "给我留一份",
})  # fmt: skip
_NO = frozenset({
    "不要", "我不要", "不用", "不参加", "不参加了", "我不参加", "不来", "不来了", "不去了", "不要了", "不用了", "算了",
    "取消报名", "no", "这次算了", "这次不要", "这次不要了", "这次不参加", "这次不参加了", "下次吧", "下次", "不了",
})  # fmt: skip
_NOT_SAID = re.compile(r"[^0-9a-z+\u3400-\u9fff]+")
_AFTER = re.compile(r"(?:谢谢|多谢|吧|哦|喔|哈|呀|啊|呢|嘛|啦|哒|噢|亲)+$")


class Meaning(StrEnum):
    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Read:
    """What the words say to one campaign. `choice`: of its vote."""

    meaning: Meaning
    choice: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What was understood, and the template of what to say back. `told`: who has a place now, and their template.

    `notice`: staff hear of it, in words scheduler.event.<notice>. `coupons`: the pool of the codes that a template may
    name.
    """

    campaign: int
    title: str
    outcome: str  # yes | promised | waiting | declined | withdrawn | again, or what a kind's own ears heard
    template: str
    until_ms: int
    values: dict[str, str]
    moved_up: tuple[Guest, ...] = ()
    told: str = ""
    notice: str = ""
    coupons: str | None = None
    pictures: tuple[str, ...] = ()


def read_answer(text: str, campaign: CampaignFile) -> Read | None:
    """What a whole message means to that campaign; None for anything that is no answer."""
    plain = _core(text)
    if not plain or len(plain) > LONGEST:
        return None
    folded = {_core(choice): choice for choice in campaign.join.choices}
    if (chosen := read_choice(plain, list(folded))) is not None:
        return Read(Meaning.YES, folded[chosen])
    if plain in _NO:
        return Read(Meaning.NO)
    if campaign.join.choices and plain.isdigit():
        return None  # a number that is none of the choices
    if plain in _YES or plain in {_core(word) for word in campaign.join.words}:
        return Read(Meaning.YES)
    return None


class CampaignAnswers:
    """Hears what may be an answer. What a campaign is never changes once it was started: it is read once."""

    def __init__(self, shop_zone: str = SHOP_ZONE) -> None:
        self._zone = shop_zone
        self._known: dict[int, tuple[CampaignFile, Timeline, str]] = {}

    async def hear(
        self, tx: AsyncConnection, guest: Guest, text: str, arrival: int, now_ms: int, *, photo: Photo | None = None,
        unheard: bool = False,
    ) -> Answered | None:  # fmt: skip
        """Count an answer of `guest`; None when it is none, or nobody asked them. `text` '' for a photo. `unheard`: a
        person looks after them, and nothing would be said back.

        Of several campaigns that ask, the one that wrote to them last is meant.
        """
        if photo is None and (not text or len(text) > 2 * LONGEST):
            return None
        running = [row[0] for row in await rows_of(tx, _ASKS, {})]
        if not running:
            return None
        said = Said(guest, text, _core(text), arrival, now_ms, photo=photo, unheard=unheard)
        for id in await self._asking(tx, guest.person, running, now_ms):
            answered = await self._hear_one(tx, id, said)
            if answered is not None:
                return answered
        return None

    async def _hear_one(self, tx: AsyncConnection, id: int, said: Said) -> Answered | None:
        file, line, _ = self._known[id]
        read = (Read(Meaning.YES) if file.join.photo else None) if said.photo else read_answer(said.text, file)
        meaning = None if read is None else read.meaning
        said = replace(said, yes=meaning is Meaning.YES, no=meaning is Meaning.NO)
        heard = await hear_kind(tx, id, file, line, self._zone, said)
        if heard is not None:
            answered = self._answered(id, heard.outcome)
            values = {**answered.values, **heard.values}
            return replace(answered, values=values, notice=heard.notice, pictures=heard.pictures)
        if read is None:
            return None
        if read.meaning is Meaning.NO:
            return await self._no(tx, id, said)
        answered = await self._yes(tx, id, said, read.choice)
        own = {"choice": read.choice or "", **await self._offered(tx, id, said.guest.person)}
        return replace(answered, values={**answered.values, **own})

    async def _offered(self, tx: AsyncConnection, id: int, person: int) -> dict[str, str]:
        """What the step that wrote to them offered, where that was another thing than the campaign does."""
        file = self._known[id][0]
        if not any(phase.offer or phase.gift for phase in file.phases):
            return {}
        names = (await tx.scalars(_BY_WHICH, {"person": person, "campaign": id})).all()
        asked = next((phase for name in names if name and (phase := file.phase(name)).asks), None)
        own = {} if asked is None else {"offer": asked.offer, "gift": asked.gift}
        return {name: words for name, words in own.items() if words is not None}

    async def _yes(self, tx: AsyncConnection, id: int, said: Said, choice: str | None) -> Answered:
        file = self._known[id][0]
        before = await standing_of(tx, id, said.guest.person)
        more: dict[str, Any] = {} if choice is None else {"choice": choice}
        if said.photo is not None:
            more["material"] = await keep_photo(tx, said)
        limit = file.stock.places if file.stock else None
        first = {"arrival": said.arrival} if before is None else {}
        after = await say_yes(tx, id, said.guest, limit, said.now_ms, **more, **first)
        repeated = before is after and not (choice is not None)
        return self._answered(id, "again" if repeated else after.value)

    async def _no(self, tx: AsyncConnection, id: int, said: Said) -> Answered | None:
        before = await say_no(tx, id, said.guest, said.now_ms, arrival=said.arrival)
        if before is None or before in (Standing.KEPT, Standing.BROKEN):
            return None
        await withdraw(tx, id, said.guest.person, said.now_ms)
        file = self._known[id][0]
        up = await move_up(tx, id, file.stock.places, said.now_ms) if file.stock and before is Standing.PROMISED else []
        return self._answered(id, "withdrawn" if before in SAID_YES else "declined", up)

    def _answered(self, id: int, outcome: str, moved_up: list[Guest] | None = None) -> Answered:
        file, line, title = self._known[id]
        words = file.answers
        key = "yes" if outcome in ("promised", "voted") else outcome
        default = _default(outcome if outcome == "voted" else key)
        return Answered(
            id, title, outcome, getattr(words, key, None) or default, line.until_ms, values_of(file),
            tuple(moved_up or ()), words.moved_up or _default("moved_up"),
            coupons=file.coupons,
        )  # fmt: skip

    async def _asking(self, tx: AsyncConnection, person: int, running: list[int], now_ms: int) -> list[int]:
        """Campaigns that this person may answer, the one that wrote last first."""
        for id in running:
            if id not in self._known:
                row = (await tx.execute(_SPEC, {"id": id})).one()
                file = campaign_of(row.spec)
                self._known[id] = file, timeline(file, row.starts_ms, self._zone), row.title
        self._known = {id: known for id, known in self._known.items() if id in running}
        wrote = {row.parent: row.sent_ms for row in (await tx.execute(_WROTE, {"person": person})).all()}
        open_ones = [id for id in running if self._known[id][0].join.open and id not in wrote]
        if open_ones:
            level = await tx.scalar(_LEVEL, {"person": person})
            wrote |= {id: 0 for id in open_ones if level in self._known[id][0].who.levels}
        asking = [id for id in running if id in wrote and now_ms <= self._known[id][1].until_ms]
        return sorted(asking, key=lambda id: (-wrote[id], -id))


async def read_ahead(tx: AsyncConnection, ahead: Ahead) -> None:
    """Whether any campaign asks at all stands in `ahead`."""
    await statements.read_ahead(tx, ahead, _ASKS, {})


def _default(key: str) -> str:
    return say(f"scheduler.campaign_answer.{key}", lang="zh")


def _core(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text[: 4 * LONGEST]).casefold().replace("參", "参").replace("報", "报")
    bare = _NOT_SAID.sub("", plain)
    shorter = _AFTER.sub("", bare)
    return shorter or bare


_CHILD = aliased(Campaign)
# Built once: every short message of a customer asks it while a campaign runs.
_SPEC = select(Campaign.spec, Campaign.starts_ms, Campaign.title).where(Campaign.id == bindparam("id"))
_WROTE = (
    select(_CHILD.parent, func.max(Delivery.sent_ms).label("sent_ms"))
    .join(_CHILD, _CHILD.id == Delivery.campaign)
    .where(
        Delivery.person == bindparam("person"),
        Delivery.sent_ms.is_not(None),
        Delivery.state.in_(MAY_HAVE_LEFT),
        _CHILD.parent.is_not(None),
    )
    .group_by(_CHILD.parent)
)
_BY_WHICH = (
    select(_CHILD.phase)
    .join(Delivery, Delivery.campaign == _CHILD.id)
    .where(
        Delivery.person == bindparam("person"), _CHILD.parent == bindparam("campaign"), Delivery.sent_ms.is_not(None)
    )
    .order_by(Delivery.sent_ms.desc())
)
_LEVEL = select(Person.level).where(Person.id == bindparam("person"), Person.kind == "customer")
