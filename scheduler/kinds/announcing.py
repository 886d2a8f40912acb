"""Entries close, and what was drawn is told: winners and others once each, in the voice of who knows them best."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from personas.book import Book
from personas.model import Shop
from personas.speech import names
from personas.voice import render
from rules.kinds import Kind, gate_of
from rules.pacing import DAY_MS
from scheduler.benefits import benefits
from scheduler.campaign_files.campaign_file import CampaignFile, campaign_of
from scheduler.campaign_files.campaign_pushes import values_of
from scheduler.campaign_state import read
from scheduler.care.care_people import Known, known_best
from scheduler.errors import BenefitRefused, DrawRefused
from scheduler.kinds.draw_entrants import close
from scheduler.kinds.draws import DrawState, draw
from scheduler.kinds.entries import EntryState, entrants
from scheduler.push_events import CampaignEvent, Tell
from storage.entry_tables import Draw, Entry, PrizeWon
from storage.outbox import Content, NewDelivery, plan
from storage.statements import both, rows_of
from texts.catalogue import say

VALID_MS = 2 * DAY_MS
"""So long after the draw its news is still news: a night, and a day of caps. Ours."""
PAGE = 300
"""Entries of one transaction. Ours."""
_DUE = both("""
    SELECT 1 FROM draws d WHERE d.state = 'drawn' OR (d.state = 'open' AND d.closes_ms <= :now_ms AND d.campaign IN
           (SELECT id FROM campaigns WHERE state IN ('running', 'finished'))) LIMIT 1""")


class Announcing:
    """A step of the planner: `due` looks, `act` does the next of each."""

    def __init__(self, book: Book, shop: Shop, *, tell: Tell) -> None:
        self._book = book
        self._shop = shop
        self._tell = tell

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Is there anything to close or to tell? Writes nothing."""
        return bool(await rows_of(tx, _DUE, {"now_ms": now_ms}))

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """Close what is over, tell the next of what was drawn. Doing it again changes nothing."""
        over = select(Draw.campaign).where(Draw.state == DrawState.OPEN.value, Draw.closes_ms <= now_ms)
        for campaign in (await tx.scalars(over.order_by(Draw.campaign))).all():
            await self._close(tx, campaign, now_ms)
        drawn = select(Draw.__table__).where(Draw.state == DrawState.DRAWN.value).order_by(Draw.campaign)
        for row in (await tx.execute(drawn)).all():
            await self._tell_next(tx, row, now_ms)

    async def _close(self, tx: AsyncConnection, campaign: int, now_ms: int) -> None:
        """No more entries; it is drawn by itself, or staff hear that it can be."""
        row = await read(tx, campaign)
        if row.state not in ("running", "finished"):
            return
        file = campaign_of(row.spec)
        await _set(tx, campaign, DrawState.CLOSED, now_ms)
        part = file.giveaway or file.contest
        closed = await close(tx, campaign, contest=file.contest is not None)
        count = select(func.count()).where(Entry.campaign == campaign, Entry.state == EntryState.ENTERED.value)
        values: dict[str, Any] = {"entrants": await tx.scalar(count) or 0, "name": row.name, "hash": closed.hash}
        what = "entries_closed"
        if part is not None and part.by_itself:
            try:
                async with tx.begin_nested():
                    record = await draw(tx, campaign, "itself", now_ms)
                what, values = "drawn", {**values, "winners": len(record["winners"])}
            except (DrawRefused, BenefitRefused) as problem:
                what, values = "draw_failed", {**values, "why": problem.message}
        await self._tell(tx, CampaignEvent(campaign, row.name, row.title, what, values), now_ms)

    async def _tell_next(self, tx: AsyncConnection, draw_: Row[Any], now_ms: int) -> None:
        row = await read(tx, draw_.campaign)
        file = campaign_of(row.spec)
        some = [one for one in await entrants(tx, row.id) if one.id > draw_.told_to and not one.out][:PAGE]
        people = [one.person for one in some]
        best = await known_best(tx, people, roles=[role.value for role in gate_of(Kind.THANKS).roles])
        won = {prize.person: prize for prize in await _won(tx, row.id, people)}
        rows = [
            await self._row(tx, row, file, best[one.person], one.number, won.get(one.person), draw_.drawn_ms, now_ms)
            for one in some
            if one.person in best
        ]
        if rows:
            await plan(tx, rows, now_ms=now_ms)
        untold = [str(one.number) for one in some if one.person in won and one.person not in best]
        if untold:
            values = {"numbers": say("texts.comma").join(untold)}
            await self._tell(tx, CampaignEvent(row.id, row.name, row.title, "winners_untold", values), now_ms)
        if len(some) < PAGE:
            await _set(tx, row.id, DrawState.TOLD, now_ms)
        else:
            await _set(tx, row.id, DrawState.DRAWN, now_ms, told_to=some[-1].id)

    async def _row(
        self, tx: AsyncConnection, row: Row[Any], file: CampaignFile, who: Known, number: int, prize: Row[Any] | None,
        drawn_ms: int, now_ms: int,
    ) -> NewDelivery:  # fmt: skip
        persona = self._book.resolved(who.persona)
        values: Mapping[str, str] = {
            **names(persona, self._shop, who.name, position=who.position), **values_of(file),
            "number": str(number), "prize": "", "coupon": "",
        }  # fmt: skip
        if prize is not None:
            size = f"（{prize.size}）" if prize.size else ""
            values = {**values, "prize": f"{prize.prize}{size}", "coupon": await _code_of(tx, row.id, prize)}
        return NewDelivery(
            kind=Kind.THANKS, account=who.account, to=who.contact, person=who.person, campaign=row.id,
            content=Content(text=render(_template(file, won=prize is not None), values)),
            key=f"campaign:{row.id}:drawn:{who.person}", due_ms=now_ms, valid_until_ms=drawn_ms + VALID_MS,
            source=f"campaign:{row.id}",
        )  # fmt: skip


def _template(file: CampaignFile, *, won: bool) -> str:
    part = file.giveaway or file.contest
    own = (part.won if won else part.lost) if part else None
    if own:
        return own
    kind = "contest" if file.contest else "giveaway"
    return say(f"scheduler.{kind}.{'won' if won else 'lost'}", lang="zh")


async def _code_of(tx: AsyncConnection, campaign: int, prize: Row[Any]) -> str:
    """The coupon code of a prize that is one. It was given with the draw: asked again, it is the same."""
    if prize.benefit is None:
        return ""
    given = await benefits.give(
        tx, campaign=campaign, benefit=prize.benefit, person=prize.person, by="draw", now_ms=prize.won_ms,
        key=f"draw:{campaign}:{prize.person}",
    )  # fmt: skip
    return given.code or ""


async def _won(tx: AsyncConnection, campaign: int, people: Sequence[int]) -> Sequence[Row[Any]]:
    query = select(PrizeWon.__table__).where(PrizeWon.campaign == campaign, PrizeWon.person.in_(people))
    return (await tx.execute(query)).all()


async def _set(tx: AsyncConnection, campaign: int, state: DrawState, now_ms: int, **values: Any) -> None:
    changed = {"state": state.value, "changed_ms": now_ms, **values}
    await tx.execute(update(Draw).where(Draw.campaign == campaign).values(changed))
