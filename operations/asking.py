"""What goes into the desk and what comes out of it."""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from operations.permissions import Staff
from operations.requests.request import Door, Request
from texts.problem import ExitCode

R = TypeVar("R", bound=Request, covariant=True)


@dataclass(frozen=True, slots=True)
class Asked(Generic[R]):
    """A request with who asks, by which door, and when (epoch ms)."""

    staff: Staff
    request: R
    door: Door
    now_ms: int


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to whoever asked. `code`: what confirms it; `data`: the same for scripts.

    `changed`: did it change anything? `trace`: which rows it wrote, for the log: by that it is taken back. `whole`:
    phones and addresses stand in it as they are, because whoever asked may see them and said so.
    """

    ok: bool
    text: str
    code: str | None = None
    exit_code: ExitCode = ExitCode.OK
    data: dict[str, Any] = field(default_factory=dict)
    whole: bool = False
    changed: bool = True
    trace: str = ""

    def as_json(self) -> dict[str, Any]:
        """The document of `wxfleet command --json`."""
        document: dict[str, Any] = {"ok": self.ok, "text": self.text}
        if self.code is not None:
            document["code"] = self.code
        return document | self.data


@dataclass(frozen=True, slots=True)
class Shown:
    """What a level-2 request would do. `people`: how many would get something; `request`: exactly what is confirmed."""

    text: str
    request: Request
    people: int = 0
