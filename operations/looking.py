"""Commands that only look: how the fleet is, what waits for a person, why somebody got nothing."""

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.asking import Asked, Reply
from operations.campaigning import running_lines, series_lines
from operations.finding import called, own_customer
from operations.open_matters import repairs_now
from operations.permissions import Staff
from operations.requests.fleet import Status, Tasks
from operations.requests.house import Help
from operations.requests.people import Why
from operations.staff_names import done_by, staff_names
from operations.why import why
from reports.status import AccountStatus, FleetStatus, Stopped, fleet_status
from rules.quiet_hours import local
from storage.task_tables import Task
from texts.catalogue import say

_REPAIRS_SHOWN = 10
"""A screen of a phone. Ours."""
_ANSWERS_SHOWN = 8
_TASKS_SHOWN = 20
_STATES = ("online", "awaiting_scan", "restricted", "paused", "backing_off", "connecting", "stopped", "lost")


async def help_(tx: AsyncConnection, asked: Asked[Help]) -> Reply:
    """The door adds the words: it knows how its commands are written."""
    return Reply(True, say("operations.help", name=asked.staff.name))


async def status(tx: AsyncConnection, asked: Asked[Status], zone: str) -> Reply:
    """What needs somebody comes first, then the fleet in one line each. `zone`: the shop's."""
    fleet = await fleet_status(tx, asked.now_ms)
    repairs = await repairs_now(tx, asked.now_ms, zone)
    lines = [_stopped_line(fleet.stopped, zone)] if fleet.stopped else []
    lines += [f"· {repair.line}" for repair in repairs[:_REPAIRS_SHOWN]]
    if len(repairs) > _REPAIRS_SHOWN:
        lines.append(say("operations.status.more_repairs", number=len(repairs) - _REPAIRS_SHOWN))
    lines += [*await running_lines(tx, zone), *await series_lines(tx, zone)]
    lines.append(_summary_line(fleet, len(repairs)))
    return Reply(True, "\n".join(lines), data={"repairs": [repair.as_json() for repair in repairs]})


def _stopped_line(stopped: Stopped, zone: str) -> str:
    return say("operations.status.stopped", by=stopped.name, at=f"{local(stopped.at_ms, zone):%m-%d %H:%M}")


def _summary_line(fleet: FleetStatus, repairs: int) -> str:
    states = say("operations.status.between").join(
        say("operations.status.state", state=say(f"operations.state.{state}"), number=fleet.states[state])
        for state in _STATES
        if fleet.states[state]
    )
    return say(
        "operations.status",
        accounts=len(fleet.accounts),
        states=states,
        accepted=sum(account.accepted_today for account in fleet.accounts),
        allowed=sum(account.accepts_allowed for account in fleet.accounts),
        messages=sum(account.messages_today for account in fleet.accounts),
        moments=sum(account.moments_today for account in fleet.accounts),
        waiting=fleet.waiting,
        tasks=fleet.tasks,
        todo=repairs,
    )


def account_line(account: AccountStatus) -> str:
    """One account in one line."""
    return say(
        "operations.account",
        account=account.id,
        role=say(f"operations.account_role.{account.role}"),
        state=say(f"operations.state.{account.shown_state}"),
        friends=account.friends,
        cap=account.friends_cap,
        accepted=account.accepted_today,
        allowed=account.accepts_allowed,
        messages=account.messages_today,
        moments=account.moments_today,
    )


async def tasks(tx: AsyncConnection, asked: Asked[Tasks]) -> Reply:
    """What is to be done by hand on the phones: of whoever asks first, then of the others."""
    rows = (
        await tx.execute(
            select(Task.id, Task.title, Task.account, Task.holder)
            .where(Task.state == "open", _theirs(asked.staff))
            .order_by(Task.holder != asked.staff.id, Task.id)
            .limit(_TASKS_SHOWN)
        )
    ).all()
    if not rows:
        return Reply(True, say("operations.no_tasks"))
    names = await staff_names(tx)
    lines = [
        say("operations.task", id=row.id, title=row.title, account=row.account, holder=done_by(row.holder, names))
        for row in rows
    ]
    return Reply(True, "\n".join([*lines, say("operations.tasks.hint")]))


def _theirs(staff: Staff) -> ColumnElement[bool]:
    """On their phone, or of an account that they look after."""
    return or_(Task.account.in_(staff.accounts), Task.holder == staff.id) if staff.narrow else true()


async def why_(tx: AsyncConnection, asked: Asked[Why]) -> Reply:
    """Why somebody did or did not get something, the newest first."""
    person = await own_customer(tx, asked.staff, asked.request.who)
    who = called(person)
    answers = await why(tx, person.id, asked.request.what or None)
    data = {"answers": [answer.as_json() for answer in answers]}
    if not answers:
        return Reply(True, say("operations.why.nothing", who=who), data=data)
    lines = [answer.line for answer in answers[:_ANSWERS_SHOWN]]
    return Reply(True, "\n".join([say("operations.why.head", who=who), *lines]), data=data)
