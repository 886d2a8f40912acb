"""What staff ask about themselves: help, codes, taking back, who joins; and files brought in."""

from dataclasses import dataclass
from typing import ClassVar

from operations.requests.request import Request, Verb


@dataclass(frozen=True, slots=True)
class Help(Request):
    """Each door has its own words for what can be said; the desk only looks at rights."""

    verb: ClassVar[Verb] = Verb.HELP
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Confirm(Request):
    verb: ClassVar[Verb] = Verb.CONFIRM
    code: str = ""


@dataclass(frozen=True, slots=True)
class MakeStaffRoom(Request):
    """`room` and `account` say where it was asked, and which account heard it."""

    verb: ClassVar[Verb] = Verb.STAFF_ROOM
    code: str = ""
    room: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Undo(Request):
    """Take back the last thing whoever asks did within a minute."""

    verb: ClassVar[Verb] = Verb.UNDO


@dataclass(frozen=True, slots=True)
class Invite(Request):
    """A code for a staff member, by id or name, for a new one, or (`room`) for the staff room."""

    verb: ClassVar[Verb] = Verb.INVITE
    name: str = ""
    role: str = "service"
    room: bool = False


@dataclass(frozen=True, slots=True)
class ImportOrders(Request):
    """`files` by their names; `overwrite`: they are right even where they look older than what is known."""

    verb: ClassVar[Verb] = Verb.IMPORT_ORDERS
    files: str = ""
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class ImportCustomers(Request):
    """`files` by their names."""

    verb: ClassVar[Verb] = Verb.IMPORT_CUSTOMERS
    files: str = ""


@dataclass(frozen=True, slots=True)
class UndoImport(Request):
    """Take back the import with this number."""

    verb: ClassVar[Verb] = Verb.UNDO_IMPORT
    batch: int = 0
