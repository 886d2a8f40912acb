"""An account's friends: thousands from the first day as a range, the changes as sets."""

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.crowd import contact_of, number_in
from simulator.seeds import number_of


@dataclass(frozen=True, slots=True)
class FriendsThen:
    """An account's friends at one moment, kept small: a range and two sets."""

    account: str
    numbers: range
    added: tuple[str, ...]
    left: frozenset[str]
    visible: int

    def readers(self) -> Iterator[str]:
        """Who sees a post of that moment: all while they are at most `visible`, else two of three, always the same."""
        everybody = [contact for contact in _in_order(self.numbers, self.added) if contact not in self.left]
        if len(everybody) <= self.visible:
            return iter(everybody)
        return (contact for contact in everybody if number_of("reads", self.account, contact) % 3)


class FriendList:
    """Who is in one account's list. Who deleted the account stays listed, as on the phone, but can't be reached."""

    def __init__(self, account: str, numbers: range, others: tuple[str, ...]) -> None:
        self.account = account
        self._numbers = numbers
        self._added: dict[str, None] = dict.fromkeys(others)
        self._left: set[str] = set()

    def __len__(self) -> int:
        return len(self._numbers) + len(self._added)

    def __contains__(self, contact: str) -> bool:
        if contact in self._added:
            return True
        number = number_in(contact)
        return number is not None and number in self._numbers

    def ids(self) -> list[str]:
        """Everybody in the list, whoever left silently included."""
        return list(_in_order(self._numbers, tuple(self._added)))

    def reaches(self, contact: str) -> bool:
        """May messages go to and fro? Not after they deleted the account."""
        return contact in self and contact not in self._left

    def add(self, contact: str) -> None:
        self._left.discard(contact)
        if contact not in self:
            self._added[contact] = None

    def leave(self, contact: str) -> None:
        """They delete the account; the account is not told."""
        if contact in self:
            self._left.add(contact)

    def then(self, visible: int) -> FriendsThen:
        return FriendsThen(self.account, self._numbers, tuple(self._added), frozenset(self._left), visible)


def _in_order(numbers: range, added: tuple[str, ...]) -> Iterator[str]:
    yield from map(contact_of, numbers)
    yield from added
