"""Pushes and campaigns: shown, begun, held, ended; what may not have arrived; coupons and benefits."""

from dataclasses import dataclass
from typing import ClassVar

from operations.requests.request import Request, Verb


@dataclass(frozen=True, slots=True)
class Preview(Request):
    verb: ClassVar[Verb] = Verb.PREVIEW
    push: str = ""


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
