"""Codes that somebody sends to any bot to become staff, or says in a group to make it the staff room."""

import re
import secrets
import unicodedata

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.errors import CannotBeUsed, CodeInvalid
from operations.staff import StaffRole
from storage.outbox import insert_ignoring
from storage.tables import Friendship, Invitation, Person, Setting, StaffContact, StaffMember
from texts.catalogue import say

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0 O 1 I L: codes are read aloud and typed on phones."""
LENGTH = 8
LIFE_MS = 24 * 3_600_000
_CODE = re.compile(rf"WX-?([{ALPHABET}]{{4}})-?([{ALPHABET}]{{4}})\Z")


async def invite(tx: AsyncConnection, name: str, role: StaffRole, by: str, now_ms: int) -> str:
    """A code for a new staff member called `name`; good for a day, once. Raises CannotBeUsed for an empty name."""
    if not name.strip():
        raise CannotBeUsed(say("operations.invite_needs_name"), hint=say("operations.invite_needs_name.hint"))
    return await _new_code(tx, "staff", by, now_ms, name=name.strip()[:30], role=role.value)


async def invite_room(tx: AsyncConnection, by: str, now_ms: int) -> str:
    """A code that makes a group the staff room."""
    return await _new_code(tx, "room", by, now_ms)


async def join(tx: AsyncConnection, contact: str, text: str, now_ms: int) -> str | None:
    """If `text` is an open invitation, `contact` is staff from now on: returns their new staff id. Else None."""
    code = code_in(text)
    if code is None:
        return None
    invitation = await _redeem(tx, code, "staff", now_ms)
    if invitation is None:
        return None
    name, role = invitation
    staff = await _new_id(tx)
    await tx.execute(insert(StaffMember).values(id=staff, name=name, role=role, accounts=[], invited=True))
    await tx.execute(insert_ignoring(tx, StaffContact).values(contact=contact, staff=staff))
    # Staff are never an audience, whatever account knows them.
    await tx.execute(
        update(Person)
        .where(Person.id.in_(select(Friendship.person).where(Friendship.contact == contact)))
        .values(kind="staff")
    )
    return staff


async def make_staff_room(tx: AsyncConnection, code_text: str, room: str, account: str, now_ms: int) -> str:
    """`room` is the staff room from now on. Returns the desk: the account that listens there.

    That is the configured one, else `account`, which heard it. Raises CodeInvalid, CannotBeUsed outside a room.
    """
    if not room:
        raise CannotBeUsed(say("operations.say_it_in_the_room"), hint=say("operations.say_it_in_the_room.hint"))
    code = code_in(code_text)
    if code is None or await _redeem(tx, code, "room", now_ms) is None:
        raise CodeInvalid(say("operations.room_code_invalid"), hint=say("operations.room_code_invalid.hint"))
    desk = await tx.scalar(select(Setting.value).where(Setting.key == "desk")) or account
    for key, value in (("staff_room", room), ("desk", desk)):
        await tx.execute(insert_ignoring(tx, Setting).values(key=key, value=value, changed_ms=now_ms))
        await tx.execute(update(Setting).where(Setting.key == key).values(value=value, changed_ms=now_ms))
    return desk


def code_in(text: str) -> str | None:
    """The code that `text` consists of, as it is kept; None when it is something else."""
    found = _CODE.match(unicodedata.normalize("NFKC", text[:40]).strip().upper())
    return f"WX-{found[1]}-{found[2]}" if found else None


async def _new_code(
    tx: AsyncConnection, kind: str, by: str, now_ms: int, name: str | None = None, role: str | None = None
) -> str:
    signs = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    code = f"WX-{signs[:4]}-{signs[4:]}"
    await tx.execute(
        insert(Invitation).values(
            code=code, kind=kind, name=name, role=role, created_by=by, expires_ms=now_ms + LIFE_MS
        )
    )
    return code


async def _redeem(tx: AsyncConnection, code: str, kind: str, now_ms: int) -> tuple[str, str] | None:
    """Use the code up: name and role that stand on it. None when it is unknown, used or too old."""
    used = await tx.execute(
        update(Invitation)
        .where(
            Invitation.code == code,
            Invitation.kind == kind,
            Invitation.used_ms.is_(None),
            Invitation.expires_ms > now_ms,
        )
        .values(used_ms=now_ms)
    )
    if used.rowcount != 1:
        return None
    row = (await tx.execute(select(Invitation.name, Invitation.role).where(Invitation.code == code))).one()
    return row.name or "", row.role or ""


async def _new_id(tx: AsyncConnection) -> str:
    taken = set((await tx.scalars(select(StaffMember.id))).all())
    number = 1
    while f"staff-{number}" in taken:
        number += 1
    return f"staff-{number}"
