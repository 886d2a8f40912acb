"""The doctor's look at machine and Python."""

import locale
import platform
import sys
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bots.wechaty_compat import load_wechaty
from texts.problem import Problem
from wxfleet.doctor.findings import Finding, Level
from wxfleet.reading.settings import Settings
from wxfleet.running.tuning import files_needed

_OLDEST, _NEWEST = (3, 11), (3, 13)
_ZONE = "Asia/Shanghai"


def machine_findings(settings: Settings | None) -> list[Finding]:
    """Takes half a second: wechaty is imported to see that it can be."""
    return [_python(), _encoding(), _wechaty(), _zones(), *([_open_files(settings)] if settings else [])]


def _python() -> Finding:
    values = {"version": platform.python_version(), "system": f"{platform.system()} {platform.release()}"}
    if sys.version_info < _OLDEST:
        return Finding.of(Level.PROBLEM, "python", "old", **values)
    if sys.version_info[:2] > _NEWEST:
        return Finding.of(Level.WARNING, "python", "new", **values)
    return Finding.ok("python", **values)


def _encoding() -> Finding:
    """Files are read as UTF-8 everywhere; what the terminal and other programs' files use is the system's."""
    used = "utf-8" if sys.flags.utf8_mode else locale.getpreferredencoding(False).lower()
    if used.replace("-", "") != "utf8" or sys.getfilesystemencoding().replace("-", "") != "utf8":
        return Finding.of(Level.WARNING, "encoding", "other", encoding=used)
    return Finding.ok("encoding")


def _wechaty() -> Finding:
    try:
        load_wechaty()
    except Problem as problem:
        return Finding.from_problem("wechaty", problem)
    except Exception as error:  # whatever a foreign package raises when it is imported
        return Finding.of(Level.PROBLEM, "wechaty", "broken", error=f"{type(error).__name__}: {error}")
    return Finding.ok("wechaty")


def _zones() -> Finding:
    try:
        ZoneInfo(_ZONE)
    except ZoneInfoNotFoundError:
        return Finding.of(Level.PROBLEM, "zones", "none", zone=_ZONE)
    return Finding.ok("zones")


def _open_files(settings: Settings) -> Finding:
    needed = files_needed(len(settings.accounts))
    if sys.platform == "win32":  # knows no such limit
        return Finding.ok("open_files", accounts=len(settings.accounts))
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        return Finding.of(Level.PROBLEM, "open_files", "few", hard=hard, needed=needed)
    return Finding.ok("open_files", accounts=len(settings.accounts))
