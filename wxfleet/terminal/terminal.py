"""What every command of the command line shares: options, output, errors, exit codes."""

import asyncio
import functools
import inspect
import json
import logging
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from storage.engine import Database, open_database
from storage.moving import require_not_moved
from texts import catalogue
from texts.catalogue import say
from texts.errors import ConfigurationInvalid
from texts.masking import masked_document
from texts.problem import ExitCode, Problem
from wxfleet.plain_console import PlainConsole, harmless
from wxfleet.reading.settings import Settings, load
from wxfleet.running import logs
from wxfleet.running.standstill import upgrade_alone

DEFAULT_CONFIG = "config.yaml"


@dataclass(frozen=True, slots=True)
class Terminal:
    """One call of the command line. Data goes to stdout, everything else to stderr."""

    config: Path
    home: Path | None
    json: bool

    def settings(self, *, strict: bool = True) -> Settings:
        """Raises ConfigurationInvalid with every mistake."""
        return load(self.config, self.home, strict=strict)

    @asynccontextmanager
    async def database(self, settings: Settings) -> AsyncIterator[Database]:
        """The migrated database of these settings, closed at the end. Raises DataMoved when it is of the past."""
        db = open_database(settings.database_url)
        try:
            await upgrade_alone(db, settings)
            async with db.read() as connection:
                await require_not_moved(connection)
            yield db
        finally:
            await db.close()

    def show(self, document: Any, text: str | Table, *, whole: bool = False) -> None:
        """The answer: the document itself with --json, else the text. Phones and addresses are masked in both.

        `whole`: not masked, for what somebody with the right to it asked to see, and for words of the shop's own.
        """
        if self.json:
            shown = document if whole else masked_document(document)
            print(json.dumps(shown, ensure_ascii=False, indent=2))  # noqa: T201  # stdout is for the answer
        else:
            PlainConsole(whole=whole, highlight=False, soft_wrap=isinstance(text, str)).print(text)

    def note(self, text: str) -> None:
        """A word to the person at the screen."""
        PlainConsole(stderr=True, highlight=False, soft_wrap=True).print(text)


class Unforeseen(Problem):
    """A mistake of ours."""

    def __init__(self, error: Exception, log: str) -> None:
        cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
        first_line = str(cause).partition("\n")[0]
        kind = f"{type(cause).__name__}: {first_line[:200]}"
        super().__init__(say("screen.surprise", kind=kind), hint=say("screen.surprise.hint", log=log))


def table(*headers: str) -> Table:
    """A table in the house's look."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        made.add_column(header, overflow="fold")
    return made


def command(app: typer.Typer, name: str, help_key: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a (perhaps async) function `f(terminal, …)` as a command with the options that all commands take.

    With the name '' it is what the group itself does when no command is named.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*, config: Path | None, home: Path | None, json_: bool, lang: str, **given: Any) -> None:
            if not name and given.pop("context").invoked_subcommand is not None:
                return
            if lang not in catalogue.LANGUAGES:
                raise typer.BadParameter(say("cli.lang.wrong", given=lang), param_hint="--lang")
            catalogue.speak(lang)
            terminal = Terminal(_config_path(config), home, json_)
            # A terminal may hand over halves of characters, which no database keeps.
            # Only plain text: a choice of ours is a word too, and must stay what it is.
            readable = {key: harmless(value) if type(value) is str else value for key, value in given.items()}
            sys.exit(_run(function, terminal, readable))

        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        if not name:
            own.append(inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context))
        common = _common_options()
        call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *common)]
        )
        call.__annotations__ = {p.name: p.annotation for p in (*own, *common)}
        if name:
            app.command(name, help=say(help_key))(call)
        else:
            app.callback(invoke_without_command=True, help=say(help_key))(call)
        return function

    return decorate


def _common_options() -> list[inspect.Parameter]:
    # One group in the help, below what is the command's own.
    panel = say("cli.common")
    options: dict[str, tuple[Any, Any]] = {
        "config": (
            Annotated[Path | None, typer.Option("--config", help=say("cli.config"), rich_help_panel=panel)], None,
        ),
        "home": (Annotated[Path | None, typer.Option("--home", help=say("cli.home"), rich_help_panel=panel)], None),
        "json_": (Annotated[bool, typer.Option("--json", help=say("cli.json"), rich_help_panel=panel)], False),
        "lang": (
            Annotated[str, typer.Option("--lang", help=say("cli.lang"), rich_help_panel=panel)], catalogue.language(),
        ),
    }  # fmt: skip
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in options.items()
    ]


def _config_path(given: Path | None) -> Path:
    return given or Path(os.environ.get("WXFLEET_CONFIG", DEFAULT_CONFIG))


def _run(function: Callable[..., Any], terminal: Terminal, given: dict[str, Any]) -> int:
    try:
        result = function(terminal, **given)
        if inspect.isawaitable(result):
            result = asyncio.run(_awaited(result))
        return int(result or ExitCode.OK)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.OK)
    except (KeyboardInterrupt, typer.Abort):
        return int(ExitCode.INTERRUPTED)
    except Exception as error:
        problem = _problem_in(error, terminal)
        report(problem, as_json=terminal.json)
        return int(problem.exit_code)


def _problem_in(error: Exception, terminal: Terminal) -> Problem:
    """The sentence for a person; what nobody foresaw is written to the log whole."""
    if isinstance(error, Problem):
        return error
    known = next(_problems_of(error), None)
    if known is not None:
        return known
    log = logs.written_to() or _log_of_a_command(terminal)
    logging.getLogger("wxfleet").error("unforeseen", exc_info=error)
    return Unforeseen(error, log)


def _problems_of(error: Exception) -> Iterator[Problem]:
    """What is foreseen among the exceptions of a group."""
    if isinstance(error, Problem):
        yield error
    elif isinstance(error, ExceptionGroup):
        for one in error.exceptions:
            yield from _problems_of(one)


def _log_of_a_command(terminal: Terminal) -> str:
    """Where a command that has no log of its own writes one: with the fleet's data, else with temporary files."""
    data = (terminal.home or terminal.config.parent) / "data"
    for folder in (data, Path(tempfile.gettempdir())):
        if folder.is_dir() and os.access(folder, os.W_OK):
            logs.set_up(folder)
            return logs.written_to()
    return ""


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


def report(problem: Problem, *, as_json: bool) -> None:
    """What went wrong, on stderr; stdout stays empty."""
    if as_json:
        document: dict[str, Any] = {
            "code": int(problem.exit_code), "message": problem.message, "hint": problem.hint, "where": problem.where,
        }  # fmt: skip
        if isinstance(problem, ConfigurationInvalid):
            document["mistakes"] = [str(mistake) for mistake in problem.mistakes]
        print(json.dumps(masked_document(document), ensure_ascii=False), file=sys.stderr)  # noqa: T201
    else:
        PlainConsole(stderr=True, highlight=False, soft_wrap=True).print(str(problem))


def asked_language(arguments: Sequence[str]) -> str:
    """The language of help texts, which are made before the options are read."""
    for number, argument in enumerate(arguments):
        if argument == "--lang" and number + 1 < len(arguments):
            return arguments[number + 1] if arguments[number + 1] in catalogue.LANGUAGES else "zh"
        if argument.startswith("--lang="):
            return argument[7:] if argument[7:] in catalogue.LANGUAGES else "zh"
    wished = os.environ.get("WXFLEET_LANG", "zh")
    return wished if wished in catalogue.LANGUAGES else "zh"
