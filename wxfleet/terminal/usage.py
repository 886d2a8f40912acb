"""A command line that can't be understood, in the reader's language: the library's own words are English only."""

import re
from collections.abc import Sequence
from typing import Any

from texts.catalogue import language, say
from texts.problem import ExitCode, Problem

_QUOTED = re.compile(r"'([^']*)'")
_NO_COMMAND = re.compile(r"No such command '(?P<given>.*?)'\.?(?: .*? '(?P<near>[^']*)'\?)?", re.DOTALL)
_TOO_MUCH = re.compile(r"Got unexpected extra arguments?\S* \((?P<given>.*)\)", re.DOTALL)
_LIBRARY_PREFIX = "Value error, "


class NotUnderstood(Problem):
    """An unknown command or option, a value that is missing or of the wrong kind; nothing was done."""

    exit_code = ExitCode.USAGE


def is_usage(error: Exception) -> bool:
    """Is this the command-line library's way to say that it did not understand?"""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def not_understood(error: Exception, command: Any, arguments: Sequence[str]) -> NotUnderstood:
    """The library's exception in words of our own, with the command whose help says more.

    `command` is the library's, of the whole command line; `arguments` are what was typed behind `wxfleet`.
    """
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else _path(command, arguments)
    return NotUnderstood(_sentence(error), hint=say("usage.hint", command=path))


def _path(command: Any, arguments: Sequence[str]) -> str:
    """The command that was typed. Of an option without its value the library does not say whose it is."""
    path = ["wxfleet"]
    for word in arguments:
        known = getattr(command, "commands", {})
        if word in known:
            command = known[word]
            path.append(word)
    return " ".join(path)


def _sentence(error: Exception) -> str:
    message = str(getattr(error, "message", ""))
    kind = type(error).__name__
    if found := _NO_COMMAND.fullmatch(message):
        near = say("usage.meant", near=found["near"]) if found["near"] else ""
        return say("usage.command", given=found["given"], near=near)
    if found := _TOO_MUCH.fullmatch(message):
        return say("usage.too_much", given=found["given"])
    if kind == "NoSuchOption":
        possible = getattr(error, "possibilities", None) or []
        near = say("usage.meant", near=sorted(possible)[0]) if possible else ""
        return say("usage.option", given=getattr(error, "option_name", ""), near=near)
    if kind == "BadOptionUsage" and "does not take" in message:
        return say("usage.takes_no_value", name=getattr(error, "option_name", ""))
    if kind == "BadOptionUsage":
        return say("usage.needs_value", name=getattr(error, "option_name", ""))
    if message == "Missing command.":
        return say("usage.missing", name=say("usage.a_command"))
    if kind == "MissingParameter":
        return say("usage.missing", name=_name(error))
    return say("usage.value", name=_name(error), reason=_reason(message))


def _name(error: Exception) -> str:
    given = getattr(error, "param_hint", None) or getattr(error, "param", None)
    if given is None or isinstance(given, str):
        return given or ""
    options = getattr(given, "opts", None) or [str(given)]
    return str(max(options, key=len))


def _reason(message: str) -> str:
    """Why a value is wrong. What our own code refused comes in words of ours already."""
    plain = message.removeprefix(_LIBRARY_PREFIX)
    if " is not one of " in plain:
        given, *choices = _QUOTED.findall(plain)
        return say("usage.choice", given=given, choices=say("texts.comma").join(choices))
    if "greater than" in plain or "less than" in plain:
        return say("usage.range", limit=plain.rpartition(" ")[2])
    if "integer" in plain:
        return say("usage.integer")
    known = language() == "en" or not plain.isascii()
    return plain if known else say("usage.kind")
