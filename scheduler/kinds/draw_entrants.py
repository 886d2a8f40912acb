"""Who stands on the list of a draw: written down once, at the close, so that nobody's later edit moves anybody else.

A ticket depends on the hash of the whole list. Read anew at the draw, one word changed in one profile would shuffle
everybody: whoever may edit profiles could try until a friend wins. Whoever drops out after the close keeps their
ticket and is passed over, with the reason.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, cast, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.lots import Lot, hash_of, hash_with_votes
from scheduler.kinds.entries import Entrant, EntryState, entrants
from scheduler.participants.participants import in_turn
from scheduler.participants.votes import count_votes, counts
from storage.campaign_tables import Participant
from storage.entry_tables import Draw, Entry
from storage.tables import Person


@dataclass(frozen=True, slots=True)
class Closed:
    """The list of the close. `left_out`: by reason, how many were entered and could not win even then."""

    lots: tuple[Lot, ...]
    hash: str
    left_out: Mapping[str, int]
    votes: Mapping[int, int]


async def close(tx: AsyncConnection, campaign: int, *, contest: bool) -> Closed:
    """Write the list down; again, it is the one that was written first. `contest`: votes are counted with it."""
    await in_turn(tx, campaign)
    stored = await tx.scalar(select(Draw.closed_with).where(Draw.campaign == campaign))
    if stored is None:
        stored = await _list_now(tx, campaign, contest=contest)
        await tx.execute(update(Draw).where(Draw.campaign == campaign).values(closed_with=stored))
    return closed_of(stored)


def closed_of(stored: Mapping[str, Any]) -> Closed:
    """As it was written down."""
    lots = tuple(Lot(one["number"], tuple(one["wears"])) for one in stored["entrants"])
    votes = {one["number"]: one["votes"] for one in stored["votes"]}
    return Closed(lots, stored["hash"], stored["left_out"], votes)


async def dropped_out(tx: AsyncConnection, campaign: int, lots: Sequence[Lot]) -> dict[int, str]:
    """Who of the list can't win any more: a reason of the catalogue by number."""
    standing = {one.number: one.out for one in await entrants(tx, campaign)}
    query = (
        select(Entry.number, Entry.state, Person.erased_ms)
        .join(Person, Person.id == Entry.person)
        .where(Entry.campaign == campaign, Entry.number.is_not(None))
    )
    rows = {row.number: row for row in (await tx.execute(query)).all()}
    found: dict[int, str] = {}
    for lot in lots:
        row = rows.get(lot.number)
        if row is None or row.erased_ms is not None:
            found[lot.number] = "erased"
        elif row.state != EntryState.ENTERED.value:
            found[lot.number] = "entry_withdrawn"
        elif (out := standing.get(lot.number, "no_consent")) != "":
            found[lot.number] = out
    return found


async def votes_now(tx: AsyncConnection, campaign: int, able: Sequence[Entrant]) -> dict[int, int]:
    """By number. A vote that became one for oneself, because two entries turned out to be one person, is none."""
    numbers = [str(entrant.number) for entrant in able]
    votes = {int(one.choice): one.votes for one in await count_votes(tx, campaign, numbers)}
    own = (
        select(Entry.number)
        .join(Participant, (Participant.campaign == Entry.campaign) & (Participant.person == Entry.person))
        .join(Person, Person.id == Participant.person)
        .where(Entry.campaign == campaign, Participant.choice == cast(Entry.number, Text), *counts())
    )
    for number in (await tx.scalars(own)).all():
        if number is not None and votes.get(number):
            votes[number] -= 1
    return votes


async def _list_now(tx: AsyncConnection, campaign: int, *, contest: bool) -> dict[str, Any]:
    everybody = await entrants(tx, campaign)
    able = [entrant for entrant in everybody if not entrant.out]
    lots = [Lot(entrant.number, entrant.wears) for entrant in able]
    votes = await votes_now(tx, campaign, able) if contest else {}
    return {
        "entrants": [{"number": lot.number, "wears": list(lot.wears)} for lot in lots],
        "hash": hash_with_votes(lots, votes) if contest else hash_of(lots),
        "left_out": dict(Counter(entrant.out for entrant in everybody if entrant.out)),
        "votes": [{"number": number, "votes": count} for number, count in sorted(votes.items())],
    }
