"""The ladder (升级制度): which level somebody has earned by what they bought, and its SQL twin."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, SQLColumnExpression, and_, case, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.roles import Role
from storage.ahead import Ahead
from storage.settings import put_setting
from storage.statements import ready
from storage.tables import Setting
from texts.catalogue import say
from texts.errors import Mistake, Severity
from texts.yaml_reader import read_document

_SETTING = "ladder"
_STORED = ready(select(Setting.value).where(Setting.key == _SETTING))
LevelId = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[\w-]+$")]


class Level(BaseModel):
    """One rung. Without `any_purchase` and `from_net_yuan` it is the entry, for those who have not bought."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: LevelId = Field(description="等级编号，推送里的 levels 用它，例如 VIP1")
    name: str = Field(default="", max_length=20, description="等级叫法，说给客户听的")
    any_purchase: bool = Field(default=False, description="买过一次就算")
    from_net_yuan: Decimal | None = Field(default=None, gt=0, description="累计实付（扣除退款）满多少元")
    discount: Decimal = Field(
        default=Decimal(1), gt=0, le=1, description="折扣，0.95 就是九五折；真正的折扣在店铺后台设置，这里只用来提醒"
    )
    served_by: Role | None = Field(
        default=None,
        description="由哪种功能定位的号服务：acquisition 引流，sales 销售，training 培训",
    )

    @property
    def from_fen(self) -> int:
        """The net amount it asks for, in fen; 0 where any purchase will do."""
        return int((self.from_net_yuan or 0) * 100)


class Ladder(BaseModel):
    """All levels, from the entry up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    levels: tuple[Level, ...] = Field(min_length=1, description="从低到高；第一级是还没买过的朋友")

    @property
    def entry(self) -> Level:
        """The level of those who have not bought."""
        return self.levels[0]

    @property
    def ids(self) -> tuple[str, ...]:
        """The levels' ids, lowest first."""
        return tuple(level.id for level in self.levels)

    def level_of(self, net_paid_fen: int, orders: int) -> str:
        """The id of the highest level that `orders` purchases with this net amount (fen) reach."""
        if orders <= 0:
            return self.entry.id
        earned = [level.id for level in self.levels[1:] if net_paid_fen >= level.from_fen]
        return earned[-1] if earned else self.entry.id

    def find(self, word: str) -> Level | None:
        """The level with this id or name, in whatever case."""
        meant = word.strip().casefold()
        return next((level for level in self.levels if meant in (level.id.casefold(), level.name.casefold())), None)

    def get(self, level: str) -> Level | None:
        """The level with this id."""
        return next((rung for rung in self.levels if rung.id == level), None)

    def rank(self, level: str) -> int:
        """How high it stands, the entry 0; -1 for one that the ladder does not have."""
        return self.ids.index(level) if level in self.ids else -1

    def discounted(self) -> tuple[Level, ...]:
        """The levels whose discount the shop's back office has to carry."""
        return tuple(level for level in self.levels if level.discount < 1)

    def reminder(self) -> str:
        """What only the shop's back office can do: a sentence for operators; '' where no level has a discount."""
        rungs = [
            say("customers.ladder.rung", name=level.name or level.id, tenths=f"{(level.discount * 10).normalize():f}")
            for level in self.discounted()
        ]
        return say("customers.ladder.reminder", rungs=say("texts.comma").join(rungs)) if rungs else ""

    def name_of(self, level: str) -> str:
        """What the level is called in front of customers."""
        return next((rung.name for rung in self.levels if rung.id == level and rung.name), level)

    def level_case(
        self, net_paid_fen: SQLColumnExpression[int], orders: SQLColumnExpression[int]
    ) -> ColumnElement[str]:
        """`level_of` as an SQL expression."""
        rungs = [
            (and_(orders > 0, net_paid_fen >= level.from_fen), literal(level.id)) for level in reversed(self.levels[1:])
        ]
        return case(*rungs, else_=literal(self.entry.id)) if rungs else literal(self.entry.id)


STANDARD = Ladder(
    levels=(
        Level(id="friend", name="朋友"),
        Level(id="VIP1", name="VIP1", any_purchase=True, discount=Decimal("0.98")),
        Level(id="VIP2", name="VIP2", from_net_yuan=Decimal(300), discount=Decimal("0.95")),
    )
)
"""The ladder of a shop that wrote none. Source: the shop's house rules ("ours")."""


def load_ladder(path: Path) -> tuple[Ladder | None, list[Mistake]]:
    """Read ladder.yaml; None and every mistake when it has errors. Raises nothing."""
    document = read_document(path, Ladder)
    if document.value is None:
        return None, document.mistakes
    levels = document.value.levels
    mistakes = [
        document.mistake(("levels", number), say(f"customers.ladder.{code}")) for number, code in _missteps(levels)
    ]
    if mistakes:
        return None, mistakes
    return document.value, [
        document.mistake(("levels", number, key), reason, severity=Severity.WARNING)
        for number, key, reason in _oddities(levels)
    ]


def _missteps(levels: Sequence[Level]) -> Iterator[tuple[int, str]]:
    """Which levels do not lead upwards, and why, as a code of the catalogue."""
    reached_yuan = Decimal(0)
    seen: set[str] = set()
    for number, level in enumerate(levels):
        if level.id in seen:
            yield number, "twice"
        seen.add(level.id)
        conditions = level.any_purchase + (level.from_net_yuan is not None)
        if number == 0 and conditions:
            yield number, "first_has_condition"
        elif number > 0 and conditions != 1:
            yield number, "one_condition"
        elif level.any_purchase and number > 1:
            yield number, "any_purchase_second"
        elif level.from_net_yuan is not None:
            if level.from_net_yuan <= reached_yuan:
                yield number, "not_rising"
            reached_yuan = level.from_net_yuan


def _oddities(levels: Sequence[Level]) -> Iterator[tuple[int, str, str]]:
    """What can be meant, but hardly is: (number of the level, its key, why)."""
    if len(levels) > 1 and not levels[1].any_purchase:
        entry = levels[0].name or levels[0].id
        yield 1, "from_net_yuan", say("customers.ladder.gap", yuan=levels[1].from_net_yuan, entry=entry)
    for number, (below, level) in enumerate(pairwise(levels), 1):
        if level.discount > below.discount:
            reason = say("customers.ladder.dearer", discount=level.discount, below=below.discount)
            yield number, "discount", reason


async def keep(tx: AsyncConnection, ladder: Ladder, now_ms: int) -> bool:
    """Make it the ladder of this fleet. Did it change? Then everybody's level follows: `customers.standing.levels`."""
    written = ladder.model_dump_json()
    if await _stored(tx) == written:
        return False
    await put_setting(tx, _SETTING, written, now_ms)
    return True


async def changed_since(tx: AsyncConnection, moment_ms: int) -> bool:
    """Was another ladder adopted after that?"""
    later = select(Setting.key).where(Setting.key == _SETTING, Setting.changed_ms > moment_ms)
    return await tx.scalar(later) is not None


async def current(tx: AsyncConnection) -> Ladder:
    """The ladder of this fleet; `STANDARD` where none was remembered."""
    stored = await _stored(tx)
    return _read(stored) if stored else STANDARD


async def read_ahead(tx: AsyncConnection, ahead: Ahead) -> None:
    """`current` finds the ladder of now in `ahead`."""
    _STORED.tell(ahead, await _STORED.rows(tx))


@lru_cache(maxsize=4)
def _read(stored: str) -> Ladder:
    return Ladder.model_validate_json(stored)


async def _stored(tx: AsyncConnection) -> str | None:
    rows = await _STORED.rows(tx)
    return str(rows[0][0]) if rows else None
