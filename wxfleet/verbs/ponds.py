"""Commands about ponds, the groups of customers: list, show, texts, bind, post."""

from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from commands.times import time_of
from operations.errors import CannotBeUsed, Refused
from operations.ponding import bind_pond
from operations.requests.posts import BindPond, PondPost
from operations.why import reason_words
from personas.book import Book
from personas.copy_check import findings
from personas.speech import names
from personas.voice import render
from rules.quiet_hours import local
from scheduler.ponds.pond_file import PondFile, PondKind, load_ponds
from scheduler.ponds.pond_posts import plan_post, refusal
from scheduler.ponds.ponds import PondNow, all_ponds, keep_ponds, pond_named
from storage.engine import Database
from texts.catalogue import say
from texts.errors import ConfigurationInvalid, Severity
from wxfleet.reading.moments_calendar import book_of
from wxfleet.reading.settings import Settings
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.acting import AsStaff, done_at_terminal
from wxfleet.terminal.terminal import Terminal, command, table

_MENDED = ("pond_unbound", "pond_account")
"""Why no campaign may go to a pond, where a command mends it."""
Name = Annotated[str, typer.Argument(help=say("ponds.name"))]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    ponds = typer.Typer(help=say("cli.ponds"), no_args_is_help=True)
    for name, function in (("list", list_), ("show", show), ("texts", texts), ("bind", bind), ("post", post)):
        command(ponds, name, f"ponds.{name}")(function)
    app.add_typer(ponds, name="ponds")


async def list_(terminal: Terminal) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db:
        now_ms = await _kept(db, settings)
        async with db.read() as connection:
            rows = [await _document(connection, pond, now_ms) for pond in await all_ponds(connection)]
    if not rows and not terminal.json:
        terminal.note(say("ponds.none"))
        return
    shown = table(*(say(f"ponds.col.{name}") for name in ("name", "title", "kind", "account", "members", "campaign")))
    for row in rows:
        shown.add_row(row["name"], row["title"], say(f"ponds.kind.{row['kind']}"), row["account"], _members(row),
                      _campaign(row, settings))  # fmt: skip
    terminal.show(rows, shown)
    for row in rows if not terminal.json else ():  # below the table: a cell may fold, a command may not
        if row["no_campaign_now"] in _MENDED:
            terminal.note(say(f"ponds.list.{row['no_campaign_now']}", name=row["name"], account=row["account"]))


async def show(terminal: Terminal, name: Name) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db:
        now_ms = await _kept(db, settings)
        async with db.read() as connection:
            pond = await pond_named(connection, name)
            row = await _document(connection, pond, now_ms)
    file = pond.file
    lines = [
        say("ponds.shown.head", title=file.title, kind=say(f"ponds.kind.{file.kind}"), account=file.account),
        say("ponds.shown.theme", theme=file.theme),
        say("ponds.shown.members", members=_members(row)),
        say("ponds.shown.campaign", campaign=_campaign(row, settings)),
    ]
    if file.kind is PondKind.WECHAT and pond.room is None:
        lines.append(say("ponds.shown.unbound", name=file.name))
    if file.overflow:
        lines.append(say("ponds.shown.overflow", overflow=file.overflow))
    lines.append(say("ponds.shown.says", faq=len(file.faq), rules=len(file.rules), name=file.name))
    terminal.show(row, "\n".join(lines))


async def texts(terminal: Terminal, name: Name) -> None:
    settings = terminal.settings(strict=False)
    pond = _named(settings, name)
    values = _values(settings, book_of(settings), pond)
    parts = [(say("ponds.look.title"), pond.title)]
    if pond.notice or pond.rules:
        parts.append((say("ponds.look.notice"), pond.looks()["notice"]))
    if pond.welcome is not None:
        newcomers = say("ponds.newcomers.one", lang="zh")
        parts.append((say("ponds.text.welcome"), render(pond.welcome.text, {**values, "newcomers": newcomers})))
    for question in pond.faq:
        asked = say("texts.comma").join(question.ask)
        parts.append((say("ponds.text.faq", asked=asked), render(question.answer, values)))
    document = {"pond": pond.name, "texts": [{"what": what, "text": text} for what, text in parts]}
    shown = "\n\n".join(f"—— {what} ——\n{text}" for what, text in parts)
    terminal.show(document, shown, whole=True)  # the shop's own words, to be copied


async def bind(
    terminal: Terminal,
    name: Name,
    room: Annotated[str, typer.Option("--room", help=say("ponds.room"))] = "",
    as_: AsStaff = "",
) -> None:
    settings = terminal.settings()
    async with terminal.database(settings) as db:
        now_ms = await _kept(db, settings)

        async def act() -> tuple[PondNow, str]:
            async with db.write() as tx:
                return await bind_pond(tx, name, room, as_ or "cli", now_ms)

        pond, code = await done_at_terminal(
            db, settings, BindPond(pond=name, room=room), now_ms, act, as_staff=as_, told=lambda found: found[0].name
        )
    if code:
        terminal.show({"pond": pond.name, "bind": code}, say("ponds.bind_code", title=pond.file.title, code=code))
    else:
        text = say("ponds.bound", title=pond.file.title, account=pond.account)
        terminal.show({"pond": pond.name, "room": room}, text)


async def post(
    terminal: Terminal,
    name: Name,
    text: Annotated[str, typer.Argument(help=say("ponds.text"))],
    at: Annotated[str, typer.Option("--at", help=say("ponds.at"))] = "",
    picture: Annotated[str, typer.Option("--picture", help=say("ponds.picture"))] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("cli.yes_option"))] = False,
    as_: AsStaff = "",
) -> None:
    settings = terminal.settings()
    zone = settings.shop.time_zone
    async with terminal.database(settings) as db:
        now_ms = await _kept(db, settings)
        due_ms = _due_ms(at, now_ms, settings)
        words = _words(settings, _named(settings, name), text)
        if not yes:
            raise Refused(say("ponds.post_asks", title=_named(settings, name).title, at=_clock(due_ms, zone),
                              text=words), hint=say("ponds.post_asks.hint"))  # fmt: skip

        async def act() -> Any:
            async with db.write() as tx:
                return await plan_post(tx, name, words, due_ms=due_ms, by=f"staff:{as_ or 'cli'}", now_ms=now_ms,
                                       picture=picture or None)  # fmt: skip

        request = PondPost(pond=name, text=words, at_ms=due_ms)
        planned = await done_at_terminal(db, settings, request, now_ms, act, as_staff=as_)
    key = "ponds.posted_by_hand" if planned.by_hand else "ponds.posted"
    document = {"pond": planned.pond, "account": planned.account, "by_hand": planned.by_hand, "due_ms": due_ms}
    terminal.show(document, say(key, title=planned.title, account=planned.account, at=_clock(due_ms, zone)))


async def _kept(db: Database, settings: Settings) -> int:
    """The table says what the files say; returns now in the shop. Raises ConfigurationInvalid."""
    ponds = _loaded(settings)
    async with db.write() as tx:
        now_ms = await shop_now_ms(tx, settings)
        await keep_ponds(tx, ponds, now_ms)
    return now_ms


def _loaded(settings: Settings) -> dict[str, PondFile]:
    ponds, mistakes = load_ponds(settings.ponds, accounts=[account.id for account in settings.accounts])
    if any(mistake.severity is Severity.ERROR for mistake in mistakes):
        raise ConfigurationInvalid(mistakes)
    return ponds


def _named(settings: Settings, word: str) -> PondFile:
    from scheduler.errors import NoSuchPond

    ponds = _loaded(settings)
    for pond in ponds.values():
        if word in (pond.name, pond.title):
            return pond
    raise NoSuchPond(word, list(ponds))


def _due_ms(at: str, now_ms: int, settings: Settings) -> int:
    if not at:
        return now_ms
    if settings.always_ask:
        raise Refused(say("ponds.post_at_the_hour"), hint=say("ponds.post_at_the_hour.hint"))
    due_ms = time_of(at, now_ms, settings.shop.time_zone)
    if due_ms is None or due_ms < now_ms:
        raise CannotBeUsed(say("ponds.no_time", at=at), hint=say("ponds.no_time.hint"))
    return due_ms


def _words(settings: Settings, pond: PondFile, text: str) -> str:
    """As it will stand there. Raises TemplateRefused, ValueMissing; Refused for words that break a rule."""
    words = render(text, _values(settings, book_of(settings), pond))
    wrong = [found.reason for found in findings(words, settings.shop.style) if found.fault.severity is Severity.ERROR]
    if wrong or not words:
        raise Refused(
            say("ponds.words_refused", why=say("texts.comma").join(wrong)), hint=say("ponds.words_refused.hint")
        )
    return words


def _values(settings: Settings, book: Book, pond: PondFile) -> dict[str, str]:
    """What the texts of a pond may name, as its owner would say it."""
    account = next((account for account in settings.accounts if account.id == pond.account), None)
    if account is None:
        raise CannotBeUsed(say("settings.no_account", written=pond.account), hint=say("ponds.refused.hint"))
    persona = book.resolved(account.persona)
    return {**names(persona, settings.shop, position=account.position), "pond": pond.title}


async def _document(connection: AsyncConnection, pond: PondNow, now_ms: int) -> dict[str, Any]:
    file = pond.file
    return {
        "name": file.name, "title": file.title, "kind": file.kind.value, "account": file.account, "theme": file.theme,
        "room": pond.room, "members": pond.members, "limit": file.limit, "full": pond.full, "overflow": file.overflow,
        "last_campaign_ms": pond.last_campaign_ms, "campaign_from_ms": pond.campaign_from_ms() or None,
        "no_campaign_now": await refusal(connection, pond, now_ms) or None,
    }  # fmt: skip


def _members(row: dict[str, Any]) -> str:
    members = "?" if row["members"] is None else str(row["members"])
    return say("ponds.members.full" if row["full"] else "ponds.members", members=members, limit=row["limit"])


def _campaign(row: dict[str, Any], settings: Settings) -> str:
    why = row["no_campaign_now"]
    if why is None:
        return say("ponds.campaign.now")
    if why in _MENDED:
        return say(f"ponds.campaign.{why}")
    if why == "pond_week":
        return say("ponds.campaign.from", at=_clock(row["campaign_from_ms"], settings.shop.time_zone))
    return reason_words(why)


def _clock(at_ms: int, zone: str) -> str:
    return f"{local(at_ms, zone):%m-%d %H:%M}"
