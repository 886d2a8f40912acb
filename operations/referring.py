"""Referrals (老带新) by staff: who brought whom, and that the thanks were handed over."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.referrals.referral_list import brought_person
from customers.referrals.referrals import ReferralState, deliver, referral_of, register, take_back_delivery, unregister
from operations.asking import Asked, Reply
from operations.errors import NotFound, Refused
from operations.finding import called, described, own_customer, person_named
from operations.requests.house import Undo
from operations.requests.people import Deliver, Refer
from operations.requests.registry import request_of
from texts.catalogue import say

_LONGEST_BENEFIT = 60


async def refer(tx: AsyncConnection, asked: Asked[Refer]) -> Reply:
    """The new one was brought by the old one. Raises ReferralRefused."""
    # Who brings friends may be at a colleague's account; it is the new one whose word this is.
    new, old = await own_customer(tx, asked.staff, asked.request.who), await person_named(tx, asked.request.old)
    source = f"staff:{asked.staff.id}"
    await register(tx, new.id, old.id, evidence=source, by=source, now_ms=asked.now_ms)
    known = await brought_person(tx, new.id)
    state = known.state if known else ReferralState.REGISTERED
    text = say(f"operations.referred.{state}", new=described(new), old=described(old), who=called(new))
    return Reply(True, text, data={"person": new.id, "referrer": old.id, "state": state.value})


async def deliver_(tx: AsyncConnection, asked: Asked[Deliver]) -> Reply:
    """The thanks for bringing somebody were handed over. Raises ReferralRefused, NotFound."""
    new = await person_named(tx, asked.request.who)
    known = await brought_person(tx, new.id)
    if known is None:
        raise NotFound(say("operations.nobody_brought", who=described(new)), hint=say("operations.nobody_brought.hint"))
    benefit = asked.request.what[:_LONGEST_BENEFIT]
    await deliver(tx, known.id, by=asked.staff.id, now_ms=asked.now_ms, benefit=benefit)
    text = say("operations.delivered", new=called(new), old=known.referrer_name, what=benefit or known.benefit or "–")
    return Reply(True, text, data={"person": new.id, "referrer": known.referrer, "state": "delivered"})


async def take_back_referral(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any]) -> str:
    """Only what that very command registered; thanks that were handed over stay."""
    request = request_of(row.request)
    assert isinstance(request, Refer)  # noqa: S101  # the verb says so
    new = await own_customer(tx, asked.staff, request.who)
    if not await unregister(tx, new.id, by=f"staff:{asked.staff.id}", at_ms=row.at_ms):
        raise Refused(say("operations.undo.changed"), hint=say("operations.undo.changed.hint"))
    return say("operations.undo.refer", who=described(new))


async def take_back_thanks(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any]) -> str:
    request = request_of(row.request)
    assert isinstance(request, Deliver)  # noqa: S101
    new = await person_named(tx, request.who)
    referral = await referral_of(tx, new.id)
    if referral is None or not await take_back_delivery(tx, referral, by=asked.staff.id, at_ms=row.at_ms):
        raise Refused(say("operations.undo.changed"), hint=say("operations.undo.changed.hint"))
    return say("operations.undo.deliver", who=described(new))
