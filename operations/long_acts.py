"""What staff do at the terminal in more than one transaction, or with files: the desk's rights and its log, not its
transaction.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from operations.audit import Outcome, outcome_of, record
from operations.permissions import require_all, staff_member
from operations.requests.request import Door, Request
from operations.targets import require_own
from storage.engine import Database
from texts.problem import Problem

T = TypeVar("T")

NOBODY = "cli"
"""Who acts at the terminal of a shop that named no staff: whoever sits there."""


async def carried_out(
    db: Database,
    staff: str,
    request: Request,
    door: Door,
    now_ms: int,
    act: Callable[[], Awaitable[T]],
    *,
    outcome: Outcome = Outcome.DONE,
    told: Callable[[T], str] = lambda result: "",
) -> T:
    """Do `act` for `staff` (an id, or NOBODY), who must have the right to `request`; whatever comes of it is logged.

    `told` says in the log what it came to. Raises NotStaff and NotAllowed before it begins, and whatever `act` raises.
    """
    await _permitted(db, staff, request, door, now_ms)
    try:
        result = await act()
    except Problem as problem:
        await _note(db, staff, request, door, outcome_of(problem), now_ms, problem.message)
        raise
    except BaseException as stopped:  # Ctrl-C as well: what it had done until then is done
        await asyncio.shield(_note(db, staff, request, door, Outcome.FAILED, now_ms, type(stopped).__name__))
        raise
    await _note(db, staff, request, door, outcome, now_ms, told(result))
    return result


async def _permitted(db: Database, staff: str, request: Request, door: Door, now_ms: int) -> None:
    if staff == NOBODY:
        return
    async with db.read() as connection:
        member = await staff_member(connection, staff)
    try:
        require_all(member, request)
        async with db.read() as connection:
            await require_own(connection, member, request)
    except Problem as problem:
        await _note(db, staff, request, door, outcome_of(problem), now_ms, problem.message)
        raise


async def _note(
    db: Database, staff: str, request: Request, door: Door, outcome: Outcome, now_ms: int, detail: str
) -> None:
    async with db.write() as tx:
        await record(tx, staff, request, door, outcome, now_ms, detail)
