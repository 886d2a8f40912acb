"""One wish of staff: its verb, and the door it came by. What each needs is said in the modules beside this one."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar


class Verb(StrEnum):
    HELP = "help"
    STATUS = "status"
    TODAY = "today"
    REPORT = "report"
    ACCOUNTS = "accounts"
    LOSE_ACCOUNT = "accounts lost"
    FIND_ACCOUNT = "accounts found"
    ACCOUNT_FRIENDS = "accounts friends"
    WHY = "why"
    TASKS = "tasks"
    GIVE = "gift"
    DONE = "done"
    TAKEOVER = "takeover"
    RELEASE = "release"
    OPTOUT = "optout"
    MUTE = "mute"
    REFER = "refer"
    DELIVER = "deliver"
    PAUSE = "pause"
    RESUME = "resume"
    LOGIN = "login"
    PUSH = "push"
    TRY_PUSH = "push test"
    CONTINUE = "continue"
    CANCEL = "cancel"
    CAME = "came"
    OVERRIDE = "override"
    DRAW = "draw"
    PREVIEW = "preview"
    PREVIEW_MOMENTS = "previewmoments"
    MOMENT = "moment"
    MATERIAL = "material"
    LESSON = "lesson"
    CONFIRM = "confirm"
    STOP_ALL = "stopall"
    RESUME_ALL = "resumeall"
    STAFF_ROOM = "staffroom"
    INVITE = "invite"
    DOUBT = "doubt"
    RESOLVE_DOUBT = "resolvedoubt"
    UNDO = "undo"
    VIP = "vip"
    CUSTOMER = "customer"
    PROFILE = "profile"
    TAG = "tag"
    NOTE = "note"
    BIND = "bind"
    UNMERGE = "unmerge"
    EXPORT = "export"
    ERASE = "erase"
    REVEAL = "customers reveal"
    IMPORT_ORDERS = "import orders"
    IMPORT_CUSTOMERS = "import customers"
    UNDO_IMPORT = "import undo"
    CHANNEL_COST = "channels cost"
    SWITCH_CHANNEL = "channels switch"
    IMPORT_COUPONS = "coupons import"
    SHOW_COUPONS = "coupons show"
    GIVE_BENEFIT = "benefits give"
    UNDO_BENEFIT = "benefits undo"
    BIND_POND = "ponds bind"
    POND_POST = "ponds post"


class Door(StrEnum):
    CHAT = "chat"
    CLI = "cli"
    WEB = "web"


@dataclass(frozen=True, slots=True)
class Request:
    """One wish. Subclasses say what it needs."""

    verb: ClassVar[Verb]

    def as_json(self) -> dict[str, Any]:
        return {"verb": self.verb.value, **asdict(self)}
