"""How a process that lives for weeks and hands work between two threads is best set up."""

import gc
import sys

from texts.catalogue import say

_SWITCH_S = 0.0005
"""The database's thread answers within a millisecond; with Python's own 5 ms it would wait for the loop instead."""
_YOUNG = 50_000
"""Objects before the collector looks: a tick makes a few thousand, nearly all of them freed by their counts."""
_FILES_AN_ACCOUNT = 2
_FILES_BESIDE = 100


def settle_in() -> None:
    """Called once all parts are made: what lives for ever is no garbage, and the collector looks more rarely.

    Without the collector a durable send took 495 instead of 585 µs of processor time (`benchmarks/README.md`).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)
    sys.setswitchinterval(_SWITCH_S)


def allow_files(accounts: int) -> str:
    """Raise the soft limit of open files to the hard one. Returns a warning when even that is too low, else ''."""
    if sys.platform == "win32":  # knows no such limit, and Python there no such module
        return ""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    needed = files_needed(accounts)
    if hard != resource.RLIM_INFINITY and hard < needed:
        return say("screen.few_files", hard=hard, needed=needed)
    return ""


def files_needed(accounts: int) -> int:
    """Open files of a process that serves so many accounts."""
    return accounts * _FILES_AN_ACCOUNT + _FILES_BESIDE
