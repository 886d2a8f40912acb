"""What staff do to one customer's wishes, and to what waits on their phones."""

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.assisted import complete
from customers.consent import mute, opt_out
from operations.asking import Asked, Reply
from operations.finding import described, person_named
from operations.repairs import close_seen
from operations.requests import Done, Mute, OptOut
from rules.quiet_hours import local
from texts.catalogue import say

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
