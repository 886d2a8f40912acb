"""What the drivers of SQLite and PostgreSQL raise, in our words."""

import re
import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from storage.errors import DatabaseUnavailable, DatabaseUnreadable, DiskFull, RightsMissing
from texts.catalogue import say
from texts.problem import Problem

_NO_RIGHTS = "42501"
"""SQLSTATE: insufficient_privilege."""
_IN_EACH_OTHERS_WAY = ("40001", "40P01", "55P03")
"""SQLSTATEs: serialization_failure, deadlock_detected, lock_not_available."""
_KNOWN_WORDS = {
    "unable to open": "open", "readonly": "read_only", "locked": "locked", "disk i/o": "device",
    "password authentication failed": "password", "no password supplied": "password", "no pg_hba.conf entry": "closed",
    "connection refused": "refused", "resolve host": "no_host", "translate host name": "no_host",
    "timeout expired": "no_answer", "too many c": "full", "starting up": "starting", "shutting down": "starting",
}  # fmt: skip
_MISSING = re.compile(r'(?P<what>database|role) "(?P<name>[^"]*)" does not exist')
"""PostgreSQL's words where its messages are English; a connection that is refused bears no SQLSTATE."""
_PASSING_STATES = ("08", "57P", "53300", "40001", "40P01", "55P03", "25006")
"""SQLSTATEs, or how they begin: no connection, a server that stops or starts, too many connections, transactions in
each other's way, a standby. The same thing may work a moment later. Source: PostgreSQL, appendix A.
"""


def translate(error: DBAPIError, url: str) -> Problem | DBAPIError:
    """A driver's exception as one of `storage.errors`; others as they are."""
    cause = error.orig.__cause__ if isinstance(error.orig, Exception) and error.orig.__cause__ else error.orig
    words = str(cause).lower()
    if "disk is full" in words or "disk full" in words or "no space left" in words:
        return DiskFull(say("storage.disk_full"), hint=say("storage.disk_full.hint"), where=url)
    if "not a database" in words or ("malformed" in words and "malformed json" not in words):
        return DatabaseUnreadable(say("storage.unreadable"), hint=say("storage.unreadable.hint"), where=url)
    if getattr(error.orig, "sqlstate", None) == _NO_RIGHTS:
        said = (str(cause).splitlines() or ["?"])[0]
        return RightsMissing(say("storage.no_rights", error=said), hint=say("storage.no_rights.hint"), where=url)
    if getattr(error.orig, "sqlstate", None) in _IN_EACH_OTHERS_WAY:
        busy = say("storage.unavailable", error=say("storage.because.busy"))
        return DatabaseUnavailable(busy, hint=say("storage.because.busy.hint"), where=url)
    passing = ("unable to open", "readonly", "read-only", "database is locked", "connection refused",
               "connection failed", "could not connect", "server closed", "disk i/o error")  # fmt: skip
    if _passes(error) or (isinstance(error, OperationalError) and any(word in words for word in passing)):
        return unavailable(str(cause), url)
    if isinstance(cause, sqlite3.DatabaseError) and not isinstance(
        cause, sqlite3.OperationalError | sqlite3.IntegrityError
    ):
        return DatabaseUnreadable(say("storage.unreadable"), hint=say("storage.unreadable.hint"), where=url)
    return error


def unavailable(said: str, url: str) -> DatabaseUnavailable:
    """What a driver said. In the reader's language where we know the driver's words."""
    known = next((code for words, code in _KNOWN_WORDS.items() if words in said.lower()), None)
    if missing := _MISSING.search(said):
        reason = say(f"storage.because.no_{missing['what']}", name=missing["name"])
    else:
        reason = say(f"storage.because.{known}") if known else (said.strip().splitlines() or ["?"])[0]
    return DatabaseUnavailable(
        say("storage.unavailable", error=reason), hint=say("storage.unavailable.hint"), where=url
    )


def _passes(error: DBAPIError) -> bool:
    """Is it the server's state rather than what was asked of it?"""
    if error.connection_invalidated or (error.statement is None and not isinstance(error, IntegrityError)):
        return True  # nothing was asked of it yet: it can't be reached as the address says
    state = getattr(error.orig, "sqlstate", "")  # None: it never came to a conversation
    return isinstance(error, OperationalError) and (state is None or state.startswith(_PASSING_STATES))
