"""A customer names an order: theirs from now on, unless it is somebody else's."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.acquaintance import find
from conversations.handover import wait_for_a_person
from conversations.heard import Heard
from conversations.speaking import Voices, reply
from conversations.to_people import to_a_person
from customers.merging.claim_words import Hint
from customers.merging.claims import ClaimOutcome, claim, claim_by_hint
from customers.standing.ladder import current
from personas.model import Occasion
from rules.kinds import Kind
from texts.catalogue import say


async def hear_claim(tx: AsyncConnection, voices: Voices, heard: Heard, order: str | Hint) -> str:
    """By its number or by its last digits; the outcome in a word."""
    who, arrival, now_ms = heard.who, heard.arrival, heard.now_ms
    if isinstance(order, Hint):
        zone = voices.shop.time_zone
        outcome = await claim_by_hint(tx, who.person, who.account, order, zone, now_ms)
        if outcome in (ClaimOutcome.ASK_MORE, ClaimOutcome.NOT_ONE):
            return await _ask_which_order(tx, voices, heard, outcome)
    else:
        outcome = await claim(tx, who.person, who.account, order, now_ms)
    if outcome is ClaimOutcome.TOO_MANY:
        await to_a_person(tx, voices, heard, "order_tries")
        return "handed_over"
    # The claim may have merged two people, and their level may have risen.
    who = await find(tx, who.account, who.contact) or who
    if outcome is ClaimOutcome.TAKEN:
        await to_a_person(tx, voices, replace(heard, who=who), "order_taken")
        return "handed_over"
    entry = f"claim_{order.end if isinstance(order, Hint) else order}"
    if heard.said.about_to_say(entry, now_ms):
        return "claimed"
    if outcome is ClaimOutcome.UNKNOWN_YET:
        await wait_for_a_person(tx, who, voices.shop.time_zone, arrival=arrival, why="order_unknown", now_ms=now_ms)
        text = voices.on(Occasion.CLAIM_UNKNOWN, who, seed=arrival)
    else:
        level = (await current(tx)).name_of(who.level)
        text = voices.on(Occasion.CLAIMED, who, seed=arrival, level=level)
    await reply(tx, who, text, arrival=arrival, entry=entry, now_ms=now_ms, kind=Kind.CLAIM_ANSWER)
    return "claimed"


async def _ask_which_order(tx: AsyncConnection, voices: Voices, heard: Heard, outcome: ClaimOutcome) -> str:
    """Each question once within the hour; then somebody helps."""
    entry = outcome.value
    if heard.said.includes(entry):
        await to_a_person(tx, voices, heard, "order_unclear")
        return "handed_over"
    text = say(f"conversations.claim.{outcome}", lang="zh")
    arrival, now_ms = heard.arrival, heard.now_ms
    await reply(tx, heard.who, text, arrival=arrival, entry=entry, now_ms=now_ms, kind=Kind.CLAIM_ANSWER)
    return "asked_which_order"
