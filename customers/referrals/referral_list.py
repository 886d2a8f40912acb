"""Referrals to look at: who, by whom, how far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from customers.referrals.referrals import ReferralState
from storage.customer_tables import Referral
from storage.tables import Person

MOST = 500
_New, _Old = aliased(Person), aliased(Person)


@dataclass(frozen=True, slots=True)
class Brought:
    """One referral with the names of both. Times are epoch ms."""

    id: int
    person: int
    person_name: str
    referrer: int
    referrer_name: str
    state: ReferralState
    evidence: str
    benefit: str
    order_number: str | None
    at_ms: int
    due_ms: int | None
    delivered_ms: int | None
    delivered_by: str | None


async def brought_person(tx: AsyncConnection, person: int) -> Brought | None:
    """How `person` came; None when nobody brought them."""
    return next(iter(await _found(tx, Referral.person == person)), None)


async def referrals(
    tx: AsyncConnection, *, state: ReferralState | None = None, who: int | None = None
) -> Sequence[Brought]:
    """The newest `MOST`, newest first: in one state, or those that concern one person (brought or bringing)."""
    which: list[ColumnElement[bool]] = []
    if state is not None:
        which.append(Referral.state == state.value)
    if who is not None:
        which.append((Referral.person == who) | (Referral.referrer == who))
    return await _found(tx, *which)


@dataclass(frozen=True, slots=True)
class Due:
    """Thanks that somebody must hand over now: how many, and those that have waited longest."""

    number: int
    first: Sequence[Brought]


async def thanks_due(tx: AsyncConnection, most: int = 3) -> Due:
    """What staff owe old members, with the `most` that fell due first."""
    due = Referral.state == ReferralState.DUE.value
    number = int(await tx.scalar(select(func.count()).where(due)) or 0)
    if not number:
        return Due(0, ())
    return Due(number, await _read(tx, _query(due).order_by(Referral.due_ms, Referral.id).limit(most)))


async def _found(tx: AsyncConnection, *which: ColumnElement[bool]) -> list[Brought]:
    return await _read(tx, _query(*which).order_by(Referral.id.desc()).limit(MOST))


async def _read(tx: AsyncConnection, query: Select[*tuple[Any, ...]]) -> list[Brought]:
    return [_brought(row._mapping) for row in (await tx.execute(query)).all()]


def _query(*which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Referral.id, Referral.person, shown_name(_New).label("person_name"), Referral.referrer,
            shown_name(_Old).label("referrer_name"), Referral.state, Referral.evidence, Referral.benefit,
            Referral.order_number, Referral.at_ms, Referral.due_ms, Referral.delivered_ms, Referral.delivered_by,
        )
        .join(_New, _New.id == Referral.person)
        .join(_Old, _Old.id == Referral.referrer)
        .where(*which)
    )  # fmt: skip


def _brought(found: Mapping[Any, Any]) -> Brought:
    values = {str(key): value for key, value in found.items()}
    names = {key: values[key] or f"#{values[key.removesuffix('_name')]}" for key in ("person_name", "referrer_name")}
    return Brought(**{**values, **names, "state": ReferralState(str(values["state"]))})


def shown_name(person: type[Person]) -> ColumnElement[str]:
    """What a list calls somebody; '' where there is no name at all."""
    empty = ""
    return func.coalesce(func.nullif(person.call_me, empty), func.nullif(person.name, empty), person.member_name, empty)
