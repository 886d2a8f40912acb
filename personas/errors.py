"""What can go wrong with voices and words."""

from typing import Any

from texts.catalogue import say
from texts.problem import ExitCode, Problem


class TemplateRefused(Problem):
    """A template that does more than put names into a text, or can't be read. `line` counts from 1 within it."""

    exit_code = ExitCode.CONFIGURATION_INVALID

    def __init__(self, reason: str, line: int = 1, **values: Any) -> None:
        super().__init__(
            say(f"personas.template.{reason}", **values),
            hint=say("personas.template.hint"),
            where=say("personas.template.where", line=line),
        )
        self.reason = reason
        self.line = line


class ValueMissing(Problem):
    """A template names something that nobody gave a value for."""

    def __init__(self, name: str) -> None:
        super().__init__(say("personas.value_missing", name=name), hint=say("personas.value_missing.hint"))


class NoSuchPersona(Problem):
    """An id that no persona file has."""

    exit_code = ExitCode.NOT_FOUND

    def __init__(self, persona_id: str, near: str | None) -> None:
        hint = say("personas.no_such.near", near=near) if near else say("personas.no_such.hint")
        super().__init__(say("personas.no_such", id=persona_id), hint=hint)
        self.persona_id = persona_id
