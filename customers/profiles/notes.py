"""Notes (备注): what staff want to remember of somebody, in their own words."""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import TextRefused
from customers.merging.merging import survivor
from customers.one_at_a_time import hold
from customers.profiles.profile_fields import one_line
from storage.customer_tables import PersonNote

LONGEST = 500


@dataclass(frozen=True, slots=True)
class Note:
    """`at_ms`: epoch ms; `by`: `staff:owner`."""

    id: int
    text: str
    by: str
    at_ms: int


async def add_note(tx: AsyncConnection, person: int, text: str, by: str, now_ms: int) -> Note:
    """Keep a note of whoever `person` is today. Raises TextRefused, NoSuchPerson."""
    plain = one_line(text)
    if not plain:
        raise TextRefused("no_note")
    if len(plain) > LONGEST:
        raise TextRefused("long_note", most=LONGEST, length=len(plain))
    await hold(tx, [person])  # they may be merged into somebody just now
    row = {"person": await survivor(tx, person), "text": plain, "by": by, "at_ms": now_ms}
    made = await tx.execute(insert(PersonNote).values(row).returning(PersonNote.id))
    return Note(made.scalar_one(), plain, by, now_ms)


async def notes_of(tx: AsyncConnection, person: int, most: int) -> list[Note]:
    """The newest first."""
    query = select(PersonNote.__table__).where(PersonNote.person == person).order_by(PersonNote.id.desc()).limit(most)
    return [Note(row.id, row.text, row.by, row.at_ms) for row in (await tx.execute(query)).all()]


async def remove_note(tx: AsyncConnection, note: int, by: str) -> bool:
    """Remove a note that `by` wrote. Was it there?"""
    return bool((await tx.execute(delete(PersonNote).where(PersonNote.id == note, PersonNote.by == by))).rowcount)
