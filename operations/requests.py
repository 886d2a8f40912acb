"""What staff may ask for, whatever door they come through: typed, complete, and plain enough to be kept as JSON."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

_NOT_KEPT = "…"
"""Stands in the log for what is somebody's own affair."""


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


@dataclass(frozen=True, slots=True)
class Help(Request):
    """Each door has its own words for what can be said; the desk only looks at rights."""

    verb: ClassVar[Verb] = Verb.HELP
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Status(Request):
    verb: ClassVar[Verb] = Verb.STATUS


@dataclass(frozen=True, slots=True)
class Today(Request):
    """The day so far, and the next sensible step."""

    verb: ClassVar[Verb] = Verb.TODAY


@dataclass(frozen=True, slots=True)
class ShowReport(Request):
    """`name`: of the report, '' for the list of them; `period` in the words of people, '' for the usual one."""

    verb: ClassVar[Verb] = Verb.REPORT
    name: str = ""
    period: str = ""


@dataclass(frozen=True, slots=True)
class Accounts(Request):
    """`account` '' lists them all."""

    verb: ClassVar[Verb] = Verb.ACCOUNTS
    account: str = ""


@dataclass(frozen=True, slots=True)
class LoseAccount(Request):
    """An account is gone for good, as far as anybody knows: it is set aside."""

    verb: ClassVar[Verb] = Verb.LOSE_ACCOUNT
    account: str = ""


@dataclass(frozen=True, slots=True)
class FindAccount(Request):
    """An account that was lost is there again."""

    verb: ClassVar[Verb] = Verb.FIND_ACCOUNT
    account: str = ""


@dataclass(frozen=True, slots=True)
class AccountFriends(Request):
    """To take the friends of an account out of the program; `phones`: `whole`, or '' where they are masked."""

    verb: ClassVar[Verb] = Verb.ACCOUNT_FRIENDS
    account: str = ""
    phones: str = ""


@dataclass(frozen=True, slots=True)
class Why(Request):
    verb: ClassVar[Verb] = Verb.WHY
    who: str = ""
    what: str = ""


@dataclass(frozen=True, slots=True)
class Tasks(Request):
    verb: ClassVar[Verb] = Verb.TASKS


@dataclass(frozen=True, slots=True)
class Give(Request):
    """A red packet or a gift. `kind`: red_packet | gift; `account` '': the one that they wrote to last."""

    verb: ClassVar[Verb] = Verb.GIVE
    who: str = ""
    kind: str = "red_packet"
    amount_fen: int = 0
    occasion: str = ""
    note: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Done(Request):
    """`which`: the number of a task, or '' for all open ones of whoever asks."""

    verb: ClassVar[Verb] = Verb.DONE
    which: str = ""


@dataclass(frozen=True, slots=True)
class TakeOver(Request):
    """`who` '' lists who waits: that `page`; `mine`: only whom this one is to look after."""

    verb: ClassVar[Verb] = Verb.TAKEOVER
    who: str = ""
    page: int = 1
    mine: bool = False


@dataclass(frozen=True, slots=True)
class Release(Request):
    verb: ClassVar[Verb] = Verb.RELEASE
    who: str = ""


@dataclass(frozen=True, slots=True)
class OptOut(Request):
    verb: ClassVar[Verb] = Verb.OPTOUT
    who: str = ""


@dataclass(frozen=True, slots=True)
class Mute(Request):
    """`until_ms`: epoch ms."""

    verb: ClassVar[Verb] = Verb.MUTE
    who: str = ""
    until_ms: int = 0


@dataclass(frozen=True, slots=True)
class Refer(Request):
    """`who` was brought by `old`; both as people are named."""

    verb: ClassVar[Verb] = Verb.REFER
    who: str = ""
    old: str = ""


@dataclass(frozen=True, slots=True)
class Deliver(Request):
    """The thanks for bringing `who` were handed over; `what` they were."""

    verb: ClassVar[Verb] = Verb.DELIVER
    who: str = ""
    what: str = ""


@dataclass(frozen=True, slots=True)
class Pause(Request):
    """`target`: an account, or a push that is under way."""

    verb: ClassVar[Verb] = Verb.PAUSE
    target: str = ""


@dataclass(frozen=True, slots=True)
class Resume(Request):
    verb: ClassVar[Verb] = Verb.RESUME
    account: str = ""


@dataclass(frozen=True, slots=True)
class LogIn(Request):
    verb: ClassVar[Verb] = Verb.LOGIN
    account: str = ""


@dataclass(frozen=True, slots=True)
class Preview(Request):
    verb: ClassVar[Verb] = Verb.PREVIEW
    push: str = ""


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
class Push(Request):
    """`fingerprint` of the push as it was previewed: words that changed since are not what was confirmed.

    `levels`: only these levels or segments, by id or name; `at_ms`: not before (epoch ms), 0 as its file says.
    """

    verb: ClassVar[Verb] = Verb.PUSH
    push: str = ""
    fingerprint: str = ""
    levels: tuple[str, ...] = ()
    at_ms: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))  # JSON knows lists only


@dataclass(frozen=True, slots=True)
class Came(Request):
    """`who` took part in a campaign as they had said, or (`came` false) did not; `全部` is everybody who said yes."""

    verb: ClassVar[Verb] = Verb.CAME
    campaign: str = ""
    who: str = ""
    came: bool = True


@dataclass(frozen=True, slots=True)
class DrawLots(Request):
    """Decide a giveaway or a contest, once. `public`: the value that its file announced, '' for none."""

    verb: ClassVar[Verb] = Verb.DRAW
    campaign: str = ""
    public: str = ""


@dataclass(frozen=True, slots=True)
class Override(Request):
    """This campaign may reach people who had a push within seven days; `reason` stands in the log."""

    verb: ClassVar[Verb] = Verb.OVERRIDE
    campaign: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TryPush(Request):
    """The exact words to one of the staff; `to` '' is whoever asks."""

    verb: ClassVar[Verb] = Verb.TRY_PUSH
    push: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class Continue(Request):
    """Go on with a push that holds or is paused; or, with an account's id, let the account speak again."""

    verb: ClassVar[Verb] = Verb.CONTINUE
    target: str = ""


@dataclass(frozen=True, slots=True)
class Cancel(Request):
    """`push`: which one; '' is the code that whoever asks was shown last, or else the only push under way."""

    verb: ClassVar[Verb] = Verb.CANCEL
    push: str = ""


@dataclass(frozen=True, slots=True)
class Confirm(Request):
    verb: ClassVar[Verb] = Verb.CONFIRM
    code: str = ""


@dataclass(frozen=True, slots=True)
class StopAll(Request):
    verb: ClassVar[Verb] = Verb.STOP_ALL


@dataclass(frozen=True, slots=True)
class ResumeAll(Request):
    """`stopped`: which stop was shown, as it stands in the settings: a later one is another."""

    verb: ClassVar[Verb] = Verb.RESUME_ALL
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class MakeStaffRoom(Request):
    """`room` and `account` say where it was asked, and which account heard it."""

    verb: ClassVar[Verb] = Verb.STAFF_ROOM
    code: str = ""
    room: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Doubt(Request):
    """Which messages may or may not have arrived; `what`: an account or a push, whichever it names."""

    verb: ClassVar[Verb] = Verb.DOUBT
    account: str = ""
    campaign: str = ""
    what: str = ""


@dataclass(frozen=True, slots=True)
class ResolveDoubt(Request):
    """End doubts. `ending`: arrived, release or unknown; without account, push and `ids`: all of them.

    `shown_ms`: when they were shown. What falls into doubt later is not what was confirmed.
    """

    verb: ClassVar[Verb] = Verb.RESOLVE_DOUBT
    ending: str = ""
    account: str = ""
    campaign: str = ""
    what: str = ""
    ids: tuple[int, ...] = ()
    shown_ms: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tuple(self.ids))  # JSON knows lists only


@dataclass(frozen=True, slots=True)
class Customer(Request):
    """Whom these words may mean: nickname, pinyin, member name, order, end of a phone, #17."""

    verb: ClassVar[Verb] = Verb.CUSTOMER
    who: str = ""


@dataclass(frozen=True, slots=True)
class SetProfile(Request):
    """`fields`: what staff wrote, `{"生日": "农历8月15"}`; '' means that nothing is known any more.

    The log keeps which fields; what stands in them is in the profile's own history, and goes when the person is erased.
    """

    verb: ClassVar[Verb] = Verb.PROFILE
    who: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"verb": self.verb.value, "who": self.who, "fields": dict.fromkeys(self.fields, _NOT_KEPT)}


@dataclass(frozen=True, slots=True)
class Tag(Request):
    """Tags to put on a customer, and to take off. The log keeps how many, as with `SetProfile`."""

    verb: ClassVar[Verb] = Verb.TAG
    who: str = ""
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "add", tuple(self.add))  # JSON knows lists only
        object.__setattr__(self, "remove", tuple(self.remove))

    def as_json(self) -> dict[str, Any]:
        add, remove = [_NOT_KEPT] * len(self.add), [_NOT_KEPT] * len(self.remove)
        return {"verb": self.verb.value, "who": self.who, "add": add, "remove": remove}


@dataclass(frozen=True, slots=True)
class Note(Request):
    """Something to remember of a customer. The log keeps that there was something, as with `SetProfile`."""

    verb: ClassVar[Verb] = Verb.NOTE
    who: str = ""
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"verb": self.verb.value, "who": self.who, "text": _NOT_KEPT if self.text else ""}


@dataclass(frozen=True, slots=True)
class Bind(Request):
    """`what` belongs to `who`: a member name, an order number, a whole phone, or another entry as `#17`.

    `sure`: staff were asked about a contradiction and stand by it.
    """

    verb: ClassVar[Verb] = Verb.BIND
    who: str = ""
    what: str = ""
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Unmerge(Request):
    """Take back the merges with these numbers, all or none."""

    verb: ClassVar[Verb] = Verb.UNMERGE
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Vip(Request):
    """A level by hand. `level`: an id of the ladder, or how it is called."""

    verb: ClassVar[Verb] = Verb.VIP
    who: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True)
class Lesson(Request):
    """`act`: show, start, pause or resume; `who`: which partner, '' for all; `sequence`: which lessons."""

    verb: ClassVar[Verb] = Verb.LESSON
    act: str = "show"
    who: str = ""
    sequence: str = ""


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
class ExportPerson(Request):
    """Everything that is known of somebody, in full. `person`: the number of their entry."""

    verb: ClassVar[Verb] = Verb.EXPORT
    person: int = 0


@dataclass(frozen=True, slots=True)
class ErasePerson(Request):
    """Nothing that leads to them is kept. `person`: the number of their entry."""

    verb: ClassVar[Verb] = Verb.ERASE
    person: int = 0


@dataclass(frozen=True, slots=True)
class RevealPerson(Request):
    """To see somebody's phones and addresses whole. `person`: the number of their entry."""

    verb: ClassVar[Verb] = Verb.REVEAL
    person: int = 0


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
class ImportCoupons(Request):
    """Codes of a file into a pool. `file` by its name."""

    verb: ClassVar[Verb] = Verb.IMPORT_COUPONS
    pool: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class ShowCoupons(Request):
    """To see the codes of a pool whole."""

    verb: ClassVar[Verb] = Verb.SHOW_COUPONS
    pool: str = ""


@dataclass(frozen=True, slots=True)
class GiveBenefit(Request):
    """So many units of a campaign's benefit to somebody."""

    verb: ClassVar[Verb] = Verb.GIVE_BENEFIT
    campaign: str = ""
    benefit: str = ""
    who: str = ""
    units: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True)
class UndoBenefit(Request):
    """Take back that line of the ledger."""

    verb: ClassVar[Verb] = Verb.UNDO_BENEFIT
    line: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class UndoImport(Request):
    """Take back the import with this number."""

    verb: ClassVar[Verb] = Verb.UNDO_IMPORT
    batch: int = 0


@dataclass(frozen=True, slots=True)
class WriteChannelCost(Request):
    """What a channel cost on a day (YYYY-MM-DD). `replace`: instead of what was written for that day."""

    verb: ClassVar[Verb] = Verb.CHANNEL_COST
    channel: str = ""
    day: str = ""
    shown: int = 0
    cost_fen: int = 0
    note: str = ""
    replace: bool = False


@dataclass(frozen=True, slots=True)
class SwitchChannel(Request):
    """The channel shows that account's QR code from now on; `auto` leaves it to the program."""

    verb: ClassVar[Verb] = Verb.SWITCH_CHANNEL
    channel: str = ""
    account: str = ""


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


def request_of(row: dict[str, Any]) -> Request:
    """The request that `as_json` wrote. Raises KeyError for a verb of another version."""
    fields = dict(row)
    return BY_VERB[Verb(fields.pop("verb"))](**fields)


BY_VERB: dict[Verb, type[Request]] = {kind.verb: kind for kind in Request.__subclasses__()}
