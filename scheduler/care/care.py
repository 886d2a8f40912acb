"""Care: birthdays, festivals, some days after a purchase. By name, in one voice, once per person and occasion.

Each zone's day is gone through once, a page of people at a time; `care_days` says how far. What is planned is due in
the hours of care.yaml on that very day: a day late is no birthday, and stands in the outbox with that reason.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.referrals.share_codes import share_code_of
from personas.book import Book
from personas.model import Occasion, Shop
from personas.speech import names, speak, variant
from personas.voice import render, variables
from rules.quiet_hours import at, local, zone
from scheduler.care.care_file import DEFAULT, SHARE_CODE, CareFile
from scheduler.care.care_occasions import CareOccasion, occasions
from scheduler.care.care_people import Known, known_best, page
from scheduler.care.kindness import had_enough
from scheduler.moments.posts import skip_planned
from storage.care_tables import CareDay
from storage.outbox import Content, NewDelivery, insert_ignoring, plan
from storage.statements import both, rows_of
from storage.tables import Delivery
from texts.problem import Problem

PAGE = 300
"""People of one transaction. Ours."""
LOOK_BACK_DAYS = 3
"""Days missed longer ago leave no trace: nobody asks for a birthday of last month. Ours."""
_ONE = timedelta(days=1)
_ZONES = both("SELECT DISTINCT time_zone FROM accounts WHERE removed IS NOT TRUE")


class Care:
    """A step of the planner: `due` looks, `act` plans the next page of people."""

    def __init__(self, care: CareFile, book: Book, shop: Shop) -> None:
        self._care = care
        self._book = book
        self._shop = shop
        self._through: dict[str, date] = {}

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Is there a zone whose day was not gone through? Writes nothing; most times it only compares dates."""
        if not self._care.model_fields_set - {"window"}:
            return False
        return any(self._through.get(name) != local(now_ms, name).date() for name in await _zones(tx))

    async def act(self, tx: AsyncConnection, now_ms: int) -> int:
        """Plan what the next page of people gets; returns how many people. Idempotent."""
        for zone_name in await _zones(tx):
            today = local(now_ms, zone_name).date()
            if self._through.get(zone_name) == today:
                continue
            await self._open_days(tx, zone_name, today)
            row = await _next_open(tx, zone_name, today)
            if row is None:
                self._through[zone_name] = today
                continue
            return await self._go_on(tx, row, now_ms)
        return 0

    async def _open_days(self, tx: AsyncConnection, zone_name: str, today: date) -> None:
        """Write down what is to be gone through: today, and days that were missed since the last one."""
        query = select(func.max(CareDay.day)).where(CareDay.zone == zone_name, CareDay.day <= today.isoformat())
        newest = await tx.scalar(query)
        first = today if newest is None else max(date.fromisoformat(newest), today - timedelta(days=LOOK_BACK_DAYS))
        rows = [
            {"zone": zone_name, "day": day.isoformat(), "occasion": occasion.name, "done_to": 0}
            for day in (first + _ONE * number for number in range((today - first).days + 1))
            for occasion in occasions(self._care, self._shop.goal, day, zone_name)
        ]
        if rows:
            await tx.execute(insert_ignoring(tx, CareDay), rows)

    async def _go_on(self, tx: AsyncConnection, row: Row[Any], now_ms: int) -> int:
        day = date.fromisoformat(row.day)
        occasion = self._occasion(row.occasion, day, row.zone)
        people = [] if occasion is None else await page(tx, occasion.whose, row.done_to, PAGE)
        planned = 0
        if occasion is not None and people:
            planned = await self._plan(tx, occasion, people, day, row.zone, now_ms)
        done = {"done_to": people[-1]} if len(people) == PAGE else {"done_ms": now_ms}
        await tx.execute(update(CareDay).where(CareDay.id == row.id).values(done))
        return planned

    async def _plan(
        self, tx: AsyncConnection, occasion: CareOccasion, people: Sequence[int], day: date, zone_name: str, now_ms: int
    ) -> int:
        best = await known_best(tx, people)
        source = f"care:{occasion.mark}"
        had = await _had(tx, people, source)
        here = [who for person, who in best.items() if who.zone == zone_name and person not in had]
        enough = await had_enough(tx, [who.person for who in here], now_ms)
        opens_ms, closes_ms = self._hours(day, zone_name)
        rows: list[NewDelivery] = []
        skipped: dict[str, list[str]] = {}
        for who in here:
            try:
                text = await self._words(tx, occasion, who)
            except Problem:
                text = None
            mine = list(_rows(who, occasion, text or "", source, max(opens_ms, now_ms), closes_ms))
            rows += mine
            if reason := _why_not(text, enough=who.person in enough, late=now_ms >= closes_ms):
                skipped.setdefault(reason, []).extend(row.key for row in mine)
        await plan(tx, rows, now_ms=now_ms)
        for reason, keys in skipped.items():
            await skip_planned(tx, keys, reason, now_ms)
        return len(here)

    async def _words(self, tx: AsyncConnection, occasion: CareOccasion, who: Known) -> str:
        """In the voice of the persona that writes. Raises what rendering raises."""
        persona = self._book.resolved(who.persona)
        values = names(persona, self._shop, who.name, position=who.position)
        written = occasion.words.get(persona.id) or occasion.words.get(persona.mirror_of or "")
        written = written or occasion.words.get(DEFAULT)
        if not written:
            return speak(persona, Occasion.BIRTHDAY, values, seed=who.person)
        template = variant(written, who.person)
        if SHARE_CODE in variables(template):
            values[SHARE_CODE] = await share_code_of(tx, who.person)
        return render(template, values)

    def _hours(self, day: date, zone_name: str) -> tuple[int, int]:
        window = self._care.window
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone(zone_name))
        closes = midnight + _ONE if window.end < window.start else midnight
        return at(midnight, window.start), at(closes, window.end)

    def _occasion(self, name: str, day: date, zone_name: str) -> CareOccasion | None:
        """None when it was taken out of care.yaml since."""
        of_day = occasions(self._care, self._shop.goal, day, zone_name)
        return next((one for one in of_day if one.name == name), None)


def _why_not(text: str | None, *, enough: bool, late: bool) -> str:
    if late:
        return "too_late"
    if enough:
        return "kindness_cap"
    return "words_missing" if text is None else ""


def _rows(
    who: Known, occasion: CareOccasion, text: str, source: str, due_ms: int, until_ms: int
) -> Iterator[NewDelivery]:
    """The words, and the picture behind them; they have one source, and count as one kindness."""
    key = f"care:{who.person}:{occasion.mark}"
    contents = [(key, Content(text=text))]
    if occasion.picture:
        contents.append((f"{key}:picture", Content(image=occasion.picture)))
    for key_, content in contents:
        yield NewDelivery(
            kind=occasion.kind, account=who.account, to=who.contact, person=who.person, content=content, key=key_,
            due_ms=due_ms, valid_until_ms=until_ms, source=source,
        )  # fmt: skip


async def _zones(tx: AsyncConnection) -> list[str]:
    return sorted(row[0] for row in await rows_of(tx, _ZONES, {}))


async def _next_open(tx: AsyncConnection, zone_name: str, today: date) -> Row[Any] | None:
    """The oldest occasion of the zone that was not gone through."""
    query = (
        select(CareDay.__table__)
        .where(CareDay.zone == zone_name, CareDay.day <= today.isoformat(), CareDay.done_ms.is_(None))
        .order_by(CareDay.day, CareDay.id)
        .limit(1)
    )
    return (await tx.execute(query)).first()


async def _had(tx: AsyncConnection, people: Sequence[int], source: str) -> set[int]:
    """Who of them has a row of this very occasion: planned under another number before a merge, say."""
    query = select(Delivery.person).where(Delivery.person.in_(people), Delivery.source == source)
    return {person for person in (await tx.scalars(query)).all() if person is not None}
