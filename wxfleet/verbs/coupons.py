"""Commands about coupon codes: coupons import, list, show."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from operations.requests.pushes import ImportCoupons, ShowCoupons
from rules.quiet_hours import local, to_ms, zone
from scheduler.benefits.coupon_import import CodesImported, import_codes
from scheduler.benefits.coupon_pools import Pool, codes_in, masked_code, pools
from scheduler.benefits.coupons import NEVER_MS
from texts.catalogue import say
from texts.problem import ExitCode
from wxfleet.reading.settings import Settings
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.acting import AsStaff, done_at_terminal
from wxfleet.terminal.bringing import breathing
from wxfleet.terminal.terminal import Terminal, command, table
from wxfleet.terminal.usage import NotUnderstood

_ERRORS_SHOWN = 10
_SHOWN = 200

Wanted = Annotated[str, typer.Argument(help=say("coupons.pool"))]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    coupons = typer.Typer(help=say("coupons.help"), no_args_is_help=True)
    for name, function in (("import", import_), ("list", list_), ("show", show)):
        command(coupons, name, f"coupons.{name}")(function)
    app.add_typer(coupons, name="coupons")


async def import_(
    terminal: Terminal,
    file: Annotated[Path, typer.Argument(help=say("coupons.file"))],
    pool: Annotated[str, typer.Option("--pool", help=say("coupons.pool"))],
    expires: Annotated[str, typer.Option("--expires", help=say("coupons.expires"))] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help=say("cli.dry_run"))] = False,
    as_: AsStaff = "",
) -> int:
    settings = terminal.settings(strict=False)
    ends_ms = _end_ms(expires, settings.shop.time_zone)
    name = pool.strip()[:40]
    async with terminal.database(settings) as db:
        async with db.read() as connection:
            now_ms = await shop_now_ms(connection, settings)

        async def act() -> CodesImported:
            return await import_codes(
                db, file, name, expires_ms=ends_ms, by=as_ or "cli", now_ms=now_ms, dry_run=dry_run,
                breathe=breathing(settings),
            )  # fmt: skip

        wanted = ImportCoupons(pool=name, file=file.name)
        found = await (
            act()
            if dry_run
            else done_at_terminal(db, settings, wanted, now_ms, act, as_staff=as_, told=lambda done: str(done.new))
        )
    terminal.show({**asdict(found), "dry_run": dry_run}, _told(found, dry_run=dry_run))
    return ExitCode.PARTLY_DONE if found.refused else ExitCode.OK


async def list_(terminal: Terminal) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        found = await pools(connection, await shop_now_ms(connection, settings))
    rows = [_row(pool) for pool in found]
    terminal.show(rows, _listed(found, settings.shop.time_zone) if found else say("coupons.none"))


async def show(
    terminal: Terminal,
    pool: Wanted,
    codes: Annotated[bool, typer.Option("--codes", help=say("coupons.codes"))] = False,
    as_: AsStaff = "",
) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db:
        async with db.read() as connection:
            now_ms = await shop_now_ms(connection, settings)

        async def find() -> Sequence[Any]:
            async with db.read() as connection:
                return await codes_in(connection, pool, _SHOWN)

        wanted = ShowCoupons(pool=pool)
        found = await (done_at_terminal(db, settings, wanted, now_ms, find, as_staff=as_) if codes else find())
    rows = [_code(row, whole=codes) for row in found]
    terminal.show(rows, _codes(rows, settings) if rows else say("coupons.empty", pool=pool))


def _end_ms(written: str, zone_name: str) -> int | None:
    """The end of that day in the shop. Raises NotUnderstood."""
    if not written:
        return None
    try:
        day = date.fromisoformat(written)
    except ValueError as error:
        raise NotUnderstood(say("coupons.no_day", day=written), hint=say("coupons.no_day.hint")) from error
    return to_ms(datetime.combine(day + timedelta(days=1), time(), tzinfo=zone(zone_name)))


def _told(found: CodesImported, *, dry_run: bool) -> str:
    key = "coupons.would_import" if dry_run else "coupons.imported"
    lines = [say(key, pool=found.pool, new=found.new, known=found.known, refused=found.refused)]
    lines += [say("coupons.error", **error) for error in found.errors[:_ERRORS_SHOWN]]
    if (more := found.refused - len(lines) + 1) > 0:
        lines.append(say("coupons.more_errors", count=more))
    return "\n".join(lines)


def _row(pool: Pool) -> dict[str, Any]:
    return {
        "pool": pool.pool, "codes": pool.codes, "free": pool.free, "given": pool.given, "expired": pool.expired,
        "held": pool.held, "next_expiry_ms": pool.next_expiry_ms,
    }  # fmt: skip


def _listed(found: Sequence[Pool], zone_name: str) -> Table:
    made = table(*(say(f"coupons.col.{name}") for name in ("pool", "free", "held", "given", "expired", "ends")))
    for pool in found:
        made.add_row(
            pool.pool, str(pool.free), str(pool.held), str(pool.given), str(pool.expired),
            _day(pool.next_expiry_ms, zone_name),
        )  # fmt: skip
    return made


def _code(row: Any, *, whole: bool) -> dict[str, Any]:
    return {
        "number": row.id, "code": row.code if whole else masked_code(row.code), "person": row.person,
        "who": row.who or "",
        "campaign": row.campaign, "title": row.title or "", "given_ms": row.given_ms,
        "expires_ms": None if row.expires_ms == NEVER_MS else row.expires_ms,
    }  # fmt: skip


def _codes(rows: Sequence[dict[str, Any]], settings: Settings) -> Table:
    zone_name = settings.shop.time_zone
    made = table(*(say(f"coupons.col.{name}") for name in ("number", "code", "who", "campaign", "given_at", "ends")))
    for row in rows:
        who = f"{row['who']} #{row['person']}" if row["person"] else "—"
        given = f"{local(row['given_ms'], zone_name):%m-%d %H:%M}" if row["given_ms"] else "—"
        made.add_row(
            f"#{row['number']}", row["code"], who, row["title"] or "—", given, _day(row["expires_ms"], zone_name)
        )
    return made


def _day(ms: int | None, zone_name: str) -> str:
    return "—" if ms is None else f"{local(ms - 1, zone_name):%Y-%m-%d}"
