"""Makes `import wechaty` work, and keeps it from rearranging our house.

python-wechaty 0.10.7 is the last release and was written for older libraries. Four small causes break its import; each
is cured here from outside, none by pinning an old library (urllib3 1.26 has unfixed advisories):

* `from pyee import AsyncIOEventEmitter`: pyee 12 moved it to `pyee.asyncio`; we give `pyee` the name.
* `from urllib3 import get_host`: gone in urllib3 2; we give `urllib3` the name.
* `PuppetOptions()` as a dataclass default: Python 3.11 refuses what can't be hashed; we hash it by identity.
* `from telnetlib import Telnet`: gone in Python 3.13; the package `standard-telnetlib` brings it (pyproject).

On import it also resets the handlers of loggers with names as common as "Room", and creates `./.wechaty`: both are
undone or kept from happening.

Sending and receiving (`bots/wechaty_gateway.py`) need none of this: they use `wechaty_grpc`. `load_wechaty` is for
`doctor` and for whoever wants wechaty's own names; nothing else in the project imports `wechaty`, `wechaty_puppet` or
`wechaty_puppet_service`. It costs about half a second and 40 MiB, so nobody does at start.
"""

import importlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

from texts.catalogue import say
from texts.problem import Problem

CHECKED: Mapping[str, str] = {
    "wechaty": "0.10.7",
    "wechaty-puppet": "0.4.23",
    "wechaty-puppet-service": "0.8.10",
    "wechaty-grpc": "0.20.19",
}
"""The versions that these cures, and the gateway adapter, were checked against."""

_CACHE_FOLDER = ".wechaty"


class WechatyChanged(Problem):
    """Another version of wechaty is installed than the one our cures were checked against."""


def installed_versions() -> dict[str, str]:
    """The installed versions of the checked packages, '' for one that is missing."""
    return {package: _version(package) for package in CHECKED}


def check_versions() -> None:
    """Raises WechatyChanged when a checked package is missing or of another version."""
    differing = [
        say("wechaty.differs", package=package, checked=CHECKED[package], found=found or say("wechaty.missing"))
        for package, found in installed_versions().items()
        if found != CHECKED[package]
    ]
    if differing:
        raise WechatyChanged(
            say("wechaty.changed", differing=say("wechaty.separator").join(differing)),
            hint=say("wechaty.changed.hint"),
        )


def load_wechaty() -> ModuleType:
    """The module `wechaty`, importable at last. Raises WechatyChanged for versions that nobody checked."""
    check_versions()
    with _quiet_import():
        _cure_pyee()
        _cure_urllib3()
        _cure_puppet_options()
        return importlib.import_module("wechaty")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _cure_pyee() -> None:
    pyee: Any = importlib.import_module("pyee")
    if not hasattr(pyee, "AsyncIOEventEmitter"):
        pyee.AsyncIOEventEmitter = importlib.import_module("pyee.asyncio").AsyncIOEventEmitter


def _cure_urllib3() -> None:
    urllib3: Any = importlib.import_module("urllib3")
    if not hasattr(urllib3, "get_host"):
        urllib3.get_host = _get_host


def _get_host(url: str) -> tuple[str, str | None, int | None]:
    """(scheme, host, port) of a URL, as urllib3 1 answered."""
    parsed = importlib.import_module("urllib3.util").parse_url(url)
    return parsed.scheme or "http", parsed.hostname, parsed.port


def _cure_puppet_options() -> None:
    options: Any = importlib.import_module("wechaty_puppet").PuppetOptions
    if options.__hash__ is None:
        options.__hash__ = object.__hash__


@contextmanager
def _quiet_import() -> Iterator[None]:
    """Imports within leave no folder, no changed logger and no warning behind."""
    loggers = _loggers()
    make_folders = os.makedirs
    os.makedirs = _all_but(_CACHE_FOLDER, make_folders)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.makedirs = make_folders
        _restore(loggers)


def _all_but(folder: str, make_folders: Callable[..., None]) -> Callable[..., None]:
    def makedirs(name: Any, *args: Any, **kwargs: Any) -> None:
        if name != folder:
            make_folders(name, *args, **kwargs)

    return makedirs


_LoggerState = tuple[list[logging.Handler], int, bool]


def _loggers() -> dict[str, _LoggerState]:
    return {
        name: (list(logger.handlers), logger.level, logger.propagate)
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
    }


def _restore(before: Mapping[str, _LoggerState]) -> None:
    """Loggers as they were; new ones as they would be, had nobody touched them: silent parts of our stream."""
    for name in _loggers():
        logger = logging.getLogger(name)
        handlers, level, propagate = before.get(name, ([], logging.NOTSET, True))
        for handler in logger.handlers:
            if handler not in handlers:
                handler.close()
        logger.handlers, logger.propagate = list(handlers), propagate
        logger.setLevel(level)
