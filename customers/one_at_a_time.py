"""Several may change one person at once: on PostgreSQL each has to wait for the other, and to see what that one did.

A statement that waited for somebody's row goes on with all it had read before. So whoever counts, merges, claims or
notes a wish takes the people first, and reads then. SQLite has one writer anyway.
"""

import zlib
from collections.abc import Collection

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.bulk import among_ids
from storage.tables import Person

_MEETING = 0x77_78_6D_74  # 'wxmt': the first key of PostgreSQL's advisory locks for contacts that nobody knows yet
_DRAWERS = 64
"""Contacts share so many locks: an account's list of thousands must not fill the server's table of locks."""


async def hold(tx: AsyncConnection, people: Collection[int] | Select[int]) -> None:
    """Nobody else changes these people before `tx` ends, nor those they were merged into.

    In the order of their ids, so that two who want the same wait in turn.
    """
    if tx.dialect.name != "postgresql":
        return
    held: dict[int, int] = {}
    wanted = people if isinstance(people, Select) else set(people)
    while isinstance(wanted, Select) or wanted:
        which = Person.id.in_(wanted) if isinstance(wanted, Select) else among_ids(tx, Person.id, sorted(wanted))
        query = select(Person.id, Person.merged_into).where(which).order_by(Person.id)
        # Not the key: a friendship that is being written down may point at them meanwhile.
        rows = (await tx.execute(query.with_for_update(key_share=True))).all()
        held |= {row.id: row.merged_into or row.id for row in rows}
        wanted = set(held.values()) - held.keys()


async def hold_contacts(tx: AsyncConnection, contacts: Collection[str]) -> bool:
    """Nobody else makes an entry for one of these WeChat ids before `tx` ends. Were they taken? Then look again.

    A person whom two accounts meet in the same moment is nobody's row yet that could be held.
    """
    if tx.dialect.name != "postgresql":
        return False
    for drawer in sorted({zlib.crc32(contact.encode()) % _DRAWERS for contact in contacts}):
        await tx.execute(select(func.pg_advisory_xact_lock(_MEETING, drawer)))
    return True
