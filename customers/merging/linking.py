"""Evidence of who somebody is: the shop's member name, or a whole phone. What contradicts itself is asked of staff."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.consent import hold_back
from customers.errors import MergeInConflict, MergeRefused
from customers.finding.search import refresh_terms
from customers.merging.hinted import give_way
from customers.merging.merging import conflict_key, merge, record_names, survivor
from customers.merging.stand_ins import is_stand_in, take_order
from customers.one_at_a_time import hold
from customers.standing.purchases import link_orders, recompute
from storage.fleet_tables import Repair
from storage.order_tables import Order
from storage.outbox import insert_ignoring
from storage.tables import Person

PHONE = re.compile(r"1\d{10}")
"""A whole mobile number of the mainland. A masked one is no evidence."""
_SAID_BY_STAFF = ("alias:", "staff:")


async def link_member(
    tx: AsyncConnection,
    person: int,
    member_name: str,
    evidence: str,
    now_ms: int,
    *,
    by: str = "evidence",
    sure: bool = False,
) -> int:
    """The person is that member of the shop: their orders become theirs. Returns who the person is now.

    A member who is known as somebody else already is the same person: merged into `person`. Somebody with two member
    names keeps both, where they claimed an order of each; on the word of staff only when they are `sure`. Raises
    MergeInConflict (two phones, two member names by staff), MergeRefused, NoSuchPerson.
    """
    await hold(tx, [person])
    person = await _customer(tx, person)
    owner = (
        await tx.execute(select(func.coalesce(Person.merged_into, Person.id)).where(Person.member_name == member_name))
    ).scalar_one_or_none()
    if owner == person:
        return person
    if not sure:
        await _only_one(tx, person, owner, member_name, evidence)
    await give_way(tx, Order.member_name == member_name, now_ms)
    if owner is not None:
        await merge(tx, person, owner, evidence, by, now_ms)
    else:
        await _name(tx, person, member_name, now_ms)
        await record_names(tx, {person: member_name}, evidence, now_ms, by=by)
        await refresh_terms(tx, [person])
    if await link_orders(tx, [member_name]):
        await recompute(tx, [person], now_ms=now_ms)
    await hold_back(tx, [person], now_ms)
    return person


async def link_phone(
    tx: AsyncConnection, person: int, phone: str, evidence: str, now_ms: int, *, by: str, sure: bool = False
) -> int:
    """That whole phone is the person's. Whoever else has it is the same person: merged into `person`.

    So is the one member of the shop whose orders went to it; orders under masked names go with it. Returns who the
    person is now. Raises MergeInConflict when they have another phone, MergeRefused, NoSuchPerson.
    """
    await hold(tx, [person])
    person = await _customer(tx, person)
    known = await tx.scalar(select(Person.phone).where(Person.id == person))
    if known and known != phone and not sure:
        raise MergeInConflict("two_phones", person, person)
    await tx.execute(update(Person).where(Person.id == person).values(phone=phone))
    await hold_back(tx, [person], now_ms)
    others = select(Person.id).where(Person.phone == phone, Person.id != person, Person.merged_into.is_(None))
    for other in (await tx.scalars(others.where(Person.kind == "customer").order_by(Person.id))).all():
        await merge(tx, person, other, evidence, by, now_ms)
    sent_there = select(Order.member_name, Order.number).where(Order.phone == phone)
    by_member = {row.member_name: row.number for row in (await tx.execute(sent_there)).all()}
    members = [member for member in by_member if not is_stand_in(member)]
    if len(members) == 1:
        await link_member(tx, person, members[0], evidence, now_ms, by=by, sure=sure)
    for member, number in by_member.items():
        if is_stand_in(member):
            await take_order(tx, person, number, now_ms)
    return person


async def _customer(tx: AsyncConnection, person: int) -> int:
    """Who they are today. Raises NoSuchPerson; MergeRefused for staff, our own accounts, and who was erased."""
    person = await survivor(tx, person)
    row = (await tx.execute(select(Person.kind, Person.erased_ms).where(Person.id == person))).one()
    if row.erased_ms is not None:
        raise MergeRefused("erased")
    if row.kind != "customer":
        raise MergeRefused("not_customer")
    return person


async def link_all(tx: AsyncConnection, found: Sequence[tuple[int, str]], evidence: str, now_ms: int) -> None:
    """`link_or_ask` for many (person, member name) at once: what contradicts nothing is written by a few statements.

    Give some dozens a transaction: a person of another name or a member of somebody else is looked at one by one.
    """
    plain = await _plain(tx, dict(found))
    if plain:
        await give_way(tx, Order.member_name.in_(plain.values()), now_ms)
        values = [{"them": person, "their_name": member} for person, member in plain.items()]
        statement = update(Person).where(Person.id == bindparam("them")).values(member_name=bindparam("their_name"))
        await tx.execute(statement, values)
        await record_names(tx, plain, evidence, now_ms)
        await link_orders(tx, list(plain.values()))
        await recompute(tx, list(plain), now_ms=now_ms)
        await refresh_terms(tx, plain)
        await hold_back(tx, plain, now_ms)
    for person, member in found:
        if plain.get(person) != member:
            await link_or_ask(tx, person, member, evidence, now_ms)


async def _plain(tx: AsyncConnection, wanted: dict[int, str]) -> dict[int, str]:
    """Those without a member name, where the name is nobody's and wanted by one only."""
    nameless = select(Person.id).where(
        Person.id.in_(wanted), Person.member_name.is_(None), Person.merged_into.is_(None), Person.kind == "customer"
    )
    taken = set((await tx.scalars(select(Person.member_name).where(Person.member_name.in_(wanted.values())))).all())
    times = Counter(wanted.values())
    return {
        person: wanted[person]
        for person in (await tx.scalars(nameless.order_by(Person.id))).all()
        if wanted[person] not in taken and times[wanted[person]] == 1
    }


async def link_or_ask(tx: AsyncConnection, person: int, member_name: str, evidence: str, now_ms: int) -> int | None:
    """As `link_member`; what contradicts itself becomes a repair with the commands that settle it, and None."""
    try:
        return await link_member(tx, person, member_name, evidence, now_ms)
    except MergeInConflict as conflict:
        values: dict[str, Any] = {"person": conflict.person, "evidence": evidence, **conflict.values}
        if conflict.other is not None:
            values["person"], values["other"] = sorted((conflict.person, conflict.other))
            await _ask(tx, conflict_key(conflict.person, conflict.other), conflict.reason, values, now_ms)
        else:
            await _ask(tx, f"member:{conflict.person}:{member_name}", conflict.reason, values, now_ms)
    except MergeRefused as refused:
        if refused.reason == "not_customer":
            values = {"person": person, "member": member_name, "evidence": evidence}
            await _ask(tx, f"member:{person}:{member_name}", refused.reason, values, now_ms)
    return None


async def ask_if_one(tx: AsyncConnection, person: int, owner: int, end: str, now_ms: int) -> None:
    """`person` said the last digits `end` of an order of `owner`'s: that alone makes nobody one, staff can tell."""
    one, other = sorted((person, owner))
    values = {"person": one, "other": other, "asker": person, "owner": owner, "end": end[-4:]}
    await _ask(tx, conflict_key(person, owner), "by_hint", values, now_ms)


async def _ask(tx: AsyncConnection, key: str, reason: str, values: dict[str, Any], now_ms: int) -> None:
    row = {"key": key, "account": None, "message": f"customers.repair.{reason}", "values": values, "since_ms": now_ms}
    await tx.execute(insert_ignoring(tx, Repair), [row])


async def _only_one(tx: AsyncConnection, person: int, owner: int | None, member: str, evidence: str) -> None:
    """Raises MergeInConflict when something speaks against it."""
    query = select(Person.id, Person.member_name, Person.phone).where(Person.id.in_((person, owner or person)))
    rows = {row.id: row for row in (await tx.execute(query)).all()}
    mine, theirs = rows[person], rows.get(owner or 0)
    if theirs is not None and mine.phone and theirs.phone and mine.phone != theirs.phone:
        raise MergeInConflict("two_phones", person, owner, member=member)
    if mine.member_name and evidence.startswith(_SAID_BY_STAFF):
        raise MergeInConflict("two_members", person, None, known=mine.member_name, member=member)


async def _name(tx: AsyncConnection, person: int, member_name: str, now_ms: int) -> None:
    named = await tx.execute(
        update(Person).where(Person.id == person, Person.member_name.is_(None)).values(member_name=member_name)
    )
    if not named.rowcount:
        # Their second member name: an entry that leads to them, as after a merge.
        await tx.execute(insert(Person).values(member_name=member_name, merged_into=person, created_ms=now_ms))
