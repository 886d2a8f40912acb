"""Commands about personas: who there is, and what they would answer."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from conversations.consulting import Consulted, left_to_the_model, try_model
from conversations.intents import Wish
from conversations.meanings import Meaning
from conversations.products import load_products
from conversations.trial import Trial, try_out
from personas.model import Stage
from personas.replies import Candidate
from rules.roles import Role
from texts.catalogue import say
from texts.errors import ConfigurationInvalid
from texts.punctuation import listed
from wxfleet.clocks import wall_ms
from wxfleet.reading.settings import examine
from wxfleet.terminal.terminal import Terminal, command, table

_WISHES = {Meaning.OPT_OUT: Wish.OPT_OUT, Meaning.UNCLEAR: Wish.UNCLEAR, Meaning.OPT_IN: Wish.OPT_IN}


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    personas = typer.Typer(help=say("cli.personas"), no_args_is_help=True)
    command(personas, "list", "cli.personas.list")(personas_list)
    command(personas, "try", "cli.personas.try")(personas_try)
    app.add_typer(personas, name="personas")


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
        kind, roles = say(f"cli.kind.{written.kind}"), listed(say(f"cli.role.{role}") for role in playable)
        shown.add_row(written.id, kind, persona.name, roles, listed(accounts) or "—")
    terminal.show(rows, shown)


async def personas_try(
    terminal: Terminal,
    id: Annotated[str, typer.Argument(help=say("cli.personas.try.id"))],
    text: Annotated[str, typer.Argument(help=say("cli.personas.try.text"))],
    stage: Annotated[Stage | None, typer.Option("--stage", help=say("cli.personas.try.stage"))] = None,
    ask: Annotated[bool, typer.Option("--ask", help=say("cli.personas.try.ask"))] = False,
) -> None:
    examination = examine(terminal.config, terminal.home)
    settings = examination.settings
    if settings is None:
        raise ConfigurationInvalid(examination.mistakes)
    persona = examination.book.resolved(id)
    products, _ = load_products(settings.products)
    trial = try_out(persona, settings.shop, products, text, stage=stage, now_ms=wall_ms())
    model = settings.language_model
    left = left_to_the_model(trial, text)
    said = await try_model(model, persona, settings.shop, products, text) if ask and left and model else None
    mark = model.mark if model else ""
    chosen = trial.match.chosen
    document = {
        "persona": id, "text": text, "wish": _WISHES.get(trial.meaning, Wish.NONE).value,
        "meaning": trial.meaning.value, "stage": stage.value if stage else None, "answer": trial.answer,
        "entry": trial.entry, "hand_over": trial.hand_over, "product": trial.product or None,
        "looks_up": trial.looks_up.value if trial.looks_up else None,
        "why": _candidate(chosen) if chosen else None, "near": [_candidate(near) for near in trial.match.near],
        "model": _model(said, mark) if model and left else None,
    }  # fmt: skip
    told = list(_told(document, trial))
    if ask and model is None:
        told.append(say("cli.try.model.off"))
    elif ask and not left:
        told.append(say("cli.try.model.not_needed"))
    terminal.show(document, "\n".join(told), whole=True)  # the shop's own words


def _model(said: Consulted | None, mark: str) -> dict[str, Any]:
    """`answer` as a customer would read it; `refused` says why they would not read `said`."""
    if said is None:
        return {"asked": False}
    answer = None if said.reason else f"{said.text}{mark}"
    return {"asked": True, "answer": answer, "refused": said.reason or None, "said": said.text, "tokens": said.tokens}


def _of_the_model(model: dict[str, Any]) -> Iterator[str]:
    """What becomes of words that nobody prepared for, where a language model is on."""
    if not model["asked"]:
        yield say("cli.try.model.would")
    elif model["answer"]:
        yield say("cli.try.model.answer", answer=model["answer"])
    else:
        yield say("cli.try.model.refused", why=say(f"dossier.value.questions.reason.{model['refused']}"))
        if model["said"]:
            yield say("cli.try.model.said", text=model["said"])


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "entry": candidate.entry.name, "how": candidate.how.value, "phrase": candidate.phrase,
        "score": round(candidate.score),
    }  # fmt: skip


def _told(document: dict[str, Any], trial: Trial) -> Iterator[str]:
    """The same for a person: what is meant, what is said, why, and what nearly matched."""
    if trial.meaning is not Meaning.QUESTION:
        yield say(f"cli.try.meaning.{trial.meaning}")
    if trial.meaning in _WISHES or trial.meaning is Meaning.AUTO_REPLY:
        return
    if trial.product:
        yield say("cli.try.product", product=trial.product)
    if trial.looks_up is not None:
        yield say(f"cli.try.looks_up.{trial.looks_up}")
    if document["model"]:
        yield from _of_the_model(document["model"])
    else:
        yield say("cli.try.answer", answer=trial.answer) if trial.answer else say("cli.try.nothing")
    if document["why"] and trial.entry == document["why"]["entry"]:
        yield say(f"cli.try.how.{document['why']['how']}", **document["why"])
    if trial.answer and trial.hand_over:
        yield say("cli.try.hand_over")
    for near in document["near"]:
        yield say("cli.try.near", **near)
