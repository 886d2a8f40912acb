"""A picture of what `benchmarks.sends --growth` found: `python -m benchmarks.growth_plot growth.json growth.svg`.

Processor time of a send, bare and durable, over the number of accounts and of rows that wait beside them.
"""

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, GAP = 380, 240, 60, 40, 70
COLOURS = {"bare": "#888888", "sqlite": "#1f6feb", "postgresql": "#d1571b"}
PANELS = (("accounts", "accounts", "pending", 0), ("pending rows (1,000 accounts)", "pending", "accounts", 1000))
Points = list[tuple[float, float]]


def curves(cases: Sequence[Mapping[str, Any]], along: str, fixed: str, at: int) -> dict[str, Points]:
    """Microseconds a send by curve: the bare one is the median of both databases' runs."""
    found: dict[str, Points] = {"bare": [], "sqlite": [], "postgresql": []}
    bare: dict[int, list[float]] = {}
    for case in cases:
        if case[fixed] == at and case[along] > 0:
            found[case["database"]].append((case[along], case["durable"]["client_us"]))
            bare.setdefault(case[along], []).append(case["bare"]["client_us"])
    found["bare"] = sorted((x, sum(values) / len(values)) for x, values in bare.items())
    return {name: sorted(points) for name, points in found.items() if points}


def panel(title: str, lines: Mapping[str, Points], left: int, highest: float) -> Iterator[str]:
    xs = sorted({x for points in lines.values() for x, _ in points})
    low, high = math.log10(xs[0]), math.log10(xs[-1])

    def place(x: float, y: float) -> tuple[float, float]:
        along = (math.log10(x) - low) / ((high - low) or 1)
        return left + along * WIDTH, TOP + HEIGHT * (1 - y / highest)

    yield f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>'
    yield f'<text x="{left + WIDTH / 2}" y="{TOP + HEIGHT + 38}" text-anchor="middle">{title}</text>'
    for x in xs:
        at, _ = place(x, 0)
        yield f'<text x="{at:.0f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{x:,.0f}</text>'
    for y in range(0, int(highest) + 1, 100):
        _, at = place(xs[0], y)
        yield f'<line x1="{left}" x2="{left + WIDTH}" y1="{at:.0f}" y2="{at:.0f}" stroke="#eee"/>'
        yield f'<text x="{left - 6}" y="{at + 4:.0f}" text-anchor="end">{y}</text>'
    for name, points in lines.items():
        placed = [place(x, y) for x, y in points]
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in placed)
        yield f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>'
        yield from (f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="{COLOURS[name]}"/>' for x, y in placed)


def drawn(cases: Sequence[Mapping[str, Any]]) -> str:
    """The SVG document."""
    panels = [(title, curves(cases, along, fixed, at)) for title, along, fixed, at in PANELS]
    highest = 100 * math.ceil(1.1 * max(y for _, lines in panels for line in lines.values() for _, y in line) / 100)
    parts = [f'<text x="{LEFT}" y="24">µs of our process a send (processor time)</text>']
    for number, (title, lines) in enumerate(panels):
        parts += panel(title, lines, LEFT + number * (WIDTH + GAP), highest)
    for number, (name, colour) in enumerate(COLOURS.items()):
        label = "bare stub" if name == "bare" else f"durable, {name}"
        at = LEFT + 380 + number * 150
        parts.append(f'<circle cx="{at}" cy="20" r="4" fill="{colour}"/><text x="{at + 9}" y="24">{label}</text>')
    size = f'width="{LEFT + 2 * WIDTH + GAP + 50}" height="{TOP + HEIGHT + 50}"'
    style = 'font-family="sans-serif" font-size="12"'
    ground = '<rect width="100%" height="100%" fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{ground}{"".join(parts)}</svg>\n'


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth_plot", description=__doc__)
    parser.add_argument("found", type=Path, help="what --growth wrote")
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    options.picture.write_text(drawn(json.loads(options.found.read_text("utf-8"))["cases"]), encoding="utf-8")
