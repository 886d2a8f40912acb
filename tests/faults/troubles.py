"""What may go wrong while a fleet lives, one function each. Afterwards it must go on by itself.

Each returns how many rows it may leave in doubt: one for every message that was under way where it struck.
"""

import asyncio
import signal
from random import Random

from tests.faults.deaths import Suffering
from tests.faults.drill import Drill, Trouble
from tests.faults.nursery import Child
from tests.faults.postgres import Server


async def accept_and_hang(drill: Drill, child: Child, roll: Random) -> int:
    """Some gateways take a message and never answer; then their connection breaks: the reply is lost."""
    struck = roll.sample([gateway.id for gateway in drill.world.gateways], 3)
    for account in struck:
        drill.world.steer(f"fault hang_sends {account} 1")
    await asyncio.sleep(0.4)
    for account in struck:
        drill.world.steer(f"fault drop {account}")
    return len(struck)


async def break_gateways(drill: Drill, child: Child, roll: Random) -> int:
    """Every connection to every gateway breaks in the middle of a word."""
    drill.world.steer("fault drop all")
    return len(drill.world.gateways)


async def stop_gateways(drill: Drill, child: Child, roll: Random) -> int:
    """All gateways are gone for a moment."""
    drill.world.steer("fault die all")
    await asyncio.sleep(roll.uniform(0.1, 0.5))
    drill.world.steer("fault come_back all")
    return len(drill.world.gateways)


async def freeze_shortly(drill: Drill, child: Child, roll: Random) -> int:
    """The process stands still for less than others take it for dead."""
    child.kill(signal.SIGSTOP)
    await asyncio.sleep(roll.uniform(0.2, 0.8))
    child.kill(signal.SIGCONT)
    return 0


async def fill_disk(drill: Drill, child: Child, roll: Random) -> int:
    """Nothing more can be written for a while."""
    child.suffer(Suffering(disk_full=True))
    await asyncio.sleep(roll.uniform(0.3, 1.0))
    child.suffer(Suffering())
    return 0


async def set_clock(drill: Drill, child: Child, roll: Random) -> int:
    """Somebody sets the machine's clock forward, far back, and right again."""
    drill.clock_set = True
    for hours in (roll.uniform(0.5, 3), -roll.uniform(0.5, 3), 0):
        child.suffer(Suffering(clock_off_s=hours * 3600))
        await drill.plan(20)
        await asyncio.sleep(roll.uniform(0.2, 0.6))
    return 0


def lose_connections(server: Server) -> Trouble:
    async def strike(drill: Drill, child: Child, roll: Random) -> int:
        """Every connection to the database dies, twice."""
        await asyncio.to_thread(server.break_connections)
        await asyncio.sleep(roll.uniform(0.0, 0.3))
        await asyncio.to_thread(server.break_connections)
        return 0

    return strike


def restart_database(server: Server) -> Trouble:
    async def strike(drill: Drill, child: Child, roll: Random) -> int:
        """The database loses its power, and comes back."""
        await asyncio.to_thread(server.restart)
        return 0

    return strike
