"""Foreign exceptions into ours: what happened to this account, whether a message may have left, and what to do.

The one place that knows grpclib's, h2's and ssl's exceptions. The question is always the same: was anything written,
and is there an answer? A send that was written and has no clear "no" is OutcomeUnknown.
"""

import re
import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError

from bots.errors import (
    AccountRestricted,
    CertificateRejected,
    GarbageAnswer,
    GatewayProblem,
    GatewayUnavailable,
    NotAFriend,
    NotLoggedIn,
    OutcomeUnknown,
    PayloadGone,
    Refused,
    StreamBusy,
    WrongToken,
)
from bots.wechaty_events import first_line
from bots.wechaty_unary import Compressed
from texts.catalogue import say
from texts.masking import without_ids
from texts.os_words import os_reason


class Asking(StrEnum):
    """What we were doing when it went wrong."""

    CONNECT = "connect"
    ATTACH = "attach"
    """Opening or reading the event stream."""
    READ = "read"
    """Anything that may be asked again without harm."""
    FETCH = "fetch"
    """One payload by its id."""
    SEND = "send"
    """Something that people see: never repeated unless nothing was written."""


# The gateway gives up on its own upstream with these words: the message may have gone out all the same.
_GAVE_UP_WAITING = re.compile(r"time[d ]?-?\s?out|ETIMEDOUT|ECONNRESET|EPIPE|socket hang up|超时", re.IGNORECASE)
_NOT_LOGGED_IN = re.compile(r"not\s+log(ged|in|ged-)?[ -]?in|not\s+login|need\s+login|未登录|没有登录", re.IGNORECASE)
_RESTRICTED = re.compile(
    r"频繁|受限|(账号|功能|微信).{0,8}限制|限制(登录|使用)|冻结|封禁|被封|异常操作"
    r"|restricted|too frequent|too many (requests|messages|operations)|rate.?limit|spam",
    re.IGNORECASE,
)
# Only what can't mean anything else: it ends the friendship.
_NOT_A_FRIEND = re.compile(
    r"不是.{0,8}?(?:好友|朋友)|非好友|开启了(?:好友|朋友)验证|删除了?(?:你|我们|本号)|被对方删除"
    r"|\b(?:not|no longer) (?:(?:a|your|their|our|his|her) )?friends?\b|\bdeleted you\b"
    r"|\b(?:not|n't) (?:yet )?accepted you\b|friend (?:verification|confirmation)",
    re.IGNORECASE,
)
# A gateway's own "no": it looked at the request and refused it. Everything else may have happened after the deed.
_CLEAR_NO = frozenset(
    {
        Status.UNKNOWN,  # Node gateways answer this for every error their puppet throws
        Status.INVALID_ARGUMENT,
        Status.NOT_FOUND,
        Status.ALREADY_EXISTS,
        Status.PERMISSION_DENIED,
        Status.RESOURCE_EXHAUSTED,
        Status.FAILED_PRECONDITION,
        Status.OUT_OF_RANGE,
        Status.UNIMPLEMENTED,
    }
)
# grpclib's own words for answers that lack what gRPC requires.
_NO_GRPC = ("Missing content-type", "Invalid content-type", "Missing grpc-status", "Invalid grpc-status")


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Which account and endpoint a problem is about, and the secret that no text may contain."""

    account: str
    endpoint: str
    token: str

    def __repr__(self) -> str:
        return f"{self.account} @ {self.endpoint}"

    def redact(self, text: str) -> str:
        return without_ids(text.replace(self.token, "***") if self.token else text)

    def problem(self, kind: type[GatewayProblem], key: str, **values: str) -> GatewayProblem:
        """A problem in catalogue words: `gateway.<key>` and `gateway.<key>.hint`."""
        values = {"account": self.account, "endpoint": self.endpoint, **values}
        hint = say(f"gateway.{key}.hint", account=self.account, endpoint=self.endpoint)
        problem = kind(say(f"gateway.{key}", **values), hint=hint, where=repr(self))
        problem.key, problem.values = f"gateway.{key}", values
        return problem

    def cause(self, error: Exception) -> Exception | None:
        """The exception to chain, or None where its own text would print the token."""
        return None if self.token and self.token in f"{error!r} {error}" else error


def translate(error: Exception, at: Whereabouts, asking: Asking, *, written: bool) -> GatewayProblem:
    """The problem behind a foreign exception. `written`: the request, or a part of it, went to the socket."""
    if isinstance(error, GatewayProblem):
        return error
    if isinstance(error, GRPCError):
        return _answered(error, at, asking)
    if asking is Asking.SEND and written:
        return _unknown(error, at)
    if isinstance(error, Compressed | NotImplementedError):  # the second is grpclib's word for it
        return at.problem(GarbageAnswer, "compressed")
    if isinstance(error, ssl.SSLError):
        return _tls(error, at)
    if isinstance(error, TimeoutError):
        return at.problem(GatewayUnavailable, "timeout" if written else "connect_timeout")
    if isinstance(error, OSError):
        return at.problem(GatewayUnavailable, "unreachable", reason=_reason(error))
    if isinstance(error, StreamTerminatedError):
        return _broken(error, at)
    return at.problem(GarbageAnswer, "garbage", said=at.redact(_reason(error)))


def _answered(error: GRPCError, at: Whereabouts, asking: Asking) -> GatewayProblem:
    """The gateway, or something in its place, answered with a status."""
    said = at.redact(first_line(error.message or ""))
    status = error.status
    if status is Status.UNAUTHENTICATED:
        return at.problem(WrongToken, "wrong_token")
    if status is Status.ALREADY_EXISTS and asking is Asking.ATTACH:
        return at.problem(StreamBusy, "stream_busy")
    if said.startswith(_NO_GRPC) or said.startswith("Received :status"):
        return _unknown(error, at) if asking is Asking.SEND else at.problem(GarbageAnswer, "garbage", said=said)
    if status in _CLEAR_NO and not _GAVE_UP_WAITING.search(said):
        return _said_no(said, at, asking, status)
    if asking is Asking.SEND:
        return _unknown(error, at)
    if status is Status.UNIMPLEMENTED:
        return at.problem(GarbageAnswer, "garbage", said=said or status.name)
    return at.problem(GatewayUnavailable, "failed", said=said or status.name)


def _said_no(said: str, at: Whereabouts, asking: Asking, status: Status) -> GatewayProblem:
    if _NOT_LOGGED_IN.search(said):
        return at.problem(NotLoggedIn, "not_logged_in")
    match asking:
        case Asking.SEND:
            if _RESTRICTED.search(said):
                return at.problem(AccountRestricted, "restricted", said=said)
            if _NOT_A_FRIEND.search(said):
                return at.problem(NotAFriend, "not_a_friend", said=said)
            return at.problem(Refused, "refused", said=said or status.name)
        case Asking.FETCH:
            return at.problem(PayloadGone, "payload_gone", said=said or status.name)
        case Asking.CONNECT | Asking.ATTACH if status is Status.UNIMPLEMENTED:
            return at.problem(GarbageAnswer, "garbage", said=said or status.name)
        case Asking.CONNECT | Asking.ATTACH | Asking.READ:
            return at.problem(GatewayUnavailable, "failed", said=said or status.name)
        case _:
            assert_never(asking)


def _unknown(error: Exception, at: Whereabouts) -> GatewayProblem:
    reason = "timeout" if isinstance(error, TimeoutError) else "lost"
    return at.problem(OutcomeUnknown, "outcome_unknown", reason=say(f"gateway.no_answer.{reason}"))


def _tls(error: ssl.SSLError, at: Whereabouts) -> GatewayProblem:
    if isinstance(error, ssl.SSLCertVerificationError):
        return at.problem(CertificateRejected, "certificate", reason=error.verify_message)
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return at.problem(GatewayUnavailable, "unreachable", reason=_reason(error))
    return at.problem(CertificateRejected, "no_tls", reason=error.reason or _reason(error))


def _broken(error: StreamTerminatedError, at: Whereabouts) -> GatewayProblem:
    if str(error) == "Protocol error":
        return at.problem(GarbageAnswer, "garbage", said=str(error))
    return at.problem(GatewayUnavailable, "lost")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno and not isinstance(error, ssl.SSLError):
        return os_reason(error)
    return first_line(str(error)) or type(error).__name__
