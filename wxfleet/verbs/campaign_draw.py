"""`wxfleet campaigns draw …`: look, draw once, write the record out, and draw it again to check."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.drawing import drawable, kind_lines
from operations.errors import CannotBeUsed
from operations.requests.pushes import DrawLots
from scheduler.kinds import draws
from texts.catalogue import say
from texts.os_words import os_reason
from texts.problem import ExitCode
from wxfleet.reading.settings import Settings
from wxfleet.terminal.acting import asked
from wxfleet.terminal.terminal import Terminal


async def campaigns_draw(
    terminal: Terminal,
    name: Annotated[str, typer.Argument(help=say("cli.campaigns.draw.name"))],
    public: Annotated[str, typer.Option("--public", help=say("cli.campaigns.draw.public"))] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("cli.campaigns.draw.yes"))] = False,
    verify: Annotated[bool, typer.Option("--verify", help=say("cli.campaigns.draw.verify"))] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help=say("cli.campaigns.draw.output"))] = None,
) -> int:
    if verify:
        return _verified(terminal, *await _record(terminal, name), name)
    if output is not None and not yes:
        return _written(terminal, (await _record(terminal, name))[0], output)
    reply = await asked(terminal, DrawLots(campaign=name, public=public), confirmed=yes)
    terminal.show(reply.as_json(), reply.text)
    if reply.ok and yes and output is not None:
        return _written(terminal, reply.data["record"], output)
    return ExitCode.OK if reply.ok else reply.exit_code


async def kind_part(
    connection: AsyncConnection, row: dict[str, Any], settings: Settings
) -> tuple[dict[str, Any], list[str]]:
    """What `campaigns show` says of a giveaway, a contest or a precise task."""
    return await kind_lines(connection, row["id"])


async def _record(terminal: Terminal, name: str) -> tuple[Mapping[str, Any], str | None]:
    """Out of a file, or of the database with the hash of its entries at the close.

    Raises CannotBeUsed, NotFound, DrawRefused.
    """
    found = _in_file(name)
    if found is not None:
        return found, None
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        id, _ = await drawable(connection, name)
        return await draws.record_of(connection, id), await draws.closed_hash(connection, id)


def _in_file(name: str) -> Mapping[str, Any] | None:
    """None where no file is called so."""
    path = Path(name)
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CannotBeUsed(f"{name}: {os_reason(error)}") from error
    except ValueError as error:
        raise _no_record(name) from error
    return found if isinstance(found, dict) else {}


def _verified(terminal: Terminal, record: Mapping[str, Any], told: str | None, name: str) -> int:
    try:
        flaws = draws.flaws_of(record, told)
    except (KeyError, TypeError, AttributeError) as error:
        raise _no_record(name) from error
    words = [say(f"scheduler.draw.flaw.{flaw}") for flaw in flaws]
    text = say("cli.campaigns.draw.wrong", flaws=say("texts.comma").join(words))
    if not flaws:
        entrants, winners = len(record["entrants"]), len(record["winners"])
        hash_ = record["entrants_hash"]
        text = say("cli.campaigns.draw.right", entrants=entrants, winners=winners, hash=hash_)
    terminal.show({"right": not flaws, "flaws": flaws}, text)
    return ExitCode.FAILURE if flaws else ExitCode.OK


def _written(terminal: Terminal, record: Mapping[str, Any], output: Path) -> int:
    try:
        output.write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise CannotBeUsed(f"{output}: {os_reason(error)}") from error
    terminal.note(say("cli.campaigns.draw.written", file=output))
    return ExitCode.OK


def _no_record(name: str) -> CannotBeUsed:
    return CannotBeUsed(say("cli.campaigns.draw.no_record", file=name), hint=say("cli.campaigns.draw.no_record.hint"))
