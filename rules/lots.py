"""Drawing lots so that anybody can draw them again: from what is published, with nothing but SHA-256 and sorting.

1. A seed is fixed before anybody has entered, and only its hash (the commitment) is shown: nobody can choose it to suit
   the entrants, and nobody who sees the hash can tell the outcome.
2. When entries are closed, all of them are written down and hashed, and the hash is told: no later edit moves anybody.
   The seed, an optional public value that nobody knew before, that hash and an entry's number make the entry's ticket.
   Smallest ticket first. Whoever dropped out since is passed over, with the reason; all others keep their tickets.
3. In that order everybody gets the first prize in their own size that is left; then one that fits everybody.

Seed, public value, entrants and prizes are published afterwards: the commitment shows that the seed is the old one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

ALGORITHM = "wxfleet-lots-1"
BY_VOTES = "wxfleet-votes-2"
"""Most votes first; equal ones in the order of their tickets. The hash of the close covers the votes."""
BY_VOTES_APART = "wxfleet-votes-1"
"""The same as it was first: the hash covered the entries alone. Its records can be drawn again."""


@dataclass(frozen=True, slots=True)
class Lot:
    """One entry. `wears`: sizes as `measure:SIZE`, e.g. `size:M`."""

    number: int
    wears: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lots:
    """So many of one prize. `fits`: the size as `measure:SIZE`, '' for everybody."""

    name: str
    count: int
    fits: str = ""


@dataclass(frozen=True, slots=True)
class Win:
    """The entry of that number gets that prize; `place` counts from 1."""

    place: int
    number: int
    name: str
    fits: str = ""


def commitment_of(seed: str) -> str:
    """What is shown of a seed beforehand."""
    return sha256(seed.encode()).hexdigest()


def hash_of(lots: Sequence[Lot]) -> str:
    """Of all entries: a line `number wears,wears` for each, by number."""
    lines = [f"{lot.number} {','.join(sorted(lot.wears))}" for lot in sorted(lots, key=lambda lot: lot.number)]
    return sha256("\n".join(lines).encode()).hexdigest()


def hash_with_votes(lots: Sequence[Lot], votes: Mapping[int, int]) -> str:
    """Of all entries and their votes: the lines of `hash_of`, then a line `number=votes` for each that has some."""
    lines = [f"{number}={count}" for number, count in sorted(votes.items()) if count]
    return sha256("\n".join([hash_of(lots), *lines]).encode()).hexdigest()


def ticket(seed: str, public: str, entrants: str, number: int) -> str:
    """Of one entry; `entrants` is the hash of all."""
    return sha256(f"{seed}\n{public}\n{entrants}\n{number}".encode()).hexdigest()


def in_order(lots: Sequence[Lot], seed: str, public: str = "") -> list[Lot]:
    """As they are drawn."""
    entrants = hash_of(lots)
    return sorted(lots, key=lambda lot: ticket(seed, public, entrants, lot.number))


def allot(order: Sequence[Lot], prizes: Sequence[Lots]) -> list[Win]:
    """Who gets what: each at most one, what is in their own size before what fits everybody."""
    left = [prize.count for prize in prizes]
    wins: list[Win] = []
    for lot in order:
        fitting = [place for place, prize in enumerate(prizes) if left[place] and prize.fits in (*lot.wears, "")]
        if not fitting:
            continue
        best = min(fitting, key=lambda place: (not prizes[place].fits, place))
        left[best] -= 1
        wins.append(Win(len(wins) + 1, lot.number, prizes[best].name, prizes[best].fits))
    return wins


def ranked(lots: Sequence[Lot], votes: Mapping[int, int], seed: str) -> list[Lot]:
    """Entries by their votes, equal ones by lot. An entry that nobody voted for is not among them."""
    drawn = in_order(lots, seed)
    return sorted((lot for lot in drawn if votes.get(lot.number)), key=lambda lot: -votes[lot.number])
