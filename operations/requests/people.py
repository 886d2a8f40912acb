"""Who a customer is, what is known of them, and what becomes of them."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from operations.requests.request import Request, Verb

_NOT_KEPT = "…"
"""Stands in the log for what is somebody's own affair."""


@dataclass(frozen=True, slots=True)
class Why(Request):
    verb: ClassVar[Verb] = Verb.WHY
    who: str = ""
    what: str = ""


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
