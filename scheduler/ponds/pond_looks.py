"""Name, notice, picture and background of ponds: whoever holds the phone is asked once for each change of them."""

from collections.abc import Awaitable, Mapping
from hashlib import sha256
from typing import Protocol

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.ponds.pond_file import PondKind
from scheduler.ponds.ponds import all_ponds
from storage.pond_tables import Pond
from storage.statements import both, rows_of

_CHANGED = both("SELECT 1 FROM ponds WHERE NOT removed AND (looks_ms IS NULL OR looks_ms < changed_ms) LIMIT 1")


class HandOut(Protocol):
    """Asks whoever holds the phone of `account` to set `looks`."""

    def __call__(
        self, tx: AsyncConnection, *, pond: str, title: str, account: str, looks: Mapping[str, str], digest: str,
        now_ms: int,
    ) -> Awaitable[object]: ...  # fmt: skip


class PondLooks:
    """Compares what each pond's file wishes with what somebody was asked for last."""

    def __init__(self, hand_out: HandOut) -> None:
        self._hand_out = hand_out

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """A look that writes nothing: was a file changed, or read anew, since the last look?"""
        return bool(await rows_of(tx, _CHANGED, {}))

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """Doing it again changes nothing."""
        query = select(Pond.name, Pond.looks).where(Pond.removed.is_(False))
        asked = {row.name: row.looks for row in await tx.execute(query)}
        for pond in await all_ponds(tx):
            looks = pond.file.looks()
            digest = sha256(repr(sorted(looks.items())).encode()).hexdigest()[:12]
            here = pond.file.kind is not PondKind.WECHAT or pond.room is not None
            if here and asked.get(pond.name) != digest:
                await self._hand_out(
                    tx, pond=pond.name, title=pond.file.title, account=pond.account, looks=looks, digest=digest,
                    now_ms=now_ms,
                )  # fmt: skip
                await tx.execute(update(Pond).where(Pond.name == pond.name).values(looks=digest))
            await tx.execute(update(Pond).where(Pond.name == pond.name).values(looks_ms=now_ms))
