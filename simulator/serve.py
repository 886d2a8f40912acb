"""A WeChat world in a process of its own: `python -m simulator.serve --accounts 6 --folder world`.

Gateways with people behind them listen on 127.0.0.1, at the same places after every restart of the world. What
happens in it is written to FOLDER/world.jsonl, line by line, before anybody is answered: the record outlives every
fleet, and the world too. FOLDER/doors.json says where to reach it all and appears when everybody listens;
FOLDER/accounts.yaml is the same as the `accounts:` of a config.yaml. Lines on stdin steer it: see
`simulator.steering`. SIGTERM or SIGINT ends it.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.errors import JournalUnusable
from simulator.scenario import AccountPlan, Scenario
from simulator.simulation import Doors, Simulation
from simulator.steering import Steering

_QUIET = Scenario(
    seed=0, accounts=(), known_buyers=0, claiming_buyers=0, new_buyers=0, other_buyers=0, requests_per_minute=0,
    chats_per_hour=0, claims_per_hour=0, opt_outs_per_hour=0, look_alikes_per_hour=0, leaves_per_hour=0,
    outsiders_per_hour=0,
)  # fmt: skip
"""Nobody does anything by themselves here."""


class WallClock:
    """The wall's time: fleets that run against this world run on it too."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def now_ms(self) -> int:
        return round(time.time() * 1000)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def sleep_until(self, when_ms: int) -> None:
        await asyncio.sleep(max(0.0, (when_ms - self.now_ms()) / 1000))


async def serve(options: argparse.Namespace) -> None:
    """Until SIGTERM or SIGINT. Raises JournalUnusable, OSError when a port is taken."""
    folder: Path = options.folder
    simulation = Simulation(scenario_of(options), WallClock(), folder / "world.jsonl", with_people=options.busy > 0)
    _take_places(simulation, folder / "doors.json", options.port)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    doors = await simulation.start()
    steering = asyncio.create_task(_obey(Steering(simulation)), name="simulator:steering")
    try:
        _write(folder / "accounts.yaml", _as_yaml(doors, options.persona))
        _write(folder / "doors.json", json.dumps(_as_json(simulation, doors), indent=1))
        await stop.wait()
    finally:
        steering.cancel()
        await asyncio.gather(steering, return_exceptions=True)
        await simulation.stop()


def scenario_of(options: argparse.Namespace) -> Scenario:
    """So many accounts; with `busy` above 0, people who keep them busy."""
    names = [f"{options.prefix}-{number}" for number in range(1, options.accounts + 1)]
    accounts = tuple(AccountPlan(name, options.role, name, options.friends + len(names) - 1) for name in names)
    busy = options.busy * options.accounts
    return replace(
        _QUIET, seed=options.seed, accounts=accounts, zone=options.zone, repeated_events=0.02,
        requests_per_minute=0.25 * busy, chats_per_hour=6 * busy, opt_outs_per_hour=busy, look_alikes_per_hour=busy,
    )  # fmt: skip


def _take_places(simulation: Simulation, doors: Path, port: int) -> None:
    """Where the gateways were last time, else at `port` and the ports above, else wherever there is room."""
    known: dict[str, Any] = json.loads(doors.read_text(encoding="utf-8")) if doors.exists() else {}
    before = {row["id"]: int(row["endpoint"].rpartition(":")[2]) for row in known.get("gateways", ())}
    for number, (account, endpoint) in enumerate(simulation.endpoints.items()):
        endpoint.port = before.get(account, port and port + number)
    simulation.webhook.port = known.get("publisher", {}).get("port", port and port + len(simulation.endpoints))
    doors.unlink(missing_ok=True)  # it says that everybody listens, and nobody does yet


def _as_json(simulation: Simulation, doors: Doors) -> dict[str, Any]:
    return {
        "gateways": [
            {"id": account, "endpoint": endpoint, "token": token,
             "contact": simulation.world.accounts[account].contact}
            for account, (endpoint, token) in doors.gateways.items()
        ],
        "publisher": {
            "url": doors.publisher_url, "secret": doors.publisher_secret, "port": simulation.webhook.port,
        },
    }  # fmt: skip


def _as_yaml(doors: Doors, persona: str) -> str:
    """For a config.yaml. The tokens guard nothing but ports of this machine."""
    rows = [
        f"  - {{id: {account}, persona: {persona}, role: sales, armed: true, opened: 2024-01-01,\n"
        f'     gateway: {{kind: wechaty, endpoint: "{endpoint}", token: "{token}", tls: off}}}}\n'
        for account, (endpoint, token) in doors.gateways.items()
    ]
    return "accounts:\n" + "".join(rows)


def _write(path: Path, text: str) -> None:
    """Whole or not at all: others wait for it to appear."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


async def _obey(steering: Steering) -> None:
    """Do what the lines on stdin say, one after another."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)

    # A thread that nobody waits for: a read from a terminal can't be broken off.
    threading.Thread(target=read, name="simulator:stdin", daemon=True).start()
    while True:
        answer = await steering.do(await lines.get())
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulator.serve", description="A simulated WeChat world.")
    parser.add_argument("--accounts", type=int, default=6, help="how many")
    parser.add_argument("--friends", type=int, default=50, help="friends of each, its siblings not counted")
    parser.add_argument("--folder", type=Path, required=True, help="for the record and the doors")
    parser.add_argument("--port", type=int, default=0, help="the first gateway's port; 0: where there is room")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--busy", type=float, default=0, help="how much people do by themselves: 1 is a normal day")
    parser.add_argument("--zone", default="Asia/Shanghai", help="where its people live")
    parser.add_argument("--role", default="sales", help="what its accounts are for")
    parser.add_argument("--prefix", default="sim", help="ids are PREFIX-1, PREFIX-2 …")
    parser.add_argument("--persona", default="assistant-xiaoyu", help="who plays them, in accounts.yaml")
    options = parser.parse_args(arguments)
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(serve(options))
    except (JournalUnusable, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
