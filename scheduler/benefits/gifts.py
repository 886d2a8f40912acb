"""Red packets and gifts: a budget, a task for whoever holds the phone, and a ledger of who got what.

Nothing is paid by the program: a person gives it by hand, and ticks it off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Text, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.quiet_hours import local
from scheduler.errors import GiftRefused
from storage.outbox import insert_ignoring
from storage.tables import Account, Friendship, Person
from storage.task_tables import Gift

_LOCK = 0x67696674
"""Held while a budget is looked at and used, so that two who give at once do not both get the last of it."""


class GiftKind(StrEnum):
    """What is given."""

    RED_PACKET = "red_packet"
    GIFT = "gift"


class GiftState(StrEnum):
    """How far it is."""

    PLANNED = "planned"
    """A task is open. Its money is set aside."""
    GIVEN = "given"
    DROPPED = "dropped"
    """Taken back, or nobody got round to it. Its money is free again."""


_COUNTS = (GiftState.PLANNED.value, GiftState.GIVEN.value)


class GiftsConfig(BaseModel):
    """红包和礼物的预算"""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    per_day_yuan: float = Field(default=200, ge=0, description="全店一天最多送多少元；0 表示不送（来历：本店规矩）")
    per_person_yuan: float = Field(
        default=100, ge=0, description="同一位客户在下面的天数里最多收到多少元（来历：本店规矩）"
    )
    person_days: int = Field(default=90, ge=1, le=3650, description="每人预算按多少天算（来历：本店规矩）")
    red_packet_yuan: float = Field(
        default=200, gt=0, le=200, description="一个微信红包最多多少元（来历：微信官方，单个红包不超过 200 元）"
    )


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody is to get something. `account` None: by the account that they wrote to last."""

    person: int
    kind: GiftKind
    amount_fen: int
    occasion: str
    note: str = ""
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A line of the ledger, with what its task needs."""

    id: int
    account: str
    holder: str
    name: str


@dataclass(frozen=True, slots=True)
class Budget:
    """What a day and a person have left. All in fen."""

    day: str
    per_day: int
    used_today: int
    per_person: int
    person_days: int

    @property
    def left_today(self) -> int:
        return max(0, self.per_day - self.used_today)


async def budget_of(tx: AsyncConnection, config: GiftsConfig, zone: str, now_ms: int) -> Budget:
    """Today's budget, in the shop's zone."""
    day = local(now_ms, zone).date().isoformat()
    used = await _used(tx, Gift.day == day)
    return Budget(day, _fen(config.per_day_yuan), used, _fen(config.per_person_yuan), config.person_days)


async def plan_gift(
    tx: AsyncConnection, wish: Wish, config: GiftsConfig, *, zone: str, by: str, now_ms: int
) -> Planned:
    """Write it into the ledger and set its money aside. Raises GiftRefused: a budget, twice, or nobody's friend."""
    if tx.dialect.name == "postgresql":
        await tx.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    day = local(now_ms, zone).date()
    where = await _account_for(tx, wish)
    await _require_budget(tx, wish, config, day)
    state = GiftState.PLANNED.value
    key = f"gift:{wish.person}:{wish.occasion}:{day.year}"
    values = {
        "key": key, "person": wish.person, "account": where.account, "kind": wish.kind.value,
        "amount_fen": wish.amount_fen, "occasion": wish.occasion, "note": wish.note, "day": day.isoformat(),
        "state": state, "planned_by": by, "planned_ms": now_ms,
    }  # fmt: skip
    await tx.execute(  # one that came to nothing does not stand in the way
        update(Gift)
        .where(Gift.key == key, Gift.state == GiftState.DROPPED.value)
        .values(key=Gift.key.concat(":dropped:").concat(cast(Gift.id, Text)))
    )
    id = await tx.scalar(insert_ignoring(tx, Gift).values(values).returning(Gift.id))
    if id is None:
        raise GiftRefused("twice", name=where.name, occasion=wish.occasion)
    return Planned(int(id), where.account, where.holder or "", where.name)


async def take_back_gift(tx: AsyncConnection, gift: int) -> bool:
    """It is not given after all, if it was not yet. Its task is the caller's affair."""
    done = await tx.execute(
        update(Gift).where(Gift.id == gift, Gift.state == GiftState.PLANNED.value).values(state=GiftState.DROPPED.value)
    )
    return done.rowcount == 1


async def ledger(tx: AsyncConnection, limit: int) -> Sequence[Any]:
    """The newest lines, with the name of who got it."""
    name = func.coalesce(func.nullif(Person.call_me, ""), func.nullif(Person.name, ""), Person.member_name, "")
    query = (
        select(
            Gift.id, Gift.day, Gift.person, name.label("name"), Gift.account, Gift.kind, Gift.amount_fen,
            Gift.occasion, Gift.note, Gift.state, Gift.task, Gift.planned_by, Gift.done_by,
        )
        .outerjoin(Person, Person.id == Gift.person)
        .order_by(Gift.id.desc())
        .limit(limit)
    )  # fmt: skip
    rows: Sequence[Any] = (await tx.execute(query)).all()
    return rows


async def _account_for(tx: AsyncConnection, wish: Wish) -> Any:
    """The account, its holder and how it knows them. Raises GiftRefused."""
    name = func.coalesce(func.nullif(Friendship.alias, ""), func.nullif(Friendship.nickname, ""), Friendship.contact)
    query = (
        select(Friendship.account, Account.holder, name.label("name"))
        .join(Account, Account.id == Friendship.account)
        .where(Friendship.person == wish.person, Friendship.state == "friend", Account.removed.is_(False))
        .order_by(func.coalesce(Friendship.last_in_ms, 0).desc(), Friendship.id)
    )
    if wish.account is not None:
        query = query.where(Friendship.account == wish.account)
    found = (await tx.execute(query.limit(1))).one_or_none()
    if found is None:
        raise GiftRefused("nobody")
    return found


async def _require_budget(tx: AsyncConnection, wish: Wish, config: GiftsConfig, day: date) -> None:
    most = _fen(config.red_packet_yuan)
    if wish.kind is GiftKind.RED_PACKET and wish.amount_fen > most:
        raise GiftRefused("too_large", most=yuan(most))
    left = _fen(config.per_day_yuan) - await _used(tx, Gift.day == day.isoformat())
    if wish.amount_fen > left:
        raise GiftRefused("day", amount=yuan(wish.amount_fen), left=yuan(max(0, left)))
    since = (day - timedelta(days=config.person_days - 1)).isoformat()
    theirs = _fen(config.per_person_yuan) - await _used(tx, (Gift.person == wish.person) & (Gift.day >= since))
    if wish.amount_fen > theirs:
        raise GiftRefused("person", amount=yuan(wish.amount_fen), left=yuan(max(0, theirs)), days=config.person_days)


async def _used(tx: AsyncConnection, which: Any) -> int:
    spent = select(func.coalesce(func.sum(Gift.amount_fen), 0)).where(which, Gift.state.in_(_COUNTS))
    return int(await tx.scalar(spent) or 0)


def _fen(amount_yuan: float) -> int:
    return round(amount_yuan * 100)


def yuan(amount_fen: int) -> str:
    """'8.8' for 880 fen."""
    return f"{amount_fen / 100:.2f}".rstrip("0").rstrip(".")
