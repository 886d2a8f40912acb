"""Two entries that turned out to be one person: on evidence, never on a likeness; and two again when that was wrong."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.consent import drop_marketing
from customers.errors import MergeRefused, NoSuchMerge, NoSuchPerson
from customers.finding.search import refresh_terms
from customers.merging.merge_fields import parted, united
from customers.merging.merge_moves import claims_follow_orders, move, move_back
from customers.referrals.referral_merging import after_merge, undo_merge
from customers.standing.purchases import link_orders, recompute
from storage.fleet_tables import Repair
from storage.order_tables import Claim, Merge, Order
from storage.tables import Person

_ALIAS = re.compile(r"(?:淘宝)?(?:会员名|会员|旺旺)\s*:\s*([^\s|,;/()]{2,40})")


@dataclass(frozen=True, slots=True)
class Undone:
    """A merge that was taken back: `kept` and `gone` are two again. For a member name alone both are the same."""

    kept: int
    gone: int
    member_name: str | None = None


def member_name_from_alias(alias: str) -> str | None:
    """The shop's member name that an operator wrote into a remark, as in `会员:xl_hua88 花花`; never a masked one."""
    found = _ALIAS.search(unicodedata.normalize("NFKC", alias))
    return found[1] if found and "*" not in found[1] else None


async def survivor(tx: AsyncConnection, person: int) -> int:
    """Who `person` is today: themselves, or who they were merged into. Raises NoSuchPerson."""
    row = (await tx.execute(select(Person.id, Person.merged_into).where(Person.id == person))).first()
    if row is None:
        raise NoSuchPerson(person)
    return int(row.merged_into or row.id)


async def merge(tx: AsyncConnection, keep: int, gone: int, evidence: str, by: str, now_ms: int) -> int:
    """Make `gone` part of `keep`: everything that is theirs moves. Returns the number by which `unmerge` undoes it.

    Of two push times the later holds, of two wishes the stricter; of two pending rows of one campaign one is skipped.
    Recorded with what was before and what moved. Raises MergeRefused (the same; staff or an account of ours) and
    NoSuchPerson.
    """
    kept, leaving = await _both(tx, keep, gone)
    moved = await move(tx, keep, gone, now_ms)
    left: dict[str, Any] = {"merged_into": keep, "orders": 0, "net_paid_fen": 0}
    if kept.member_name is None:
        left["member_name"] = None  # it goes to the kept entry; a second one stays, and leads there
    await tx.execute(update(Person).where(Person.id == gone).values(left))
    await tx.execute(
        update(Person).where(Person.id == keep).values(united(dict(kept._mapping), dict(leaving._mapping)))
    )
    if kept.opted_out_ms or leaving.opted_out_ms:
        await drop_marketing(tx, keep, now_ms)
    await recompute(tx, [keep], now_ms=now_ms)
    referrals = await after_merge(tx, keep, gone, now_ms)
    await refresh_terms(tx, [keep, gone])
    before = {"kept": _snapshot(kept), "gone": _snapshot(leaving), "moved": moved, "referrals": referrals}
    await tx.execute(delete(Repair).where(Repair.key == conflict_key(keep, gone)))
    return await _record(tx, keep, gone, evidence, by, before, now_ms)


async def unmerge(tx: AsyncConnection, number: int, by: str, now_ms: int) -> Undone:
    """Take back merge `number`: each has again what they had, what came since stays with who was kept.

    Wishes, mutes and the last push hold for both: taking back loosens nothing. Raises NoSuchMerge, and MergeRefused
    when it is undone already, or a later merge (named) moved the person on.
    """
    query = select(Merge.__table__).where(Merge.id == number).with_for_update()
    record = (await tx.execute(query)).first()
    if record is None:
        raise NoSuchMerge(number)
    if record.undone_ms is not None:
        raise MergeRefused("undone")
    if record.before.get("erased"):
        raise MergeRefused("erased_since")
    if "member" in record.before:
        undone = await _unname(tx, record)
    else:
        undone = await _part(tx, record)
    await tx.execute(update(Merge).where(Merge.id == number).values(undone_ms=now_ms, undone_by=by))
    people = {undone.kept, undone.gone}
    await claims_follow_orders(tx, sorted(people))
    await recompute(tx, people, now_ms=now_ms)
    if undone.gone != undone.kept:
        await undo_merge(tx, record.before.get("referrals", []), undone.kept, undone.gone, now_ms)
        await _stay_silent(tx, undone.gone, now_ms)
    await refresh_terms(tx, people)
    return undone


async def _part(tx: AsyncConnection, record: Row[Any]) -> Undone:
    query = select(Person.__table__).where(Person.id.in_((record.kept, record.gone))).order_by(Person.id)
    now = {row.id: dict(row._mapping) for row in (await tx.execute(query.with_for_update())).all()}
    if len(now) < 2 or now[record.gone]["merged_into"] != record.kept:
        raise MergeRefused("later", numbers=await _later(tx, record))
    before = record.before
    theirs, back = parted(now[record.kept], now[record.gone], before["kept"], before["gone"])
    await tx.execute(update(Person).where(Person.id == record.kept).values(theirs))
    await tx.execute(update(Person).where(Person.id == record.gone).values(back))
    await move_back(tx, record.kept, record.gone, before.get("moved", {}))
    # An export may have given an order that moved another member name since: whose name it bears has it.
    both = (record.kept, record.gone)
    named = select(Person.member_name).where(
        Person.member_name.is_not(None), or_(Person.id.in_(both), Person.merged_into.in_(both))
    )
    await link_orders(tx, [name for name in (await tx.scalars(named)).all() if name])
    return Undone(record.kept, record.gone)


async def _unname(tx: AsyncConnection, record: Row[Any]) -> Undone:
    """The member name is nobody's again, and so are its orders and what was claimed of them."""
    person, member = await survivor(tx, record.kept), record.before["member"]
    bearer = (await tx.execute(select(Person.id, Person.merged_into).where(Person.member_name == member))).first()
    if bearer is None or (bearer.merged_into or bearer.id) != person:
        raise MergeRefused("later", numbers=await _later(tx, record))
    await tx.execute(update(Person).where(Person.id == bearer.id).values(member_name=None))
    orders = select(Order.number).where(Order.member_name == member)
    await tx.execute(delete(Claim).where(Claim.order_number.in_(orders), Claim.person == person))
    await tx.execute(update(Order).where(Order.member_name == member, Order.person == person).values(person=None))
    return Undone(person, person, member)


async def _later(tx: AsyncConnection, record: Row[Any]) -> str:
    """The merges that must be undone first, the newest first."""
    query = select(Merge.id).where(Merge.id > record.id, Merge.gone.in_((record.kept, record.gone)))
    ids = (await tx.scalars(query.where(Merge.undone_ms.is_(None)).order_by(Merge.id.desc()))).all()
    return "、".join(map(str, ids)) or "?"


async def _stay_silent(tx: AsyncConnection, person: int, now_ms: int) -> None:
    if await tx.scalar(select(Person.opted_out_ms).where(Person.id == person)):
        await drop_marketing(tx, person, now_ms)


def conflict_key(one: int, other: int) -> str:
    """The key of the repair that asks a person whether these two are one."""
    return f"merge:{min(one, other)}:{max(one, other)}"


async def record_names(
    tx: AsyncConnection, members: Mapping[int, str], evidence: str, now_ms: int, *, by: str = "evidence"
) -> None:
    """People got member names that nobody had: written down like merges, and undone like them."""
    rows = [
        {"kept": person, "gone": person, "evidence": evidence, "before": {"member": member}, "by": by}
        for person, member in members.items()
    ]
    await tx.execute(insert(Merge), [row | {"merged_ms": now_ms} for row in rows])


async def _record(
    tx: AsyncConnection, kept: int, gone: int, evidence: str, by: str, before: dict[str, Any], now_ms: int
) -> int:
    row = {"kept": kept, "gone": gone, "evidence": evidence, "before": before, "by": by, "merged_ms": now_ms}
    return (await tx.execute(insert(Merge).values(row).returning(Merge.id))).scalar_one()


async def _both(tx: AsyncConnection, keep: int, gone: int) -> tuple[Row[Any], Row[Any]]:
    """Both rows, locked in the order of their ids so that two merges can't wait for each other."""
    if keep == gone:
        raise MergeRefused("same")
    query = select(Person.__table__).where(Person.id.in_((keep, gone))).order_by(Person.id).with_for_update()
    rows = {row.id: row for row in (await tx.execute(query)).all()}
    for person in (keep, gone):
        if person not in rows:
            raise NoSuchPerson(person)
        if rows[person].merged_into is not None:
            raise MergeRefused("already")
        if rows[person].erased_ms is not None:
            raise MergeRefused("erased")
        if rows[person].kind != "customer":
            raise MergeRefused("not_customer")
    return rows[keep], rows[gone]


def _snapshot(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if value is not None}
