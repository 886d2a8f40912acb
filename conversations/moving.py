"""From account to account as somebody climbs, and to the persona that suits them: looked at after they were answered.

Each offer is made once (`conversations.moves`), mentioned once more where it was not one of taste, and then rests.
"""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.acquaintance import Acquaintance, find
from conversations.move_candidates import Candidate, candidates
from conversations.move_looks import look_at, looks_due
from conversations.move_targets import target_for
from conversations.moves import aim_of, nobody_serves, note_offer, offer_rows
from conversations.speaking import Voices
from customers.profiles.persona_liking import LEARNT
from customers.standing.ladder import Ladder, current
from personas.model import Occasion
from rules.kinds import Kind
from rules.moves import Aim, MoveReason
from scheduler.care.kindness import had_enough
from storage.customer_tables import ProfileChange
from storage.outbox import plan
from storage.tables import Delivery
from texts.catalogue import say

_AGAIN = 200
"""Rows of the outbox that are looked at twice: on PostgreSQL a lower number may be committed after a higher one."""
_FIRST_LOOK = 5_000
"""How far back a process that has just started looks: an offer that was made is found made."""


class Moving:
    """A step of the planner. How far it has looked is kept in memory: looking twice does no harm."""

    def __init__(self, voices: Voices) -> None:
        self._voices = voices
        self._done_to: int | None = None

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Was somebody answered who may be handed on, or is it time to look at an offer? Writes nothing."""
        if await looks_due(tx, now_ms, most=1):
            return True
        newest = await tx.scalar(select(func.max(Delivery.id))) or 0
        if newest == self._done_to:
            return False
        if await candidates(tx, self._after(newest), now_ms):
            return True
        self._done_to = newest
        return False

    async def act(self, tx: AsyncConnection, now_ms: int) -> int:
        """Offer what is to be offered, remind, let rest. Returns how many offers were made."""
        for offer in await looks_due(tx, now_ms):
            await look_at(tx, self._voices, offer, now_ms)
        newest = await tx.scalar(select(func.max(Delivery.id))) or 0
        found = await candidates(tx, self._after(newest), now_ms)
        self._done_to = newest
        if not found:
            return 0
        ladder = await current(tx)
        tired = await had_enough(tx, {row.person for row in found}, now_ms)
        offers = 0
        for row in {row.person: row for row in found if row.person not in tired}.values():
            offers += await self._offer(tx, ladder, row, now_ms)
        return offers

    def _after(self, newest: int) -> int:
        return max(0, newest - _FIRST_LOOK if self._done_to is None else self._done_to - _AGAIN)

    async def _offer(self, tx: AsyncConnection, ladder: Ladder, row: Candidate, now_ms: int) -> bool:
        """The first of their aims that an account can be found for."""
        who = await find(tx, row.account, row.contact)
        if who is None:
            return False
        for aim in _aims(ladder, row):
            target = await target_for(tx, aim, row.person, row.account, suits=row.preferred_persona)
            if target is not None:
                move = await note_offer(tx, who, aim, await _why(tx, row.person, aim), target, now_ms)
                if move is None:
                    return False
                text = self._words(who, aim, target.persona, seed=move)
                rows = offer_rows(move, who, text, target, kind=Kind.LEVEL_UP, now_ms=now_ms)
                return await plan(tx, rows, now_ms=now_ms) > 0
            if aim is not Aim.PERSONA:
                level = ladder.name_of(who.level) if aim is Aim.TRAINING else ""
                await nobody_serves(tx, who, aim, level, now_ms)
        return False

    def _words(self, who: Acquaintance, aim: Aim, persona: str, *, seed: int) -> str:
        sibling = self._voices.book.resolved(persona).name
        if aim is Aim.TRAINING:
            goodbye = say("conversations.goodbye", lang="zh", sibling=sibling)
            return f"{self._voices.values_for(who)['call_me']}，{goodbye}"
        occasion = Occasion.SUITS if aim is Aim.PERSONA else Occasion.HAND_ON
        return self._voices.on(occasion, who, seed=seed, sibling=sibling)


def _aims(ladder: Ladder, row: Candidate) -> Iterator[Aim]:
    """What they should have and have not, the most senior first: who has bought is a sales account's to serve."""
    aim = aim_of(ladder, row.level, row.orders)
    if aim is Aim.TRAINING and row.training:
        yield Aim.TRAINING
    if aim is not None and row.sales:
        yield Aim.SALES
    if row.persona:
        yield Aim.PERSONA


async def _why(tx: AsyncConnection, person: int, aim: Aim) -> MoveReason:
    """Whose word it is."""
    if aim is not Aim.PERSONA:
        return MoveReason.LEVEL if aim is Aim.TRAINING else MoveReason.BOUGHT
    said = select(ProfileChange.by).where(ProfileChange.person == person, ProfileChange.field == "preferred_persona")
    by = await tx.scalar(said.order_by(ProfileChange.id.desc()).limit(1)) or ""
    return {"inbox": MoveReason.CHOICE, LEARNT: MoveReason.ANSWERS}.get(by.partition(":")[0], MoveReason.STAFF)
