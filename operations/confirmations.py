"""Codes that confirm. Each is bound to one person and one exact request, lives two minutes and works once."""

import json
import secrets
from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.audit import refused_since
from operations.errors import CodeInvalid, Refused
from operations.permissions import Staff
from operations.requests.registry import request_of
from operations.requests.request import Request, Verb
from storage.staff_tables import Confirmation
from texts.catalogue import say

LIFE_MS = 120_000
DIGITS = 5
WRONG_CODES = 5
"""After this many wrong codes in `WRONG_WINDOW_MS` nothing is confirmed for a while. Ours."""
WRONG_WINDOW_MS = 10 * 60_000


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a code stood for. `asked_by`: who asked, when a second person confirmed."""

    request: Request
    asked_by: str


async def ask(
    tx: AsyncConnection, staff: Staff, request: Request, now_ms: int, *, second_person: bool, life_ms: int = LIFE_MS
) -> str:
    """A new code for exactly this request, good for `life_ms`.

    An older code of this person for the same is void: it was shown with other counts. Those for anything else hold:
    each stands for what was shown with it.
    """
    await _void(tx, staff, request, now_ms)
    code = await _unused_code(tx, now_ms)
    row = {"asked": request.as_json(), "second_person": second_person}
    await tx.execute(
        insert(Confirmation).values(
            code=code, staff=staff.id, request=row, created_ms=now_ms, expires_ms=now_ms + life_ms
        )
    )
    return code


async def redeem(tx: AsyncConnection, staff: Staff, code: str, now_ms: int) -> Confirmed:
    """What `code` stands for, used up now. Raises CodeInvalid; Refused when a second person must confirm."""
    if await refused_since(tx, staff.id, Verb.CONFIRM, now_ms - WRONG_WINDOW_MS) >= WRONG_CODES:
        raise CodeInvalid(say("operations.too_many_codes"), hint=say("operations.too_many_codes.hint"))
    rows = await tx.execute(
        select(Confirmation.id, Confirmation.staff, Confirmation.request)
        .where(Confirmation.code == code, Confirmation.used_ms.is_(None), Confirmation.expires_ms > now_ms)
        .order_by(Confirmation.id.desc())
    )
    for row in rows.all():
        mine = row.staff == staff.id
        if row.request["second_person"] and mine:
            raise Refused(say("operations.second_person"), hint=say("operations.second_person.hint"))
        if mine or row.request["second_person"]:
            await _use(tx, row.id, now_ms)
            return Confirmed(request_of(row.request["asked"]), row.staff)
    raise _invalid()


async def drop(tx: AsyncConnection, staff: Staff, now_ms: int) -> int:
    """None of the codes that this person asked for works any more. Returns how many waited."""
    dropped = await tx.execute(
        update(Confirmation)
        .where(Confirmation.staff == staff.id, Confirmation.used_ms.is_(None), Confirmation.expires_ms > now_ms)
        .values(used_ms=now_ms)
    )
    return dropped.rowcount


async def _void(tx: AsyncConnection, staff: Staff, request: Request, now_ms: int) -> None:
    open_ = select(Confirmation.id, Confirmation.request).where(
        Confirmation.staff == staff.id, Confirmation.used_ms.is_(None), Confirmation.expires_ms > now_ms
    )
    asked = json.loads(json.dumps(request.as_json()))  # as it comes back from the table
    same = [row.id for row in (await tx.execute(open_)).all() if row.request["asked"] == asked]
    await tx.execute(update(Confirmation).where(Confirmation.id.in_(same)).values(used_ms=now_ms))


async def _use(tx: AsyncConnection, confirmation: int, now_ms: int) -> None:
    """Two doors may race for one code: the first gets it."""
    used = await tx.execute(
        update(Confirmation)
        .where(Confirmation.id == confirmation, Confirmation.used_ms.is_(None), Confirmation.expires_ms > now_ms)
        .values(used_ms=now_ms)
    )
    if used.rowcount != 1:
        raise _invalid()


def _invalid() -> CodeInvalid:
    return CodeInvalid(say("operations.code_invalid"), hint=say("operations.code_invalid.hint"))


async def _unused_code(tx: AsyncConnection, now_ms: int) -> str:
    """Random, and at the moment nobody else's."""
    live = set((await tx.scalars(select(Confirmation.code).where(Confirmation.expires_ms > now_ms))).all())
    while True:
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        if code not in live:
            return code
