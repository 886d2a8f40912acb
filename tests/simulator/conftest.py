"""A quiet simulated world, and people in it only where a test says so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator.simulation import Simulation
from tests.simulator.worlds import QUIET, Client, client_of
from tests.virtual_time import VirtualClock


@pytest.fixture
async def simulation(clock: VirtualClock, tmp_path: Path) -> AsyncIterator[Simulation]:
    """A quiet world with its sockets open."""
    world = Simulation(QUIET, clock, tmp_path / "world.jsonl", with_people=False)
    await world.start()
    yield world
    await world.stop()
    assert world.agenda.failed == 0


@pytest.fixture
async def yu(simulation: Simulation) -> AsyncIterator[Client]:
    """The acquisition account's client, attached."""
    async with client_of(simulation, "yu-1") as client:
        yield client


@pytest.fixture
async def lin(simulation: Simulation) -> AsyncIterator[Client]:
    """The sales account's client, attached."""
    async with client_of(simulation, "lin-1") as client:
        yield client
