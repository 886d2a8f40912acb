"""Votes of a campaign: what a short message chooses, and how often each choice was made. One vote a person.

A vote is the `choice` of somebody's line among the participants: who votes again has changed their mind, and whoever
writes from two accounts is one person all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.our_contacts import ours
from scheduler.participants.participants import Standing
from storage.campaign_tables import Participant
from storage.tables import Person

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_AROUND = (("", ""), ("选", ""), ("投", ""), ("投给", ""), ("", "号"), ("", "款"), ("第", "款"), ("第", "号"),
           ("选", "号"), ("投", "号"), ("投给", "号"), ("选", "款"), ("no", ""))  # fmt: skip
"""What people write before and behind a number."""


@dataclass(frozen=True, slots=True)
class Votes:
    """How many chose that."""

    choice: str
    votes: int


def read_choice(plain: str, choices: Sequence[str]) -> str | None:
    """Which of the choices the words mean, by number, letter or name; None for none of them.

    `plain`: folded, without signs and blanks; names are folded the same way by the caller's `choices`.
    """
    for number, choice in enumerate(choices, start=1):
        letter = _LETTERS[number - 1] if number <= len(_LETTERS) else ""
        if plain == choice or plain in written(str(number)) or (letter and plain in written(letter)):
            return choice
    return None


def written(mark: str) -> frozenset[str]:
    """The ways to choose a number or a letter: 3, 投3号, 第3款."""
    return frozenset(f"{before}{mark}{behind}" for before, behind in _AROUND)


def counts() -> tuple[ColumnElement[bool], ...]:
    """When a participant's choice, joined with their person, is a vote."""
    return (
        Person.merged_into.is_(None),
        Participant.state != Standing.DECLINED.value,
        Person.kind == "customer",
        func.coalesce(Participant.contact, "").not_in(ours()),
    )


async def count_votes(tx: AsyncConnection, campaign: int, choices: Sequence[str]) -> list[Votes]:
    """The choice with most votes first, of equal ones the one that stands first in `choices`; all of them are there.

    Staff and our own accounts have no vote, nor has whoever said afterwards that they want nothing to do with it.
    """
    query = (
        select(Participant.choice, func.count())
        .join(Person, Person.id == Participant.person)
        .where(Participant.campaign == campaign, Participant.choice.is_not(None), *counts())
        .group_by(Participant.choice)
    )
    found: dict[str | None, int] = {row[0]: row[1] for row in (await tx.execute(query)).all()}
    counted = [Votes(choice, found.get(choice, 0)) for choice in choices]
    return sorted(counted, key=lambda one: -one.votes)
