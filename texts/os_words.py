"""What an operating system says, in the reader's language: its own words are English in most places."""

import errno
import os
import socket

from texts.catalogue import language, say

_KNOWN = {
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EROFS: "read_only",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.ENAMETOOLONG: "name_too_long",
    errno.ENOTDIR: "not_a_folder",
    errno.EEXIST: "exists",
    errno.EIO: "device",
    errno.ELOOP: "loop",
    errno.ENOENT: "missing",
    errno.EISDIR: "folder",
    errno.EADDRINUSE: "in_use",
    errno.EADDRNOTAVAIL: "not_ours",
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
}


def os_reason(error: OSError) -> str:
    """Why a file, a folder or a machine could not be used."""
    if isinstance(error, socket.gaierror):
        return say("texts.os.no_such_host")
    if error.errno in _KNOWN:
        return say(f"texts.os.{_KNOWN[error.errno]}")
    own = os.strerror(error.errno) if error.errno else str(error)
    return own if language() == "en" else say("texts.os.other", error=own)
