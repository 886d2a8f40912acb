"""Segments by worth (分层): gold, growth, ordinary, low, from money, number of orders and the last one; and the core.

Boundaries as shops with a few purchases a year draw them; source: ours, every one of them a key of config.yaml.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.pacing import DAY_MS
from storage.settings import change_setting
from storage.tables import Person, Setting

_SETTING = "tiers"
CORE_SHARE = 5
"""The best one of so many is the core, rounded up: 1 of 5, 2 of 6. Ours (二八法则)."""


class Tier(StrEnum):
    """Who has not bought yet has none."""

    GOLD = "gold"
    GROWTH = "growth"
    ORDINARY = "ordinary"
    LOW = "low"


class TierRules(BaseModel):
    """客户分层的界线

    The first that fits: gold; growth (comes back or spends, lately; or was gold and is not lost yet); low; ordinary.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    gold_yuan: int = Field(default=1000, gt=0, description="黄金：累计实付满多少元（来历：本店规矩）")
    gold_orders: int = Field(default=3, ge=1, description="黄金：至少几单（来历：本店规矩）")
    gold_days: int = Field(default=180, ge=1, description="黄金：最近多少天内买过（来历：本店规矩）")
    growth_yuan: int = Field(
        default=300, gt=0, description="重点发展：累计实付满多少元，或者满下面的单数（来历：本店规矩）"
    )
    growth_orders: int = Field(default=2, ge=1, description="重点发展：至少几单（来历：本店规矩）")
    growth_days: int = Field(default=365, ge=1, description="重点发展：最近多少天内买过（来历：本店规矩）")
    gold_asleep_days: int = Field(
        default=730, ge=1, description="够黄金的钱数和单数、但很久没买的，多少天内还算重点发展（来历：本店规矩）"
    )
    low_yuan: int = Field(
        default=100, ge=0, description="低价值：只买过一单、不到多少元、超过 gold_days 没再买（来历：本店规矩）"
    )


async def keep_rules(tx: AsyncConnection, rules: TierRules, now_ms: int) -> bool:
    """Make them the boundaries of this fleet. Did they change? The next daily pass sets everybody's tier by them."""
    return await change_setting(tx, _SETTING, rules.model_dump_json(), now_ms)


async def current_rules(tx: AsyncConnection) -> TierRules:
    """The boundaries of this fleet; the defaults where none were remembered."""
    stored = await tx.scalar(select(Setting.value).where(Setting.key == _SETTING))
    return TierRules.model_validate_json(stored) if stored else TierRules()


def tier_case(rules: TierRules, now_ms: int) -> ColumnElement[str | None]:
    """The tier of a row of `people`, by what was counted of it."""
    paid, orders = Person.net_paid_fen, Person.orders
    bought_within = {
        days: func.coalesce(Person.last_order_ms, 0) >= now_ms - days * DAY_MS
        for days in (rules.gold_days, rules.growth_days, rules.gold_asleep_days)
    }
    golden = and_(paid >= rules.gold_yuan * 100, orders >= rules.gold_orders)
    growing = or_(paid >= rules.growth_yuan * 100, orders >= rules.growth_orders)
    lately = bought_within[rules.gold_days]
    this_year = bought_within[rules.growth_days]
    little = and_(orders == 1, paid < rules.low_yuan * 100, ~lately)
    return case(
        (orders <= 0, None),
        (and_(golden, lately), Tier.GOLD.value),
        (and_(growing, this_year), Tier.GROWTH.value),
        (and_(golden, bought_within[rules.gold_asleep_days]), Tier.GROWTH.value),
        (or_(little, ~this_year), Tier.LOW.value),
        else_=Tier.ORDINARY.value,
    )


def buyers() -> ColumnElement[bool]:
    """Whom the core is the best part of."""
    return and_(Person.net_paid_fen > 0, Person.kind == "customer", Person.merged_into.is_(None))


async def core_line(tx: AsyncConnection) -> tuple[int, int]:
    """(net paid in fen, id) of the last one who belongs to the core; nobody's where nobody has bought.

    Of equal amounts the older entry comes first.
    """
    number = await tx.scalar(select(func.count()).select_from(Person).where(buyers())) or 0
    if not number:
        return 0, 0
    last = (
        select(Person.net_paid_fen, Person.id)
        .where(buyers())
        .order_by(Person.net_paid_fen.desc(), Person.id)
        .offset(-(-number // CORE_SHARE) - 1)
        .limit(1)
    )
    row = (await tx.execute(last)).one()
    return row.net_paid_fen, row.id


def in_core(line: tuple[int, int]) -> ColumnElement[bool]:
    """Does a row of `people` belong to the core, by `core_line`?"""
    paid_fen, last = line
    above = or_(Person.net_paid_fen > paid_fen, and_(Person.net_paid_fen == paid_fen, Person.id <= last))
    return and_(buyers(), above)
