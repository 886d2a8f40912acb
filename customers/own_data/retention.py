"""How long the words of chats are kept. What came of them, and how many there were, stays."""

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Table, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import GATES, Surface
from storage.settings import put_setting, setting
from storage.tables import Arrival, Delivery

DAY_MS = 86_400_000
_ROWS_A_TRANSACTION = 2_000
"""So that nobody waits long for the one writer of SQLite. Ours."""
_MESSAGES = tuple(kind.value for kind, gate in GATES.items() if gate.surface is Surface.MESSAGE)


class PrivacyConfig(BaseModel):
    """个人信息"""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    keep_chat_days: int = Field(
        default=180, ge=0, le=36_500,
        description="聊天内容保留多少天：过了就只剩“收到过、回过”的记录，不再有原话；0 表示一直保留",
    )  # fmt: skip


class Retention:
    """Drops the words of messages that are older than so many days, a whole day at a time; a step of the planner."""

    def __init__(self, config: PrivacyConfig) -> None:
        self._days = config.keep_chat_days
        self._done_to = 0

    async def is_due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Are there words to drop? Asks the tables once a day."""
        end_ms = self._end_ms(now_ms)
        if end_ms <= self._done_to:
            return False
        for table, moment in _TABLES:
            begin_ms = await _dropped_to(tx, table)
            old = select(table.c.id).where(table.c[moment] > begin_ms, table.c[moment] < end_ms)
            if await tx.scalar(old.limit(1)) is not None:
                return True
        self._done_to = end_ms
        return False

    async def drop_old_words(self, tx: AsyncConnection, now_ms: int) -> int:
        """The next few thousand messages of each side. Returns how many lost their words."""
        end_ms = self._end_ms(now_ms)
        return sum([await _drop(tx, table, moment, end_ms, now_ms) for table, moment in _TABLES])

    def _end_ms(self, now_ms: int) -> int:
        """What is older goes: whole days, so that it is looked for once in each."""
        return (now_ms // DAY_MS - self._days) * DAY_MS if self._days else 0


async def _drop(tx: AsyncConnection, table: Table, moment: str, end_ms: int, now_ms: int) -> int:
    begin_ms = await _dropped_to(tx, table)
    at = table.c[moment]
    span = select(at).where(at > begin_ms, at < end_ms).order_by(at)
    last_ms = await tx.scalar(span.offset(_ROWS_A_TRANSACTION - 1).limit(1))
    to_ms = end_ms - 1 if last_ms is None else int(last_ms)
    if to_ms <= begin_ms:
        return 0
    statement = update(table).where(at > begin_ms, at <= to_ms)
    if table is _OUTBOX:
        statement = statement.where(table.c.kind.in_(_MESSAGES)).values({table.c.content: {}, table.c.text: null()})
    else:
        statement = statement.values({table.c.payload: null()})
    dropped = await tx.execute(statement)
    await put_setting(tx, _cursor(table), str(to_ms), now_ms)
    return dropped.rowcount


async def _dropped_to(tx: AsyncConnection, table: Table) -> int:
    return int(await setting(tx, _cursor(table)) or 0)


def _cursor(table: Table) -> str:
    return f"words_dropped:{table.name}"


def _table(model: type[Arrival] | type[Delivery]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101  # every model of ours is one
    return table


_OUTBOX = _table(Delivery)
_TABLES = ((_table(Arrival), "handled_ms"), (_OUTBOX, "settled_ms"))
