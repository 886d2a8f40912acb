"""What somebody may ask of the shop about themself, done by staff who may: hand out everything, erase everything."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from customers.dossier import Dossier, everything_about
from customers.erasure import Erased, Traces, erase, traces_of
from operations.audit import Outcome, record
from operations.errors import NotAllowed
from operations.permissions import require, staff_member
from operations.requests import Door, ErasePerson, ExportPerson, Request
from storage.engine import Database
from texts.problem import Problem

T = TypeVar("T")


async def export_person(db: Database, staff: str, person: int, door: Door, now_ms: int) -> Dossier:
    """Everything about the person, in full. In the log with who asked. Raises NotAllowed, NotStaff, NoSuchPerson."""
    request = ExportPerson(person=person)
    await _allowed(db, staff, request, door, now_ms)
    async with db.write() as tx:
        found = await everything_about(tx, person)
        await record(tx, staff, request, door, Outcome.DONE, now_ms)
    return found


async def preview_erasure(db: Database, staff: str, person: int, door: Door, now_ms: int) -> Traces:
    """What an erasure would concern; changes nothing. Raises NotAllowed, NotStaff, NoSuchPerson, EraseRefused."""
    request = ErasePerson(person=person)
    await _allowed(db, staff, request, door, now_ms)
    found = await _logged(db, staff, request, door, now_ms, lambda: traces_of(db, person))
    async with db.write() as tx:
        await record(tx, staff, request, door, Outcome.ASKED, now_ms)
    return found


async def erase_person(db: Database, staff: str, person: int, door: Door, now_ms: int) -> Erased:
    """Erase them; the log keeps the number of the entry and nothing else of them. Raises as `preview_erasure`."""
    request = ErasePerson(person=person)
    await _allowed(db, staff, request, door, now_ms)
    done = await _logged(db, staff, request, door, now_ms, lambda: erase(db, person, now_ms=now_ms))
    async with db.write() as tx:
        await record(tx, staff, request, door, Outcome.DONE, now_ms)
    return done


async def _allowed(db: Database, staff: str, request: Request, door: Door, now_ms: int) -> None:
    async with db.read() as connection:
        member = await staff_member(connection, staff)
    try:
        require(member, request.verb)
    except NotAllowed as problem:
        await _refused(db, staff, request, door, now_ms, problem)
        raise


async def _logged(
    db: Database, staff: str, request: Request, door: Door, now_ms: int, act: Callable[[], Awaitable[T]]
) -> T:
    try:
        return await act()
    except Problem as problem:
        await _refused(db, staff, request, door, now_ms, problem)
        raise


async def _refused(db: Database, staff: str, request: Request, door: Door, now_ms: int, problem: Problem) -> None:
    async with db.write() as tx:
        await record(tx, staff, request, door, Outcome.REFUSED, now_ms, problem.message)
