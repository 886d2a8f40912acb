"""Whatever the code says stands in the catalogue: a sentence that is missing would be a traceback to a person."""

import ast
from pathlib import Path

from texts.catalogue import catalogue

ROOT = Path(__file__).parents[2]
ROOMS = (
    "wxfleet", "commands", "operations", "conversations", "scheduler", "bots", "reports", "customers", "personas",
    "storage", "texts",
)  # fmt: skip


def _said() -> set[tuple[str, str]]:
    """(place, key) of every `say("…")` with a literal key."""
    found = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or not node.args or not isinstance(node.func, ast.Name):
                    continue
                first = node.args[0]
                if node.func.id == "say" and isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add((f"{path.relative_to(ROOT)}:{node.lineno}", first.value))
    return found


def test_every_sentence_the_code_says_is_in_the_catalogue() -> None:
    said = _said()
    assert len(said) > 200
    assert {(place, key) for place, key in said if key not in catalogue()} == set()
