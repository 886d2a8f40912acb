"""`wxfleet run` as its users start it, in a process of its own, over a matrix of gateways for benchmarks."""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from benchmarks.gateways import Address
from storage.engine import Database
from storage.tables import Account
from texts.problem import Problem

PATIENCE_S = 300.0
LOOK_S = 0.05
STOPS_S = 15.0
_HERE = Path(__file__).resolve().parent.parent
_OPEN_ALL_DAY = {"quiet_from": "03:00", "quiet_until": "03:01"}


@contextlib.contextmanager
def installation(addresses: Sequence[Address], database_url: str) -> Iterator[Path]:
    """The config.yaml of a shop in which all these accounts are real, armed and live; gone after the block."""
    with tempfile.TemporaryDirectory(prefix="wxfleet-fleet-") as folder:
        home = Path(folder)
        (home / "moments").mkdir()
        (home / "media").mkdir()
        (home / "personas").symlink_to(_HERE / "personas")  # logs go beside that folder
        config: dict[str, Any] = {
            "shop": {"name": "基准", "brand": "B", "contact": "400-000-0000", "time_zone": "UTC"},
            "mode": "live",
            "database": database_url,
            "personas": "personas/",
            "ladder": str(_HERE / "ladder.yaml"),
            "moments": "moments/",
            "media": "media/",
            "staff": [{"id": "owner", "name": "老板", "wechat": ["wxid_boss"], "role": "owner"}],
            "limits": _OPEN_ALL_DAY,
            "accounts": [
                {
                    "id": address.id,
                    "persona": "designer-suye",
                    "role": "sales",
                    "opened": "2020-01-01",
                    "armed": True,
                    "gateway": {"kind": "wechaty", "endpoint": address.endpoint, "token": address.token, "tls": "off"},
                }
                for address in addresses
            ],
        }
        path = home / "config.yaml"
        path.write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")  # JSON is YAML
        yield path


@dataclass(frozen=True, slots=True)
class Running:
    """A fleet at work. `log`: what it says on the screen."""

    process: asyncio.subprocess.Process
    log: Path

    def must_live(self) -> None:
        """Raises RuntimeError with its last words when it has ended."""
        if self.process.returncode is not None:
            said = self.log.read_text(encoding="utf-8")
            raise RuntimeError(f"the fleet ended with {self.process.returncode}: {said}")

    @property
    def cpu_s(self) -> float:
        """Processor seconds it has used so far, in the kernel's hundredths."""
        return cpu_of(self.process.pid)


@contextlib.asynccontextmanager
async def running(config: Path) -> AsyncIterator[Running]:
    """`wxfleet run`, until the block ends; it must still live by then."""
    log = config.with_name("screen.log")
    with log.open("wb") as screen:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "wxfleet", "run", "--config", str(config), stdout=screen, stderr=screen
        )
        fleet = Running(process, log)
        try:
            yield fleet
            fleet.must_live()
        finally:
            if process.returncode is None:
                process.terminate()
            try:
                async with asyncio.timeout(STOPS_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def all_online(db: Database, accounts: int, fleet: Running) -> None:
    """Until the tables say so. They may not exist yet: the fleet makes them."""
    query = select(func.count()).select_from(Account).where(Account.state == "online")
    async with asyncio.timeout(PATIENCE_S):
        while True:
            fleet.must_live()
            with contextlib.suppress(Problem, DBAPIError):
                async with db.read() as connection:
                    if (await connection.execute(query)).scalar_one() == accounts:
                        return
            await asyncio.sleep(LOOK_S)


def cpu_of(pid: int) -> float:
    """Processor seconds of a process, all its threads. Linux only."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
