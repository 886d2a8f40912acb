"""Codes that somebody sends to any bot to become staff, or says in a group to make it the staff room."""

import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.errors import CannotBeUsed, CodeInvalid
from operations.staff import StaffRole
from storage.outbox import insert_ignoring
from storage.settings import put_setting, setting
from storage.staff_tables import Invitation, StaffContact, StaffMember
from storage.tables import Friendship, Person
from texts.catalogue import say
from texts.punctuation import listed

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0 O 1 I L: codes are read aloud and typed on phones."""
LENGTH = 8
LIFE_MS = 24 * 3_600_000
_CODE = re.compile(rf"WX-?([{ALPHABET}]{{4}})-?([{ALPHABET}]{{4}})\Z")


@dataclass(frozen=True, slots=True)
class Invited:
    """A code, and who becomes staff with it. `staff`: the id of a member we know already; None for a new one."""

    code: str
    name: str
    role: StaffRole
    staff: str | None


async def invite(tx: AsyncConnection, word: str, role: StaffRole, by: str, now_ms: int) -> Invited:
    """A code, good for a day and once, for the member of the staff with that id, or that name in config.yaml.

    A member keeps their own rights. Where nobody is called so, it is for a new member called `word` with `role`.
    Raises CannotBeUsed for an empty name, or one that several members bear.
    """
    if not word.strip():
        raise CannotBeUsed(say("operations.invite_needs_name"), hint=say("operations.invite_needs_name.hint"))
    known = await _members(tx, word.strip())
    if len(known) > 1:
        ids = listed(row.id for row in known)
        raise CannotBeUsed(
            say("operations.invite_several", name=word.strip()), hint=say("operations.choices", choices=ids)
        )
    if known:
        staff, name, role = known[0].id, known[0].name, StaffRole(known[0].role)
    else:
        staff, name = None, word.strip()[:30]
    return Invited(await _new_code(tx, "staff", by, now_ms, staff, name, role.value), name, role, staff)


async def _members(tx: AsyncConnection, word: str) -> Sequence[Row[Any]]:
    """Whom `word` means: an id alone, else those of config.yaml with that name. Who once joined by a code is meant by
    the id only: a second newcomer may bear the same name.
    """
    named = (StaffMember.name == word) & StaffMember.invited.is_(False)
    found = await tx.execute(
        select(StaffMember.__table__)
        .where(StaffMember.removed.is_(False), or_(StaffMember.id == word, named))
        .order_by(StaffMember.id)
    )
    rows = found.all()
    return [row for row in rows if row.id == word] or rows


async def invite_room(tx: AsyncConnection, by: str, now_ms: int) -> str:
    """A code that makes a group the staff room."""
    return await _new_code(tx, "room", by, now_ms)


async def invite_pond(tx: AsyncConnection, pond: str, by: str, now_ms: int) -> str:
    """A code that staff say in a room to tell that it is that pond."""
    return await _new_code(tx, "pond", by, now_ms, name=pond)


async def pond_of_code(tx: AsyncConnection, text: str, now_ms: int) -> str | None:
    """The pond that an open code stands for, used up by this; None when `text` is none."""
    code = code_in(text)
    invitation = await _redeem(tx, code, "pond", now_ms) if code else None
    return None if invitation is None else str(invitation.name)


async def join(tx: AsyncConnection, contact: str, text: str, now_ms: int) -> str | None:
    """If `text` is an open invitation, `contact` is staff from now on: returns their staff id. Else None."""
    code = code_in(text)
    if code is None:
        return None
    invitation = await _redeem(tx, code, "staff", now_ms)
    if invitation is None:
        return None
    staff = await _member_of(tx, invitation)
    if staff is None:
        return None
    await tx.execute(insert_ignoring(tx, StaffContact).values(contact=contact, staff=staff))
    # Staff are never an audience, whatever account knows them.
    await tx.execute(
        update(Person)
        .where(Person.id.in_(select(Friendship.person).where(Friendship.contact == contact)))
        .values(kind="staff")
    )
    return staff


async def _member_of(tx: AsyncConnection, invitation: Row[Any]) -> str | None:
    """The member whom the invitation was made for, or a new one; None when they are no longer on the staff."""
    if invitation.staff is not None:
        there = select(StaffMember.id).where(StaffMember.id == invitation.staff, StaffMember.removed.is_(False))
        return await tx.scalar(there)
    staff = await _new_id(tx)
    await tx.execute(
        insert(StaffMember).values(
            id=staff, name=invitation.name or "", role=invitation.role, accounts=[], invited=True
        )
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
    desk = await setting(tx, "desk") or account
    for key, value in (("staff_room", room), ("desk", desk)):
        await put_setting(tx, key, value, now_ms)
    return desk


def code_in(text: str) -> str | None:
    """The code that `text` consists of, as it is kept; None when it is something else."""
    found = _CODE.match(unicodedata.normalize("NFKC", text[:40]).strip().upper())
    return f"WX-{found[1]}-{found[2]}" if found else None


async def _new_code(
    tx: AsyncConnection,
    kind: str,
    by: str,
    now_ms: int,
    staff: str | None = None,
    name: str | None = None,
    role: str | None = None,
) -> str:
    signs = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    code = f"WX-{signs[:4]}-{signs[4:]}"
    await tx.execute(
        insert(Invitation).values(
            code=code, kind=kind, staff=staff, name=name, role=role, created_by=by, expires_ms=now_ms + LIFE_MS
        )
    )
    return code


async def _redeem(tx: AsyncConnection, code: str, kind: str, now_ms: int) -> Row[Any] | None:
    """Use the code up: staff, name and role that stand on it. None when it is unknown, used or too old."""
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
    return (await tx.execute(select(Invitation.__table__).where(Invitation.code == code))).one()


async def _new_id(tx: AsyncConnection) -> str:
    taken = set((await tx.scalars(select(StaffMember.id))).all())
    number = 1
    while f"staff-{number}" in taken:
        number += 1
    return f"staff-{number}"
