"""Finding people: by the contact of an account, or by whatever an operator remembers of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.finding.search import hits, hits_without_terms
from customers.finding.search_words import PART, SOUND, WHOLE, searched
from customers.standing.ladder import current
from storage.farewells import PARTED
from storage.order_tables import Claim, Order
from storage.tables import NUMBER_END, PHONE_END, Friendship, Person
from texts.unbroken import unbroken

MOST_FOUND = 50
_MOST_READ = 200
"""Terms that are read for one search: of a thousand people called 小王 nobody wants to see all."""
_ENTRY = re.compile(r"#(\d{1,15})")
_ORDER_NUMBER = re.compile(r"\d{12,21}")
_ENDING = re.compile(r"\d{4,21}")
_PHONE_BREAKS = re.compile(r"(?<=\d)[ -](?=\d)")
_LONGEST_ENTRY = 9
"""Digits that may be the number of an entry without a `#` before them."""


class Grade(IntEnum):
    """How well somebody fits what was typed, the best first."""

    ENTRY = 0
    NAME = 1
    """A whole name, or the member name."""
    ENDING = 2
    """The last digits of their phone or of an order."""
    WORD = 3
    SOUND = 4
    BEGINNING = 5
    """A name, word or pinyin that begins so."""


@dataclass(frozen=True, slots=True)
class KnownAs:
    """One account's view of a person."""

    account: str
    contact: str
    nickname: str


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """What a list of people shows of each. The amount is in fen; `level_name` as ladder.yaml calls the level."""

    id: int
    name: str
    call_me: str | None
    member_name: str | None
    level: str
    tier: str | None
    orders: int
    net_paid_fen: int
    opted_out: bool
    friendships: tuple[KnownAs, ...]
    level_name: str = ""


async def person_of(tx: AsyncConnection, account: str, contact: str) -> int | None:
    """Whom `account` knows under that contact id; None when it knows nobody."""
    query = select(Friendship.person).where(Friendship.account == account, Friendship.contact == contact)
    return (await tx.execute(query)).scalar_one_or_none()


async def find(tx: AsyncConnection, text: str) -> list[FoundPerson]:
    """Everybody whom `text` may mean, the best first, at most `MOST_FOUND`.

    Names, remarks and member names by their beginning, by any word or Chinese character in them, and by pinyin or its
    initials; orders and phones whole or by their last four digits and more; contact ids; entries as `#17` or `17`. A
    contact, a whole order number and a `#17` stand alone.
    """
    return await _shown(tx, await _graded(tx, text))


async def meant(tx: AsyncConnection, text: str) -> list[FoundPerson]:
    """As `find`, for whoever wants one person: whole names, entries and endings stand before all other likenesses."""
    graded = await _graded(tx, text)
    firm = {person: grade for person, grade in graded.items() if grade <= Grade.ENDING}
    return await _shown(tx, firm or graded)


async def shown(tx: AsyncConnection, people: Iterable[int]) -> list[FoundPerson]:
    """These people, as a list shows them."""
    return await _shown(tx, dict.fromkeys(people, Grade.ENTRY))


async def _graded(tx: AsyncConnection, text: str) -> dict[int, Grade]:
    text = text.strip().removeprefix("@").strip()
    digits = _PHONE_BREAKS.sub("", text)
    entry = _ENTRY.fullmatch(text)
    if entry:
        return dict.fromkeys(await _entry(tx, int(entry[1])), Grade.ENTRY)
    if not text:
        return {}
    alone = await _alone(tx, text, digits)
    if alone:
        return dict.fromkeys(alone, Grade.ENTRY)
    graded: dict[int, Grade] = {}
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_ENTRY:
        graded = dict.fromkeys(await _entry(tx, int(text)), Grade.ENTRY)
    for person in await _member(tx, text):
        graded.setdefault(person, Grade.NAME)
    whole = searched(text)
    for hit in [*await hits(tx, text, _MOST_READ), *await hits_without_terms(tx, text, _MOST_READ)]:
        grade = {whole + WHOLE: Grade.NAME, whole + PART: Grade.WORD, whole + SOUND: Grade.SOUND}.get(hit.term)
        graded[hit.person] = min(graded.get(hit.person, Grade.BEGINNING), grade or Grade.BEGINNING)
    if _ENDING.fullmatch(digits) and digits.isascii():
        for person in await _by_ending(tx, digits):
            graded[person] = min(graded.get(person, Grade.ENDING), Grade.ENDING)
    return graded


async def _entry(tx: AsyncConnection, number: int) -> Sequence[int]:
    """An entry that became part of another leads there: its number stands in somebody's notes."""
    query = select(func.coalesce(Person.merged_into, Person.id)).where(Person.id == number)
    return (await tx.scalars(query)).all()


async def _alone(tx: AsyncConnection, text: str, digits: str) -> Sequence[int]:
    """Whom nobody else can be meant beside: a contact of an account, the buyer of an order."""
    found = (await tx.scalars(select(Friendship.person).where(Friendship.contact == text).limit(1))).all()
    if found or not _ORDER_NUMBER.fullmatch(digits):
        return found
    bought = await tx.scalars(select(Order.person).where(Order.number == digits, Order.person.is_not(None)))
    claimed = await tx.scalars(select(Claim.person).where(Claim.order_number == digits))
    return [person for person in bought.all() if person is not None] or claimed.all()


async def _member(tx: AsyncConnection, text: str) -> Sequence[int]:
    """Under a second member name, too: that entry leads to who the person is."""
    query = select(func.coalesce(Person.merged_into, Person.id)).where(Person.member_name == text)
    return (await tx.scalars(query)).all()


async def _by_ending(tx: AsyncConnection, digits: str) -> set[int]:
    """Whose phone or order ends in these digits."""
    end, more = digits[-4:], "%" + digits

    def ends(column: str) -> ColumnElement[bool]:
        # Written as the index is: the databases know it by that.
        return literal_column(column) == end

    given: ColumnElement[bool] = literal_column("phone <> ''")
    ways = [
        select(Order.person).where(ends(NUMBER_END), Order.number.like(more), Order.person.is_not(None)),
        select(Order.person).where(given, ends(PHONE_END), Order.phone.like(more), Order.person.is_not(None)),
        select(func.coalesce(Person.merged_into, Person.id)).where(given, ends(PHONE_END), Person.phone.like(more)),
    ]
    people: set[int] = set()
    for way in ways:
        people |= {person for person in await tx.scalars(way.limit(_MOST_READ)) if person is not None}
    return people


async def _shown(tx: AsyncConnection, graded: Mapping[int, Grade]) -> list[FoundPerson]:
    """The best `MOST_FOUND`; of equals who bought most, then by name."""
    ids = sorted(graded)
    columns = (
        Person.id, Person.name, Person.call_me, Person.member_name, Person.level, Person.tier, Person.orders,
        Person.net_paid_fen, Person.opted_out_ms,
    )  # fmt: skip
    rows = (await tx.execute(select(*columns).where(Person.id.in_(ids), Person.merged_into.is_(None)))).all()
    best = sorted(rows, key=lambda row: (graded[row.id], -row.net_paid_fen, row.name, row.id))[:MOST_FOUND]
    known: dict[int, list[KnownAs]] = {}
    friendships = select(Friendship.person, Friendship.account, Friendship.contact, Friendship.nickname).where(
        Friendship.person.in_([row.id for row in best]), Friendship.state.not_in(PARTED)
    )
    for row in (await tx.execute(friendships.order_by(Friendship.id))).all():
        known.setdefault(row.person, []).append(KnownAs(row.account, row.contact, unbroken(row.nickname)))
    if not best:
        return []
    ladder = await current(tx)
    return [
        FoundPerson(
            id=row.id,
            name=unbroken(row.name) or next((view.nickname for view in known.get(row.id, [])), ""),
            call_me=row.call_me,
            member_name=row.member_name,
            level=row.level,
            tier=row.tier,
            orders=row.orders,
            net_paid_fen=row.net_paid_fen,
            opted_out=row.opted_out_ms is not None,
            friendships=tuple(known.get(row.id, ())),
            level_name=ladder.name_of(row.level),
        )
        for row in best
    ]
