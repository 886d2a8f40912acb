"""Files that are being made: their names say who makes them, so that what a killed process left is swept away."""

import os
import platform
import re
import shutil
from contextlib import suppress
from pathlib import Path

_MAKER = re.compile(r"(?P<pid>\d+)@(?P<node>[^@]*)@")


def maker() -> str:
    """This process, as part of a file's name."""
    return f"{os.getpid()}@{_node()}@"


def sweep(folder: Path, prefix: str) -> None:
    """Remove files and folders in `folder` that are named `prefix` and a maker that is dead.

    Whoever made one on another machine, or in another container, may be alive: those stay.
    """
    if os.name == "nt":  # no way to ask for a process without doing something to it
        return
    with suppress(OSError):
        for path in folder.iterdir():
            found = _MAKER.match(path.name, len(prefix)) if path.name.startswith(prefix) else None
            if found and found["node"] == _node() and not _lives(int(found["pid"])):
                _remove(path)


def _node() -> str:
    return re.sub(r"[^\w.-]", "_", platform.node()) or "here"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # somebody else's
    return True


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
