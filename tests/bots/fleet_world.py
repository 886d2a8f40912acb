"""A whole fleet on scripted gateways: real database, real courier, time that a test moves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.chunks import Handle
from bots.courier import Courier
from bots.fleet import Fleet, Member
from bots.lane import LaneConfig
from bots.lifecycle import State
from bots.publisher import Publisher
from rules.limits import Limits
from rules.roles import Role
from storage.engine import Database
from storage.fleet_tables import Repair
from storage.inbox import Received
from storage.outbox import Claimed, Recipient
from storage.tables import Account, Arrival, Delivery
from tests.bots.scripted_gateway import ScriptedGateway
from tests.virtual_time import VirtualClock


class NoCampaigns:
    """Tests here have no campaigns: words are never asked for."""

    async def load(self, tx: AsyncConnection, campaign: int) -> None:
        raise AssertionError(campaign)

    def render(self, campaign: int, template: str, recipient: Recipient) -> str:
        raise AssertionError(template)


async def hand_over_nothing(tx: AsyncConnection, rows: Sequence[Claimed], now_ms: int) -> None:
    raise AssertionError(rows)


@dataclass
class Heard:
    """A handler that remembers. `answer` may be replaced by a test."""

    arrivals: list[Received] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    answer: Callable[[AsyncConnection, Received], Awaitable[str | None]] | None = None

    async def __call__(self, tx: AsyncConnection, received: Received, now_ms: int, late: bool = False) -> str | None:
        outcome = "heard" if self.answer is None else await self.answer(tx, received)
        if outcome is not None:
            self.arrivals.append(received)
            if late:
                self.late.append(received.id)
        return outcome

    def texts(self, account: str | None = None) -> list[str]:
        return [one.payload["text"] for one in self.arrivals if account in (None, one.account)]


async def add_accounts(db: Database, *ids: str, **columns: Any) -> None:
    values = {
        "persona": "someone",
        "role": "sales",
        "time_zone": "Asia/Shanghai",
        "armed": True,
        "simulated": True,
        "limits": Limits().model_dump(mode="json"),
        **columns,
    }
    async with db.write() as tx:
        await tx.execute(insert(Account), [{"id": id, **values} for id in ids])


@dataclass
class World:
    db: Database
    clock: VirtualClock
    fleet: Fleet
    gateways: dict[str, ScriptedGateway]
    heard: Heard
    codes: list[tuple[str, str]]

    def state(self, account: str = "a") -> State:
        return self.fleet.states()[account]

    async def reaches(self, state: State, account: str = "a", *, step_s: float = 0.0) -> None:
        """Wait until the account is in `state`, moving the clock by `step_s` while it is not."""
        async with asyncio.timeout(10):
            while self.state(account) is not state:
                await self.clock.advance(step_s)
                await asyncio.sleep(0.002)

    async def eventually(self, condition: Callable[[], Awaitable[bool]], *, step_s: float = 0.0) -> None:
        async with asyncio.timeout(10):
            while not await condition():
                await self.clock.advance(step_s)
                await asyncio.sleep(0.002)

    async def until(self, condition: Callable[[], bool], *, step_s: float = 0.0) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await self.clock.advance(step_s)
                await asyncio.sleep(0.002)

    async def account(self, id: str = "a") -> Any:
        async with self.db.read() as connection:
            return (await connection.execute(select(Account.__table__).where(Account.id == id))).one()

    async def repairs(self) -> set[str]:
        async with self.db.read() as connection:
            return set((await connection.scalars(select(Repair.key))).all())

    async def arrivals(self) -> list[Any]:
        async with self.db.read() as connection:
            return list((await connection.execute(select(Arrival.__table__).order_by(Arrival.id))).all())

    async def deliveries(self) -> list[Any]:
        async with self.db.read() as connection:
            return list((await connection.execute(select(Delivery.__table__).order_by(Delivery.id))).all())

    async def written_state(self, state: State, account: str = "a") -> None:
        async def is_written() -> bool:
            return bool((await self.account(account)).state == state.value)

        await self.eventually(is_written)


def lane(account: str, **changes: Any) -> LaneConfig:
    values = {"role": Role.SALES, "zone": "Asia/Shanghai", "limits": Limits(), "live": True, **changes}
    return LaneConfig(account, **values)


@asynccontextmanager
async def running(
    db: Database,
    clock: VirtualClock,
    gateways: dict[str, ScriptedGateway],
    *,
    heard: Heard | None = None,
    handle: Handle | None = None,
    publishers: dict[str, Publisher] | None = None,
    at_once: int = 50,
    background: Any = None,
) -> AsyncIterator[World]:
    """The fleet runs inside the block and has stopped after it. The accounts must be in the tables."""
    memory = heard or Heard()
    codes: list[tuple[str, str]] = []
    courier = Courier(
        db,
        clock,
        wording=NoCampaigns(),
        hand_over=hand_over_nothing,
        random=Random(1),
        on_problem=lambda account, problem: fleet.hear_problem(account, problem),
    )
    fleet = Fleet(
        db,
        clock,
        [
            Member(
                lane(id, assisted=id not in (publishers or {})),
                lambda gateway=gateway: gateway,
                (publishers or {}).get(id),
            )  # type: ignore[misc]
            for id, gateway in gateways.items()
        ],
        courier=courier,
        handle=handle or memory,
        background=background,
        on_scan=lambda account, code: codes.append((account, code)),
        random=Random(1),
        at_once=at_once,
    )
    run = asyncio.create_task(fleet.run(), name="fleet")
    try:
        async with asyncio.timeout(10):
            while not fleet.states() and not run.done():  # noqa: ASYNC110  # it has no event of its own
                await asyncio.sleep(0.002)
        yield World(db, clock, fleet, gateways, memory, codes)
    finally:
        fleet.stop()
        async with asyncio.timeout(10):
            await run
