"""Three workers of one shop on PostgreSQL, each with a wire of its own to the database, and what may befall one."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.drill import Drill, drilling
from tests.faults.nursery import Child
from tests.faults.postgres import Server, Wire
from tests.faults.shop import write_config

WORKERS = 3
TIMEOUT_S = 2.0
"""The heartbeat's: who is silent for so long is taken for dead. A machine that is busy with other work needs more."""

_POLITE = frozenset({0, -signal.SIGTERM})
"""How a worker that is sent home ends; by the signal itself, where it had not begun yet."""

Stroke = Callable[["Crew", int], Awaitable[None]]
"""What befalls the worker of that number."""


@dataclass
class Crew:
    drill: Drill
    wires: list[Wire]
    folders: list[Path]
    timeout_s: float
    children: list[Child] = field(default_factory=list)

    def start(self, number: int) -> Child:
        folder = self.folders[number]
        return self.drill.nursery.start("worker", "-q", folder=folder, log=self.drill.log)

    async def live_through(self, strokes: list[Stroke]) -> None:
        """All of it, each while the fleet is at work; whoever is ended by it is started again."""
        for stroke in strokes:
            await self.replace_the_dead()
            await self.drill.be_at_work(lambda: any(child.ended() is None for child in self.children))
            number = self.drill.roll.randrange(WORKERS)
            await stroke(self, number)
            self.drill.note(f"{stroke.__name__} {number}")
            await self.drill.connect_anew()
            await self.replace_the_dead()

    async def replace_the_dead(self) -> None:
        for number, child in enumerate(self.children):
            if child.ended() is not None:
                self.drill.note(f"worker {number} had ended with {child.code}")
                self.children[number] = self.start(number)

    async def come_to_rest(self) -> None:
        """Until nothing is left to do; then all of them end politely."""
        await self.drill.wait_for_rest(self.replace_the_dead)
        for child in self.children:
            child.kill(signal.SIGTERM)
        codes = [await asyncio.to_thread(child.wait) for child in self.children]
        assert set(codes) <= _POLITE, self.drill.told(f"they ended with {codes}")


@asynccontextmanager
async def crew_at_work(folder: Path, server: Server, seed: int, *, timeout_s: float = TIMEOUT_S) -> AsyncIterator[Crew]:
    """Three workers, started."""
    database = server.new_database()
    async with drilling(folder, database, seed) as drill, AsyncExitStack() as stack:
        wires, folders = [], []
        for number in range(WORKERS):
            wire = Wire(server)
            stack.callback(wire.close)
            wires.append(wire)
            own = folder / f"worker-{number}"
            own.mkdir()
            write_config(own, drill.world, wire.url(database), f"worker: {{heartbeat_timeout_s: {timeout_s}}}\n")
            folders.append(own)
        crew = Crew(drill, wires, folders, timeout_s)
        crew.children = [crew.start(number) for number in range(WORKERS)]
        yield crew


async def kill(crew: Crew, number: int) -> None:
    """It is dead at once, and somebody else has its accounts soon."""
    crew.children[number].kill(signal.SIGKILL)
    await asyncio.to_thread(crew.children[number].wait)
    crew.drill.doubts_allowed += len(crew.drill.world.gateways)


async def kill_all(crew: Crew, _: int) -> None:
    """The machine with all of them loses its power."""
    for child in crew.children:
        child.kill(signal.SIGKILL)
    for child in crew.children:
        await asyncio.to_thread(child.wait)
    crew.drill.doubts_allowed += len(crew.drill.world.gateways)


async def terminate(crew: Crew, number: int) -> None:
    """A planned end: everything is handed over and nothing is in doubt."""
    crew.children[number].kill(signal.SIGTERM)
    code = await asyncio.to_thread(crew.children[number].wait)
    assert code in _POLITE, crew.drill.told(f"sent home, it ended with {code}")


async def freeze(crew: Crew, number: int) -> None:
    """It stands still until others have taken over and people have opted out; then it wakes in the middle of a word."""
    crew.children[number].kill(signal.SIGSTOP)
    await _be_missed(crew)
    crew.children[number].kill(signal.SIGCONT)
    await asyncio.sleep(0.5)


async def cut(crew: Crew, number: int) -> None:
    """It no longer reaches the database, and nobody tells it; its gateways it still reaches."""
    crew.wires[number].cut()
    await _be_missed(crew)
    crew.wires[number].mend()
    await asyncio.sleep(0.5)


async def _be_missed(crew: Crew) -> None:
    await asyncio.sleep(crew.timeout_s * 0.7)
    await crew.drill.let_people_opt_out(5)
    await asyncio.sleep(crew.timeout_s)
    crew.drill.doubts_allowed += len(crew.drill.world.gateways)
