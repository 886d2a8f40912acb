"""What another process asks of a live gateway: rows of `requests`, picked up within a second.

Verbs: `qr` (the QR code to scan), `contact_qr` (what the account's own code says, for its cards), `logout`,
`test_message` {to?, text?}, `own_profile` (what its profile says), `picture` {material, message} (what somebody sent,
for the library), `room` {room} (who is in it), `rest_over` (a limited account may speak again). The answer stands in
`result`: {qr}, {}, {delivery_planned}, {nickname, signature}, {file}, {topic, members} or {problem, hint}.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.errors import GatewayProblem
from bots.lifecycle import State
from bots.own_profiles import OWN_PROFILE, as_told, note_look
from bots.runner import Runner
from bots.staff_line import FILE_HELPER
from rules.clock import Clock
from rules.kinds import Kind
from rules.pacing import DAY_MS
from storage.campaign_tables import Material
from storage.engine import Database
from storage.fleet_tables import LiveRequest
from storage.outbox import Content, NewDelivery, plan
from storage.pond_tables import Pond
from storage.statements import both, rows_of
from storage.tables import Account
from texts.catalogue import say
from texts.os_words import os_reason

_ANY = both("SELECT 1 FROM requests WHERE state = 'waiting' LIMIT 1")
_AT_ONCE = 50
CONTACT_QR = "contact_qr"
PICTURE = "picture"
ROOM = "room"
PICTURES = "materials"
"""The folder below media/ for photos that people sent."""
_CODES_A_LOOK = 5
_CODE_HOLDS_MS = 7 * DAY_MS
"""WeChat lets people make their code anew, and old prints die then. Ours."""
_ROOM_AGAIN_MS = DAY_MS // 24
"""After an account that could not be asked it is tried again so soon; else rooms are counted once a day. Ours."""
_QR_WALL_MS = 30_000


@dataclass(frozen=True, slots=True)
class _Asked:
    id: int
    account: str
    verb: str
    payload: dict[str, Any]
    created_ms: int


@dataclass(frozen=True, slots=True)
class _Answer:
    id: int
    done: bool
    result: dict[str, Any]
    own_code_of: str | None = None
    """The account whose own QR code was asked for."""
    material: int | None = None
    """The photo of the library that was fetched."""
    room: str | None = None
    """The room whose members were counted."""
    profile_of: str | None = None
    """The account whose own profile was looked at."""


async def somebody_asks(connection: AsyncConnection) -> bool:
    """Does any request wait? Writes nothing."""
    return bool(await rows_of(connection, _ANY, {}))


async def answer_requests(db: Database, clock: Clock, runners: Mapping[str, Runner]) -> int:
    """Answer what waits for one of `runners`. Returns how many rows were answered."""
    async with db.read() as connection:
        waiting = [
            _Asked(*row)
            for row in await connection.execute(
                select(
                    LiveRequest.id, LiveRequest.account, LiveRequest.verb, LiveRequest.payload, LiveRequest.created_ms
                )
                .where(LiveRequest.state == "waiting")
                .order_by(LiveRequest.id)
            )
            if row.account in runners  # those of another process wait for it
        ][:_AT_ONCE]
    answers: list[_Answer] = []
    for asked in waiting:
        runner = runners.get(asked.account)
        if runner is not None:  # released meanwhile
            answer = await _answer(asked, runner, clock)
            if answer is not None:
                answers.append(answer)
    tests = [asked for asked in waiting if asked.verb == "test_message"]
    if answers or tests:
        async with db.write() as tx:
            answers += [await _plan_test(tx, asked, clock.now_ms()) for asked in tests]
            await _write(tx, answers, clock.now_ms())
    return len(answers)


async def _answer(asked: _Asked, runner: Runner, clock: Clock) -> _Answer | None:
    """None: not yet, or written in the transaction."""
    if asked.verb == "qr":
        return _qr(asked, runner, clock)
    if asked.verb == "logout":
        try:
            await runner.gateway.log_out()
        except GatewayProblem as problem:
            return _Answer(asked.id, False, {"problem": problem.message, "hint": problem.hint})
        return _Answer(asked.id, True, {})
    if asked.verb == CONTACT_QR:
        try:
            return _Answer(asked.id, True, {"qr": await runner.gateway.contact_qr()}, asked.account)
        except GatewayProblem as problem:
            return _Answer(asked.id, False, {"problem": problem.message, "hint": problem.hint}, asked.account)
    if asked.verb == OWN_PROFILE:
        try:
            return _Answer(asked.id, True, as_told(await runner.gateway.own_profile()), profile_of=asked.account)
        except GatewayProblem as problem:
            result = {"problem": problem.message, "hint": problem.hint}
            return _Answer(asked.id, False, result, profile_of=asked.account)
    if asked.verb == PICTURE:
        return await _picture(asked, runner)
    if asked.verb == ROOM:
        return await _room(asked, runner)
    if asked.verb == "rest_over":
        runner.rest_is_over()
        return _Answer(asked.id, True, {})
    if asked.verb == "test_message":
        return None
    return _Answer(asked.id, False, {"problem": say("bots.unknown_request", verb=asked.verb), "hint": ""})


async def _room(asked: _Asked, runner: Runner) -> _Answer:
    room = str(asked.payload["room"])
    try:
        found = await runner.gateway.room(room)
    except GatewayProblem as problem:
        return _Answer(asked.id, False, {"problem": problem.message, "hint": problem.hint}, room=room)
    return _Answer(asked.id, True, {"topic": found.topic, "members": len(found.members)}, room=room)


async def _picture(asked: _Asked, runner: Runner) -> _Answer:
    material = int(asked.payload["material"])
    try:
        file = await runner.gateway.keep_picture(str(asked.payload["message"]), f"{PICTURES}/{material}")
    except GatewayProblem as problem:
        result = {"problem": problem.message, "hint": problem.hint}
        return _Answer(asked.id, False, result, material=material)
    except OSError as error:  # the disk
        return _Answer(asked.id, False, {"problem": os_reason(error), "hint": ""}, material=material)
    return _Answer(asked.id, True, {"file": file}, material=material)


def _qr(asked: _Asked, runner: Runner, clock: Clock) -> _Answer | None:
    if runner.qr:
        return _Answer(asked.id, True, {"qr": runner.qr})
    if runner.logged_in:
        return _Answer(asked.id, False, {"problem": say("bots.already_in", account=asked.account), "hint": ""})
    if clock.now_ms() - asked.created_ms < clock.span_ms(_QR_WALL_MS):
        return None  # the gateway is still making one
    return _Answer(
        asked.id, False, {"problem": say("bots.no_qr", account=asked.account), "hint": say("bots.no_qr.hint")}
    )


async def _plan_test(tx: AsyncConnection, asked: _Asked, now_ms: int) -> _Answer:
    """A message like any other: a row of the outbox, to the account's own file helper unless told otherwise."""
    row = NewDelivery(
        kind=Kind.COMMAND_REPLY,
        account=asked.account,
        to=str(asked.payload.get("to") or FILE_HELPER),
        content=Content(text=str(asked.payload.get("text") or say("bots.test_message", account=asked.account))),
        key=f"test:{asked.id}",
        due_ms=now_ms,
        source=f"request:{asked.id}",
    )
    return _Answer(asked.id, True, {"delivery_planned": await plan(tx, [row], now_ms=now_ms) == 1})


async def _write(tx: AsyncConnection, answers: list[_Answer], now_ms: int) -> None:
    for answer in answers:
        await tx.execute(
            update(LiveRequest)
            .where(LiveRequest.id == answer.id, LiveRequest.state == "waiting")
            .values(state="done" if answer.done else "failed", result=answer.result, done_ms=now_ms)
        )
        if answer.material is not None:
            found = {"file": answer.result["file"]} if answer.done else {"problem": answer.result["problem"]}
            await tx.execute(update(Material).where(Material.id == answer.material).values(**found))
        if answer.room is not None:
            counted = {"members_ms": now_ms - DAY_MS + _ROOM_AGAIN_MS}
            if answer.done:
                counted = {"members_ms": now_ms, "members": answer.result["members"]}
            await tx.execute(update(Pond).where(Pond.room == answer.room).values(counted))
        if answer.profile_of is not None:
            await note_look(tx, answer.profile_of, answer.result if answer.done else None, now_ms)
        if answer.own_code_of is not None:
            # Refused or not, it is asked again in a week; what was known stays.
            known = {"contact_qr": answer.result["qr"]} if answer.done else {}
            await tx.execute(
                update(Account).where(Account.id == answer.own_code_of).values(contact_qr_ms=now_ms, **known)
            )


async def ask_for_own_codes(tx: AsyncConnection, now_ms: int) -> int:
    """Ask a few online accounts what their own QR codes say, where that was not asked within a week."""
    asked = select(LiveRequest.account).where(LiveRequest.state == "waiting", LiveRequest.verb == CONTACT_QR)
    unknown = select(Account.id).where(_code_wanted(now_ms), Account.id.not_in(asked)).order_by(Account.id)
    rows = [
        {"account": account, "verb": CONTACT_QR, "payload": {}, "state": "waiting", "created_ms": now_ms}
        for account in (await tx.scalars(unknown.limit(_CODES_A_LOOK))).all()
    ]
    if rows:
        await tx.execute(insert(LiveRequest), rows)
    return len(rows)


_CODE_AWAITED = both("SELECT 1 FROM requests WHERE state = 'waiting' AND verb = :verb LIMIT 1")
_CODE_MISSING = both("""
    SELECT 1 FROM accounts
     WHERE state = :state AND NOT removed AND (contact_qr_ms IS NULL OR contact_qr_ms < :old_ms) LIMIT 1""")


async def own_codes_missing(tx: AsyncConnection, now_ms: int) -> bool:
    """Is there an online account whose own QR code was not asked for within a week, and nobody asked just now?"""
    if await rows_of(tx, _CODE_AWAITED, {"verb": CONTACT_QR}):
        return False
    return bool(await rows_of(tx, _CODE_MISSING, {"state": State.ONLINE.value, "old_ms": now_ms - _CODE_HOLDS_MS}))


def _code_wanted(now_ms: int) -> ColumnElement[bool]:
    old = or_(Account.contact_qr_ms.is_(None), Account.contact_qr_ms < now_ms - _CODE_HOLDS_MS)
    return (Account.state == State.ONLINE.value) & Account.removed.is_(False) & old
