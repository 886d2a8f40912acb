"""Two entries that turned out to be one person: on evidence, never on a likeness."""

import re
import unicodedata
from typing import Any

from sqlalchemy import Row, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from customers.consent import drop_marketing
from customers.errors import MergeRefused, NoSuchPerson
from customers.purchases import link_orders, recompute
from storage.outbox import DeliveryState
from storage.tables import Claim, Delivery, Friendship, Merge, Order, Person

_ALIAS = re.compile(r"(?:淘宝)?(?:会员名|会员|旺旺)\s*:\s*([^\s|,;/()]{2,40})")
_NAMES = ("call_me", "phone", "tier", "preferred_persona")


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


async def merge(tx: AsyncConnection, keep: int, gone: int, evidence: str, by: str, now_ms: int) -> None:
    """Make `gone` part of `keep`: friendships, orders, claims and planned deliveries move.

    Of two push times the later holds, of two wishes the stricter; of two pending rows of one campaign one is skipped.
    Recorded with what was before. Raises MergeRefused (the same; staff or an account of ours) and NoSuchPerson.
    """
    kept, leaving = await _both(tx, keep, gone)
    await tx.execute(update(Friendship).where(Friendship.person == gone).values(person=keep))
    await tx.execute(update(Order).where(Order.person == gone).values(person=keep))
    await tx.execute(update(Claim).where(Claim.person == gone).values(person=keep))
    await tx.execute(update(Delivery).where(Delivery.person == gone).values(person=keep))
    await tx.execute(update(Person).where(Person.merged_into == gone).values(merged_into=keep))
    moves_name = kept.member_name is None and leaving.member_name is not None
    left: dict[str, Any] = {"merged_into": keep, "orders": 0, "net_paid_fen": 0}
    if moves_name:
        left["member_name"] = None
    await tx.execute(update(Person).where(Person.id == gone).values(left))
    await tx.execute(update(Person).where(Person.id == keep).values(_united(kept, leaving)))
    await _one_row_a_campaign(tx, keep, now_ms)
    if kept.opted_out_ms or leaving.opted_out_ms:
        await drop_marketing(tx, keep, now_ms)
    before = {"kept": _snapshot(kept), "gone": _snapshot(leaving)}
    await tx.execute(
        insert(Merge).values(kept=keep, gone=gone, evidence=evidence, before=before, by=by, merged_ms=now_ms)
    )
    await recompute(tx, [keep], now_ms=now_ms)


async def link_member(tx: AsyncConnection, person: int, member_name: str, evidence: str, now_ms: int) -> int:
    """The person is that member of the shop: their orders become theirs. Returns who the person is now.

    A member who is known as somebody else already is the same person: merged into `person`. Somebody with two member
    names keeps both. Raises MergeRefused, NoSuchPerson.
    """
    person = await survivor(tx, person)
    owner = (
        await tx.execute(select(func.coalesce(Person.merged_into, Person.id)).where(Person.member_name == member_name))
    ).scalar_one_or_none()
    if owner == person:
        return person
    if owner is not None:
        await merge(tx, person, owner, evidence, "evidence", now_ms)
    else:
        await _name(tx, person, member_name, now_ms)
    await link_orders(tx, member_name=member_name)
    await recompute(tx, [person], now_ms=now_ms)
    return person


async def _name(tx: AsyncConnection, person: int, member_name: str, now_ms: int) -> None:
    named = await tx.execute(
        update(Person).where(Person.id == person, Person.member_name.is_(None)).values(member_name=member_name)
    )
    if not named.rowcount:
        # Their second member name: an entry that leads to them, as after a merge.
        await tx.execute(insert(Person).values(member_name=member_name, merged_into=person, created_ms=now_ms))


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
        if rows[person].kind != "customer":
            raise MergeRefused("not_customer")
    return rows[keep], rows[gone]


def _united(kept: Row[Any], leaving: Row[Any]) -> dict[str, Any]:
    """What holds for the one person: nothing of a merge loosens a wish or a cap."""
    out: dict[str, Any] = {name: getattr(kept, name) or getattr(leaving, name) for name in _NAMES}
    out["name"] = kept.name or leaving.name
    out["member_name"] = kept.member_name or leaving.member_name
    if leaving.opted_out_ms and not (kept.opted_out_ms and kept.opted_out_ms <= leaving.opted_out_ms):
        out["opted_out_ms"], out["opted_out_by"] = leaving.opted_out_ms, leaving.opted_out_by
    if (leaving.muted_until_ms or 0) > (kept.muted_until_ms or 0):
        out["muted_until_ms"], out["muted_by"] = leaving.muted_until_ms, leaving.muted_by
    if (leaving.last_push_ms or 0) > (kept.last_push_ms or 0):
        out["last_push_ms"], out["last_push_id"] = leaving.last_push_ms, leaving.last_push_id
    return out


async def _one_row_a_campaign(tx: AsyncConnection, person: int, now_ms: int) -> None:
    """Of the person's rows of one campaign and kind the furthest stays; others that still wait are skipped."""
    row = aliased(Delivery)
    waits = row.state == DeliveryState.PENDING.value
    rank = func.row_number().over(partition_by=(row.campaign, row.kind), order_by=(case((waits, 1), else_=0), row.id))
    ranked = (
        select(row.id, row.state, rank.label("rank"))
        .where(row.person == person, row.campaign.is_not(None), row.state != DeliveryState.SKIPPED.value)
        .subquery()
    )
    second = select(ranked.c.id).where(ranked.c.rank > 1, ranked.c.state == DeliveryState.PENDING.value)
    await tx.execute(
        update(Delivery)
        .where(Delivery.id.in_(second), Delivery.state == DeliveryState.PENDING.value)
        .values(state=DeliveryState.SKIPPED.value, reason="merged_duplicate", settled_ms=now_ms)
    )


def _snapshot(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if value is not None}
