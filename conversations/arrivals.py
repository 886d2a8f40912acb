"""What a handler gets, and what it hands up: plain facts about one thing that reached an account."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StaffMessage:
    """A staff member wrote something that begins like a command.

    `room` is '' in a private chat. `arrival` is the id of the inbox row. `late`: it waited so long (the fleet was
    down) that the moment has passed.
    """

    arrival: int
    account: str
    staff: str
    contact: str
    room: str
    text: str
    at_ms: int
    late: bool = False


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody wrote to an account what may be an invitation code."""

    arrival: int
    account: str
    contact: str
    text: str
    at_ms: int
