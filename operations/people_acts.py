"""What staff do to one customer's wishes, and to what waits on their phones."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.assisted import complete
from customers.consent import mute, opt_out
from operations.asking import Asked, Reply
from operations.finding import described, person_named
from operations.repairs import close_seen
from operations.requests.fleet import Done
from operations.requests.people import Mute, OptOut
from rules.quiet_hours import local
from storage.tables import Person
from texts.catalogue import say
from texts.punctuation import aside

MUTED_BEFORE = "muted:"
"""Before the time (epoch ms) that stood until then, and who had set it, in the log."""
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
    stood = select(Person.muted_until_ms, Person.muted_by).where(Person.id == person.id)
    before = (await tx.execute(stood)).one()
    before_ms, until_ms = before.muted_until_ms or 0, asked.request.until_ms
    if before_ms >= until_ms:  # a later date stays
        until = f"{local(before_ms, zone):%Y-%m-%d %H:%M}"
        return Reply(True, say("operations.muted_already", who=described(person), until=until), changed=False)
    await mute(tx, person.id, until_ms, by=f"staff:{asked.staff.id}", now_ms=asked.now_ms)
    until = f"{local(until_ms, zone):%Y-%m-%d %H:%M}"
    trace = f"{MUTED_BEFORE}{before_ms}:{before.muted_by or ''}" if before_ms else ""
    return Reply(True, say("operations.muted", who=described(person), until=until), trace=trace)


async def done(tx: AsyncConnection, asked: Asked[Done]) -> Reply:
    """Ticked off: what was prepared for a person was done on the phone, or what was lost was looked at there."""
    which = asked.request.which
    if len(which) > _LONGEST or (which.isdigit() and len(which) > _LONGEST_NUMBER):
        return Reply(True, say("operations.nothing_to_finish"))
    seen = await close_seen(tx, which)
    if seen is not None:
        return Reply(True, say("operations.repair_closed", what=seen.text))
    finished = await complete(tx, asked.staff.id, which or "all", asked.now_ms)
    if not finished:
        return Reply(True, say("operations.nothing_to_finish"))
    titles = "\n".join(f"{task.id}. {task.title}{aside(task.account)}" for task in finished[:_TASKS_SHOWN])
    return Reply(True, say("operations.finished", number=len(finished), tasks=titles))
