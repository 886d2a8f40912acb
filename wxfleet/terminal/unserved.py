"""What the command line asks of a live gateway is answered by the process that serves the account, if there is one."""

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.ownership import wall_of
from operations.asking import Reply
from reports.workers import crew_now
from storage.fleet_tables import LiveRequest
from texts.catalogue import say
from texts.problem import ExitCode
from wxfleet.clocks import wall_ms
from wxfleet.reading.settings import Settings
from wxfleet.running.lock import is_held
from wxfleet.running.service import data_folder


async def newest_request(tx: AsyncConnection) -> int:
    """What was asked up to now."""
    return int(await tx.scalar(select(func.max(LiveRequest.id))) or 0)


async def unless_unserved(tx: AsyncConnection, settings: Settings, reply: Reply, asked_before: int) -> Reply:
    """`reply`, or that nobody can do it now: then what was asked since `asked_before` is taken back.

    After a crash the table still calls accounts online: that is no answer either where nobody serves them.
    """
    new = select(LiveRequest.id, LiveRequest.account).where(LiveRequest.id > asked_before)
    asked = {row.id: row.account for row in await tx.execute(new)}
    concerned = {*asked.values(), *([reply.data["online"]] if "online" in reply.data else [])}
    dark = {account for account in concerned if account in await _unserved(tx, settings, account)}
    if not dark:
        return reply
    ids = [id for id, account in asked.items() if account in dark]
    await tx.execute(delete(LiveRequest).where(LiveRequest.id.in_(ids)))
    accounts = ", ".join(sorted(dark))
    text = f"{say('worker.unserved', accounts=accounts)}\n  → {say('worker.unserved.hint')}"
    return Reply(False, text, exit_code=ExitCode.GATEWAY_UNAVAILABLE)


async def _unserved(tx: AsyncConnection, settings: Settings, account: str) -> frozenset[str]:
    if settings.database_url.startswith("sqlite"):  # the lock says it at once
        return frozenset() if is_held(data_folder(settings)) else frozenset({account})
    return (await crew_now(tx, wall_ms=await wall_of(tx, wall_ms()))).ownerless_accounts
