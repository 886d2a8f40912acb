"""What is known of somebody, in full: handed out or shown by staff who may, or erased. Each time is in the log."""

from customers.merging.merging import survivor
from customers.own_data.dossier import Dossier, everything_about
from customers.own_data.erasure import Erased, Traces, erase, traces_of
from operations.audit import Outcome
from operations.long_acts import carried_out
from operations.requests.people import ErasePerson, ExportPerson, RevealPerson
from operations.requests.request import Door
from storage.engine import Database


async def export_person(db: Database, staff: str, person: int, door: Door, now_ms: int) -> Dossier:
    """Everything about the person, in full. In the log with who asked. Raises NotAllowed, NotStaff, NoSuchPerson."""

    async def read() -> Dossier:
        async with db.write() as tx:
            return await everything_about(tx, person)

    return await carried_out(db, staff, ExportPerson(person=person), door, now_ms, read)


async def reveal_person(db: Database, staff: str, person: int, door: Door, now_ms: int) -> int:
    """May `staff` see the person's phones and addresses whole? It is in the log, whatever the answer.

    Returns the entry that the person has today. Raises NotAllowed, NotStaff, NoSuchPerson.
    """

    async def find() -> int:
        async with db.read() as connection:
            return await survivor(connection, person)

    return await carried_out(db, staff, RevealPerson(person=person), door, now_ms, find)


async def preview_erasure(db: Database, staff: str, person: int, door: Door, now_ms: int) -> Traces:
    """What an erasure would concern; changes nothing. Raises NotAllowed, NotStaff, NoSuchPerson, EraseRefused."""

    async def look() -> Traces:
        return await traces_of(db, person)

    return await carried_out(db, staff, ErasePerson(person=person), door, now_ms, look, outcome=Outcome.ASKED)


async def erase_person(db: Database, staff: str, person: int, door: Door, now_ms: int) -> Erased:
    """Erase them; the log keeps the number of the entry and nothing else of them. Raises as `preview_erasure`."""

    async def act() -> Erased:
        return await erase(db, person, now_ms=now_ms)

    return await carried_out(db, staff, ErasePerson(person=person), door, now_ms, act)
