"""Who is who, on the word of staff: a member name, an order, a phone or another entry is this customer's (绑定)."""

import re
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import MergeInConflict
from customers.finding.people import FoundPerson, shown
from customers.merging.hinted import give_way
from customers.merging.linking import PHONE, link_member, link_phone
from customers.merging.merging import merge, survivor, unmerge
from customers.merging.stand_ins import is_stand_in, let_go, take_order
from customers.profiles.profile import newest_line
from operations.asking import Asked, Reply
from operations.errors import CannotBeUsed, Refused
from operations.finding import described, own_customer, person_named
from operations.requests.house import Undo
from operations.requests.people import Bind, Unmerge
from operations.requests.registry import request_of
from storage.customer_tables import ProfileChange
from storage.order_tables import Claim, Merge, Order
from storage.outbox import insert_ignoring
from storage.tables import Person
from texts.catalogue import say
from texts.punctuation import listed

_ENTRY = re.compile(r"#\d{1,15}")
_ORDER = re.compile(r"\d{12,21}")
_TRACE = re.compile(r"merges (\d+)-(\d+), lines (\d+)-(\d+)(?:, order (\d+))?")


async def bind(tx: AsyncConnection, asked: Asked[Bind]) -> Reply:
    """`what` is the customer's. Raises MergeInConflict unless they are sure, MergeRefused, NotFound, CannotBeUsed."""
    person = await own_customer(tx, asked.staff, asked.request.who)
    what = asked.request.what.strip()
    if not what or "*" in what:
        key = "operations.bind.masked" if what else "operations.bind.what"
        raise CannotBeUsed(say(key), hint=say("operations.bind.what.hint"))
    merge_before, line_before, claimed = await _newest_merge(tx), await newest_line(tx), ""
    if _ENTRY.fullmatch(what):
        await _bind_entry(tx, asked, person, what)
    elif PHONE.fullmatch(what):
        await _bind_phone(tx, asked, person, what)
    elif _ORDER.fullmatch(what):
        claimed = f", order {what}" if await _bind_order(tx, asked, person, what) else ""
    else:
        await _bind_member(tx, asked, person.id, what, f"staff:{asked.staff.id}")
    trace = f"merges {merge_before}-{await _newest_merge(tx)}, lines {line_before}-{await newest_line(tx)}{claimed}"
    numbers = await _numbers(tx, asked, merge_before)
    now = (await shown(tx, [await survivor(tx, person.id)]))[0]
    text = say("operations.bound", who=described(now), orders=now.orders, paid=f"{now.net_paid_fen / 100:.2f}")
    if numbers:
        text += say("operations.bound.number", number=listed(map(str, numbers)))
    return Reply(True, text, data={"person": now.id, "merges": numbers}, trace=trace)


async def unmerge_(tx: AsyncConnection, asked: Asked[Unmerge]) -> Reply:
    """Take back merges or bound member names, however old, the newest first. Raises NoSuchMerge, MergeRefused."""
    numbers = sorted(set(asked.request.numbers), reverse=True)
    lines = [await _undone(tx, number, f"staff:{asked.staff.id}", asked.now_ms) for number in numbers]
    return Reply(True, "\n".join(lines), data={"merges": numbers})


async def take_back_bind(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any]) -> str:
    """What that very command merged, named and wrote."""
    assert isinstance(request_of(row.request), Bind)  # noqa: S101  # the verb says so
    by = f"staff:{asked.staff.id}"
    trace = _TRACE.fullmatch(row.detail)
    if trace is None:  # an erasure may have struck it out
        raise Refused(say("operations.undo.changed"), hint=say("operations.undo.changed.hint"))
    first_merge, last_merge, first_line, last_line = (int(number) for number in trace.groups()[:4])
    written = select(Merge.id).where(Merge.by == by, Merge.id > first_merge, Merge.id <= last_merge)
    numbers = (await tx.scalars(written.where(Merge.undone_ms.is_(None)).order_by(Merge.id.desc()))).all()
    lines = [await _undone(tx, number, by, asked.now_ms) for number in numbers]
    phones = select(ProfileChange.__table__).where(
        ProfileChange.by == by, ProfileChange.id > first_line, ProfileChange.id <= last_line,
        ProfileChange.field == "phone",
    )  # fmt: skip
    for change in (await tx.execute(phones)).all():
        await _write_phone(tx, change.person, change.after, change.before, by, asked.now_ms)
        lines.append(say("operations.undo.phone"))
    claimed = delete(Claim).where(Claim.order_number == (trace[5] or ""), Claim.evidence == by)
    for number in (await tx.scalars(claimed.returning(Claim.order_number))).all():
        if await let_go(tx, number, asked.now_ms):
            lines.append(say("operations.undo.order", number=number))
    if not lines:
        raise Refused(say("operations.undo.changed"), hint=say("operations.undo.changed.hint"))
    return "\n".join(lines)


async def _bind_entry(tx: AsyncConnection, asked: Asked[Bind], person: FoundPerson, entry: str) -> None:
    other = await person_named(tx, entry)
    if other.friendships:  # whom no account knows is nobody's
        other = await own_customer(tx, asked.staff, entry)
    phones = (await tx.scalars(select(Person.phone).where(Person.id.in_((person.id, other.id))))).all()
    if len(set(filter(None, phones))) > 1 and not asked.request.sure:
        raise MergeInConflict("two_phones", person.id, other.id)
    by = f"staff:{asked.staff.id}"
    await merge(tx, person.id, other.id, by, by, asked.now_ms)


async def _bind_phone(tx: AsyncConnection, asked: Asked[Bind], person: FoundPerson, phone: str) -> None:
    by = f"staff:{asked.staff.id}"
    before = await tx.scalar(select(Person.phone).where(Person.id == person.id))
    await link_phone(tx, person.id, phone, by, asked.now_ms, by=by, sure=asked.request.sure)
    if before != phone:
        change = {"person": person.id, "field": "phone", "before": before, "after": phone}
        await tx.execute(insert(ProfileChange).values(change | {"by": by, "at_ms": asked.now_ms}))


async def _bind_order(tx: AsyncConnection, asked: Asked[Bind], person: FoundPerson, number: str) -> bool:
    """The order's member is theirs; one that no import brought yet is remembered as claimed. Is the claim a new one?"""
    await give_way(tx, Order.number == number, asked.now_ms)  # staff know more than whoever said but its end
    member = await tx.scalar(select(Order.member_name).where(Order.number == number))
    if member is not None and not is_stand_in(member):
        await _bind_member(tx, asked, person.id, member, f"order {number}")
    elif member is not None and not await take_order(tx, person.id, number, asked.now_ms):
        owner = await tx.scalar(select(Order.person).where(Order.number == number))
        raise Refused(say("operations.bind.taken", other=owner), hint=say("operations.bind.taken.hint", other=owner))
    row = {"order_number": number, "person": person.id, "account": "", "evidence": f"staff:{asked.staff.id}"}
    new = await tx.execute(insert_ignoring(tx, Claim).values(row | {"claimed_ms": asked.now_ms}))
    owner = await tx.scalar(select(Claim.person).where(Claim.order_number == number))
    if owner is not None and await survivor(tx, owner) != person.id:
        raise Refused(say("operations.bind.taken", other=owner), hint=say("operations.bind.taken.hint", other=owner))
    return bool(new.rowcount)


async def _bind_member(tx: AsyncConnection, asked: Asked[Bind], person: int, member: str, evidence: str) -> None:
    by = f"staff:{asked.staff.id}"
    await link_member(tx, person, member, evidence, asked.now_ms, by=by, sure=asked.request.sure)


async def _undone(tx: AsyncConnection, number: int, by: str, now_ms: int) -> str:
    undone = await unmerge(tx, number, by, now_ms)
    people = {person.id: person for person in await shown(tx, {undone.kept, undone.gone})}
    if undone.member_name is not None:
        return say("operations.unnamed", who=described(people[undone.kept]), member=undone.member_name)
    return say(
        "operations.unmerged",
        one=f"#{undone.kept} {described(people[undone.kept])}",
        other=f"#{undone.gone} {described(people[undone.gone])}",
    )


async def _write_phone(
    tx: AsyncConnection, person: int, now: str | None, then: str | None, by: str, now_ms: int
) -> None:
    changed = await tx.execute(update(Person).where(Person.id == person, Person.phone == now).values(phone=then))
    if changed.rowcount:
        row = {"person": person, "field": "phone", "before": now, "after": then, "by": by, "at_ms": now_ms}
        await tx.execute(insert(ProfileChange).values(row))


async def _numbers(tx: AsyncConnection, asked: Asked[Bind], before: int) -> list[int]:
    """What this command merged and named; not by its time, which stands still where no fleet runs."""
    mine = select(Merge.id).where(Merge.by == f"staff:{asked.staff.id}", Merge.id > before)
    return list((await tx.scalars(mine.where(Merge.undone_ms.is_(None)).order_by(Merge.id))).all())


async def _newest_merge(tx: AsyncConnection) -> int:
    return await tx.scalar(select(func.max(Merge.id))) or 0
