"""What a look at the installation found: one sentence, and one more that says how to mend it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from texts.catalogue import catalogue, say
from texts.problem import Problem


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It works, and may stop working or is not as it should be."""
    PROBLEM = "problem"
    """Something does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` names the look in scripts; `cure` is '' where nothing need be done."""

    level: Level
    check: str
    text: str
    cure: str = ""

    @classmethod
    def of(cls, level: Level, check: str, case: str, /, **values: Any) -> Self:
        """In the words `doctor.<check>.<case>`, the cure in `….cure`."""
        key = f"doctor.{check}.{case}"
        cure = say(f"{key}.cure", **values) if f"{key}.cure" in catalogue() else ""
        return cls(level, check, say(key, **values), cure)

    @classmethod
    def ok(cls, check: str, /, **values: Any) -> Self:
        return cls.of(Level.OK, check, "ok", **values)

    @classmethod
    def from_problem(cls, check: str, problem: Problem, level: Level = Level.PROBLEM) -> Self:
        """A problem has its own words already."""
        text = f"{problem.where}: {problem.message}" if problem.where else problem.message
        return cls(level, check, text, problem.hint)
