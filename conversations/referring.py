"""A customer says who brought them: what they hear about it. Never whose code it is, and no rules."""

from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.acquaintance import Acquaintance
from conversations.handover import wait_for_a_person
from conversations.speaking import Lately, reply
from customers.referrals.referral_words import Recognised, Told
from texts.catalogue import say


async def answer_referral(
    tx: AsyncConnection, who: Acquaintance, said: Lately, told: Recognised, zone: str, *, arrival: int, now_ms: int
) -> str:
    """Thank them, or ask for the code; a name that leads to nobody goes to a person too. The outcome in a word.

    `zone`: the shop's.
    """
    unclear = told.told is Told.UNCLEAR
    if unclear:
        await wait_for_a_person(tx, who, zone, arrival=arrival, why="referrer_unclear", now_ms=now_ms)
    key = f"refused.{told.reason}" if told.told is Told.REFUSED else told.told.value
    entry = f"referral_{told.told.value}"
    if not said.about_to_say(entry, now_ms):
        text = say(f"conversations.referral.{key}", lang="zh")
        await reply(tx, who, text, arrival=arrival, entry=entry, now_ms=now_ms)
    return "handed_over" if unclear else "referred"
