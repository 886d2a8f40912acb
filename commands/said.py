"""A line of staff, with when and where it was said: what the builders of requests read."""

from dataclasses import dataclass

from commands.grammar import Line


@dataclass(frozen=True, slots=True)
class Said:
    """A parsed line with what it was said in. `room` is '' in a private chat and in the terminal."""

    line: Line
    now_ms: int
    zone: str
    room: str = ""
    account: str = ""

    def word(self, number: int) -> str:
        """The argument in that place, as it was typed; '' where there is none."""
        return self.line.word(number)

    def key(self, number: int) -> str:
        """The same to look up among the words of a command: small letters, simplified."""
        return self.line.key(number)

    @property
    def words(self) -> tuple[str, ...]:
        return self.line.arguments
