"""The accounts; one closely: how it is, whose phone it is on, what needs somebody, where a lost one's friends are."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.who_waits import Waiting, who_waits
from operations.asking import Asked, Reply
from operations.looking import account_line
from operations.losing import Losing, account_or_lost
from operations.open_matters import WAITING, repairs_now
from operations.requests.fleet import Accounts
from operations.requests.request import Verb
from operations.staff_names import staff_names
from reports.status import account_statuses
from rules.quiet_hours import local
from storage.tables import Account
from storage.task_tables import Task
from texts.catalogue import say

_REPAIRS_SHOWN, _WAITING_SHOWN = 6, 3
"""Half a screen of a phone. Ours."""
_READ = 200


async def accounts(tx: AsyncConnection, asked: Asked[Accounts], losing: Losing, zone: str) -> Reply:
    """One line for each; or the one that is asked for. Raises NotFound with the nearest. `zone`: the shop's."""
    if asked.request.account:
        return await _page(tx, asked, losing, zone)
    return Reply(True, "\n".join(account_line(one) for one in await account_statuses(tx, asked.now_ms)))


async def _page(tx: AsyncConnection, asked: Asked[Accounts], losing: Losing, zone: str) -> Reply:
    account = await account_or_lost(tx, asked.request.account)
    row = (
        await tx.execute(select(Account.holder, Account.removed, Account.lost_ms).where(Account.id == account))
    ).one()
    lines = [account_line(one) for one in await account_statuses(tx, asked.now_ms) if one.id == account]
    if row.lost_ms is not None:
        since = f"{local(row.lost_ms, zone):%m-%d %H:%M}"
        lines.append(say("operations.account.lost", account=account, since=since))
    elif row.removed:
        lines.append(say("operations.account.removed", account=account))
    lines += await _phone(tx, account, row.holder)
    if not row.removed:
        lines += await _matters(tx, account, asked.now_ms, zone)
    elif asked.staff.may(Verb.LOSE_ACCOUNT):
        lines += await losing.friend_lines(tx, account, asked.now_ms)
        lines.append(say("operations.account.list", account=account))
    return Reply(True, "\n".join(lines), changed=False)


async def _phone(tx: AsyncConnection, account: str, holder: str | None) -> list[str]:
    if not holder:
        return []
    tasks = select(func.count()).where(Task.account == account, Task.state == "open")
    name, number = (await staff_names(tx)).get(holder, holder), await tx.scalar(tasks)
    if not number:
        return [say("operations.account.phone", holder=name)]
    return [say("operations.account.phone_tasks", holder=name, tasks=number)]


async def _matters(tx: AsyncConnection, account: str, now_ms: int, zone: str) -> list[str]:
    """Who waits there first, then what else needs somebody."""
    waiting = await who_waits(tx, accounts=[account], most=_READ)
    noted = [line for line in await repairs_now(tx, now_ms, zone) if line.account == account]
    repairs = [line for line in noted if not line.key.startswith(WAITING)]
    if not waiting and not repairs:
        return [say("operations.account.well")]
    lines = [f"· {repair.line}" for repair in repairs[:_REPAIRS_SHOWN]]
    if waiting:
        shown = say("texts.comma").join(_waits(one, now_ms) for one in waiting[:_WAITING_SHOWN])
        number = f"{len(waiting)}+" if len(waiting) == _READ else len(waiting)
        lines.insert(0, say("operations.account.waiting", number=number, who=shown, id=waiting[0].person))
    if len(repairs) > _REPAIRS_SHOWN:
        lines.append(say("operations.status.more_repairs", number=len(repairs) - _REPAIRS_SHOWN))
    return lines


def _waits(one: Waiting, now_ms: int) -> str:
    return say("operations.account.waits", who=one.name, id=one.person, waited=one.waited(now_ms))
