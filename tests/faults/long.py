"""The long drill: `python tests/faults/long.py --kills 200 [--seed N] [--database sqlite|postgresql|both] [--crews N]`.

`--timeout S` is the workers' heartbeat time-out: two seconds, or more on a machine that is busy with other work.

Kills `wxfleet run` that often on each database, breaks everything around it in between, and lets `--crews` rounds of
three workers be killed, frozen, cut off and sent home on PostgreSQL. Prints what the judge found, with seeds and
machine, as rows for benchmarks/README.md; a drill that fails prints its whole diary. Exit code 1 when anything did.
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults import crew, troubles
from tests.faults.drill import Drill, Trouble, blows, drilling
from tests.faults.postgres import Server

KILLS_A_DRILL = 25
"""Then a new world and a new database, so that a failure is small enough to read."""


@dataclass(frozen=True, slots=True)
class Result:
    """One drill."""

    what: str
    seed: int
    kills: int
    arrived: int
    doubts: int
    complaints: str
    wall_s: float


async def kills(kind: str, server: Server, seed: int, count: int) -> Result:
    """`wxfleet run` dies `count` times; in its last life everything around it breaks too."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wxfleet-drill-") as name:
        folder = Path(name)
        database = server.new_database() if kind == "postgresql" else f"sqlite:///{folder / 'wxfleet.db'}"
        async with drilling(folder, database, seed) as drill:
            for blow in blows(seed, count):
                await drill.live_and_die(blow)
            await drill.live_through(_troubles(kind, server, drill.roll), drill.roll)
            return await _result(f"run, {kind}", drill, count, began)


def _troubles(kind: str, server: Server, roll: Random) -> list[Trouble]:
    struck: list[Trouble] = [
        troubles.accept_and_hang, troubles.break_gateways, troubles.stop_gateways, troubles.freeze_shortly,
        troubles.set_clock,
    ]  # fmt: skip
    if kind == "sqlite":
        struck.append(troubles.fill_disk)
    else:
        struck += [troubles.lose_connections(server), troubles.restart_database(server)]
    roll.shuffle(struck)
    return struck


async def crews(server: Server, seed: int, timeout_s: float) -> Result:
    """Three workers; every stroke twice, in any order."""
    began = time.monotonic()
    strokes: list[crew.Stroke] = [crew.kill, crew.freeze, crew.terminate, crew.cut, crew.kill_all] * 2
    with tempfile.TemporaryDirectory(prefix="wxfleet-drill-") as name:
        async with crew.crew_at_work(Path(name), server, seed, timeout_s=timeout_s) as workers:
            workers.drill.roll.shuffle(strokes)
            await workers.live_through(strokes)
            await workers.come_to_rest()
            deaths = 2 + 2 * crew.WORKERS
            return await _result("three workers, postgresql", workers.drill, deaths, began)


async def _result(what: str, drill: Drill, deaths: int, began: float) -> Result:
    evidence = await drill.evidence()
    doubts = sum(row.state in ("in_doubt", "unknown") for row in evidence.rows)
    verdict = await drill.verdict()
    return Result(what, drill.seed, deaths, len(evidence.reached), doubts, verdict, time.monotonic() - began)


async def _try(what: str, seed: int, drill: Coroutine[None, None, Result]) -> Result:
    try:
        return await drill
    except (AssertionError, TimeoutError) as failure:
        return Result(what, seed, 0, 0, 0, str(failure) or repr(failure), 0.0)


async def run(options: argparse.Namespace) -> list[Result]:
    """All drills, one after another; each is told of as it ends."""
    plan: list[tuple[str, int, Callable[[Server, int], Coroutine[None, None, Result]]]] = []
    kinds = ["sqlite", "postgresql"] if options.database == "both" else [options.database]
    for number in range(0, options.kills, KILLS_A_DRILL):
        count = min(KILLS_A_DRILL, options.kills - number)
        for kind in kinds:
            seed = options.seed + len(plan)
            plan.append((f"run, {kind}", seed, lambda s, n, k=kind, c=count: kills(k, s, n, c)))  # type: ignore[misc]
    for _ in range(options.crews):
        plan.append(("three workers, postgresql", options.seed + len(plan), partial(crews, timeout_s=options.timeout)))
    results = []
    with Server() as server:
        for what, seed, begin in plan:
            result = await _try(what, seed, begin(server, seed))
            results.append(result)
            print(_line(result), flush=True)
    return results


def _line(one: Result) -> str:
    found = one.complaints or "nothing wrong"
    return f"seed {one.seed}, {one.what}: {one.kills} kills, {one.arrived} arrived, {one.wall_s:.0f} s: {found}"


def table(results: list[Result]) -> str:
    """Rows for the README."""
    kinds = Counter(one.what for one in results)
    rows = ["| what | drills | kills | arrived | left in doubt | complaints | seeds |", "| --- " * 7 + "|"]
    for what, drills in kinds.items():
        mine = [one for one in results if one.what == what]
        wrong = sum(bool(one.complaints) for one in mine)
        seeds = " ".join(str(one.seed) for one in mine)
        sums = [sum(getattr(one, name) for one in mine) for name in ("kills", "arrived", "doubts")]
        rows.append(f"| {what} | {drills} | {sums[0]} | {sums[1]} | {sums[2]} | {wrong} | {seeds} |")
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return "\n".join([*rows, "", f"{time.strftime('%Y-%m-%d', time.gmtime())}, {machine}."])


def main() -> int:
    parser = argparse.ArgumentParser(description="The long drill.")
    parser.add_argument("--kills", type=int, default=200, help="of wxfleet run, on each database")
    parser.add_argument("--crews", type=int, default=4, help="rounds of three workers, eight kills each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=crew.TIMEOUT_S, help="of the workers' heartbeat, in seconds")
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    results = asyncio.run(run(parser.parse_args()))
    print(f"\n{table(results)}")
    return 1 if any(one.complaints for one in results) else 0


if __name__ == "__main__":
    sys.exit(main())
