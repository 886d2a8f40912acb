"""Entries to a giveaway or a contest: numbered in the order in which they came, one a person, the number for good."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, Update, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.campaign_files.campaign_parts import plain_size
from scheduler.moments.materials import ConsentMark
from scheduler.our_contacts import ours
from scheduler.participants.participants import in_turn
from storage.campaign_tables import Material
from storage.entry_tables import Entry
from storage.outbox import insert_ignoring
from storage.tables import Friendship, Person

_MEASURES = ("size", "pants_size", "shoe_size")


class EntryState(StrEnum):
    TOLD = "told"
    """Was told the terms; their photo makes it an entry."""
    ASKED = "asked"
    """Their photo came first: they were told the terms, and have not agreed yet."""
    ENTERED = "entered"
    WITHDRAWN = "withdrawn"
    """Taken back; the number stays theirs."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """A complete entry. `wears`: sizes as `measure:SIZE`; `out`: why it can't win (a reason of the catalogue), ''."""

    id: int
    person: int
    number: int
    wears: tuple[str, ...]
    material: int | None
    out: str = ""


async def entry_of(tx: AsyncConnection, campaign: int, person: int) -> Row[Any] | None:
    """Their line, complete or not."""
    query = select(Entry.__table__).where(Entry.campaign == campaign, Entry.person == person)
    return (await tx.execute(query)).first()


async def note(tx: AsyncConnection, campaign: int, person: int, state: EntryState, now_ms: int, **values: Any) -> None:
    """Where their entry stands now, without a number. `values` are columns."""
    row = {"campaign": campaign, "person": person, "state": state.value, "changed_ms": now_ms}
    await tx.execute(insert_ignoring(tx, Entry).values(row))
    await tx.execute(_line(campaign, person).values(state=state.value, changed_ms=now_ms, **values))


async def enter(tx: AsyncConnection, campaign: int, person: int, now_ms: int, **values: Any) -> int:
    """Their entry is complete: its number. Said again, it is the same one. `values` are columns."""
    await in_turn(tx, campaign)
    await note(tx, campaign, person, EntryState.ENTERED, now_ms, **values)
    row = await entry_of(tx, campaign, person)
    assert row is not None  # noqa: S101  # it was written just now
    if row.number is not None:
        return int(row.number)
    last = await tx.scalar(select(func.max(Entry.number)).where(Entry.campaign == campaign))
    number = (last or 0) + 1
    await tx.execute(_line(campaign, person).values(number=number, entered_ms=now_ms))
    return number


async def withdraw(tx: AsyncConnection, campaign: int, person: int, now_ms: int) -> None:
    """They want nothing to do with it any more; nothing for whoever never entered."""
    await tx.execute(_line(campaign, person).values(state=EntryState.WITHDRAWN.value, changed_ms=now_ms))


async def by_number(tx: AsyncConnection, campaign: int, number: int) -> Row[Any] | None:
    """The entry that stands under that number; None for one that was taken back or never there."""
    row: Row[Any] | None = (await tx.execute(_standing(campaign).where(Entry.number == number))).first()
    return row


async def numbers(tx: AsyncConnection, campaign: int) -> list[int]:
    """Of all entries that stand."""
    return [row.number for row in (await tx.execute(_standing(campaign))).all()]


async def entrants(tx: AsyncConnection, campaign: int, *, person: int | None = None) -> list[Entrant]:
    """Everybody who is entered, by number, also those who can't win; or only one of them.

    Staff and our own accounts never win; whoever opted out can't be told, and a merged person is in once.
    """
    of_ours = set((await tx.scalars(select(Friendship.person).where(Friendship.contact.in_(ours())))).all())
    query = (
        _standing(campaign)
        .join(Person, Person.id == Entry.person)
        .add_columns(Person.kind, Person.opted_out_ms, Person.merged_into, Person.profile)
    )
    if person is not None:
        query = query.where(Entry.person == person)
    return [
        Entrant(row.id, row.person, row.number, _wears(row), row.material, _out(row, row.person in of_ours))
        for row in (await tx.execute(query)).all()
    ]


def _standing(campaign: int) -> Select[Any]:
    """Entries that are complete; a photo counts as long as its person agrees to have it shown."""
    columns: list[Any] = [Entry.id, Entry.person, Entry.number, Entry.size, Entry.material]
    return (
        select(*columns)
        .outerjoin(Material, Material.id == Entry.material)
        .where(
            Entry.campaign == campaign, Entry.state == EntryState.ENTERED.value, Entry.number.is_not(None),
            func.coalesce(Material.consent, ConsentMark.GIVEN.value) == ConsentMark.GIVEN.value,
        )
        .order_by(Entry.number)
    )  # fmt: skip


def _out(row: Row[Any], is_ours: bool) -> str:
    if row.merged_into is not None:
        return "merged_duplicate"
    if is_ours or row.kind != "customer":
        return "own_or_staff"
    return "opted_out" if row.opted_out_ms is not None else ""


def _wears(row: Row[Any]) -> tuple[str, ...]:
    """What they said with their entry counts alone; else what their profile says."""
    profile: dict[str, Any] = row.profile or {}
    worn = {measure: row.size or profile.get(measure) for measure in _MEASURES}
    return tuple(sorted(f"{measure}:{plain_size(str(size))}" for measure, size in worn.items() if size))


def _line(campaign: int, person: int) -> Update:
    return update(Entry).where(Entry.campaign == campaign, Entry.person == person)
