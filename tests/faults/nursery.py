"""Where fleets are born quickly: one process that has imported everything and forks the command line on request.

`python -m tests.faults.nursery` reads a JSON line for each act: {"run": [arguments], "folder", "log", "deaths"} answers
the new process's id; {"wait": id} answers its end as `os.waitpid` tells it once it is dead; {"ended": id} answers the
same at once, null while it lives. Only the interpreter's start is saved: the child runs `wxfleet.cli.main` from its
first line.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from tests.faults.deaths import SUFFERING, Death, Suffering, arrange

ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Child:
    """A process of the nursery's; `code` is None while it may live, negative when a signal ended it."""

    pid: int
    folder: Path
    nursery: "Nursery"
    code: int | None = None

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal; whoever is dead already does not mind."""
        if self.ended() is None:
            os.kill(self.pid, number)

    def suffer(self, suffering: Suffering) -> None:
        """From now on, until it is told of something else."""
        part = self.folder / f"{SUFFERING}.part"
        part.write_text(json.dumps(asdict(suffering)), encoding="utf-8")
        part.replace(self.folder / SUFFERING)
        self.kill(signal.SIGUSR1)

    def ended(self) -> int | None:
        """Its exit code, None while it lives."""
        if self.code is None:
            self.code = self.nursery.ask({"ended": self.pid})
        return self.code

    def wait(self) -> int:
        """Until it is dead."""
        if self.code is None:
            self.code = int(self.nursery.ask({"wait": self.pid}))
        return self.code


class Nursery:
    """The parent of all fleets of a drill. A context manager: who still lives at its end is killed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, "PYTHONUTF8": "1", "NO_COLOR": "1"},
        )  # fmt: skip
        self._children: list[Child] = []

    def __enter__(self) -> "Nursery":
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.kill(signal.SIGKILL)
            child.wait()
        self._process.communicate(timeout=30)

    def start(self, *arguments: str, folder: Path, log: Path, death: Death | None = None) -> Child:
        """`wxfleet arguments…` in `folder`, its words in `log`; with `death` it dies by its own hand at that point."""
        order = {"run": arguments, "folder": str(folder), "log": str(log), "death": death and asdict(death)}
        child = Child(int(self.ask(order)), folder, self)
        self._children.append(child)
        return child

    def ask(self, order: dict[str, Any]) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(json.dumps(order) + "\n")
        stdin.flush()
        return json.loads(stdout.readline())


def _bear(order: dict[str, Any], orders: IO[str]) -> int:
    """Fork; the child becomes `wxfleet`."""
    pid = os.fork()
    if pid:
        return pid
    from wxfleet.cli import main

    try:
        orders.close()
        null = os.open(os.devnull, os.O_RDONLY)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.chdir(order["folder"])
        sys.argv = ["wxfleet", *order["run"]]
        arrange(Death(**order["death"]) if order["death"] else None)
        main()
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    os._exit(70)  # a surprise: no end that the command line knows


def _ended(pid: int, options: int) -> int | None:
    found, status = os.waitpid(pid, options)
    return None if found == 0 else os.waitstatus_to_exitcode(status)


def main() -> None:
    import wxfleet.running.service  # noqa: F401  # what a fleet needs, once for all children

    orders = sys.stdin
    born: set[int] = set()
    for line in orders:
        order = json.loads(line)
        if "run" in order:
            answer: int | None = _bear(order, orders)
            born.add(answer or 0)
        elif "wait" in order:
            answer = _ended(order["wait"], 0)
        else:
            answer = _ended(order["ended"], os.WNOHANG)
        if "run" not in order and answer is not None:
            born.discard(order.get("wait", order.get("ended")))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in born:  # whoever gave the orders is gone: nobody else would end them
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
