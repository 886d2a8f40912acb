"""The fleet: how it is, its accounts and phones, its channels; everything stopped, and going on."""

from dataclasses import dataclass
from typing import ClassVar

from operations.requests.request import Request, Verb


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
class Tasks(Request):
    verb: ClassVar[Verb] = Verb.TASKS


@dataclass(frozen=True, slots=True)
class Done(Request):
    """`which`: the number of a task, or '' for all open ones of whoever asks."""

    verb: ClassVar[Verb] = Verb.DONE
    which: str = ""


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
class StopAll(Request):
    verb: ClassVar[Verb] = Verb.STOP_ALL


@dataclass(frozen=True, slots=True)
class ResumeAll(Request):
    """`stopped`: which stop was shown, as it stands in the settings: a later one is another."""

    verb: ClassVar[Verb] = Verb.RESUME_ALL
    stopped: str = ""


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
