"""Daily likes: whose posts are to be liked today, in turn, as one package for each phone holder."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, and_, bindparam, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.standing.tiers import Tier
from rules.limits import TimeOfDay
from rules.pacing import DAY_MS
from rules.quiet_hours import local
from storage.outbox import insert_ignoring
from storage.settings import change_setting, setting
from storage.tables import Account, Friendship, Person
from storage.task_tables import LikeAsked

_DAY = "likes_day"


class LikesConfig(BaseModel):
    """每日点赞"""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_day: int = Field(
        default=15,
        ge=0,
        le=200,
        description="每天请员工给多少位黄金和核心客户点赞，全店合计；0 表示不用（来历：本店规矩）",
    )
    again_days: int = Field(default=14, ge=1, le=365, description="同一位客户多少天内不重复（来历：本店规矩）")
    at: TimeOfDay = Field(default=time(12, 10), description="每天几点发任务，例如 12:10（来历：本店规矩）")


@dataclass(frozen=True, slots=True)
class Liked:
    """One person, and the account whose phone does it."""

    person: int
    account: str
    holder: str
    name: str


@dataclass(frozen=True, slots=True)
class LikeRound:
    """One holder's round of a day."""

    holder: str
    day: str
    liked: tuple[Liked, ...]


HandOut = Callable[[AsyncConnection, LikeRound, int], Awaitable[object]]
"""Makes a task of it: (transaction, round, now in epoch ms)."""


class Likes:
    """The step of the planner. `live`: accounts that really do something; `hand_out` opens the tasks."""

    def __init__(self, config: LikesConfig, zone: str, live: Collection[str], hand_out: HandOut) -> None:
        self._config = config
        self._zone = zone
        self._live = sorted(live)
        self._hand_out = hand_out
        self._done = ""
        self._chosen: list[Liked] = []

    async def due(self, connection: AsyncConnection, now_ms: int) -> bool:
        """Has the hour come, nobody been asked today, and is it somebody's turn? Asks the tables once a day.

        Of a large shop the choice takes its time: it is made here, where nobody waits for the writer.
        """
        now = local(now_ms, self._zone)
        day = now.date().isoformat()
        if self._config.per_day == 0 or not self._live or self._done == day or now.time() < self._config.at:
            return False
        if await setting(connection, _DAY) != day:
            self._chosen = await whose_turn(connection, self._config, self._live, now_ms)
            if self._chosen:
                return True
        self._done = day
        return False

    async def act(self, tx: AsyncConnection, now_ms: int) -> int:
        """Hand today's people out; from now on they have been asked for. Returns how many."""
        day = local(now_ms, self._zone).date().isoformat()
        if not await change_setting(tx, _DAY, day, now_ms):
            return 0
        await note_asked(tx, self._chosen, now_ms)
        for holder in dict.fromkeys(one.holder for one in self._chosen):
            theirs = tuple(one for one in self._chosen if one.holder == holder)
            await self._hand_out(tx, LikeRound(holder, day, theirs), now_ms)
        return len(self._chosen)


async def whose_turn(connection: AsyncConnection, config: LikesConfig, live: Sequence[str], now_ms: int) -> list[Liked]:
    """The gold ones and the core whose turn it is: who waits longest first. Writes nothing."""
    found = await connection.execute(
        _whose_turn(live), {"before_ms": now_ms - config.again_days * DAY_MS, "at_most": config.per_day}
    )
    chosen = [Liked(row.person, row.account, row.holder or "", row.name) for row in found]
    return sorted(chosen, key=lambda one: (one.holder, one.account))


async def note_asked(tx: AsyncConnection, liked: Sequence[Liked], now_ms: int) -> None:
    """It was their turn: the next one comes after the configured days."""
    for one in liked:
        asked = {"person": one.person, "account": one.account, "asked_ms": now_ms}
        await tx.execute(insert_ignoring(tx, LikeAsked).values(asked))
        await tx.execute(update(LikeAsked).where(LikeAsked.person == one.person).values(asked))


def _whose_turn(live: Sequence[str]) -> Select[Any]:
    """Each person once, by the account that they wrote to last."""
    nearest = func.row_number().over(
        partition_by=Person.id, order_by=(func.coalesce(Friendship.last_in_ms, 0).desc(), Friendship.id)
    )
    shown = func.coalesce(func.nullif(Friendship.alias, ""), func.nullif(Friendship.nickname, ""), Person.name)
    known = (
        select(
            Person.id.label("person"),
            Friendship.account,
            Account.holder,
            shown.label("name"),
            func.coalesce(LikeAsked.asked_ms, 0).label("asked_ms"),
            case((Person.tier == Tier.GOLD.value, 0), else_=1).label("rank"),
            nearest.label("place"),
        )
        .join(Friendship, and_(Friendship.person == Person.id, Friendship.state == "friend"))
        .join(Account, Account.id == Friendship.account)
        .outerjoin(LikeAsked, LikeAsked.person == Person.id)
        .where(
            or_(Person.tier == Tier.GOLD.value, Person.core.is_(True)),
            Person.kind == "customer",
            Person.merged_into.is_(None),
            Person.erased_ms.is_(None),
            Person.opted_out_ms.is_(None),
            Account.id.in_(live),
            Account.removed.is_(False),
            func.coalesce(LikeAsked.asked_ms, 0) <= bindparam("before_ms"),
        )
        .subquery()
    )
    first = select(known).where(known.c.place == 1)
    return first.order_by(known.c.asked_ms, known.c.rank, known.c.person).limit(bindparam("at_most"))
