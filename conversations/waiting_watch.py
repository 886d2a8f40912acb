"""Waiting is watched: a reminder to who is to look, then a word to the owner or the next person, once each.

Both are counted in the hours when somebody is on duty. The rows of `waits` are the truth: each step is a
compare-and-set, so that a restart, or two processes, neither lose one nor say it twice. Conversations that somebody
took over and left go back to the bot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row, Text, cast, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.staff_line import tell_staff
from conversations.acquaintance import limits_in
from conversations.duty import Crew, Member, crew_of, next_in_line, who_looks
from conversations.handover import ON_THE_PHONE
from conversations.history import last_answered_by
from conversations.wait_notices import Notice, Word, tell
from conversations.waits import WaitState
from conversations.who_waits import these_wait
from rules.pacing import MINUTE_MS
from rules.shifts import after_open
from storage.conversation_tables import Wait
from storage.farewells import PARTED
from storage.staff_tables import StaffMember
from storage.statements import both, rows_of
from storage.tables import Account, Friendship
from texts.catalogue import say
from texts.unbroken import unbroken

_MOST_A_LOOK = 200
_NOBODY_EVER_MS = 60 * MINUTE_MS
"""Without anybody who is ever on duty: looked at again after this long. Ours."""
_ANYTHING = both(
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM waits WHERE ended_ms IS NULL AND look_ms <= :now_ms)"
    " OR EXISTS (SELECT 1 FROM friendships WHERE held_by IS NOT NULL AND held_until_ms <= :now_ms)"
)


class HandoverConfig(BaseModel):
    """转人工"""

    model_config = ConfigDict(frozen=True, extra="forbid")

    remind_minutes: int = Field(
        default=15,
        ge=1,
        le=480,
        description="客户等了几分钟还没人回，就提醒该回的人；只算有人当班的时间（来历：本店规矩）",
    )
    escalate_minutes: int = Field(
        default=15, ge=1, le=480, description="提醒以后再过几分钟还没人回，就告诉老板或下一位同事（来历：本店规矩）"
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """What became due for one wait, and to whom it is said."""

    wait: int
    account: str
    holder: str | None
    word: Word
    to: Member


class WaitingWatch:
    """A step of the planner's. `zone`: the shop's, in which shifts are written."""

    def __init__(self, config: HandoverConfig, zone: str) -> None:
        self._config = config
        self._zone = zone

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Is there a wait to look at, or a conversation that was left?"""
        return bool(await rows_of(tx, _ANYTHING, {"now_ms": now_ms}))

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """Return what was left, then remind and escalate what is due."""
        await self._return_left(tx, now_ms)
        crews: dict[str, Crew] = {}
        steps: list[_Step] = []
        for row in await _due_waits(tx, now_ms):
            crew = crews.get(row.account) or await crew_of(
                tx, row.account, self._zone, holder=row.holder, limits=limits_in(row.limits)
            )
            crews[row.account] = crew
            step = await self._look(tx, row, crew, now_ms)
            if step is not None:
                steps.append(step)
        await self._tell(tx, steps, now_ms)

    async def _look(self, tx: AsyncConnection, row: Row[Any], crew: Crew, now_ms: int) -> _Step | None:
        """Move one wait on; what is to be said about it, if anything."""
        if row.gone:
            await _move(tx, row, WaitState.DROPPED, ended_ms=now_ms, look_ms=None)
            return None
        reminded = row.state == WaitState.REMINDED.value
        minutes = self._config.escalate_minutes if reminded else self._config.remind_minutes
        from_ms = row.told_ms if reminded else row.from_ms
        due_ms = after_open(crew.hours, from_ms, minutes * MINUTE_MS, self._zone)
        if due_ms is not None and due_ms <= now_ms:
            due_ms = after_open(crew.hours, now_ms, 0, self._zone)  # the fleet was away: not while nobody is there
        if due_ms is None or due_ms > now_ms:
            await _move(tx, row, WaitState(row.state), look_ms=due_ms or now_ms + _NOBODY_EVER_MS)
            return None
        return await (self._escalate if reminded else self._remind)(tx, row, crew, now_ms)

    async def _remind(self, tx: AsyncConnection, row: Row[Any], crew: Crew, now_ms: int) -> _Step | None:
        """Whoever was to look; when they have gone home, who is there now."""
        there = {member.id: member for member in crew.on_duty(now_ms)}
        member = there.get(row.staff)
        if member is None:
            answered_by = await last_answered_by(tx, row.friendship, now_ms)
            member = await who_looks(tx, crew, has=(row.held_by, answered_by), now_ms=now_ms)
        if member is None:
            return None
        if not await _move(tx, row, WaitState.REMINDED, staff=member.id, told_ms=now_ms, look_ms=now_ms):
            return None
        return _Step(row.id, row.account, row.holder, Word.REMINDER, member)

    async def _escalate(self, tx: AsyncConnection, row: Row[Any], crew: Crew, now_ms: int) -> _Step | None:
        """To an owner, else the next person; where there is only one, they are told once more."""
        member = next_in_line(crew, now_ms, but=(row.staff,)) or next_in_line(crew, now_ms, but=())
        if member is None or not await _move(tx, row, WaitState.ESCALATED, told_ms=now_ms, look_ms=None):
            return None
        return _Step(row.id, row.account, row.holder, Word.ESCALATION, member)

    async def _tell(self, tx: AsyncConnection, steps: Sequence[_Step], now_ms: int) -> None:
        """Each person hears of all that is due in one notice."""
        for word, staff in dict.fromkeys((step.word, step.to.id) for step in steps):
            mine = [step for step in steps if (step.word, step.to.id) == (word, staff)]
            waiting = await these_wait(tx, [step.wait for step in mine])
            if not waiting:
                continue
            first = mine[0]
            notice = Notice(word, waiting, first.to, f"waiting:{word}:{min(step.wait for step in mine)}:{now_ms}")
            await tell(tx, notice, holder=first.holder, zone=self._zone, now_ms=now_ms)

    async def _return_left(self, tx: AsyncConnection, now_ms: int) -> None:
        """Held and silent for so long: the bot answers again. Who wrote meanwhile and got no word still waits."""
        for row in await _left(tx, now_ms):
            values = {"held_by": None, "held_until_ms": None}
            if row.since_ms is not None:
                values["waiting_since_ms"] = row.since_ms
            left = Friendship.held_by.is_not(None), Friendship.held_until_ms <= now_ms
            result = await tx.execute(update(Friendship).where(Friendship.id == row.id, *left).values(values))
            if result.rowcount and row.held_by != ON_THE_PHONE:
                await _say_returned(tx, row, now_ms)


async def _due_waits(tx: AsyncConnection, now_ms: int) -> Sequence[Row[*tuple[Any, ...]]]:
    nobody_has_them = Friendship.waiting_since_ms.is_(None) & Friendship.held_by.is_(None)
    query = (
        select(
            Wait.id, Wait.friendship, Wait.account, Wait.staff, Wait.state, Wait.from_ms, Wait.told_ms,
            Friendship.held_by, Account.holder, or_(nobody_has_them, Friendship.state.in_(PARTED)).label("gone"),
            cast(Account.limits, Text).label("limits"),
        )
        .join(Friendship, Friendship.id == Wait.friendship)
        .join(Account, Account.id == Wait.account)
        .where(Wait.ended_ms.is_(None), Wait.look_ms <= now_ms)
        .order_by(Wait.look_ms, Wait.id)
        .limit(_MOST_A_LOOK)
    )  # fmt: skip
    return (await tx.execute(query)).all()


async def _move(tx: AsyncConnection, row: Row[Any], state: WaitState, **values: Any) -> bool:
    """A compare-and-set: False when somebody answered, or another process was here, meanwhile."""
    moved = await tx.execute(
        update(Wait)
        .where(
            Wait.id == row.id, Wait.ended_ms.is_(None), Wait.state == row.state, Wait.from_ms == row.from_ms,
            Wait.look_ms.is_not(None),
        )
        .values(state=state.value, **values)
    )  # fmt: skip
    return moved.rowcount > 0


async def _left(tx: AsyncConnection, now_ms: int) -> Sequence[Row[*tuple[Any, ...]]]:
    query = (
        select(
            Friendship.id, Friendship.account, Friendship.person, Friendship.nickname, Friendship.held_by,
            Friendship.held_until_ms, StaffMember.name, Wait.since_ms, Account.holder,
        )
        .join(Account, Account.id == Friendship.account)
        .outerjoin(StaffMember, StaffMember.id == Friendship.held_by)
        .outerjoin(Wait, (Wait.friendship == Friendship.id) & Wait.ended_ms.is_(None))
        .where(Friendship.held_by.is_not(None), Friendship.held_until_ms <= now_ms)
        .order_by(Friendship.id)
        .limit(_MOST_A_LOOK)
    )  # fmt: skip
    return (await tx.execute(query)).all()


async def _say_returned(tx: AsyncConnection, row: Row[Any], now_ms: int) -> None:
    key = "conversations.wait.returned" if row.since_ms is None else "conversations.wait.returned_waiting"
    text = say(
        key,
        account=row.account,
        name=unbroken(row.nickname) or say("conversations.no_name", person=row.person),
        staff=row.name or row.held_by,
    )
    await tell_staff(
        tx, text, account=row.account, staff=[row.held_by, row.holder],
        key=f"returned:{row.id}:{row.held_until_ms}", now_ms=now_ms,
    )  # fmt: skip
