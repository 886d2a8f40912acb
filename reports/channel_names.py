"""How the channels are called: the tables know their codes, config.yaml their names."""

import json
from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.settings import put_setting, setting

_KEY = "channel_names"


async def remember_channel_names(tx: AsyncConnection, names: Mapping[str, str], now_ms: int) -> None:
    """Code → name, as the configuration says."""
    await put_setting(tx, _KEY, json.dumps(dict(names), ensure_ascii=False), now_ms)


async def channel_names(connection: AsyncConnection) -> dict[str, str]:
    """Code → name of every channel in the configuration; nothing before the first start."""
    stored = await setting(connection, _KEY)
    return dict(json.loads(stored)) if stored else {}
