"""Commands about files: init, check, accounts new, personas."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from conversations.intents import Wish, wish_of
from personas.replies import Candidate, answer, find
from rules.roles import Role
from texts.catalogue import say
from texts.errors import ConfigurationInvalid
from texts.problem import ExitCode
from wxfleet.check import as_document, errors_in, everything_about, overridden_lines, verdict
from wxfleet.init import Stage, start
from wxfleet.schema import write_schemas
from wxfleet.settings import examine, require_config
from wxfleet.terminal import Terminal, command, table


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    command(app, "init", "cli.init")(init)
    command(app, "check", "cli.check")(check_)
    command(app, "schema", "cli.schema")(schema)
    personas = typer.Typer(help=say("cli.personas"), no_args_is_help=True)
    command(personas, "list", "cli.personas.list")(personas_list)
    command(personas, "try", "cli.personas.try")(personas_try)
    app.add_typer(personas, name="personas")


def init(
    terminal: Terminal,
    folder: Annotated[Path, typer.Argument(help=say("cli.init.folder"))] = Path(),
    stage: Annotated[Stage, typer.Option("--stage", help=say("cli.init.stage"))] = Stage.MATRIX,
) -> None:
    started = start(folder, stage)
    document = {"folder": str(started.folder), "files": [str(path) for path in started.files]}
    terminal.show(document, started.next_steps)


def check_(terminal: Terminal) -> int:
    require_config(terminal.config)
    examination = examine(terminal.config, terminal.home)
    mistakes = everything_about(examination)
    lines = [*overridden_lines(examination.overridden), *(str(mistake) for mistake in mistakes)]
    if errors_in(mistakes) and not terminal.json:
        for line in (*lines, verdict(mistakes)):
            terminal.note(line)
    else:
        terminal.show(as_document(mistakes, examination.overridden), "\n".join([*lines, verdict(mistakes)]))
        if examination.ladder is not None and examination.ladder.discounted():
            terminal.note(examination.ladder.reminder())
    return ExitCode.CONFIGURATION_INVALID if errors_in(mistakes) else ExitCode.OK


def schema(terminal: Terminal) -> None:
    written = write_schemas(terminal.home or terminal.config.parent)
    terminal.show([str(path) for path in written], "\n".join(str(path) for path in written))


def personas_list(terminal: Terminal) -> None:
    examination = examine(terminal.config, terminal.home)
    if examination.settings is None:
        raise ConfigurationInvalid(examination.mistakes)
    played: dict[str, list[str]] = {}
    for account in examination.settings.accounts:
        played.setdefault(account.persona, []).append(account.id)
    rows = []
    shown = table("id", say("cli.col.kind"), say("cli.col.name"), say("cli.col.roles"), say("cli.col.accounts"))
    for written in examination.book.all():
        persona = examination.book.resolved(written.id)
        accounts = played.get(written.id, [])
        playable = [role for role in Role if role in persona.playable]
        rows.append(
            {"id": written.id, "kind": written.kind.value, "name": persona.name,
             "roles": [role.value for role in playable], "accounts": accounts}
        )  # fmt: skip
        kind, roles = say(f"cli.kind.{written.kind}"), "、".join(say(f"cli.role.{role}") for role in playable)
        shown.add_row(written.id, kind, persona.name, roles, "、".join(accounts) or "—")
    terminal.show(rows, shown)


def personas_try(
    terminal: Terminal,
    id: Annotated[str, typer.Argument(help=say("cli.personas.try.id"))],
    text: Annotated[str, typer.Argument(help=say("cli.personas.try.text"))],
) -> None:
    examination = examine(terminal.config, terminal.home)
    if examination.settings is None:
        raise ConfigurationInvalid(examination.mistakes)
    persona = examination.book.resolved(id)
    wish = wish_of(text)
    match = find(persona, text)
    said = answer(persona, text, shop=examination.settings.shop, values={}) if wish is Wish.NONE else None
    document = {
        "persona": id, "text": text, "wish": wish.value, "answer": said.text if said else None,
        "entry": said.entry if said else None, "hand_over": said.hand_over if said else wish is Wish.NONE,
        "why": _candidate(match.chosen) if match.chosen else None, "near": [_candidate(near) for near in match.near],
    }  # fmt: skip
    terminal.show(document, "\n".join(_told(document)), whole=True)  # the shop's own words


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "entry": candidate.entry.name, "how": candidate.how.value, "phrase": candidate.phrase,
        "score": round(candidate.score),
    }  # fmt: skip


def _told(document: dict[str, Any]) -> Iterator[str]:
    """The same for a person: what is said, why, and what nearly matched."""
    if document["wish"] != Wish.NONE:
        yield say(f"cli.try.wish.{document['wish']}")
        return
    yield say("cli.try.answer", answer=document["answer"]) if document["answer"] else say("cli.try.nothing")
    if document["why"]:
        yield say(f"cli.try.how.{document['why']['how']}", **document["why"])
    if document["answer"] and document["hand_over"]:
        yield say("cli.try.hand_over")
    for near in document["near"]:
        yield say("cli.try.near", **near)
