"""A customer's conversation goes from the bot to whoever asks for it, and back; and who waits for that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.handover import give_back, take_over
from conversations.wait_notices import listed
from conversations.who_waits import Waiting, who_waits
from customers.finding.people import FoundPerson, shown
from operations.asking import Asked, Reply
from operations.errors import NotFound
from operations.finding import described, own_customer
from operations.permissions import Staff
from operations.requests.people import Release, TakeOver
from operations.ways_out import WayOut, ways_out
from storage.farewells import PARTED
from storage.staff_tables import StaffMember
from storage.tables import Account, Friendship
from texts.catalogue import say

HELD_MS = 8 * 3_600_000
"""A conversation that staff took over by command is theirs for a working day, unless given back. Ours."""
_LISTED = 10
_READ = 2000
"""Nobody turns more pages; where more wait, the number says so. Ours."""


@dataclass(frozen=True, slots=True)
class _Talk:
    """One conversation of the person's at an account that whoever asks looks after."""

    friendship: int
    account: str
    held_by: str | None


async def take_over_(tx: AsyncConnection, asked: Asked[TakeOver], zone: str) -> Reply:
    """The bot is silent towards them until it is given back. Without a name: who waits. `zone`: the shop's."""
    if not asked.request.who:
        return await _who_waits(tx, asked, zone)
    person = await own_customer(tx, asked.staff, asked.request.who)
    talks = await _talks(tx, asked.staff, person, asked.now_ms)
    waiting = await who_waits(tx, persons=[person.id])
    already = all(talk.held_by == asked.staff.id for talk in talks)
    for talk in talks:
        await take_over(tx, talk.friendship, asked.staff.id, asked.now_ms, idle_ms=HELD_MS)
    lines = [
        say("operations.yours_already" if already else "operations.taken_over", who=described(person), id=person.id)
    ]
    before = await _names(tx, {talk.held_by for talk in talks if talk.held_by not in (None, asked.staff.id)})
    if before:
        lines.append(say("operations.taken_from", names=say("texts.comma").join(before)))
    mine = {talk.account for talk in talks}
    others = {one.staff_name for one in waiting if one.account in mine and one.staff != asked.staff.id}
    if to_look := sorted(name for name in others if name and name not in before):
        lines.append(say("operations.was_to_look", names=say("texts.comma").join(to_look)))
    ways = await ways_out(tx, [(one.person, one.account) for one in waiting])
    for one in waiting:
        if one.account in mine:
            lines += [one.portrait(zone), one.matter()]
        if way := ways.get((one.person, one.account)):
            lines.append(way.words)
    return Reply(True, "\n".join(lines))


async def release(tx: AsyncConnection, asked: Asked[Release]) -> Reply:
    """The bot answers again, and nobody need answer what was asked. Without a name: the one they hold."""
    if not asked.request.who:
        return await _release_mine(tx, asked)
    person = await own_customer(tx, asked.staff, asked.request.who)
    return await _released(tx, asked, person)


async def _released(tx: AsyncConnection, asked: Asked[Release], person: FoundPerson) -> Reply:
    talks = await _talks(tx, asked.staff, person, asked.now_ms)
    waited = any(one.staff != asked.staff.id for one in await who_waits(tx, persons=[person.id]))
    was_held = any(talk.held_by for talk in talks)
    changed = [await give_back(tx, talk.friendship, asked.staff.id, asked.now_ms) for talk in talks]
    if not any(changed):
        return Reply(True, say("operations.not_held", who=described(person)))
    key = "operations.released" if was_held or not waited else "operations.needs_no_answer"
    return Reply(True, say(key, who=described(person)))


async def _who_waits(tx: AsyncConnection, asked: Asked[TakeOver], zone: str) -> Reply:
    """Gold first, then those of whoever asks, then who has waited longest; a page of them."""
    request, me = asked.request, asked.staff.id
    everybody = await who_waits(tx, most=_READ)
    ways = await ways_out(tx, [(one.person, one.account) for one in everybody])
    waiting = [one for one in everybody if _is_seen(asked.staff, one, ways)]
    waiting.sort(key=lambda one: (not one.gold, one.staff != me))
    if request.mine:
        waiting = [one for one in waiting if one.staff == me]
    if not waiting:
        key = "operations.none_of_mine" if request.mine else "operations.nobody_waits"
        return Reply(True, say(key), data={"waiting": []}, changed=False)
    ends = max(1, request.page) * _LISTED
    page = waiting[ends - _LISTED : ends]
    if not page:
        return Reply(True, say("operations.no_such_page", number=len(waiting)), changed=False)
    number = f"{len(waiting)}+" if len(everybody) == _READ else str(len(waiting))
    lines = [say("operations.who_waits.mine" if request.mine else "operations.who_waits", number=number)]
    for one in page:
        lines += listed([one], zone, asked.now_ms, reader=me)
        if way := ways.get((one.person, one.account)):
            lines.append(say("operations.who_waits.way", way=way.words))
    if len(waiting) > ends:
        own = say("operations.more_wait.own") if request.mine else ""
        lines.append(say("operations.more_wait", number=len(waiting) - ends, own=own, page=ends // _LISTED + 1))
    lines.append(say("operations.who_waits.hint", person=page[0].person))
    data = {"waiting": [_as_json(one, asked.now_ms) for one in waiting]}
    return Reply(True, "\n".join(lines), data=data, changed=False)


def _is_seen(staff: Staff, one: Waiting, ways: Mapping[tuple[int, str], WayOut]) -> bool:
    """At one of their accounts; or at one that is gone, where one of theirs knows them, too."""
    way = ways.get((one.person, one.account))
    return staff.looks_after(one.account) or (way is not None and any(map(staff.looks_after, way.others)))


def _as_json(one: Waiting, now_ms: int) -> dict[str, Any]:
    return {
        "person": one.person, "name": one.name, "account": one.account, "level": one.level, "tier": one.tier,
        "why": one.why, "words": one.words, "staff": one.staff, "waiting_s": max(0, now_ms - one.since_ms) // 1000,
    }  # fmt: skip


async def _release_mine(tx: AsyncConnection, asked: Asked[Release]) -> Reply:
    held = await held_by(tx, asked.staff.id, asked.now_ms)
    people = await shown(tx, held)
    if not people:
        return Reply(True, say("operations.nothing_held"), changed=False)
    if len(people) == 1:
        return await _released(tx, asked, people[0])
    lines = [f"#{person.id}  {described(person)}" for person in people[:_LISTED]]
    head = say("operations.you_hold", number=len(people))
    text = "\n".join([head, *lines, say("operations.you_hold.hint", person=people[0].id)])
    return Reply(True, text, changed=False)


async def held_by(tx: AsyncConnection, staff: str, now_ms: int) -> Sequence[int]:
    """Whose conversations this member of the staff holds."""
    query = select(Friendship.person).where(Friendship.held_by == staff, Friendship.held_until_ms > now_ms)
    return (await tx.scalars(query.distinct().order_by(Friendship.person).limit(_READ))).all()


async def _talks(tx: AsyncConnection, staff: Staff, person: FoundPerson, now_ms: int) -> list[_Talk]:
    """Those at accounts that are gone, too. Raises NotFound when whoever asks looks after none of their accounts."""
    rows = await tx.execute(
        select(Friendship.id, Friendship.account, Friendship.held_by, Friendship.held_until_ms, Account.removed)
        .join(Account, Account.id == Friendship.account)
        .where(Friendship.person == person.id, Friendship.state.not_in(PARTED))
        .order_by(Friendship.id)  # as they are locked where they are answered
    )
    mine = [
        _Talk(row.id, row.account, row.held_by if (row.held_until_ms or 0) > now_ms else None)
        for row in rows.all()
        if staff.looks_after(row.account) or row.removed
    ]
    if not mine:
        raise NotFound(say("operations.no_conversation", who=described(person)))
    return mine


async def _names(tx: AsyncConnection, staff: set[str | None]) -> Sequence[str]:
    """Of the staff who had it; whoever typed on the phone has none."""
    query = select(StaffMember.name).where(StaffMember.id.in_(sorted(filter(None, staff))))
    return (await tx.scalars(query.order_by(StaffMember.id))).all()
