"""The command line: `wxfleet …`. Verbs are in the README; `wxfleet --help` speaks Chinese, with `--lang en` English."""

import sys
from typing import Any

import typer

from texts.catalogue import language, say, speak
from texts.problem import ExitCode
from wxfleet.terminal.terminal import asked_language, report
from wxfleet.terminal.usage import is_usage, not_understood


def build() -> typer.Typer:
    """The whole command line in the language of `texts.catalogue`."""
    # Help texts are made when these are imported: the language must be known by then.
    from wxfleet.verbs import (
        accounts,
        benefits,
        campaign_desk,
        channels,
        coupons,
        db,
        doctor,
        doubt,
        files,
        fleet,
        imports,
        lessons,
        materials,
        moments,
        people,
        plans,
        ponds,
        referrals,
        reports,
        segments,
        tasks,
        worker,
    )

    if language() == "zh":
        _chinese_headings()
    _help_option_in_our_words()
    _help_whole()
    app = typer.Typer(
        name="wxfleet", help=say("cli.help"), no_args_is_help=True, add_completion=False, rich_markup_mode="rich",
        pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
    )  # fmt: skip
    app.callback()(_global_options)
    for part in (
        db, doctor, doubt, files, fleet, accounts, imports, people, moments,
        plans, ponds, campaign_desk, materials, lessons, reports, segments, channels,
        referrals, tasks, worker, coupons, benefits,
    ):  # fmt: skip
        part.add_to(app)
    return app


def main() -> None:
    """Entry point of the `wxfleet` command."""
    speak(asked_language(sys.argv[1:]))
    app = build()
    try:
        sys.exit(app(standalone_mode=False))
    except typer.Abort:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:
        if not is_usage(error):
            raise
        # Without a command the library has printed the help already.
        if type(error).__name__ != "NoArgsIsHelpError":
            problem = not_understood(error, typer.main.get_command(app), sys.argv[1:])
            report(problem, as_json="--json" in sys.argv)
        sys.exit(ExitCode.USAGE)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"wxfleet {version('wxfleet')}")
        raise typer.Exit


def _global_options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="wxfleet 0.1.0"),
    lang: str = typer.Option("zh", "--lang", hidden=True),
) -> None:
    """What may stand before the command's name. The language was chosen before the help was built."""


def _help_option_in_our_words() -> None:
    """The library makes the option --help itself, with words of its own."""
    from typer.core import TyperCommand, TyperGroup

    for kind in (TyperCommand, TyperGroup):
        made = kind.get_help_option
        if getattr(made, "ours", False):
            continue

        def in_our_words(self: Any, context: Any, made: Any = made) -> Any:
            option = made(self, context)
            if option is not None:
                option.help = say("cli.help_option")
            return option

        setattr(in_our_words, "ours", True)  # noqa: B010
        setattr(kind, "get_help_option", in_our_words)  # noqa: B010  # the types say it is fixed


def _help_whole() -> None:
    """Chinese has no blanks to break a line at: without this the library cuts a long explanation short with an …"""
    from typer import rich_utils

    made = getattr(rich_utils, "_make_rich_text", None)
    if made is None or getattr(made, "ours", False):
        return

    def folding(**given: Any) -> Any:
        text = made(**given)
        text.overflow = "fold"
        return text

    setattr(folding, "ours", True)  # noqa: B010  # functions have attributes, and the types don't say so
    setattr(rich_utils, "_make_rich_text", folding)  # noqa: B010


def _chinese_headings() -> None:
    from typer import rich_utils

    for name, words in {
        "ARGUMENTS_PANEL_TITLE": "参数", "OPTIONS_PANEL_TITLE": "选项", "COMMANDS_PANEL_TITLE": "命令",
        "ERRORS_PANEL_TITLE": "有问题", "DEFAULT_STRING": "[默认：{}]", "REQUIRED_LONG_STRING": "[必填]",
        "RICH_HELP": "看用法：[blue]'{command_path} {help_option}'[/]",
    }.items():  # fmt: skip
        if hasattr(rich_utils, name):
            setattr(rich_utils, name, words)
