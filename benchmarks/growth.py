"""How the cost of a send grows with accounts and with pending rows: the cases, and a table of them."""

import json
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TARGETS = {"sqlite": "≥ 0.75", "postgresql": "≥ 0.70"}
HEAD = "database     accounts    pending   durable/bare   bare µs   durable µs   above   PostgreSQL µs   statements"


@dataclass(frozen=True, slots=True)
class Case:
    """`rows` are the sends of each account in a run; `pending` other rows wait beside them."""

    database: str
    accounts: int
    rows: int
    pending: int = 0


CASES = tuple(
    case
    for database in ("sqlite", "postgresql")
    for case in (
        Case(database, 10, 400),
        Case(database, 100, 80),
        Case(database, 1000, 10),
        Case(database, 5000, 3),
        Case(database, 1000, 10, 10**4),
        Case(database, 1000, 10, 10**5),
        Case(database, 1000, 10, 10**6),
    )
)


def summed_up(case: Case, runs: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, Any]:
    """Medians of a case beside its single runs (as `benchmarks.sends.Run`)."""
    pairs = list(zip(runs["bare"], runs["durable"], strict=True))
    return {
        **asdict(case),
        "ratio": statistics.median(ours["per_s"] / bare["per_s"] for bare, ours in pairs),
        "above_bare": statistics.median(ours["client_us"] / bare["client_us"] - 1 for bare, ours in pairs),
        "bare": _median(runs["bare"]),
        "durable": _median(runs["durable"]),
        "runs": {name: list(values) for name, values in runs.items()},
    }


def _median(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def line(case: Mapping[str, Any]) -> str:
    ours = case["durable"]
    return (
        f"{case['database']:<12} {case['accounts']:>8,} {case['pending']:>10,} {case['ratio']:>14.2f} "
        f"{case['bare']['client_us']:>9.0f} {ours['client_us']:>12.0f} {case['above_bare']:>+7.0%} "
        f"{ours['database_us']:>15.0f} {ours['statements']:>12.3f}"
    )


def write(path: Path, cases: Sequence[Mapping[str, Any]]) -> None:
    """One JSON document: the machine and the cases so far."""
    machine = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    path.write_text(json.dumps({"machine": machine, "cases": list(cases)}, indent=1) + "\n", encoding="utf-8")
