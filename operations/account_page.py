"""One account closely: how it is, whose phone it is on, what needs somebody, and where a lost one's friends are."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.asking import Asked, Reply
from operations.looking import account_line
from operations.losing import Losing, account_or_lost
from operations.open_matters import repairs_now
from operations.repairs import RepairLine
from operations.requests import Accounts, Verb
from operations.staff_names import staff_names
from reports.status import account_statuses
from storage.tables import Account
from storage.task_tables import Task
from texts.catalogue import say

_REPAIRS_SHOWN = 6
"""Half a screen of a phone. Ours."""


async def account_page(tx: AsyncConnection, asked: Asked[Accounts], losing: Losing, zone: str) -> Reply:
    """Raises NotFound with the nearest account. `zone`: the shop's."""
    account = await account_or_lost(tx, asked.request.account)
    row = (
        await tx.execute(select(Account.holder, Account.removed, Account.lost_ms).where(Account.id == account))
    ).one()
    lines = [account_line(one) for one in await account_statuses(tx, asked.now_ms) if one.id == account]
    if row.removed and row.lost_ms is None:
        lines.append(say("operations.account.removed", account=account))
    lines += await _phone(tx, account, row.holder)
    lines += _repair_lines([line for line in await repairs_now(tx, asked.now_ms, zone) if line.account == account])
    if row.removed and asked.staff.may(Verb.LOSE_ACCOUNT):
        lines += await losing.friend_lines(tx, account, asked.now_ms)
        lines.append(say("operations.account.list", account=account))
    return Reply(True, "\n".join(lines), changed=False)


async def _phone(tx: AsyncConnection, account: str, holder: str | None) -> list[str]:
    if not holder:
        return []
    tasks = select(func.count()).where(Task.account == account, Task.state == "open")
    name, number = (await staff_names(tx)).get(holder, holder), await tx.scalar(tasks)
    return [say("operations.account.phone", holder=name, tasks=number or 0)]


def _repair_lines(repairs: Sequence[RepairLine]) -> list[str]:
    if not repairs:
        return [say("operations.account.well")]
    lines = [f"· {repair.line}" for repair in repairs[:_REPAIRS_SHOWN]]
    if len(repairs) > _REPAIRS_SHOWN:
        lines.append(say("operations.status.more_repairs", number=len(repairs) - _REPAIRS_SHOWN))
    return lines
