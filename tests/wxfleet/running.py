"""Runs the real command in a folder of its own, and reads what the simulated world says arrived."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from wxfleet.terminal.init import Stage, start

SPEED = 60
"""Shop seconds per second: as in the committed file. Faster than the machine can follow tests the machine."""


def open_shop(folder: Path, *, stage: Stage = Stage.MATRIX, speed: int = SPEED) -> Path:
    """A fresh shop from the templates, its clock fast. Returns its folder."""
    start(folder, stage)
    config = folder / "config.yaml"
    text = re.sub(r"speed: \d+", f"speed: {speed}", config.read_text(encoding="utf-8"))
    config.write_text(text, encoding="utf-8")
    return folder


def wxfleet(folder: Path, *arguments: str, wall_s: float = 120) -> subprocess.CompletedProcess[str]:
    """One call of the command line in that folder."""
    return subprocess.run(
        [sys.executable, "-m", "wxfleet", *arguments],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=wall_s, check=False,
        env={**os.environ, "PYTHONUTF8": "1", "NO_COLOR": "1"},
    )  # fmt: skip


def run(folder: Path, wall_s: float) -> dict[str, Any]:
    """`wxfleet run --for … --json`; its document."""
    done = wxfleet(folder, "run", "--for", f"{wall_s}s", "--json", wall_s=wall_s + 90)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def start_run(folder: Path) -> subprocess.Popen[str]:
    """A run that goes on until it is killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "wxfleet", "run", "-q"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip


def kill(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> None:
    process.send_signal(number)
    process.communicate(timeout=30)


def entries(folder: Path, do: str) -> list[dict[str, Any]]:
    """What happened in the world, from its own journal, of one sort: message, post, friendship, …"""
    lines = (folder / "data" / "world.jsonl").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # torn by a kill
    return [entry for entry in found if entry.get("do") == do]


def times_pushed(folder: Path, mark: str) -> Counter[str]:
    """How often each contact got a message with `mark` in it."""
    return Counter(entry["to"] for entry in entries(folder, "message") if mark in str(entry.get("text", "")))
