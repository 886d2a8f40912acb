"""Pausing one account, stopping all of them, letting them speak again, and logging one in."""

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.asking import Asked, Reply, Shown
from operations.errors import Refused
from operations.finding import account_named
from operations.permissions import require_account
from operations.requests.fleet import LogIn, Pause, Resume, ResumeAll, StopAll
from operations.requests.request import Request
from storage.engine import touch
from storage.fleet_tables import LiveRequest
from storage.outbox import DeliveryState
from storage.settings import put_setting, setting
from storage.tables import Account, Delivery
from texts.catalogue import say


async def pause(tx: AsyncConnection, asked: Asked[Pause]) -> Reply:
    """The account receives, and answers commands; nothing else leaves it. Binds at the next claim."""
    account = await account_named(tx, asked.request.target)
    require_account(asked.staff, account)
    paused = await tx.execute(
        update(Account).where(Account.id == account, Account.paused_by.is_(None)).values(paused_by=asked.staff.id)
    )
    if paused.rowcount == 0:
        return Reply(True, say("operations.paused_already", account=account), changed=False)
    waiting = await _pending(tx, account)
    return Reply(True, say("operations.paused", account=account, waiting=waiting))


async def resume(tx: AsyncConnection, asked: Asked[Resume]) -> Reply:
    return await resume_account(tx, asked, asked.request.account)


async def resume_account(tx: AsyncConnection, asked: Asked[Request], word: str) -> Reply:
    """What waited goes on at the account's own pace; what is too old by now is skipped with the reason."""
    account = await account_named(tx, word)
    require_account(asked.staff, account)
    resumed = await tx.execute(
        update(Account).where(Account.id == account, Account.paused_by.is_not(None)).values(paused_by=None)
    )
    rests = await tx.scalar(select(Account.state).where(Account.id == account)) == "restricted"
    if rests:
        await ask_gateway(tx, account, "rest_over", asked.now_ms)
    if resumed.rowcount == 0 and not rests:
        return Reply(True, say("operations.not_paused", account=account), changed=False)
    touch(tx, [account])
    if await is_stopped(tx):
        return Reply(True, f"{say('operations.resumed_stopped', account=account)}\n{say('operations.stopped_now')}")
    return Reply(True, say("operations.resumed", account=account, waiting=await _pending(tx, account)))


async def stop_all(tx: AsyncConnection, asked: Asked[StopAll]) -> Reply:
    """Never asks. Every claim after this transaction reads the flag."""
    await _set_stop(tx, f"{asked.staff.id} {asked.now_ms}", asked.now_ms)
    return Reply(True, say("operations.stopped_all", waiting=await _pending(tx)))


async def is_stopped(tx: AsyncConnection) -> bool:
    """Does nobody send anything now?"""
    return bool(await _stop(tx))


async def show_resume_all(tx: AsyncConnection, asked: Asked[ResumeAll]) -> Shown:
    stopped = await _stop(tx)
    key = "operations.resume_all_asks" if stopped else "operations.resume_all_idle"
    return Shown(say(key, waiting=await _pending(tx)), ResumeAll(stopped=stopped))


async def resume_all(tx: AsyncConnection, asked: Asked[ResumeAll]) -> Reply:
    """Raises Refused where somebody stopped everything anew since it was shown."""
    stopped = await _stop(tx)
    if stopped and stopped != asked.request.stopped:
        raise Refused(say("operations.stopped_again"), hint=say("operations.stopped_again.hint"))
    await _set_stop(tx, "", asked.now_ms)
    accounts = (await tx.scalars(select(Account.id).where(Account.removed.is_(False)))).all()
    touch(tx, accounts)
    return Reply(True, say("operations.resumed_all", waiting=await _pending(tx)))


async def _stop(tx: AsyncConnection) -> str:
    """Who stopped everything, and when; '' where nobody did."""
    return await setting(tx, "stop_all") or ""


async def _set_stop(tx: AsyncConnection, value: str, now_ms: int) -> None:
    await put_setting(tx, "stop_all", value, now_ms)


async def _pending(tx: AsyncConnection, account: str | None = None) -> int:
    statement = select(func.count()).where(Delivery.state == DeliveryState.PENDING.value)
    if account is not None:
        statement = statement.where(Delivery.account == account)
    return int(await tx.scalar(statement) or 0)


async def log_in(tx: AsyncConnection, asked: Asked[LogIn]) -> Reply:
    """Ask the gateway for a fresh QR code; it appears where the fleet runs. An account that is online needs none."""
    account = await account_named(tx, asked.request.account)
    require_account(asked.staff, account)
    if await tx.scalar(select(Account.state).where(Account.id == account)) in ("online", "paused"):
        return Reply(True, say("operations.logged_in_already", account=account), data={"online": account})
    await ask_gateway(tx, account, "qr", asked.now_ms)
    return Reply(True, say("operations.log_in", account=account))


async def ask_gateway(tx: AsyncConnection, account: str, verb: str, now_ms: int) -> None:
    """What needs a live gateway is a row that the running fleet picks up within a second."""
    await tx.execute(
        insert(LiveRequest).values(account=account, verb=verb, payload={}, state="waiting", created_ms=now_ms)
    )
