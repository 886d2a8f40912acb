"""Commands about channels: list, card, sms, cost, switch."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.channel_pools import BY_STAFF, Shown, choice_for, members_now, show, shown_now
from customers.channels.channel_costs import Cost, costs_of, drop_costs, write_cost
from customers.channels.channels import ChannelConfig, word_of
from customers.channels.sms import SmsText, sms_texts
from operations.errors import NotFound, Refused
from operations.requests.fleet import SwitchChannel, WriteChannelCost
from personas.copy_check import findings
from rules.quiet_hours import local
from storage.engine import Database
from texts.catalogue import say
from texts.nearest import nearest
from texts.problem import ExitCode
from texts.punctuation import listed
from wxfleet.reading.settings import Settings, examine_strictly
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.acting import AsStaff, done_at_terminal
from wxfleet.terminal.card_printing import Shop, print_card
from wxfleet.terminal.terminal import Terminal, command, table
from wxfleet.terminal.usage import NotUnderstood

Code = Annotated[str, typer.Argument(help=say("channels.code"))]
Account = Annotated[str | None, typer.Option("--account", help=say("channels.account"))]
AUTO = "auto"
"""In place of an account: leave it to the program."""


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    channels = typer.Typer(help=say("cli.channels"), no_args_is_help=True)
    for name, function in (
        ("list", list_), ("card", card), ("sms", sms), ("cost", cost), ("switch", switch),
    ):  # fmt: skip
        command(channels, name, f"channels.{name}")(function)
    app.add_typer(channels, name="channels")


async def list_(terminal: Terminal) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        members = await members_now(connection, await shop_now_ms(connection, settings))
        showing = await shown_now(connection)
    rows = []
    shown = table(*(say(f"channels.col.{name}") for name in ("code", "name", "shows", "why", "room")))
    for channel in settings.channels:
        now = showing.get(channel.code) or Shown(None, "unknown", 0)
        rooms = {name: members[name].room for name in channel.accounts if name in members}
        places = {
            name: 0 if room is None else (room.below_threshold if channel.reserved else room.open_below)
            for name, room in rooms.items()
        }
        rows.append(
            {"code": channel.code, "name": channel.name, "room": places, "shows": now.account, "why": now.why,
             "since_ms": now.since_ms or None}
        )  # fmt: skip
        listed = "  ".join(f"{name} {places[name] if rooms[name] else '?'}" for name in places)
        shown.add_row(channel.code, channel.name, now.account or "—", say(f"bots.channel_why.{now.why}"), listed)
    terminal.show(rows, shown)


async def card(
    terminal: Terminal,
    code: Code,
    out: Annotated[Path, typer.Option("-o", "--out", help=say("channels.out"))],
    account: Account = None,
    benefit: Annotated[str | None, typer.Option("--benefit", help=say("channels.benefit"))] = None,
    font: Annotated[Path | None, typer.Option("--font", help=say("channels.font"))] = None,
) -> None:
    examination = examine_strictly(terminal.config, terminal.home)
    settings = examination.settings
    assert settings is not None  # noqa: S101  # examine_strictly raises otherwise
    channel = channel_named(settings, code)
    async with terminal.database(settings) as db, db.read() as connection:
        chosen = await account_for(connection, settings, channel, account)
        printed = await print_card(
            connection, Shop(settings, examination.book), chosen, out,
            benefit=channel.benefit if benefit is None else benefit, code=word_of(channel, settings.channels),
            font=font,
        )  # fmt: skip
    terminal.show({"channel": channel.code, **asdict(printed)}, say("channels.printed", **asdict(printed)))


async def sms(terminal: Terminal, code: Code, account: Account = None) -> int:
    settings = terminal.settings(strict=False)
    channel = channel_named(settings, code)
    async with terminal.database(settings) as db, db.read() as connection:
        chosen = await account_for(connection, settings, channel, account)
    wechat = next((a.wechat_id for a in settings.accounts if a.id == chosen), None) or ""
    if not wechat and not channel.link:
        raise Refused(say("channels.no_way", account=chosen), hint=say("channels.no_way.hint", code=channel.code))
    texts = sms_texts(
        shop=settings.shop.name, benefit=channel.benefit, code=channel.code, wechat=wechat, link=channel.link
    )
    judged = [(text, _faults(settings, text)) for text in texts]
    rows = [{"text": t.text, "length": t.length, "problems": faults} for t, faults in judged]
    good = [text for text, faults in judged if not faults]
    if not good:
        raise Refused(say("channels.no_sms", reason=judged[0][1][0]), hint=say("channels.no_sms.hint"))
    lines = [say("channels.sms_line", number=n, length=t.length, text=t.text) for n, t in enumerate(good, 1)]
    terminal.show(
        {"channel": channel.code, "account": chosen, "texts": rows}, "\n".join([*lines, say("channels.sms_note")]),
        whole=True,  # the shop's own words, to be copied
    )  # fmt: skip
    return ExitCode.OK


def _faults(settings: Settings, text: SmsText) -> list[str]:
    long = [] if text.fits else [say("channels.sms_long", length=text.length)]
    return long + [found.reason for found in findings(text.text, settings.shop.style)]


async def cost(
    terminal: Terminal,
    code: Code,
    day: Annotated[str | None, typer.Option("--day", help=say("channels.cost.day"))] = None,
    shown: Annotated[int | None, typer.Option("--shown", min=0, help=say("channels.cost.shown"))] = None,
    yuan: Annotated[float | None, typer.Option("--yuan", min=0, max=1e9, help=say("channels.cost.yuan"))] = None,
    note: Annotated[str, typer.Option("--note", help=say("channels.cost.note"))] = "",
    replace: Annotated[bool, typer.Option("--replace", help=say("channels.cost.replace"))] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=say("cli.dry_run"))] = False,
    as_: AsStaff = "",
) -> None:
    settings = terminal.settings(strict=False)
    channel = channel_named(settings, code)
    writes = shown is not None or yuan is not None or replace
    async with terminal.database(settings) as db:
        if writes and not dry_run:
            async with db.read() as connection:
                now_ms = await shop_now_ms(connection, settings)
            when = _day(day, now_ms, settings.shop.time_zone)
            wanted = WriteChannelCost(channel.code, when, shown or 0, round((yuan or 0) * 100), note, replace)
            adds = shown is not None or yuan is not None
            await done_at_terminal(
                db, settings, wanted, now_ms, lambda: _write_cost(db, wanted, now_ms, adds=adds), as_staff=as_
            )
        async with db.read() as connection:
            rows = await costs_of(connection, channel.code)
    document = [{"day": r.day, "shown": r.shown, "yuan": r.cost_fen / 100, "note": r.note} for r in rows]
    terminal.show(
        {"channel": channel.code, "costs": document}, _cost_table(rows) if rows else say("channels.cost.none")
    )


async def _write_cost(db: Database, wanted: WriteChannelCost, now_ms: int, *, adds: bool) -> None:
    async with db.write() as tx:
        if wanted.replace:
            await drop_costs(tx, wanted.channel, wanted.day)
        if adds:
            cost = Cost(wanted.day, wanted.shown, wanted.cost_fen, wanted.note)
            await write_cost(tx, wanted.channel, cost, by="cli", now_ms=now_ms)


def _cost_table(rows: Sequence[Cost]) -> Table:
    made = table(*(say(f"channels.col.{name}") for name in ("day", "shown", "yuan", "note")))
    for row in rows:
        made.add_row(row.day, str(row.shown), f"{row.cost_fen / 100:.2f}", row.note or "—")
    made.add_row(
        say("channels.cost.sum"), str(sum(r.shown for r in rows)), f"{sum(r.cost_fen for r in rows) / 100:.2f}", ""
    )
    return made


def _day(written: str | None, now_ms: int, zone: str) -> str:
    today = local(now_ms, zone).date()
    if written is None:
        return today.isoformat()
    try:
        day = date.fromisoformat(written)
    except ValueError:
        raise NotUnderstood(say("channels.no_day", day=written), hint=say("channels.no_day.hint")) from None
    if day > today:
        raise NotUnderstood(say("channels.day_to_come", day=written), hint=say("channels.no_day.hint"))
    return day.isoformat()


async def switch(
    terminal: Terminal,
    code: Code,
    account: Annotated[str, typer.Argument(help=say("channels.switch.account"))],
    as_: AsStaff = "",
) -> None:
    settings = terminal.settings(strict=False)
    channel = channel_named(settings, code)
    wanted = SwitchChannel(channel=channel.code, account=account)
    async with terminal.database(settings) as db:
        async with db.read() as connection:
            now_ms = await shop_now_ms(connection, settings)
        chosen, why = await done_at_terminal(
            db, settings, wanted, now_ms, lambda: _switch(db, channel, account, now_ms), as_staff=as_,
            told=lambda now: now[0] or "",
        )  # fmt: skip
    said = say("channels.switched", name=channel.name, account=chosen or "—", why=say(f"bots.channel_why.{why}"))
    terminal.show({"code": channel.code, "shows": chosen, "why": why}, said)


async def _switch(db: Database, channel: ChannelConfig, account: str, now_ms: int) -> tuple[str | None, str]:
    """Which account shows now, and why."""
    async with db.write() as tx:
        if account == AUTO:
            choice = choice_for(channel, await members_now(tx, now_ms), None)
            chosen, why = (choice.account, choice.why) if choice else (channel.accounts[0], "unknown")
        else:
            chosen, why = in_pool(channel, account), BY_STAFF
        await show(tx, channel.code, chosen, why, now_ms)
    return chosen, why


def channel_named(settings: Settings, code: str) -> ChannelConfig:
    """By its code or name. Raises NotFound with the nearest one."""
    for channel in settings.channels:
        if code in (channel.code, channel.name):
            return channel
    codes = [channel.code for channel in settings.channels]
    near = nearest(code, codes)
    hint = say("operations.meant", near=near) if near else say("channels.none.hint", codes=listed(codes) or "—")
    raise NotFound(say("channels.none", code=code), hint=hint)


def in_pool(channel: ChannelConfig, account: str) -> str:
    """Raises NotFound for an account that is not of the channel's pool."""
    if account not in channel.accounts:
        accounts = listed(channel.accounts)
        raise NotFound(
            say("channels.not_in_pool", account=account, name=channel.name),
            hint=say("operations.choices", choices=accounts),
        )
    return account


async def account_for(
    connection: AsyncConnection, settings: Settings, channel: ChannelConfig, wished: str | None
) -> str:
    """Whose code to print: the one wished for, else the one the channel shows now. Raises Refused for a full pool."""
    if wished:
        return in_pool(channel, wished)
    showing = (await shown_now(connection)).get(channel.code)
    if showing is None:
        choice = choice_for(channel, await members_now(connection, await shop_now_ms(connection, settings)), None)
        return (choice.account if choice else None) or channel.accounts[0]
    if showing.account is None:
        raise Refused(say("channels.full", name=channel.name), hint=say("channels.full.hint"))
    return showing.account
