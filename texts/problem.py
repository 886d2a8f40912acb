"""The root of every error that a person reads: what happened, where, and what to do next."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the command line answers to scripts."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    CONFIGURATION_INVALID = 3
    NOT_FOUND = 4
    NOT_ALLOWED = 5
    REFUSED_BY_POLICY = 6
    PARTLY_DONE = 7
    GATEWAY_UNAVAILABLE = 8
    INTERRUPTED = 130


class Problem(Exception):
    """Something went wrong that a person can understand.

    Each room's ``errors.py`` derives its own from this; the class name says the kind. ``message`` says what happened,
    ``where`` names the file, line, key or account, ``hint`` says what to do next; all in the reader's language.
    """

    exit_code: ExitCode = ExitCode.FAILURE

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}\n  → {self.hint}" if self.hint else head
