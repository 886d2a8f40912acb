"""Finding people: by the contact of an account, or by whatever an operator remembers of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.farewells import PARTED
from storage.tables import Claim, Friendship, Order, Person

MOST_FOUND = 50
_PHONE_TAIL = re.compile(r"\d{4,11}")
_ORDER_NUMBER = re.compile(r"\d{12,21}")


@dataclass(frozen=True, slots=True)
class KnownAs:
    """One account's view of a person."""

    account: str
    contact: str
    nickname: str


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """What a list of people shows of each. The amount is in fen."""

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


async def person_of(tx: AsyncConnection, account: str, contact: str) -> int | None:
    """Whom `account` knows under that contact id; None when it knows nobody."""
    query = select(Friendship.person).where(Friendship.account == account, Friendship.contact == contact)
    return (await tx.execute(query)).scalar_one_or_none()


async def call_me_of(tx: AsyncConnection, person: int) -> str | None:
    """The name somebody chose for addressing them; None leaves it to the persona's voice and the nickname."""
    return (await tx.execute(select(Person.call_me).where(Person.id == person))).scalar_one_or_none()


async def find(tx: AsyncConnection, text: str) -> list[FoundPerson]:
    """Everybody whom `text` may mean: id, contact, order number, member name, end of the phone, part of a name.

    An exact match of an id, contact, order or member stands alone; else at most `MOST_FOUND`, by name.
    """
    text = text.strip().removeprefix("@")
    if not text:
        return []
    exact = await _ids(tx, _exactly(text))
    ids = exact or await _ids(tx, _roughly(text))
    return await _shown(tx, ids)


async def meant(tx: AsyncConnection, text: str) -> list[FoundPerson]:
    """As `find`, for whoever wants one person: those who bear `text` as a whole name stand before parts of names."""
    text = text.strip().removeprefix("@")
    if not text:
        return []
    ids = await _ids(tx, _exactly(text)) or await _ids(tx, _by_whole_name(text)) or await _ids(tx, _roughly(text))
    return await _shown(tx, ids)


def _by_whole_name(text: str) -> ColumnElement[bool]:
    name = text.casefold()
    known = select(Friendship.person).where(
        or_(func.lower(Friendship.nickname) == name, func.lower(Friendship.alias) == name),
        Friendship.state.not_in(PARTED),
    )
    return or_(func.lower(Person.name) == name, func.lower(Person.call_me) == name, Person.id.in_(known))


def _exactly(text: str) -> ColumnElement[bool]:
    ways: list[ColumnElement[bool]] = [
        Person.member_name == text,
        Person.id.in_(select(Friendship.person).where(Friendship.contact == text)),
        # Under a second member name: that entry leads to who the person is.
        Person.id.in_(select(Person.merged_into).where(Person.member_name == text)),
    ]
    if _ORDER_NUMBER.fullmatch(text):
        ways.append(Person.id.in_(select(Order.person).where(Order.number == text)))
        ways.append(Person.id.in_(select(Claim.person).where(Claim.order_number == text)))
    if text.isascii() and text.isdigit() and len(text) < 10:
        ways.append(Person.id == int(text))
    return or_(*ways)


def _roughly(text: str) -> ColumnElement[bool]:
    part = "%" + re.sub(r"([%_\\])", r"\\\1", text.casefold()) + "%"

    def holds(column: SQLColumnExpression[Any]) -> ColumnElement[bool]:
        return func.lower(column).like(part, escape="\\")

    friendship = select(Friendship.person).where(or_(holds(Friendship.nickname), holds(Friendship.alias)))
    ways = [
        holds(Person.name),
        holds(Person.call_me),
        holds(Person.member_name),
        Person.id.in_(friendship),
    ]
    if _PHONE_TAIL.fullmatch(text):
        ways.append(Person.phone.like("%" + text))
    return or_(*ways)


async def _ids(tx: AsyncConnection, which: ColumnElement[bool]) -> Sequence[int]:
    query = (
        select(Person.id).where(Person.merged_into.is_(None), which).order_by(Person.name, Person.id).limit(MOST_FOUND)
    )
    return (await tx.execute(query)).scalars().all()


async def _shown(tx: AsyncConnection, ids: Sequence[int]) -> list[FoundPerson]:
    if not ids:
        return []
    known: dict[int, list[KnownAs]] = {}
    friendships = select(Friendship.person, Friendship.account, Friendship.contact, Friendship.nickname).where(
        Friendship.person.in_(ids), Friendship.state.not_in(PARTED)
    )
    for row in (await tx.execute(friendships.order_by(Friendship.id))).all():
        known.setdefault(row.person, []).append(KnownAs(row.account, row.contact, row.nickname))
    people = await tx.execute(select(Person.__table__).where(Person.id.in_(ids)).order_by(Person.name, Person.id))
    return [
        FoundPerson(
            id=row.id,
            name=row.name or next((view.nickname for view in known.get(row.id, [])), ""),
            call_me=row.call_me,
            member_name=row.member_name,
            level=row.level,
            tier=row.tier,
            orders=row.orders,
            net_paid_fen=row.net_paid_fen,
            opted_out=row.opted_out_ms is not None,
            friendships=tuple(known.get(row.id, ())),
        )
        for row in people.all()
    ]
