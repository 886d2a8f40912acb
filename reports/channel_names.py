"""How the channels are called: the tables know their codes, config.yaml their names."""

import json
from collections.abc import Mapping

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.outbox import insert_ignoring
from storage.tables import Setting

_KEY = "channel_names"


async def remember_channel_names(tx: AsyncConnection, names: Mapping[str, str], now_ms: int) -> None:
    """Code → name, as the configuration says."""
    values = {"value": json.dumps(dict(names), ensure_ascii=False), "changed_ms": now_ms}
    await tx.execute(insert_ignoring(tx, Setting).values(key=_KEY, **values))
    await tx.execute(update(Setting).where(Setting.key == _KEY).values(values))


async def channel_names(connection: AsyncConnection) -> dict[str, str]:
    """Code → name of every channel in the configuration; nothing before the first start."""
    stored = await connection.scalar(select(Setting.value).where(Setting.key == _KEY))
    return dict(json.loads(stored)) if stored else {}
