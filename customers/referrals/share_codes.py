"""The code of a member that friends name (老带新): short, without signs that look alike, with a check sign.

Six signs for the first twenty million people, made from the person's number: the same person has the same code in
every copy of the database, and two people never share one.
"""

import re
import unicodedata
from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import NoSuchPerson
from storage.tables import Person

ALPHABET = "23456789ABCDEFGHJKMNPQRTVWXYZ"
"""Without signs that look like another: 0 1 I L O S U. Their number is prime, so that the check sign finds every wrong
sign and every swap of neighbours."""
_SIGNS = len(ALPHABET)
_SHORTEST = 5
_LONGEST_CODE = 12
_STEP = 7_368_787
"""Prime: neighbours get codes that do not look alike."""
_WORD = re.compile(rf"(?<![0-9A-Za-z])[0-9A-Za-z]{{{_SHORTEST + 1},{_LONGEST_CODE}}}(?![0-9A-Za-z])")
_MOST_CODES = 5


def code_of(person: int) -> str:
    """The code of the person with that number (above 0)."""
    length = _SHORTEST
    while person >= _SIGNS**length:
        length += 1
    mixed = person * _STEP % _SIGNS**length
    digits = [mixed // _SIGNS**place % _SIGNS for place in range(length)]
    return "".join(ALPHABET[digit] for digit in (*digits, _check(digits)))


def codes_in(text: str) -> list[str]:
    """What may be share codes in `text`, as they are written by us; whether they were given out, the database knows."""
    plain = unicodedata.normalize("NFKC", text)
    found = [word.upper() for word in _WORD.findall(plain)]
    return [word for word in dict.fromkeys(found) if _is_whole(word)][:_MOST_CODES]


async def share_code_of(tx: AsyncConnection, person: int) -> str:
    """The person's code, given out from now on. Raises NoSuchPerson."""
    row = (await tx.execute(select(Person.share_code, Person.merged_into).where(Person.id == person))).first()
    if row is None:
        raise NoSuchPerson(person)
    if row.merged_into is not None:
        return await share_code_of(tx, row.merged_into)
    if row.share_code is None:
        await tx.execute(update(Person).where(Person.id == person).values(share_code=code_of(person)))
    return row.share_code or code_of(person)


async def owner_of(tx: AsyncConnection, codes: Sequence[str]) -> tuple[str, int] | None:
    """The first of `codes` that was given out, and whose it is today."""
    if not codes:
        return None
    rows = await tx.execute(
        select(Person.share_code, func.coalesce(Person.merged_into, Person.id).label("owner")).where(
            Person.share_code.in_(codes), Person.erased_ms.is_(None)
        )
    )
    owners = {row.share_code: row.owner for row in rows}
    return next(((code, owners[code]) for code in codes if code in owners), None)


def _check(digits: Sequence[int]) -> int:
    return sum((place + 2) * digit for place, digit in enumerate(digits)) % _SIGNS


def _is_whole(word: str) -> bool:
    if any(sign not in ALPHABET for sign in word):
        return False
    digits = [ALPHABET.index(sign) for sign in word]
    return _check(digits[:-1]) == digits[-1]
