"""What an account's own QR code says is read from its gateway while it is online, at most once a week."""

from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from bots.errors import PayloadGone
from bots.live_requests import answer_requests, ask_for_own_codes, own_codes_missing
from storage.engine import Database
from storage.tables import Account
from tests.bots.fleet_world import add_accounts
from tests.virtual_time import VirtualClock

WEEK_MS = 7 * 24 * 3_600_000


class _Speaks:
    """A gateway that says the code, or can't."""

    def __init__(self, code: str | None) -> None:
        self._code = code

    async def contact_qr(self) -> str:
        if self._code is None:
            raise PayloadGone("gone")
        return self._code


def _runners(**codes: str | None) -> Any:
    return {account: SimpleNamespace(gateway=_Speaks(code)) for account, code in codes.items()}


async def _ask(db: Database, now_ms: int) -> bool:
    async with db.read() as connection:
        missing = await own_codes_missing(connection, now_ms)
    if missing:
        async with db.write() as tx:
            await ask_for_own_codes(tx, now_ms)
    return missing


async def _codes(db: Database) -> dict[str, str | None]:
    async with db.read() as connection:
        return {row.id: row.contact_qr for row in await connection.execute(select(Account.id, Account.contact_qr))}


async def test_codes_are_asked_of_who_is_online_once_a_week_and_what_was_known_stays(database: Database) -> None:
    clock = VirtualClock()
    await add_accounts(database, "a", "b", state="online")
    await add_accounts(database, "c")
    assert await _ask(database, clock.now_ms())
    assert not await _ask(database, clock.now_ms())
    assert await answer_requests(database, clock, _runners(a="https://u.wechat.com/a", b=None)) == 2
    assert await _codes(database) == {"a": "https://u.wechat.com/a", "b": None, "c": None}
    assert not await _ask(database, clock.now_ms() + WEEK_MS)
    assert await _ask(database, clock.now_ms() + WEEK_MS + 1)
    await answer_requests(database, clock, _runners(a=None, b="https://u.wechat.com/b"))
    assert await _codes(database) == {"a": "https://u.wechat.com/a", "b": "https://u.wechat.com/b", "c": None}
