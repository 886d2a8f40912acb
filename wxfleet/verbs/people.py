"""Commands about people: customers find, why."""

from typing import Annotated

import typer
from rich.table import Table

from customers.finding.people import MOST_FOUND, FoundPerson, find
from operations.finding import as_json, called, level_words, nobody, person_named
from operations.why import why as reasons
from texts.catalogue import say
from texts.problem import ExitCode
from texts.punctuation import listed
from wxfleet.terminal.terminal import Terminal, command, table
from wxfleet.verbs import merges, names, privacy, profiles


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    customers = typer.Typer(help=say("cli.customers"), no_args_is_help=True)
    command(customers, "find", "cli.customers.find")(customers_find)
    names.add_to(customers)
    profiles.add_to(customers)
    merges.add_to(customers)
    privacy.add_to(customers)
    app.add_typer(customers, name="customers")
    command(app, "why", "cli.why")(why)


async def customers_find(
    terminal: Terminal, text: Annotated[str, typer.Argument(help=say("cli.customers.find.text"))]
) -> int:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        found = await find(connection, text)
        why_not = None if found or terminal.json else await nobody(connection, text)
    if why_not is not None:
        raise why_not
    terminal.show([as_json(person) for person in found], _people_table(found))
    if len(found) == MOST_FOUND:
        terminal.note(say("cli.customers.more", number=MOST_FOUND))
    return ExitCode.OK


def _people_table(people: list[FoundPerson]) -> Table:
    shown = table(
        "id", say("cli.col.name"), say("cli.col.member"), say("cli.col.level"), say("cli.col.orders"),
        say("cli.col.paid"), say("cli.col.accounts"), say("cli.col.opted_out"),
    )  # fmt: skip
    for person in people:
        shown.add_row(
            str(person.id), person.name, person.member_name or "—", level_words(person), str(person.orders),
            f"{person.net_paid_fen / 100:.2f}", listed(known.account for known in person.friendships) or "—",
            say("cli.yes") if person.opted_out else "—",
        )  # fmt: skip
    return shown


async def why(
    terminal: Terminal,
    who: Annotated[str, typer.Argument(help=say("cli.why.who"))],
    what: Annotated[str | None, typer.Argument(help=say("cli.why.what"))] = None,
) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.write() as tx:
        person = await person_named(tx, who)
        found = await reasons(tx, person.id, what)
    name = called(person)
    lines = [say("operations.why.head", who=name), *(because.line for because in found)]
    text = "\n".join(lines) if found else say("cli.why.nothing", who=name)
    terminal.show([because.as_json() for because in found], text)
