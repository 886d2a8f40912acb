"""What this process owns as far as it knows, and whether it may still rely on it."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bots import ownership
from bots.errors import OwnershipLost
from bots.ownership import Owner, Taken
from storage.engine import Database
from texts.catalogue import say

log = structlog.get_logger(__name__)

TRUSTED_PART = 0.6
"""Of the time-out: an owner whose last heartbeat is older neither claims nor sends (ours). The others wait for the
whole of it, so that clocks and a slow database may differ by the rest."""


class Ownership(Protocol):
    """What the courier asks. Shards are numbers of `bots.ownership.shard_of`."""

    @property
    def epoch(self) -> int:
        """The term in which rows are claimed now."""
        ...

    @property
    def name(self) -> str:
        """The owner as `shards.owner` names it."""
        ...

    def moment(self) -> int:
        """Now, in ms of a clock that runs on while the process is frozen."""
        ...

    def may_send(self, since: int) -> bool:
        """May what was decided at the moment `since` still be sent?"""
        ...

    async def hold_off(self, tx: AsyncConnection) -> None:
        """First in every claim and settlement: until `tx` ends nobody takes anything from us."""
        ...

    async def lost(self, tx: AsyncConnection, shards: int, epochs: int) -> frozenset[int]:
        """Asked next: shards that somebody took from us, told once.

        `shards`, `epochs`: how many the database says are ours, and the sum of their epochs; see
        `storage.claiming.standing`. Whatever replaces a shard has a higher epoch than all there were, so that the two
        tell. Raises OwnershipLost where the process must end.
        """
        ...


class Unshared:
    """Nobody else is about: a courier of a test or a benchmark."""

    epoch = 0
    name = ""

    def moment(self) -> int:
        return 0

    def may_send(self, since: int) -> bool:
        return True

    async def hold_off(self, tx: AsyncConnection) -> None:
        return None

    async def lost(self, tx: AsyncConnection, shards: int, epochs: int) -> frozenset[int]:
        return frozenset()


class Tenure:
    """Implements `Ownership` for one process.

    `alive_ms` is a clock in ms that never jumps and also runs while the process or the machine is frozen; `wall_ms`
    the wall's. `whole`: this process owns everything or nothing, so that losing one shard means it has been replaced.
    """

    def __init__(
        self, owner: Owner, *, alive_ms: Callable[[], int], wall_ms: Callable[[], int], whole: bool = False
    ) -> None:
        self.owner = owner
        self._alive_ms = alive_ms
        self._wall_ms = wall_ms
        self._whole = whole
        self._trust_ms = round(owner.timeout_ms * TRUSTED_PART)
        self._beaten_ms: int | None = None
        self._epochs: dict[int, int] = {}
        self._epoch = 0
        self.on_lost: Callable[[frozenset[int]], None] = lambda shards: None
        """Called when it is found that somebody took these over."""

    @property
    def shards(self) -> frozenset[int]:
        """What it owns, as far as it knows."""
        return frozenset(self._epochs)

    @property
    def epoch(self) -> int:
        return self._epoch

    @property
    def name(self) -> str:
        return self.owner.id

    @property
    def heartbeat_age_ms(self) -> int | None:
        """Since the last heartbeat that was written; None before the first."""
        return None if self._beaten_ms is None else self._alive_ms() - self._beaten_ms

    def moment(self) -> int:
        return self._alive_ms()

    def may_send(self, since: int) -> bool:
        if self._beaten_ms is None:
            return False
        return self._alive_ms() - min(self._beaten_ms, since) < self._trust_ms

    @asynccontextmanager
    async def heartbeat(self, db: Database) -> AsyncIterator[AsyncConnection]:
        """Say that this process lives, in a transaction to which a little may be added.

        Raises what `Database.write` raises: then it was not heard.
        """
        began = self._alive_ms()
        async with db.write() as tx:
            wall_ms = await ownership.wall_of(tx, self._wall_ms())
            if not await ownership.beat(tx, self.owner.id, wall_ms=wall_ms):
                await ownership.register(tx, self.owner, wall_ms=wall_ms)
            yield tx
        self._beaten_ms = began

    async def take_all(self, tx: AsyncConnection, *, now_ms: int, alone: bool = False) -> Taken:
        """Begin, and own everything. Raises OwnershipHeld."""
        began = self._alive_ms()
        wall_ms = await ownership.wall_of(tx, self._wall_ms())
        taken = await ownership.take_all(tx, self.owner.id, wall_ms=wall_ms, now_ms=now_ms, alone=alone)
        await ownership.register(tx, self.owner, wall_ms=wall_ms, share=ownership.SHARDS)
        self._beaten_ms = began
        self._learn(taken)
        return taken

    async def take(self, db: Database, numbers: Collection[int], *, now_ms: int) -> Taken:
        """Own these shards, as far as no other living process does. Returns those that it got."""
        new = [number for number in numbers if number not in self._epochs]
        async with db.write() as tx:
            wall_ms = await ownership.wall_of(tx, self._wall_ms())
            taken = await ownership.take_shards(tx, new, self.owner.id, wall_ms=wall_ms, now_ms=now_ms)
        self._learn(taken)
        return taken

    async def release(self, db: Database, numbers: Collection[int]) -> None:
        """Let go of these shards, whose accounts this process serves no more."""
        for number in numbers:
            self._epochs.pop(number, None)
        async with db.write() as tx:
            await ownership.release_shards(tx, numbers, self.owner.id)

    async def leave(self, db: Database) -> None:
        """An orderly end."""
        self._epochs.clear()
        async with db.write() as tx:
            await ownership.leave(tx, self.owner.id)

    async def hold_off(self, tx: AsyncConnection) -> None:
        await ownership.hold_off_take_over(tx, self.owner.id)

    async def lost(self, tx: AsyncConnection, shards: int, epochs: int) -> frozenset[int]:
        if (shards, epochs) == (len(self._epochs), sum(self._epochs.values())):
            return frozenset()
        found = await ownership.owned(tx, self.owner.id)
        gone = frozenset(number for number, epoch in self._epochs.items() if found.get(number) != epoch)
        if gone and self._whole:
            raise OwnershipLost(say("bots.ownership_lost"), hint=say("bots.ownership_lost.hint"))
        for number in gone:
            del self._epochs[number]
        if gone:
            log.warning("shards_lost", shards=len(gone), left=len(self._epochs))
            self.on_lost(gone)
        return gone

    def _learn(self, taken: Taken) -> None:
        self._epochs.update(taken.epochs)
        self._epoch = max((self._epoch, *taken.epochs.values()))
