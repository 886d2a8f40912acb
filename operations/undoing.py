"""Taking a command back: the last one of whoever asks, for a minute, and plainly what can't be taken back."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.consent import mute, take_back_opt_out
from operations.asking import Asked, Reply
from operations.audit import Outcome
from operations.binding import take_back_bind
from operations.errors import NotFound, Refused
from operations.finding import account_named, described, person_named
from operations.giving import take_back_gift_
from operations.levels import take_back_level
from operations.losing import TRACE as LOST_TRACE
from operations.losing import found_again
from operations.people_acts import MUTED_BEFORE
from operations.posting import take_back_post
from operations.profiling import take_back_note, take_back_profile
from operations.pushing import cancelled_words
from operations.referring import take_back_referral, take_back_thanks
from operations.requests.fleet import Pause, Resume
from operations.requests.house import Undo
from operations.requests.people import Mute, OptOut
from operations.requests.registry import request_of
from operations.requests.request import Verb
from operations.undoing_tasks import take_back_done
from rules.quiet_hours import local
from scheduler.campaigns import steering
from storage.campaign_tables import Campaign
from storage.engine import touch
from storage.outbox import DeliveryState
from storage.staff_tables import Audit
from storage.tables import Account, Delivery, Person
from texts.catalogue import catalogue, say

LIFE_MS = 60_000
CONFIRMED_TRACE = "confirmed:"
"""Before the verb of what a code confirmed, in the log."""

_LOOKS = frozenset({
    Verb.HELP, Verb.CUSTOMER, Verb.STATUS, Verb.ACCOUNTS, Verb.WHY, Verb.TASKS, Verb.PREVIEW, Verb.DOUBT, Verb.EXPORT,
    Verb.PREVIEW_MOMENTS, Verb.ACCOUNT_FRIENDS,
    Verb.TODAY, Verb.REPORT, Verb.REVEAL, Verb.SHOW_COUPONS,
})  # fmt: skip
_MADE = frozenset({Verb.PUSH, Verb.MOMENT})
"""What a code makes that can be found again by who made it, and when."""
Undone = Callable[[AsyncConnection, Asked[Undo], Row[Any]], Awaitable[str]]


async def undo(tx: AsyncConnection, asked: Asked[Undo], life_ms: int, zone: str) -> Reply:
    """Take back the last thing they did within `life_ms`. `zone`: the shop's.

    Raises NotFound, and Refused for what can't be.
    """
    row = await _last(tx, asked, life_ms)
    if row is None:
        raise NotFound(say("operations.undo.nothing"), hint=say("operations.undo.nothing.hint"))
    if row.verb == Verb.MUTE:
        return Reply(True, await _mute(tx, asked, row, zone), data={"undone": row.id})
    act = _ACTS.get(Verb(row.verb))
    if act is None:
        raise _never(row)
    return Reply(True, await act(tx, asked, row), data={"undone": row.id})


async def _last(tx: AsyncConnection, asked: Asked[Undo], life_ms: int) -> Row[Any] | None:
    """Their newest act that is not taken back yet; looking at things is no act."""
    done = select(Audit.__table__).where(Audit.staff == asked.staff.id, Audit.outcome == Outcome.DONE.value)
    recent = done.where(Audit.at_ms > asked.now_ms - life_ms, Audit.at_ms <= asked.now_ms).order_by(Audit.id)
    acts: list[Row[Any]] = []
    for row in (await tx.execute(recent)).all():
        if row.verb == Verb.UNDO:
            del acts[-1:]
        elif row.verb not in _LOOKS and row.request.get("act") not in ("show", "list"):
            acts.append(row)
    return acts[-1] if acts else None


async def _opt_out(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any]) -> str:
    """Only what this very command changed: a wish that stood before it stays."""
    request = request_of(row.request)
    assert isinstance(request, OptOut)  # noqa: S101  # the verb says so
    person = await person_named(tx, request.who)
    by = f"staff:{asked.staff.id}"
    if not await take_back_opt_out(tx, person.id, since_ms=row.at_ms, by=by, now_ms=asked.now_ms):
        raise Refused(say("operations.undo.changed"), hint=say("operations.undo.changed.hint"))
    again = await tx.execute(
        update(Delivery)
        .where(
            Delivery.person == person.id,
            Delivery.state == DeliveryState.SKIPPED.value,
            Delivery.reason == "opted_out",
            Delivery.settled_ms == row.at_ms,
            or_(Delivery.valid_until_ms.is_(None), Delivery.valid_until_ms > asked.now_ms),
        )
        .values(state=DeliveryState.PENDING.value, reason=None, settled_ms=None)
        .returning(Delivery.account)
    )
    accounts = [account for (account,) in again.all()]
    touch(tx, set(accounts))
    return say("operations.undo.optout", who=described(person), rows=len(accounts))


async def _mute(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any], zone: str) -> str:
    """Back to what stood before: somebody's first wish outlives the second."""
    request = request_of(row.request)
    assert isinstance(request, Mute)  # noqa: S101
    person = await person_named(tx, request.who)
    found = (await tx.execute(select(Person.muted_until_ms, Person.muted_by).where(Person.id == person.id))).one()
    if (found.muted_until_ms, found.muted_by) != (request.until_ms, f"staff:{asked.staff.id}"):
        raise Refused(say("operations.undo.changed"), hint=say("operations.undo.changed.hint"))
    await mute(tx, person.id, 0, by=f"staff:{asked.staff.id}", now_ms=asked.now_ms)
    if not row.detail.startswith(MUTED_BEFORE):
        return say("operations.undo.mute", who=described(person))
    before, _, by = row.detail.removeprefix(MUTED_BEFORE).partition(":")
    if int(before) <= asked.now_ms:
        return say("operations.undo.mute", who=described(person))
    await mute(tx, person.id, int(before), by=by, now_ms=asked.now_ms)
    until = f"{local(int(before), zone):%Y-%m-%d %H:%M}"
    return say("operations.undo.mute_before", who=described(person), until=until)


async def _pause(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any]) -> str:
    request = request_of(row.request)
    assert isinstance(request, Pause)  # noqa: S101
    account = await account_named(tx, request.target)
    back = await tx.execute(
        update(Account).where(Account.id == account, Account.paused_by == asked.staff.id).values(paused_by=None)
    )
    if back.rowcount == 0:
        raise Refused(say("operations.undo.changed"), hint=say("operations.undo.changed.hint"))
    touch(tx, [account])
    return say("operations.undo.pause", account=account)


async def _resume(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any]) -> str:
    request = request_of(row.request)
    assert isinstance(request, Resume)  # noqa: S101
    account = await account_named(tx, request.account)
    back = await tx.execute(
        update(Account).where(Account.id == account, Account.paused_by.is_(None)).values(paused_by=asked.staff.id)
    )
    if back.rowcount == 0:
        raise Refused(say("operations.undo.changed"), hint=say("operations.undo.changed.hint"))
    return say("operations.undo.resume", account=account)


async def _confirmed(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any]) -> str:
    """A push that was confirmed is cancelled; what has left is asked back, as far as WeChat allows it."""
    if row.detail.startswith(LOST_TRACE):
        return await _lost(tx, asked, row)
    if row.detail.startswith(CONFIRMED_TRACE) and row.detail.removeprefix(CONFIRMED_TRACE) not in _MADE:
        raise _never(row)
    campaign = (
        await tx.execute(
            select(Campaign.id, Campaign.title, Campaign.state)
            .where(Campaign.created_by == f"staff:{asked.staff.id}", Campaign.created_ms == row.at_ms)
            .order_by(Campaign.id.desc())
        )
    ).first()
    if campaign is None and (text := await take_back_post(tx, asked.staff.id, row.at_ms, asked.now_ms)):
        return text
    if campaign is None:
        raise _never(row)
    await _refuse_if_through(tx, campaign)
    return cancelled_words(campaign.title, await steering.cancel(tx, campaign.id, asked.now_ms))


async def _lost(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any]) -> str:
    """Only the loss that this very command wrote down: one that a colleague found out since stands."""
    account = row.detail.removeprefix(LOST_TRACE)
    found = (await tx.execute(select(Account.lost_ms, Account.lost_by).where(Account.id == account))).one()
    if (found.lost_ms, found.lost_by) != (row.at_ms, asked.staff.id):
        raise Refused(say("operations.undo.changed"), hint=say("operations.undo.changed.hint"))
    return await found_again(tx, account, asked.now_ms)


async def _refuse_if_through(tx: AsyncConnection, campaign: Any) -> None:
    """Nothing of it waits any more: said with the number of those who have it."""
    if campaign.state != "finished":
        return
    out = select(func.count()).where(Delivery.campaign == campaign.id, Delivery.state == DeliveryState.ACCEPTED.value)
    text = say("operations.undo.through", title=campaign.title, sent=await tx.scalar(out) or 0)
    raise Refused(text, hint=say("operations.undo.through.hint"))


def _never(row: Row[Any]) -> Refused:
    """Why this one can't be taken back, and what to do instead."""
    verb = row.detail.removeprefix(CONFIRMED_TRACE) if row.detail.startswith(CONFIRMED_TRACE) else row.verb
    key = f"operations.undo.never.{verb}"
    given = {"who": "", "target": "", **row.request}
    words = {name: given[name] for name in ("who", "target")}
    hint = say(key, **words) if key in catalogue() else say("operations.undo.never.hint")
    return Refused(say("operations.undo.never"), hint=hint)


_ACTS: Mapping[Verb, Undone] = {
    Verb.DONE: take_back_done,
    Verb.OPTOUT: _opt_out,
    Verb.VIP: take_back_level,
    Verb.REFER: take_back_referral,
    Verb.DELIVER: take_back_thanks,
    Verb.BIND: take_back_bind,
    Verb.PROFILE: take_back_profile,
    Verb.TAG: take_back_profile,
    Verb.NOTE: take_back_note,
    Verb.GIVE: take_back_gift_,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.CONFIRM: _confirmed,
}
