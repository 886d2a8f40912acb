"""From the bot to a person and back: who waits, who holds a conversation, and for how long."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.staff_line import tell_staff
from conversations.acquaintance import Acquaintance
from conversations.speaking import Lately, Voices, reply
from personas.model import Occasion
from storage.tables import Friendship
from texts.catalogue import say

IDLE_MS = 30 * 60_000
"""A conversation that a person holds goes back to the bot after this long without a word of theirs. Ours."""
ON_THE_PHONE = "phone"
"""Holds a conversation when somebody typed on the phone itself: no staff id is known then."""
HAND_OVER = "hand_over"


async def hand_over(
    tx: AsyncConnection,
    voices: Voices,
    who: Acquaintance,
    said: Lately,
    *,
    arrival: int,
    why: str,
    words: str,
    now_ms: int,
    tell_customer: bool = True,
) -> None:
    """A person must look. `why` is a word of the catalogue (`conversations.why.<word>`), `words` what they wrote.

    Staff hear once per wait; the customer hears in the persona's voice that somebody is being asked, at
    most once within what `said` remembers: an hour.
    """
    await wait_for_a_person(tx, who, arrival=arrival, why=why, words=words, now_ms=now_ms)
    if not tell_customer or said.includes(HAND_OVER):
        return
    occasion = Occasion.UNKNOWN if why == "unknown" else Occasion.HAND_OVER
    await reply(tx, who, voices.on(occasion, who, seed=arrival), arrival=arrival, entry=HAND_OVER, now_ms=now_ms)


async def wait_for_a_person(
    tx: AsyncConnection, who: Acquaintance, *, arrival: int, why: str, words: str, now_ms: int
) -> None:
    """Put them on the list of who waits; the first time, tell staff."""
    if who.waiting_since_ms is not None:
        return
    waits = await tx.execute(
        update(Friendship)
        .where(Friendship.id == who.friendship, Friendship.waiting_since_ms.is_(None))
        .values(waiting_since_ms=now_ms)
    )
    if waits.rowcount == 0:
        return
    text = say(
        "conversations.waiting",
        account=who.account,
        name=who.known_as,
        why=say(f"conversations.why.{why}"),
        words=_short(words),
    )
    holders = [who.held_by if who.held_by != ON_THE_PHONE else None, who.holder]
    await tell_staff(tx, text, account=who.account, staff=holders, key=f"waiting:{arrival}", now_ms=now_ms)


async def take_over(tx: AsyncConnection, friendship: int, by: str, now_ms: int, *, idle_ms: int = IDLE_MS) -> None:
    """`by` (a staff id, or ON_THE_PHONE) holds the conversation; each word of theirs renews it. Nobody waits now."""
    await tx.execute(
        update(Friendship)
        .where(Friendship.id == friendship)
        .values(held_by=by, held_until_ms=now_ms + idle_ms, waiting_since_ms=None)
    )


async def give_back(tx: AsyncConnection, friendship: int) -> bool:
    """The bot answers again. Was it held?"""
    result = await tx.execute(
        update(Friendship)
        .where(Friendship.id == friendship, Friendship.held_by.is_not(None))
        .values(held_by=None, held_until_ms=None, waiting_since_ms=None)
    )
    return result.rowcount > 0


def _short(words: str, limit: int = 60) -> str:
    line = " ".join(words.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
