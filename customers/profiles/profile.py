"""Profiles (客户画像): fields of many people are set at once, and a history says who changed what, and undoes it.

Nothing is written where nothing changes. What segments, greetings and the persona's voice read (`call_me`, the
birthday, the preferred persona) are columns of `people`; the rest is `customers.profiles.profile_fields.Profile`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BindParameter, Row, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import ValueRefused
from customers.finding.search import refresh_terms
from customers.one_at_a_time import hold
from customers.profiles.birthday_words import stored_birthday
from customers.profiles.profile_fields import FIELDS, Profile, Value, field_named, read_value, shown_name
from customers.profiles.tags import TAG, add_tags, remove_tags
from storage.customer_tables import ProfileChange
from storage.tables import Account, Person
from texts.catalogue import say
from texts.nearest import nearest

PEOPLE_A_STATEMENT = 500
PROFILE_COLUMNS = ("call_me", "birthday", "birthday_lunar", "birthday_mmdd", "preferred_persona", "profile")
_PERSONA = "preferred_persona"


@dataclass(frozen=True, slots=True)
class NewValue:
    """What a field (a key of `FIELDS`) of somebody shall hold; None: nothing is known any more."""

    person: int
    field: str
    value: Value | None


@dataclass(frozen=True, slots=True)
class Changed:
    """A field that held `before` and holds `after` now. A tag that was given or taken is field `tag`."""

    person: int
    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Past:
    """A line of somebody's history; `at_ms` epoch ms."""

    field: str
    before: Any
    after: Any
    by: str
    at_ms: int


async def read_values(tx: AsyncConnection, person: int, written: Mapping[str, str], today: date) -> list[NewValue]:
    """What staff wrote (`{"尺码": "M", …}`) as values. Raises NoSuchField, ValueRefused."""
    values = []
    for name, text in written.items():
        field = field_named(name)
        value = read_value(field, text, today)
        if field.key == _PERSONA and value is not None:
            await _require_persona(tx, str(value))
        values.append(NewValue(person, field.key, value))
    return values


async def set_profiles(tx: AsyncConnection, values: Sequence[NewValue], by: str, now_ms: int) -> list[Changed]:
    """Give these fields these values; returns what changed. Of two values of one field the later one holds.

    `by` is who says so (`staff:owner`, `import:17`). For entries that were merged, whoever they belong to now; nobody
    who was erased. Some thousands of people a second; give many at a time, in transactions as short as you need.
    """
    wanted: dict[int, dict[str, Value | None]] = {}
    for one in values:
        wanted.setdefault(one.person, {})[one.field] = one.value
    changed: list[Changed] = []
    people = sorted(wanted)
    for start in range(0, len(people), PEOPLE_A_STATEMENT):
        some = {person: wanted[person] for person in people[start : start + PEOPLE_A_STATEMENT]}
        changed += await _set(tx, some, by, now_ms)
    await refresh_terms(tx, [one.person for one in changed if one.field == "call_me"])
    return changed


async def take_back(
    tx: AsyncConnection,
    of: str,
    *,
    by: str,
    now_ms: int,
    between: tuple[int, int] | None = None,
    people: Collection[int] | None = None,
) -> list[Changed]:
    """Put back what `of` changed in profiles and tags (of these people), where it still stands so.

    `between`: only these lines of the history, as `newest_line` numbers them, the first excluded.

    Somebody else's later word stays. Returns what was put back, itself a line of the history by `by`.
    """
    query = select(ProfileChange.__table__).where(ProfileChange.by == of).order_by(ProfileChange.id)
    if between is not None:
        query = query.where(ProfileChange.id > between[0], ProfileChange.id <= between[1])
    if people is not None:
        query = query.where(ProfileChange.person.in_(people))
    first, last = _ends((await tx.execute(query)).all())
    fields = {key: before for key, before in first.items() if key[1] in FIELDS}
    now = await _standing(tx, {person for person, *_ in fields})
    back = [
        NewValue(person, field, before)
        for (person, field, _), before in fields.items()
        if person in now and held(now[person], field) == last[person, field, ""]
    ]
    given = [(person, tag) for person, field, tag in first if field == TAG and last[person, field, tag]]
    taken = [(person, tag) for person, field, tag in first if field == TAG and not last[person, field, tag]]
    changed = await set_profiles(tx, back, by, now_ms)
    changed += [Changed(person, TAG, tag, None) for person, tag in await remove_tags(tx, given, by, now_ms)]
    changed += [Changed(person, TAG, None, tag) for person, tag in await add_tags(tx, taken, by, now_ms)]
    return changed


async def newest_line(tx: AsyncConnection) -> int:
    """The number of the newest line of anybody's history; 0 for none."""
    return await tx.scalar(select(func.max(ProfileChange.id))) or 0


async def history(tx: AsyncConnection, person: int, most: int) -> list[Past]:
    """The newest first."""
    columns = (ProfileChange.field, ProfileChange.before, ProfileChange.after, ProfileChange.by, ProfileChange.at_ms)
    query = select(*columns).where(ProfileChange.person == person)
    rows = (await tx.execute(query.order_by(ProfileChange.id.desc()).limit(most))).all()
    return [Past(row.field, row.before, row.after, row.by, row.at_ms) for row in rows]


async def _require_persona(tx: AsyncConnection, word: str) -> None:
    """Only personas that an account plays can look after anybody."""
    query = select(Account.persona).where(Account.removed.is_(False)).distinct().order_by(Account.persona)
    known = (await tx.scalars(query)).all()
    if word not in known:
        near = nearest(word, known)
        reason = "persona_meant" if near else "persona"
        personas = say("texts.comma").join(known[:20])
        raise ValueRefused(shown_name(_PERSONA), word, reason, near=near, known=personas)


async def _set(
    tx: AsyncConnection, wanted: Mapping[int, Mapping[str, Value | None]], by: str, now_ms: int
) -> list[Changed]:
    await hold(tx, list(wanted))  # they may be merged into somebody just now
    entry = func.coalesce(Person.merged_into, Person.id)
    owners = (await tx.execute(select(Person.id, entry).where(Person.id.in_(wanted)).order_by(Person.id))).all()
    fields: dict[int, dict[str, Value | None]] = {}
    for person, owner in owners:
        fields[owner] = {**fields.get(owner, {}), **wanted[person]}
    now = await _standing(tx, fields)
    changed = [
        Changed(person, field, held(now[person], field), value)
        for person in sorted(now)
        for field, value in fields[person].items()
        if held(now[person], field) != value
    ]
    if not changed:
        return []
    after: dict[int, dict[str, Value | None]] = {}
    for one in changed:
        after.setdefault(one.person, {})[one.field] = one.after
    values: dict[str, BindParameter[Any]] = {name: bindparam(f"v_{name}") for name in PROFILE_COLUMNS}
    await tx.execute(
        update(Person).where(Person.id == bindparam("v_id")).values(values),
        [_columns(now[person], new) for person, new in after.items()],
    )
    await tx.execute(
        insert(ProfileChange),
        [
            {"person": c.person, "field": c.field, "before": c.before, "after": c.after, "by": by, "at_ms": now_ms}
            for c in changed
        ],
    )
    return changed


async def _standing(tx: AsyncConnection, people: Iterable[int]) -> dict[int, Row[Any]]:
    """The entries as they are, nobody erased; locked in the order of their numbers, so that nobody waits for ever."""
    ids = sorted(people)
    found: dict[int, Row[Any]] = {}
    for start in range(0, len(ids), PEOPLE_A_STATEMENT):
        query = select(Person.id, *(getattr(Person, name) for name in PROFILE_COLUMNS)).where(
            Person.id.in_(ids[start : start + PEOPLE_A_STATEMENT]), Person.erased_ms.is_(None)
        )
        rows = (await tx.execute(query.order_by(Person.id).with_for_update())).all()
        found |= {row.id: row for row in rows}
    return found


def held(row: Row[Any], field: str) -> Any:
    """What a row of `people` with `PROFILE_COLUMNS` says of a field, as `NewValue` would."""
    if field == "birthday":
        return f"lunar:{row.birthday}" if row.birthday and row.birthday_lunar else row.birthday
    if field in ("call_me", _PERSONA):
        return getattr(row, field)
    return (row.profile or {}).get(field)


def _columns(row: Row[Any], new: Mapping[str, Value | None]) -> dict[str, Any]:
    """The whole of what we may write of somebody: as it was, with `new` in it."""
    out = {name: new.get(name, getattr(row, name)) for name in ("call_me", _PERSONA)}
    out |= {name: getattr(row, name) for name in ("birthday", "birthday_lunar", "birthday_mmdd")}
    if "birthday" in new:
        born = None if new["birthday"] is None else stored_birthday(str(new["birthday"]))
        out["birthday"], out["birthday_mmdd"] = (born.date, born.mmdd) if born else (None, None)
        out["birthday_lunar"] = bool(born and born.lunar)
    document = {**(row.profile or {}), **{name: value for name, value in new.items() if name in Profile.model_fields}}
    out["profile"] = {name: value for name, value in document.items() if value is not None} or None
    return {"v_id": row.id, **{f"v_{name}": value for name, value in out.items()}}


_Key = tuple[int, str, str]
"""Person, field, and which tag: a person has many."""


def _ends(changes: Sequence[Row[Any]]) -> tuple[dict[_Key, Any], dict[_Key, Any]]:
    """What stood before the first of these changes, and after the last."""
    first: dict[_Key, Any] = {}
    last: dict[_Key, Any] = {}
    for change in changes:
        key = (change.person, change.field, str(change.after or change.before) if change.field == TAG else "")
        first.setdefault(key, change.before)
        last[key] = change.after
    return first, last
