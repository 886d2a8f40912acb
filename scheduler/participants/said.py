"""What somebody said to a campaign of some kind, and what is to be said back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scheduler.participants.participants import Guest


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture somebody sent. `message`: the gateway's id of it; `name`: of who sent it, as the account knows them."""

    message: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """One message. `plain`: its words folded, without signs and blanks; `yes`, `no`: is it one of the usual answers?

    `unheard`: a person looks after them, and nothing we would say now reaches them.
    """

    guest: Guest
    text: str
    plain: str
    arrival: int
    now_ms: int
    yes: bool = False
    no: bool = False
    photo: Photo | None = None
    unheard: bool = False

    @property
    def by(self) -> str:
        """Who said so, for the record."""
        return f"inbox:{self.arrival}"


@dataclass(frozen=True, slots=True)
class Heard:
    """Understood. `outcome`: the words to answer with are scheduler.campaign_answer.<outcome>; `values` stand in them.

    `notice`: staff hear of it, in words scheduler.event.<notice>. `pictures`: of the media folder, behind the words.
    """

    outcome: str
    values: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""
    pictures: tuple[str, ...] = ()
