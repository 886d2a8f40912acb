"""Customers who wait for a person, as staff read them: who they are, what they bought, what they said last, and why."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, bindparam, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.payloads import message_of
from conversations.acquaintance import Acquaintance
from conversations.duty import Member
from conversations.heard import words_of
from conversations.history import History
from customers.standing.ladder import Ladder, current
from customers.standing.purchases import is_purchase
from rules.quiet_hours import local
from storage.ahead import Ahead
from storage.conversation_tables import Wait
from storage.inbox import Received
from storage.order_tables import Order
from storage.staff_tables import StaffMember
from storage.statements import ready
from storage.tables import Arrival, Friendship, Person
from texts.catalogue import say
from texts.unbroken import unbroken

_FIRST = {"gold": 0, "growth": 1}
"""Tiers that go before all others, in every list."""
_FRIEND = "friend"
_MINUTE_MS = 60_000
_HOUR_MIN = 60
_WORDS, _TITLE = 60, 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """One customer who waits, since `since_ms` (epoch ms). `staff`, `staff_name`: who is to look, where somebody is.

    `bought_ms`, `bought`: the newest purchase; `why` a word of the catalogue (`conversations.why.<why>`). `name` is ''
    while nobody's list shows what they are called; `wrote_ms`: when their last words came.
    """

    account: str
    person: int
    name: str
    level: str
    tier: str | None
    orders: int
    bought_ms: int | None
    bought: str
    why: str
    words: str
    staff: str | None
    staff_name: str | None
    since_ms: int
    wrote_ms: int

    @property
    def gold(self) -> bool:
        return self.tier == "gold"

    def portrait(self, zone: str) -> str:
        """Who they are, in one line. `zone`: the shop's."""
        parts = [self.name or self._nameless(zone), self.level if self.level != _FRIEND else ""]
        if self.tier in _FIRST:
            parts.append(say(f"conversations.wait.tier.{self.tier}"))
        if self.orders and self.bought_ms is not None:
            day = f"{local(self.bought_ms, zone):%m-%d}"
            parts.append(say("conversations.wait.bought", times=self.orders, day=day, title=self.bought))
        else:
            parts.append(say("conversations.wait.not_bought"))
        return " · ".join(part for part in parts if part)

    def _nameless(self, zone: str) -> str:
        """How to find somebody on the phone whose name is not known yet: by when they wrote, above what they wrote."""
        at = f"{local(self.wrote_ms, zone):%H:%M}"
        return say("conversations.wait.nameless", person=self.person, at=at)

    def matter(self) -> str:
        """What they said last, and why a person must look, in one line."""
        why = say(f"conversations.why.{self.why}")
        return say("conversations.wait.matter", why=why, words=self.words) if self.words else why

    def waited(self, now_ms: int) -> str:
        """How long, for people: minutes, or hours and minutes."""
        minutes = max(0, now_ms - self.since_ms) // _MINUTE_MS
        if minutes < _HOUR_MIN:
            return say("conversations.wait.minutes", minutes=minutes)
        return say("conversations.wait.hours", hours=minutes // _HOUR_MIN, minutes=minutes % _HOUR_MIN)


async def begins_to_wait(
    tx: AsyncConnection,
    who: Acquaintance,
    before: History,
    member: Member | None,
    *,
    arrival: int,
    why: str,
    now_ms: int,
) -> Waiting:
    """Whose wait begins now, with the words of the inbox row `arrival`; `member` is to look."""
    payload, received_ms = await _wrote(tx, arrival)
    return Waiting(
        account=who.account,
        person=who.person,
        name=who.call_me or unbroken(who.nickname) or unbroken(who.name),
        level=_level(await current(tx), who.level),
        tier=who.tier,
        orders=who.orders,
        bought_ms=before.bought_ms,
        bought=shortened(before.bought, _TITLE),
        why=why,
        words=_last_words(payload),
        staff=member.id if member else None,
        staff_name=member.name if member else None,
        since_ms=now_ms,
        wrote_ms=now_ms if received_ms is None else received_ms,
    )


async def these_wait(tx: AsyncConnection, waits: Collection[int]) -> list[Waiting]:
    """Of these waits those that are still open: gold first, then who has waited longest."""
    return await _read(tx, _OPEN.where(Wait.id.in_(waits)))


async def who_waits(
    tx: AsyncConnection, *, accounts: Collection[str] = (), persons: Collection[int] = (), most: int = 20
) -> list[Waiting]:
    """Who waits now: gold first, then who has waited longest; at most `most`. `accounts`, `persons`: none are all.

    Those whom somebody has taken on are among them until that one's first word.
    """
    query = _OPEN
    if accounts:
        query = query.where(Wait.account.in_(accounts))
    if persons:
        query = query.where(Wait.person.in_(persons))
    return await _read(tx, query.limit(most))


_OPEN = (
    select(
        Wait.account, Wait.person, Wait.why, Wait.staff, Wait.since_ms, Friendship.nickname, Person.call_me,
        Person.name, Person.level, Person.tier, Person.orders, Arrival.received_ms, Arrival.payload,
        StaffMember.name.label("staff_name"),
    )
    .join(Friendship, Friendship.id == Wait.friendship)
    .join(Person, Person.id == Wait.person)
    .outerjoin(Arrival, Arrival.id == Wait.arrival)
    .outerjoin(StaffMember, StaffMember.id == Wait.staff)
    .where(Wait.ended_ms.is_(None), or_(Friendship.waiting_since_ms.is_not(None), Friendship.held_by.is_not(None)))
    .order_by(case(_FIRST, value=Person.tier, else_=len(_FIRST)), Wait.since_ms, Wait.id)
)  # fmt: skip


_WROTE = ready(select(Arrival.payload, Arrival.received_ms).where(Arrival.id == bindparam("arrival")))


def tell_ahead(ahead: Ahead, arrivals: Iterable[Received]) -> None:
    """What these customers wrote need not be read again."""
    for received in arrivals:
        _WROTE.tell(ahead, [(received.payload, received.received_ms)], arrival=received.id)


async def _read(tx: AsyncConnection, query: Select[*tuple[Any, ...]]) -> list[Waiting]:
    rows = (await tx.execute(query)).all()
    if not rows:
        return []
    ladder = await current(tx)
    newest = await _newest_purchases(tx, {row.person for row in rows if row.orders})
    return [_waiting(row, ladder, *newest.get(row.person, (None, ""))) for row in rows]


def _waiting(row: Row[Any], ladder: Ladder, bought_ms: int | None, bought: str) -> Waiting:
    return Waiting(
        account=row.account,
        person=row.person,
        name=row.call_me or unbroken(row.nickname) or unbroken(row.name),
        level=_level(ladder, row.level),
        tier=row.tier,
        orders=row.orders,
        bought_ms=bought_ms,
        bought=bought,
        why=row.why,
        words=_last_words(row.payload),
        staff=row.staff,
        staff_name=row.staff_name,
        since_ms=row.since_ms,
        wrote_ms=row.since_ms if row.received_ms is None else row.received_ms,
    )


def _level(ladder: Ladder, level: str) -> str:
    return level if level == _FRIEND else ladder.name_of(level)


async def _wrote(tx: AsyncConnection, arrival: int) -> tuple[dict[str, Any] | None, int | None]:
    """(payload, received_ms) of the inbox row; neither where it is gone."""
    rows = await _WROTE.rows(tx, arrival=arrival)
    payload, received_ms = rows[0] if rows else (None, None)
    return json.loads(payload) if isinstance(payload, str) else payload, received_ms


async def _newest_purchases(tx: AsyncConnection, people: Collection[int]) -> Mapping[int, tuple[int, str]]:
    """Person → (epoch ms, what)."""
    at_ms = func.coalesce(Order.paid_ms, Order.created_ms)
    place = func.row_number().over(partition_by=Order.person, order_by=(at_ms.desc(), Order.number.desc()))
    ranked = (
        select(Order.person, at_ms.label("at_ms"), Order.titles, Order.items, place.label("place"))
        .where(Order.person.in_(people), is_purchase())
        .subquery()
    )
    rows: Sequence[Row[Any]] = (await tx.execute(select(ranked).where(ranked.c.place == 1))).all()
    return {row.person: (row.at_ms, shortened((row.titles or [row.items])[0], _TITLE)) for row in rows}


def _last_words(payload: dict[str, Any] | None) -> str:
    """'' where they are not kept any more."""
    return shortened(words_of(message_of(payload)), _WORDS) if payload else ""


def shortened(words: str, limit: int) -> str:
    """In one line, with … where something is left out."""
    line = " ".join(words.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
