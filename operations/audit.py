"""Who asked for what, through which door, and what came of it. Refused attempts too."""

from enum import StrEnum

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.requests.request import Door, Request, Verb
from storage.staff_tables import Audit
from texts.problem import ExitCode, Problem


class Outcome(StrEnum):
    DONE = "done"
    SAME = "same"
    """It was so already: nothing changed, so that there is nothing to take back."""
    ASKED = "asked"
    """Shown with its counts; waits for a code."""
    REFUSED = "refused"
    FAILED = "failed"


def outcome_of(problem: Problem) -> Outcome:
    """REFUSED where a right or a rule stood against it; all else failed."""
    refused = problem.exit_code in (ExitCode.NOT_ALLOWED, ExitCode.REFUSED_BY_POLICY)
    return Outcome.REFUSED if refused else Outcome.FAILED


async def record(
    tx: AsyncConnection,
    staff: str,
    request: Request,
    door: Door,
    outcome: Outcome,
    now_ms: int,
    detail: str = "",
) -> None:
    """One line of the log, in the transaction of the act itself."""
    await tx.execute(
        insert(Audit).values(
            at_ms=now_ms,
            staff=staff,
            door=door.value,
            verb=request.verb.value,
            request=request.as_json(),
            outcome=outcome.value,
            detail=detail,
        )
    )


async def refused_since(tx: AsyncConnection, staff: str, verb: Verb, since_ms: int) -> int:
    """How often `staff` was refused `verb` since then."""
    statement = select(func.count()).where(
        Audit.staff == staff,
        Audit.verb == verb.value,
        Audit.outcome == Outcome.REFUSED.value,
        Audit.at_ms > since_ms,
    )
    return int(await tx.scalar(statement) or 0)
