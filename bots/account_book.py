"""The one writer of what happens to accounts: their state, who is logged in, and what a person must mend."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import bindparam, delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.lifecycle import State
from rules.clock import Clock
from storage.engine import Database
from storage.fleet_tables import Repair
from storage.outbox import insert_ignoring
from storage.tables import Account
from texts.problem import Problem

log = structlog.get_logger(__name__)

_RETRY_WALL_MS = 1000
_KEYS_A_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class _StateNote:
    state: State
    since_ms: int
    detail: str | None


@dataclass(frozen=True, slots=True)
class _RepairNote:
    account: str
    message: str
    values: Mapping[str, Any]
    since_ms: int


class AccountBook:
    """Takes notes from every runner and writes them together: a thousand logins are a few transactions."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._states: dict[str, _StateNote] = {}
        self._contacts: dict[str, str] = {}
        self._repairs: dict[str, _RepairNote | None] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._stopping = False
        self._failing = False

    def note_state(self, account: str, state: State, detail: str | None) -> None:
        """The account is in `state` since now; `detail` says why, for people."""
        self._states[account] = _StateNote(state, self._clock.now_ms(), detail)
        self._wake.set()

    def note_contact(self, account: str, contact: str) -> None:
        """The account's own WeChat id."""
        self._contacts[account] = contact
        self._wake.set()

    def note_repair(self, key: str, account: str, message: str, values: Mapping[str, Any]) -> None:
        """A person must do something; `message` is a key of the catalogue. The oldest note of a key stands."""
        self._repairs[key] = _RepairNote(account, message, values, self._clock.now_ms())
        self._wake.set()

    def note_mended(self, key: str) -> None:
        self._repairs[key] = None
        self._wake.set()

    async def written(self) -> None:
        """Wait until everything noted so far is committed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._wake.set()
        await done

    async def run(self) -> None:
        """Write until `stop`. A database that fails is tried again: the newest state is what counts."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._write_all()
            if self._stopping and not self._wake.is_set():
                return

    def stop(self) -> None:
        """Write what is noted, then end."""
        self._stopping = True
        self._wake.set()

    async def _write_all(self) -> None:
        states, self._states = self._states, {}
        contacts, self._contacts = self._contacts, {}
        repairs, self._repairs = self._repairs, {}
        waiting, self._waiting = self._waiting, []
        try:
            if states or contacts or repairs:
                async with self._db.write() as tx:
                    await _write_accounts(tx, states, contacts)
                    await _write_repairs(tx, repairs)
        except Problem as problem:
            self._keep(states, contacts, repairs, waiting)
            if not self._failing:
                log.error("account_states_not_written", problem=str(problem))
            self._failing = True
            if not self._stopping:
                await self._clock.sleep(self._clock.span_ms(_RETRY_WALL_MS) / 1000)
                self._wake.set()
            return
        if self._failing:
            log.info("account_states_written_again")
        self._failing = False
        for done in waiting:
            if not done.done():
                done.set_result(None)

    def _keep(
        self,
        states: dict[str, _StateNote],
        contacts: dict[str, str],
        repairs: dict[str, _RepairNote | None],
        waiting: list[asyncio.Future[None]],
    ) -> None:
        """Nothing was written: what was noted meanwhile wins over it."""
        self._states = {**states, **self._states}
        self._contacts = {**contacts, **self._contacts}
        self._repairs = {**repairs, **self._repairs}
        self._waiting = [*waiting, *self._waiting]


async def _write_accounts(tx: AsyncConnection, states: Mapping[str, _StateNote], contacts: Mapping[str, str]) -> None:
    if states:
        await tx.execute(
            update(Account)
            .where(Account.id == bindparam("account"))
            .values(state=bindparam("now_in"), state_since_ms=bindparam("since"), state_detail=bindparam("why")),
            # In the order of ids, so that two writers on PostgreSQL never wait for each other in a circle.
            [
                {"account": account, "now_in": note.state.value, "since": note.since_ms, "why": note.detail}
                for account, note in sorted(states.items())
            ],
        )
    if contacts:
        await tx.execute(
            update(Account).where(Account.id == bindparam("account")).values(self_contact=bindparam("contact")),
            [{"account": account, "contact": contact} for account, contact in sorted(contacts.items())],
        )


async def _write_repairs(tx: AsyncConnection, repairs: Mapping[str, _RepairNote | None]) -> None:
    mended = sorted(key for key, note in repairs.items() if note is None)
    for start in range(0, len(mended), _KEYS_A_STATEMENT):
        await tx.execute(delete(Repair).where(Repair.key.in_(mended[start : start + _KEYS_A_STATEMENT])))
    new = [
        {
            "key": key,
            "account": note.account,
            "message": note.message,
            "values": dict(note.values),
            "since_ms": note.since_ms,
        }
        for key, note in sorted(repairs.items())
        if note is not None
    ]
    if new:
        await tx.execute(insert_ignoring(tx, Repair), new)
