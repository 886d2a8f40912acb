"""What staff do to one customer's conversation and wishes, and to what waits on their phones."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.assisted import complete
from conversations.handover import give_back, take_over
from customers.consent import mute, opt_out
from customers.people import FoundPerson
from operations.asking import Asked, Reply
from operations.errors import NotFound
from operations.finding import described, person_named
from operations.repairs import close_seen
from operations.requests import Done, Mute, OptOut, Release, TakeOver
from rules.quiet_hours import local
from storage.farewells import PARTED
from storage.tables import Friendship
from texts.catalogue import say

HELD_MS = 8 * 3_600_000
"""A conversation that staff took over by command is theirs for a working day, unless given back. Ours."""

_TASKS_SHOWN = 10
_LONGEST = 200
_LONGEST_NUMBER = 18
"""Characters and digits: no package and no number of ours is longer, and a database refuses a larger one."""


async def opt_out_(tx: AsyncConnection, asked: Asked[OptOut]) -> Reply:
    """On the customer's request: no more marketing, everywhere, at once."""
    person = await person_named(tx, asked.request.who)
    stopped = await opt_out(
        tx, person.id, by=f"staff:{asked.staff.id}", words=say("operations.on_request"), now_ms=asked.now_ms
    )
    return Reply(True, say("operations.opted_out", who=described(person), rows=stopped))


async def mute_(tx: AsyncConnection, asked: Asked[Mute], zone: str) -> Reply:
    """Nothing unasked reaches them until that date."""
    person = await person_named(tx, asked.request.who)
    await mute(tx, person.id, asked.request.until_ms, by=f"staff:{asked.staff.id}", now_ms=asked.now_ms)
    until = local(asked.request.until_ms, zone).strftime("%Y-%m-%d %H:%M")
    return Reply(True, say("operations.muted", who=described(person), until=until))


async def take_over_(tx: AsyncConnection, asked: Asked[TakeOver]) -> Reply:
    """The bot is silent towards them until it is given back."""
    person = await person_named(tx, asked.request.who)
    for friendship in await _friendships(tx, asked, person):
        await take_over(tx, friendship, asked.staff.id, asked.now_ms, idle_ms=HELD_MS)
    return Reply(True, say("operations.taken_over", who=described(person)))


async def release(tx: AsyncConnection, asked: Asked[Release]) -> Reply:
    """The bot answers again."""
    person = await person_named(tx, asked.request.who)
    friendships = await _friendships(tx, asked, person)
    held = [await give_back(tx, friendship, asked.staff.id, asked.now_ms) for friendship in friendships]
    key = "operations.released" if any(held) else "operations.not_held"
    return Reply(True, say(key, who=described(person)))


async def _friendships(tx: AsyncConnection, asked: Asked[TakeOver] | Asked[Release], person: FoundPerson) -> list[int]:
    """Those at accounts which whoever asks looks after. Raises NotFound when there are none."""
    rows = await tx.execute(
        select(Friendship.id, Friendship.account).where(Friendship.person == person.id, Friendship.state.not_in(PARTED))
    )
    mine = [row.id for row in rows.all() if asked.staff.looks_after(row.account)]
    if not mine:
        raise NotFound(say("operations.no_conversation", who=described(person)))
    return mine


async def done(tx: AsyncConnection, asked: Asked[Done]) -> Reply:
    """Ticked off: what was prepared for a person was done on the phone, or what was lost was looked at there."""
    which = asked.request.which
    if len(which) > _LONGEST or (which.isdigit() and len(which) > _LONGEST_NUMBER):
        return Reply(True, say("operations.nothing_to_finish"))
    if await close_seen(tx, which):
        return Reply(True, say("operations.repair_closed"))
    finished = await complete(tx, asked.staff.id, which or "all", asked.now_ms)
    if not finished:
        return Reply(True, say("operations.nothing_to_finish"))
    titles = "\n".join(f"{task.id}. {task.title}（{task.account}）" for task in finished[:_TASKS_SHOWN])
    return Reply(True, say("operations.finished", number=len(finished), tasks=titles))
