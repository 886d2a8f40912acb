"""Moments, the photo library, and what is said in ponds."""

from dataclasses import dataclass
from typing import ClassVar

from operations.requests.request import Request, Verb


@dataclass(frozen=True, slots=True)
class PreviewMoments(Request):
    """The calendar: `days` days from `first` (ISO date, '' for today) on, of one account or of all."""

    verb: ClassVar[Verb] = Verb.PREVIEW_MOMENTS
    first: str = ""
    days: int = 1
    account: str = ""


@dataclass(frozen=True, slots=True)
class Moment(Request):
    """A post that staff want. `kind` '' is judged by the words; `at_ms` the earliest moment (epoch ms), 0 for now;
    `media` files of the media folder, `materials` numbers of the library. `name`: which wish it is, once it was shown.
    """

    verb: ClassVar[Verb] = Verb.MOMENT
    text: str = ""
    account: str = ""
    kind: str = ""
    at_ms: int = 0
    media: tuple[str, ...] = ()
    materials: tuple[int, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "media", tuple(self.media))  # JSON knows lists only
        object.__setattr__(self, "materials", tuple(self.materials))


@dataclass(frozen=True, slots=True)
class Materials(Request):
    """The photo library. `act`: list, show, add (what was just sent, of `who`), ask, given, refused, remove."""

    verb: ClassVar[Verb] = Verb.MATERIAL
    act: str = "list"
    number: int = 0
    who: str = ""


@dataclass(frozen=True, slots=True)
class BindPond(Request):
    """Which room a pond is: by its id, or by a code to be said there."""

    verb: ClassVar[Verb] = Verb.BIND_POND
    pond: str = ""
    room: str = ""


@dataclass(frozen=True, slots=True)
class PondPost(Request):
    """A campaign for one pond, to go at `at_ms`."""

    verb: ClassVar[Verb] = Verb.POND_POST
    pond: str = ""
    text: str = ""
    at_ms: int = 0
