"""Who must not be written to, even when we know nothing of them any more.

The list holds keyed hashes of phones, member names and contact ids. The key is made once for an installation and
stands in the settings: it travels with a backup, and a list without its key recognises nobody.
"""

import hmac
import re
import secrets
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.order import OrderRow
from storage.bulk import among
from storage.customer_tables import DoNotContact
from storage.outbox import insert_ignoring
from storage.tables import Friendship, Person, Setting

KEY = "do_not_contact_key"
_KEY_BYTES = 32
_PSEUDONYM = "erased-"
_PSEUDONYM_DIGITS = 24
"""96 bits of the hash: two people of one shop never share them."""
_IDS_A_STATEMENT = 400
_BREAKS = re.compile(r"[\s()-]")
_COUNTRY = re.compile(r"^(?:00|\+)?86(?=1\d{10}$)")


class Why(StrEnum):
    OPTED_OUT = "opted_out"
    ERASED = "erased"
    """Nothing else is known of them; orders of theirs come in without their names."""


class Sign(NamedTuple):
    """One thing by which somebody is recognised; `kind` is phone, member or contact."""

    kind: str
    value: str


def phone_sign(phone: str | None) -> Sign | None:
    """None for a masked phone: it may be anybody's."""
    if not phone or "*" in phone or is_pseudonym(phone):
        return None
    digits = _BREAKS.sub("", unicodedata.normalize("NFKC", phone))
    return Sign("phone", _COUNTRY.sub("", digits)) if digits else None


def member_sign(member_name: str | None) -> Sign | None:
    """None for a masked member name."""
    name = unicodedata.normalize("NFKC", member_name or "").strip().casefold()
    return Sign("member", name) if name and "*" not in name and not is_pseudonym(name) else None


def contact_sign(contact: str) -> Sign | None:
    return Sign("contact", contact) if contact and not is_pseudonym(contact) else None


def is_pseudonym(word: str) -> bool:
    """Does `word` stand where a name or an id of somebody erased stood?"""
    return word.startswith(_PSEUDONYM)


def pseudonym(hashed: str) -> str:
    """What stands for a name or id of somebody erased: the same for the same, so that an import repeated fits."""
    return _PSEUDONYM + hashed[:_PSEUDONYM_DIGITS]


async def signs_of(tx: AsyncConnection, people: Collection[int]) -> dict[int, set[Sign]]:
    """By what each of these people is known, merged entries of theirs included."""
    found: dict[int, set[Sign]] = {person: set() for person in people}
    ids = sorted(found)
    entry = func.coalesce(Person.merged_into, Person.id).label("entry")
    for start in range(0, len(ids), _IDS_A_STATEMENT):
        some = ids[start : start + _IDS_A_STATEMENT]
        rows = await tx.execute(
            select(entry, Person.phone, Person.member_name).where(
                or_(Person.id.in_(some), Person.merged_into.in_(some))
            )
        )
        for row in rows.all():
            found.setdefault(row.entry, set()).update(_known((phone_sign(row.phone), member_sign(row.member_name))))
        known = await tx.execute(select(Friendship.person, Friendship.contact).where(Friendship.person.in_(some)))
        for person, contact in known.all():
            found[person].update(_known((contact_sign(contact),)))
    return found


async def remember(tx: AsyncConnection, signs: Collection[Sign], why: Why, now_ms: int) -> None:
    """Put these on the list. Who was erased stays so, whatever follows."""
    hashes = await hashes_of(tx, signs)
    if not hashes:
        return
    rows = [{"hash": one, "why": why.value, "added_ms": now_ms} for one in sorted(hashes.values())]
    await tx.execute(insert_ignoring(tx, DoNotContact), rows)
    if why is Why.ERASED:
        here = among(tx, DoNotContact.hash, list(hashes.values()))
        await tx.execute(update(DoNotContact).where(here, DoNotContact.why != why.value).values(why=why.value))


async def forget(tx: AsyncConnection, signs: Collection[Sign]) -> None:
    """They want to hear from us again: nothing of theirs is on the list any more."""
    hashes = await hashes_of(tx, signs)
    if hashes:
        await tx.execute(delete(DoNotContact).where(among(tx, DoNotContact.hash, list(hashes.values()))))


async def nobody_listed(tx: AsyncConnection) -> bool:
    """Is the list empty?"""
    return await tx.scalar(select(DoNotContact.hash).limit(1)) is None


async def listed(tx: AsyncConnection, signs: Iterable[Sign]) -> dict[Sign, Why]:
    """Those of these that are on the list, and why. One look at an index; none while the list is empty."""
    if await nobody_listed(tx):
        return {}
    hashes = await hashes_of(tx, set(signs))
    query = select(DoNotContact.hash, DoNotContact.why).where(among(tx, DoNotContact.hash, list(hashes.values())))
    why = {row.hash: Why(row.why) for row in (await tx.execute(query)).all()}
    return {sign: why[hashed] for sign, hashed in hashes.items() if hashed in why}


async def erased_among(tx: AsyncConnection, contacts: Sequence[str]) -> set[str]:
    """Which of these WeChat ids belong to somebody who was erased: nothing but the id is written down of them."""
    found = await listed(tx, _known(contact_sign(contact) for contact in contacts))
    return {sign.value for sign, why in found.items() if why is Why.ERASED}


async def pseudonyms_of(tx: AsyncConnection, signs: Collection[Sign]) -> dict[Sign, str]:
    """What stands for each of these once it is erased."""
    return {sign: pseudonym(hashed) for sign, hashed in (await hashes_of(tx, signs)).items()}


async def without_the_erased(tx: AsyncConnection, orders: Sequence[OrderRow]) -> Sequence[OrderRow]:
    """Orders as they may be written: those of erased people without name and phone, under their pseudonym."""
    # Few people are erased: their hashes at once are less work than a question for each of thousands of orders.
    erased = set(await tx.scalars(select(DoNotContact.hash).where(DoNotContact.why == Why.ERASED.value)))
    if not erased:
        return orders
    key = await _key(tx)
    return [_veiled(order, key, erased) for order in orders]


def _veiled(order: OrderRow, key: bytes, erased: Collection[str]) -> OrderRow:
    member, phone = member_sign(order.member_name), phone_sign(order.phone)
    hashed = _hash(key, member) if member else ""
    if hashed not in erased and not (phone and _hash(key, phone) in erased):
        return order
    return order._replace(member_name=pseudonym(hashed) if hashed else order.member_name, receiver="", phone="")


async def hashes_of(tx: AsyncConnection, signs: Collection[Sign]) -> dict[Sign, str]:
    """The keyed hash of each. Makes the key of this installation when it is needed first."""
    if not signs:
        return {}
    key = await _key(tx)
    return {sign: _hash(key, sign) for sign in signs}


def _hash(key: bytes, sign: Sign) -> str:
    return hmac.digest(key, f"{sign.kind}:{sign.value}".encode(), "sha256").hex()


async def _key(tx: AsyncConnection) -> bytes:
    known = select(Setting.value).where(Setting.key == KEY)
    value = await tx.scalar(known)
    if value is None:
        row = {"key": KEY, "value": secrets.token_hex(_KEY_BYTES), "changed_ms": 0}
        await tx.execute(insert_ignoring(tx, Setting).values(row))
        value = await tx.scalar(known)
    return bytes.fromhex(str(value))


def _known(signs: Iterable[Sign | None]) -> list[Sign]:
    return [sign for sign in signs if sign is not None]
