"""The world of a drill: `python -m simulator.serve` as a child process, steered by lines."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Gateway:
    id: str
    endpoint: str
    token: str
    contact: str


class World:
    """Gateways at fixed places with a record that outlives every fleet. A context manager."""

    def __init__(self, folder: Path, *, accounts: int, friends: int, seed: int, busy: float = 0) -> None:
        self.record = folder / "world.jsonl"
        doors = folder / "doors.json"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simulator.serve", "--folder", str(folder), "--accounts", str(accounts),
             "--friends", str(friends), "--seed", str(seed), "--busy", str(busy), "--prefix", "a"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip
        until = time.monotonic() + _PATIENCE_S
        while not doors.exists():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the world does not begin")
            time.sleep(0.02)
        known = json.loads(doors.read_text(encoding="utf-8"))
        self.gateways = [Gateway(**row) for row in known["gateways"]]
        self.publisher_url: str = known["publisher"]["url"]
        self.publisher_secret: str = known["publisher"]["secret"]

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=20)

    def steer(self, line: str) -> str:
        """Let something happen; returns 'ok' or why not. See `simulator.steering`."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(line + "\n")
        stdin.flush()
        return stdout.readline().strip()

    def reached(self) -> int:
        """How much has happened, in lines of the record."""
        with self.record.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
