"""Runs that alternate, their medians, and a table of it."""

import gc
import platform
import resource
import sqlite3
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

PACKAGES = ("sqlalchemy", "aiosqlite", "psycopg", "grpclib", "wechaty-grpc")
Found = TypeVar("Found")


def allow_many_files() -> None:
    """Two thousand accounts need more open files than the soft limit of most machines."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def alternate(measures: Mapping[str, Callable[[], Awaitable[Found]]], rounds: int) -> dict[str, list[Found]]:
    """Each measure once a round, so that what else the machine does meets all of them."""
    found: dict[str, list[Found]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            gc.collect()
            found[name].append(await measure())
    return found


def ratios(found: Mapping[str, Sequence[float]], ours: str, bare: str) -> list[float]:
    """Ours over bare, round by round: each pair ran next to each other."""
    return [our / other for our, other in zip(found[ours], found[bare], strict=True)]


def show(title: str, found: Mapping[str, Sequence[float]], unit: str) -> None:
    """Medians and every single run."""
    print(f"\n{title}")
    width = max(map(len, found))
    for name, values in found.items():
        runs = "  ".join(f"{value:,.1f}" for value in values)
        print(f"  {name:<{width}}  {statistics.median(values):>10,.1f} {unit}    runs: {runs}")


def show_ratio(words: str, values: Sequence[float], target: str) -> None:
    runs = "  ".join(f"{value:.2f}" for value in values)
    print(f"  {words}: {statistics.median(values):.2f}   (target {target}; rounds: {runs})")


def show_machine() -> None:
    cores = Path("/proc/cpuinfo").read_text().count("processor\t") if Path("/proc/cpuinfo").exists() else "?"
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {cores} cores, {versions}, "
          f"SQLite {sqlite3.sqlite_version}")  # fmt: skip
