"""What can go wrong with an account, by what to do about it.

The class is the decision: `retry` says whether the runner tries again by itself, `sent` what is known about a
message that was under way. A foreign exception is translated in the adapter, nowhere else.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from texts.problem import ExitCode, Problem


class GatewayProblem(Problem):
    """Something between us and a gateway."""

    exit_code = ExitCode.GATEWAY_UNAVAILABLE
    retry: ClassVar[bool] = True
    sent: ClassVar[Literal["no", "unknown"]] = "no"
    key: str = ""
    """Of the catalogue, where the words were made from one; `values` go into it."""
    values: Mapping[str, str] = MappingProxyType({})

    def kept(self) -> dict[str, Any]:
        """`problem` and `hint` for a repair that others read later, perhaps in another language."""
        if not self.key:
            return {"problem": self.message, "hint": self.hint}
        values = dict(self.values)
        return {"problem": {"say": self.key, "with": values}, "hint": {"say": f"{self.key}.hint", "with": values}}


class GatewayUnavailable(GatewayProblem):
    """Nobody answers at the endpoint, or the connection broke before anything was written. Try again later."""


class StreamBusy(GatewayProblem):
    """The event stream is held by another client, often our own ghost. Back off and try again."""


class GarbageAnswer(GatewayProblem):
    """What answers is not a Wechaty gateway, or speaks another version. Try again, rarely."""


class WrongToken(GatewayProblem):
    """The gateway refuses our token. Only a person can mend it."""

    retry = False


class CertificateRejected(GatewayProblem):
    """The gateway's certificate does not verify. Only a person can mend it."""

    retry = False


class NotLoggedIn(GatewayProblem):
    """The gateway has no WeChat session: a QR code must be scanned. Nothing was sent."""


class Refused(GatewayProblem):
    """The gateway or WeChat said no to this one thing (not a friend, too long, …). Nothing was sent."""

    retry = False


class NotAFriend(Refused):
    """They deleted the account, or never were a friend of it: every further message would be refused, too."""


class AccountRestricted(GatewayProblem):
    """WeChat limits the account (操作频繁, 功能受限). It rests; a person looks."""

    retry = False


class OutcomeUnknown(GatewayProblem):
    """The request was written and no answer came: it may have arrived. Never sent again by itself."""

    retry = False
    sent = "unknown"


class TooLate(GatewayProblem):
    """The process was frozen, or replaced, between the decision and the first word: nothing was written."""

    retry = False


class PayloadGone(GatewayProblem):
    """An event's payload can no longer be fetched. A person looks at the phone."""

    retry = False


class OwnershipHeld(Problem):
    """Another process sends for these accounts and is alive."""

    exit_code = ExitCode.NOT_ALLOWED


class OwnershipLost(Problem):
    """Another process took these accounts over: this one must send nothing more."""

    exit_code = ExitCode.NOT_ALLOWED
