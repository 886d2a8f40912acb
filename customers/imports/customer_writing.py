"""What a block of an import of customers changes, written at once, with what was before kept beside it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.consent import hold_back, opt_out_all
from customers.finding.search import refresh_terms
from customers.imports.customer_entries import OWN_COLUMNS, Change, Entry
from customers.profiles.profile import NewValue, set_profiles
from customers.profiles.tags import add_tags
from customers.standing.purchases import link_orders, recompute
from storage.customer_tables import PersonVersion, ProfileChange
from storage.outbox import insert_ignoring
from storage.tables import Friendship, Person

Changed = tuple[Entry, Change]


def source(batch: int) -> str:
    """Who says what an import says: the source of its tags, profiles and wishes."""
    return f"import:{batch}"


async def write_customers(tx: AsyncConnection, batch: int, changes: Sequence[Changed], now_ms: int) -> None:
    """New people, and what changed of known ones, each person once; then whatever follows from it."""
    by = source(batch)
    new = [entry for entry, _ in changes if entry.id < 0]
    fresh = await _insert_people(tx, new, now_ms)
    known = [(entry, change) for entry, change in changes if entry.id not in fresh]
    await _update_people(tx, [entry for entry, change in known if change.columns])
    await _update_friendships(tx, [change for _, change in changes])
    await _insert_strangers(tx, changes, by, now_ms)
    values = [NewValue(entry.id, key, value) for entry, change in changes for key, value in change.profile.items()]
    await set_profiles(tx, values, by, now_ms)
    await add_tags(tx, [(entry.id, tag) for entry, change in changes for tag in change.tags], by, now_ms)
    await _remember(tx, batch, changes, fresh)
    await _note(tx, known, by, now_ms)
    await _bind_orders(tx, changes, now_ms)
    await hold_back(tx, [entry.id for entry, change in changes if _signs_changed(change)], now_ms)
    await _opt_out(tx, changes, by, now_ms)
    named = [
        entry.id for entry, change in changes if entry.id in fresh or change.columns or change.friendships or change.met
    ]
    await refresh_terms(tx, named)


async def _insert_people(tx: AsyncConnection, new: Sequence[Entry], now_ms: int) -> set[int]:
    """Gives the entries their numbers; returns these."""
    if not new:
        return set()
    rows = [{name: getattr(entry, name) for name in OWN_COLUMNS} | {"created_ms": now_ms} for entry in new]
    made = await tx.scalars(insert(Person).returning(Person.id, sort_by_parameter_order=True), rows)
    for entry, number in zip(new, made.all(), strict=True):
        entry.id = number
    return {entry.id for entry in new}


async def _update_people(tx: AsyncConnection, entries: Sequence[Entry]) -> None:
    if not entries:
        return
    values: dict[str, Any] = {name: bindparam(f"v_{name}") for name in OWN_COLUMNS}
    rows = [
        {"v_id": entry.id, **{f"v_{name}": getattr(entry, name) for name in OWN_COLUMNS}}
        for entry in sorted(entries, key=lambda entry: entry.id)
    ]
    await tx.execute(update(Person).where(Person.id == bindparam("v_id")).values(values), rows)


async def _update_friendships(tx: AsyncConnection, changes: Sequence[Change]) -> None:
    for column in ("alias", "channel"):
        rows = [
            {"v_id": id, "v_new": values[column][1]}
            for change in changes
            for id, values in change.friendships.items()
            if column in values
        ]
        if rows:
            statement = update(Friendship).where(Friendship.id == bindparam("v_id"))
            await tx.execute(statement.values({column: bindparam("v_new")}), rows)


async def _insert_strangers(tx: AsyncConnection, changes: Sequence[Changed], by: str, now_ms: int) -> None:
    """Who is said to be a friend: so that the account's own list, when it is read, finds this person."""
    rows = [
        {"account": known.account, "contact": known.contact, "person": entry.id, "nickname": known.nickname,
         "alias": known.alias, "channel": known.channel, "state": "stranger", "origin": by, "since_ms": now_ms}
        for entry, change in changes
        for known in change.met
    ]  # fmt: skip
    if rows:
        await tx.execute(insert_ignoring(tx, Friendship), rows)


async def _remember(tx: AsyncConnection, batch: int, changes: Sequence[Changed], fresh: Collection[int]) -> None:
    rows = [
        {"batch": batch, "person": entry.id, "before": None if entry.id in fresh else _as_json(change)}
        for entry, change in changes
    ]
    if rows:
        await tx.execute(insert(PersonVersion), rows)


def _as_json(change: Change) -> dict[str, Any]:
    """[before, after] of columns and friendships, for the undo; profiles and tags have a history of their own."""
    return {"columns": change.columns, "friendships": {str(id): what for id, what in change.friendships.items()}}


async def _note(tx: AsyncConnection, known: Sequence[Changed], by: str, now_ms: int) -> None:
    """Names, member names and phones stand in the history of the profile, too."""
    rows = [
        {"person": entry.id, "field": column, "before": before or None, "after": after, "by": by, "at_ms": now_ms}
        for entry, change in known
        for column, (before, after) in change.columns.items()
    ]
    if rows:
        await tx.execute(insert(ProfileChange), rows)


async def _bind_orders(tx: AsyncConnection, changes: Sequence[Changed], now_ms: int) -> None:
    members = {after: entry.id for entry, change in changes for after in change.columns.get("member_name", ())[1:]}
    if members:
        await link_orders(tx, list(members))
        await recompute(tx, list(members.values()), now_ms=now_ms)


def _signs_changed(change: Change) -> bool:
    return bool(change.met) or "member_name" in change.columns or "phone" in change.columns


async def _opt_out(tx: AsyncConnection, changes: Sequence[Changed], by: str, now_ms: int) -> None:
    said: dict[str, list[int]] = {}
    for entry, change in changes:
        if change.opted_out:
            said.setdefault(change.opted_out, []).append(entry.id)
    for words, people in said.items():
        await opt_out_all(tx, people, by=by, words=words, now_ms=now_ms)


def together(changes: Sequence[Changed]) -> list[Changed]:
    """Each person once, when several rows of a block speak of them."""
    merged: dict[int, Changed] = {}
    for entry, change in changes:
        if entry.id in merged:
            _add(merged[entry.id][1], change)
        else:
            merged[entry.id] = (entry, change)
    return list(merged.values())


def _add(first: Change, later: Change) -> None:
    for into, other in ((first.columns, later.columns), *_pairs(first, later)):
        for column, (before, after) in other.items():
            into[column] = [into.get(column, [before])[0], after]
    first.profile |= later.profile
    first.tags += later.tags
    first.met += later.met
    first.opted_out = first.opted_out or later.opted_out


def _pairs(first: Change, later: Change) -> list[tuple[dict[str, list[Any]], Mapping[str, list[Any]]]]:
    return [(first.friendships.setdefault(id, {}), values) for id, values in later.friendships.items()]
