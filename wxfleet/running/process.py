"""What every process that sends has: a name, a way to be told to stop, and last words."""

import asyncio
import os
import platform
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from uuid import uuid4

import structlog

from bots.ownership import Owner
from texts.problem import Problem

log = structlog.get_logger(__name__)


def this_process(kind: str, timeout_ms: int) -> Owner:
    """Itself as the others see it; `kind` is run or worker, `timeout_ms` its silence that means death."""
    node, pid = platform.node(), os.getpid()
    return Owner(f"{node}:{pid}:{uuid4().hex[:8]}", node, pid, version("wxfleet"), kind, timeout_ms)


@contextmanager
def until_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl+C and a polite kill both drain; Windows knows only the first, as an exception."""
    loop = asyncio.get_running_loop()
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
    except (NotImplementedError, RuntimeError):
        yield
        return
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextmanager
def unless_broken() -> Iterator[None]:
    """The last words of a process are a courtesy: a database that can't be written has been reported already."""
    try:
        yield
    except Problem as problem:
        log.error("last_words_lost", problem=str(problem))
