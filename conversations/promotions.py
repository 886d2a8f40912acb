"""Somebody climbed the ladder: their account is glad with them, and hands them to who serves that level.

Only what they did with us is a reason: an order paid after they became a friend, lately, and not the first import,
which brings a history. Each level is greeted once in a lifetime; refunds step down in silence.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.acquaintance import Acquaintance, find
from conversations.move_targets import Target, target_for
from conversations.moves import CARD_AFTER_MS, aim_of, is_open_to, nobody_serves, note_offer, row_of
from conversations.speaking import Voices
from customers.standing.ladder import Ladder, Level, current
from customers.standing.levels import Why
from personas.model import Occasion
from rules.kinds import Kind
from rules.moves import Aim, MoveReason
from rules.pacing import DAY_MS
from scheduler.care.kindness import had_enough
from storage.customer_tables import LevelMove
from storage.order_tables import ImportBatch, Order
from storage.outbox import Content, NewDelivery, plan
from storage.settings import put_setting, setting
from storage.tables import Account, Delivery, Friendship, Person
from texts.catalogue import say

_SEEN = "promotions_seen"
LATELY_MS = 14 * DAY_MS
"""An order older than this is no news to its buyer. Ours."""
FRESH_MS = 3 * DAY_MS
"""A step that was found longer ago is not spoken of any more. Ours."""
_MOVES_A_LOOK = 50


@dataclass(frozen=True, slots=True)
class _Step:
    move: int
    person: int
    before: str
    after: str


class Promotions:
    """A step of the planner: `somebody_moved` looks, `greet` acts."""

    def __init__(self, voices: Voices) -> None:
        self._voices = voices

    async def somebody_moved(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Are there moves that nobody has looked at? Writes nothing."""
        return (await tx.scalar(select(func.max(LevelMove.id))) or 0) > await _seen(tx)

    async def greet(self, tx: AsyncConnection, now_ms: int) -> int:
        """Plan the words for the next who climbed; returns how many people get some."""
        seen, newest = await _seen(tx), await tx.scalar(select(func.max(LevelMove.id))) or 0
        steps = await _steps(tx, seen, now_ms)
        ladder = await current(tx)
        greeted = 0
        for step in steps:
            if ladder.rank(step.after) > ladder.rank(step.before):
                greeted += await self._greet(tx, ladder, step, now_ms)
        await _note(tx, steps[-1].move if len(steps) == _MOVES_A_LOOK else newest, now_ms)
        return greeted

    async def _greet(self, tx: AsyncConnection, ladder: Ladder, step: _Step, now_ms: int) -> bool:
        who = await _known_best(tx, step.person)
        level = ladder.get(step.after)
        if who is None or level is None or await had_enough(tx, [step.person], now_ms):
            return False
        text = self._voices.on(Occasion.LEVEL_UP, who, seed=step.move, level=ladder.name_of(level.id))
        key = f"level_up:{step.person}:{level.id}"
        if await tx.scalar(select(Delivery.id).where(Delivery.key == key)) is not None:
            return False
        aim = aim_of(ladder, level.id)
        server = await self._who_serves(tx, who, aim, level, now_ms) if aim else None
        move = await note_offer(tx, who, aim, MoveReason.LEVEL, server, now_ms) if aim and server else None
        source = f"level_move:{step.move}"
        rows = []
        if server is not None and move is not None:
            sibling = self._voices.book.resolved(server.persona).name
            text += "\n" + say("conversations.goodbye", lang="zh", sibling=sibling)
            card, due_ms = Content(card=server.contact), now_ms + CARD_AFTER_MS
            rows = [row_of(move, "card", who, card, due_ms=due_ms, kind=Kind.LEVEL_UP, source=source)]
        rows.insert(0, _row(who, Content(text=text), key, now_ms, source))
        return await plan(tx, rows, now_ms=now_ms) > 0

    async def _who_serves(
        self, tx: AsyncConnection, who: Acquaintance, aim: Aim, level: Level, now_ms: int
    ) -> Target | None:
        """The account to hand them to: of the role that serves the level, with room, known to theirs; offered once."""
        if not await is_open_to(tx, who.person, aim):
            return None
        target = await target_for(tx, aim, who.person, who.account, suits=None)
        if target is None:
            await nobody_serves(tx, who, aim, level.name or level.id, now_ms)
        return target


def without_goodbye(text: str) -> str:
    """The words of a level-up without their last line, which names who serves them from now on."""
    return text.rpartition("\n")[0] or text


def _row(who: Acquaintance, content: Content, key: str, due_ms: int, source: str) -> NewDelivery:
    return NewDelivery(
        kind=Kind.LEVEL_UP, account=who.account, to=who.contact, person=who.person, content=content, key=key,
        due_ms=due_ms, valid_until_ms=due_ms + FRESH_MS, source=source,
    )  # fmt: skip


async def _steps(tx: AsyncConnection, seen: int, now_ms: int) -> list[_Step]:
    """The next moves that are worth a word, as far as the tables tell."""
    by_staff = LevelMove.why.startswith("staff:", autoescape=True)
    query = (
        select(LevelMove.id, LevelMove.person, LevelMove.before, LevelMove.after)
        .join(Person, Person.id == LevelMove.person)
        .where(
            LevelMove.id > seen,
            LevelMove.at_ms > now_ms - FRESH_MS,
            Person.level == LevelMove.after,
            Person.kind == "customer",
            Person.merged_into.is_(None),
            Person.erased_ms.is_(None),
            Person.opted_out_ms.is_(None),
            or_(by_staff, and_(LevelMove.why == Why.ORDERS.value, _bought_with_us())),
        )
        .order_by(LevelMove.id)
        .limit(_MOVES_A_LOOK)
    )
    return [_Step(row.id, row.person, row.before, row.after) for row in (await tx.execute(query)).all()]


def _bought_with_us() -> ColumnElement[bool]:
    """Was it a late order of a friend, and did an import bring it that was not the first?

    Not their own claim, whose answer names the level, nor orders that turned out to be theirs.
    """
    a_friend_then = exists().where(
        Friendship.person == Person.id, Friendship.state == "friend", Friendship.since_ms <= Person.last_order_ms
    )
    imports = ImportBatch.kind == "orders", ImportBatch.undone_ms.is_(None)
    imported_before = exists().where(*imports, ImportBatch.finished_ms < LevelMove.at_ms)
    imported_then = exists().where(
        *imports,
        LevelMove.at_ms.between(ImportBatch.created_ms, ImportBatch.finished_ms),
        Order.batch == ImportBatch.id,
        Order.person == Person.id,
    )
    return and_(Person.last_order_ms > LevelMove.at_ms - LATELY_MS, a_friend_then, imported_before, imported_then)


async def _known_best(tx: AsyncConnection, person: int) -> Acquaintance | None:
    """The one they were handed on to, else the one with the last conversation, at an account that may speak."""
    query = (
        select(Friendship.account, Friendship.contact)
        .join(Account, Account.id == Friendship.account)
        .where(
            Friendship.person == person, Friendship.state == "friend", Account.removed.is_(False),
            Account.paused_by.is_(None),
        )
        .order_by(
            func.coalesce(Friendship.serves_ms, 0).desc(), func.coalesce(Friendship.last_in_ms, 0).desc(),
            Friendship.since_ms, Friendship.id,
        )
        .limit(1)
    )  # fmt: skip
    row = (await tx.execute(query)).first()
    return None if row is None else await find(tx, row.account, row.contact)


async def _seen(tx: AsyncConnection) -> int:
    return int(await setting(tx, _SEEN) or 0)


async def _note(tx: AsyncConnection, move: int, now_ms: int) -> None:
    await put_setting(tx, _SEEN, str(move), now_ms)
