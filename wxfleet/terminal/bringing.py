"""One import from the terminal, whatever the tables hold: which files, under whose name, with a bar on the screen."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from customers.imports.import_result import ImportResult, OnProgress
from customers.imports.mappings import save_mapping, saved_mapping
from customers.standing.ladder import load_ladder
from customers.standing.levels import adopt_ladder
from customers.standing.standing import follow_ladder
from operations.requests.request import Request
from storage.engine import Database
from storage.strides import Breathe, no_need
from texts.catalogue import say
from texts.table_files import tables_in
from wxfleet.reading.settings import Settings
from wxfleet.running.lock import is_held
from wxfleet.running.service import data_folder
from wxfleet.running.shop_now import fleet_runs, shop_now_ms
from wxfleet.terminal.acting import done_at_terminal
from wxfleet.terminal.error_report import report_place
from wxfleet.terminal.import_progress import import_progress
from wxfleet.terminal.import_words import show_result
from wxfleet.terminal.terminal import Terminal

_TURN_S = 0.03  # SQLite asks again after at most 25 ms in the first 100 ms of waiting
_Options = TypeVar("_Options", contravariant=True)


class Importer(Protocol[_Options]):
    """What brings tables of one kind in."""

    async def __call__(
        self,
        db: Database,
        files: Sequence[Path],
        options: _Options,
        /,
        *,
        dry_run: bool,
        now_ms: int,
        on_progress: OnProgress,
        breathe: Breathe,
    ) -> ImportResult: ...


class Bringing:
    """The files somebody named, and what holds for them. Raises TableUnreadable, ReportFormat: before anything else."""

    def __init__(
        self, terminal: Terminal, files: list[Path], errors: Path | None, *, dry_run: bool, as_staff: str
    ) -> None:
        self._terminal = terminal
        self._errors = errors
        self._dry_run = dry_run
        self._as_staff = as_staff
        self.settings = terminal.settings(strict=False)
        self._chosen = tables_in(files)
        self.paths = self._chosen.files
        self.optional = self._chosen.optional
        report_place(errors, self.paths[0])

    @property
    def named(self) -> str:
        """The files as they stand in the log."""
        return say("texts.comma").join(path.name for path in self.paths)

    async def bring(
        self,
        importer: Importer[_Options],
        wanted: Request,
        options: Callable[[Mapping[str, str], int], _Options],
        *,
        kind: str,
        whose: str,
        said: Mapping[str, str],
        save: bool,
    ) -> int:
        """Import them by `options(mapping, now_ms)`; `said` is the mapping of this call. Returns the exit code."""
        async with self._terminal.database(self.settings) as db:
            now_ms = await self._now(db)
            async with db.read() as connection:
                mapping = {**await saved_mapping(connection, kind, whose), **said}
            act = partial(importer, db, self.paths, options(mapping, now_ms), dry_run=self._dry_run, now_ms=now_ms)
            result = await self._carried_out(db, wanted, now_ms, act)
            if save and said and not self._dry_run:
                async with db.write() as tx:
                    await save_mapping(tx, kind, whose, mapping, now_ms)
                self._terminal.note(say("imports.mapping_saved"))
        result.left_out = [*self._chosen.left_out, *result.left_out]
        wanted_report = self._errors or not self._dry_run
        place = report_place(self._errors, _first_refused(self.paths, result)) if wanted_report else None
        return show_result(self._terminal, result, place, dry_run=self._dry_run)

    async def _now(self, db: Database) -> int:
        """Now in the shop. The ladder as it is written now holds from here on, for everybody."""
        if self._dry_run:
            async with db.read() as connection:
                return await shop_now_ms(connection, self.settings)
        async with db.write() as tx:
            now_ms = await shop_now_ms(tx, self.settings)
            ladder, _ = load_ladder(self.settings.ladder)
            changed = ladder is not None and await adopt_ladder(tx, ladder, now_ms)
        # Where a fleet runs, its next pass does it.
        if not await fleet_runs(db, self.settings) and await follow_ladder(db, now_ms, anew=changed):
            self._terminal.note(say("imports.ladder_followed"))
        return now_ms

    async def _carried_out(
        self, db: Database, wanted: Request, now_ms: int, act: Callable[..., Awaitable[ImportResult]]
    ) -> ImportResult:
        """With a bar on the screen; in the name of somebody and in the log, unless it is only tried."""
        with import_progress(quiet=self._terminal.json) as on_progress:
            doing = partial(act, on_progress=on_progress, breathe=breathing(self.settings))
            if self._dry_run:
                return await doing()
            return await done_at_terminal(
                db, self.settings, wanted, now_ms, doing, as_staff=self._as_staff, told=_counted
            )


def breathing(settings: Settings) -> Breathe:
    """While a fleet runs beside us it gets its turn to write; alone there is nobody to wait for."""
    if not is_held(data_folder(settings)):
        return no_need
    return lambda: asyncio.sleep(_TURN_S)


def _first_refused(paths: Sequence[Path], result: ImportResult) -> Path:
    """Beside which file the report belongs: the first that has refused rows."""
    wrong = {error.file for error in result.errors}
    return next((path for path in paths if str(path) in wrong), paths[0])


def _counted(result: ImportResult) -> str:
    """What the log says of an import."""
    return say("cli.import.did", **result.counts())
