"""Commands about the accounts: accounts, accounts new, friends, lost, found."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bots.ownership import wall_of
from operations.losing import Losing, Way, account_or_lost
from operations.requests.fleet import AccountFriends, FindAccount, LoseAccount
from reports.status import fleet_status
from reports.workers import crew_now
from texts.catalogue import say
from texts.masking import masked, masked_phone
from texts.problem import ExitCode, Problem
from wxfleet.clocks import wall_ms
from wxfleet.running.shop_now import is_running, shop_now_ms
from wxfleet.terminal.acting import AsStaff, asked, done_at_terminal
from wxfleet.terminal.csv_sheet import put_in_place, write_csv, write_sheet
from wxfleet.terminal.fleet_table import account_json, accounts_table, as_it_is
from wxfleet.terminal.new_account import add_account
from wxfleet.terminal.terminal import Terminal, command, table
from wxfleet.terminal.usage import NotUnderstood
from wxfleet.wiring import lead_in_of

_SHOWN = 20
_COLUMNS = ("number", "id", "name", "tier", "level", "phone", "member", "how", "sibling", "day", "text")
_WIDTHS = (6, 8, 18, 8, 8, 14, 18, 20, 12, 8, 80)
Account = Annotated[str, typer.Argument(metavar="ID", help=say("cli.accounts.id"))]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=say("cli.yes_option"))]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    accounts = typer.Typer()
    command(accounts, "", "cli.accounts.list")(list_)
    command(accounts, "new", "cli.accounts.new")(new)
    command(accounts, "friends", "cli.accounts.friends")(friends)
    command(accounts, "lost", "cli.accounts.lost")(lost)
    command(accounts, "found", "cli.accounts.found")(found)
    app.add_typer(accounts, name="accounts")


async def list_(terminal: Terminal) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        crew = await crew_now(connection, wall_ms=await wall_of(connection, wall_ms()))
        now_ms = await shop_now_ms(connection, settings)
        running = is_running(crew, settings)
        fleet = as_it_is(await fleet_status(connection, now_ms), crew, running=running)
    terminal.show([account_json(account) for account in fleet.accounts], accounts_table(fleet))


def new(
    terminal: Terminal,
    like: Annotated[str, typer.Option("--like", help=say("cli.accounts.new.like"))],
    id: Annotated[str | None, typer.Option("--id", help=say("cli.accounts.new.id"))] = None,
) -> None:
    added = add_account(terminal.config, like, new_id=id, home=terminal.home)
    document = {"id": added.id, "persona": added.persona, "files": [str(path) for path in added.files]}
    terminal.show(document, added.next_steps)


async def lost(terminal: Terminal, account: Account, yes: Yes = False, as_: AsStaff = "") -> int:
    reply = await asked(terminal, LoseAccount(account=account), confirmed=yes, as_staff=as_)
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code


async def found(terminal: Terminal, account: Account, as_: AsStaff = "") -> int:
    reply = await asked(terminal, FindAccount(account=account), as_staff=as_)
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code


async def friends(
    terminal: Terminal,
    account: Account,
    out: Annotated[Path | None, typer.Option("-o", "--out", help=say("cli.accounts.friends.out"))] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help=say("cli.accounts.friends.reveal"))] = False,
    as_: AsStaff = "",
) -> None:
    if out is not None and out.suffix.lower() not in (".csv", ".xlsx"):
        raise NotUnderstood(say("cli.accounts.friends.format", file=out))
    settings = terminal.settings(strict=False)
    losing = Losing(lead_in_of(settings), settings.shop.time_zone)
    async with terminal.database(settings) as db:
        async with db.read() as connection:
            now_ms = await shop_now_ms(connection, settings)

        async def read() -> list[Way]:
            async with db.read() as connection:
                return await losing.ways(connection, await account_or_lost(connection, account), now_ms)

        request = AccountFriends(account=account, phones="whole" if reveal else "")
        ways = await done_at_terminal(db, settings, request, now_ms, read, as_staff=as_)
    if out is not None:
        _write(out, ways, whole=reveal)
        texts = sum(bool(way.text) for way in ways)
        document: Any = {"account": account, "file": str(out), "friends": len(ways), "texts": texts}
        said = say("cli.accounts.friends.written", file=out, number=len(ways), texts=texts)
        hint = "" if reveal else "\n" + say("cli.accounts.friends.masked")
        terminal.show(document, said + hint)
        return
    terminal.show([_as_json(way, whole=reveal) for way in ways], _table(ways, whole=reveal), whole=reveal)
    if len(ways) > _SHOWN and not terminal.json:
        terminal.note(say("cli.accounts.friends.more", number=len(ways) - _SHOWN))


def _write(out: Path, ways: Sequence[Way], *, whole: bool) -> None:
    lines = list(_lines(ways, whole=whole))
    if out.suffix.lower() == ".csv":
        why_not = put_in_place(out, lambda part: write_csv(part, lines))
    else:
        why_not = put_in_place(out, lambda part: write_sheet(part, lines, _WIDTHS))
    if why_not:
        raise Problem(say("channels.cannot_write", file=out, reason=why_not))


def _lines(ways: Sequence[Way], *, whole: bool) -> Iterator[Sequence[str | int]]:
    yield [say(f"cli.friends.col.{name}") for name in _COLUMNS]
    for number, way in enumerate(ways, 1):
        yield _cells(number, way, whole=whole)


def _cells(number: int, way: Way, *, whole: bool) -> list[str | int]:
    friend, turn = way.friend, way.turn
    tier = say(f"cli.segments.tier.{friend.tier}") if friend.tier else ""
    how = say(f"operations.lost.how.{way.how}", where=way.where)
    phone = friend.phone if whole else masked_phone(friend.phone)
    name, member = (text if whole else masked(text) for text in (friend.name, friend.member_name))
    to, day = (turn.account, turn.day) if turn else ("", "")
    return [number, friend.person, name, tier, friend.level_name, phone, member, how, to, day, way.text]


def _table(ways: Sequence[Way], *, whole: bool) -> Table:
    columns = _COLUMNS[:-3]
    shown = table(*(say(f"cli.friends.col.{name}") for name in columns))
    for number, way in enumerate(ways[:_SHOWN], 1):
        shown.add_row(*(str(cell) for cell in _cells(number, way, whole=whole)[:-3]))
    return shown


def _as_json(way: Way, *, whole: bool) -> dict[str, Any]:
    friend, turn = way.friend, way.turn
    return {
        "id": friend.person, "name": friend.name, "tier": friend.tier, "level": friend.level,
        "phone": friend.phone if whole else masked_phone(friend.phone), "member_name": friend.member_name,
        "others": list(friend.others), "waits": friend.waits, "how": way.how,
        "sibling": turn.account if turn else None, "day": turn.day if turn else None, "text": way.text,
    }  # fmt: skip
