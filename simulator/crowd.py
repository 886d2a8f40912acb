"""Who is who: thousands of people who cost nothing until somebody asks for one of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from simulator import names
from simulator.scenario import AccountPlan, Scenario
from simulator.seeds import dice

_PREFIX = "wxid_c"
_SHARED = 0.2
"""Share of the known buyers who are friends of a second account too."""

_BLOCK = 10_000
"""Numbers kept for the friends of one account: who joins the matrix later changes nobody else's friends."""

_MOST = 500
"""Accounts up to which newcomers keep their numbers when the matrix grows."""

FILE_HELPER = "filehelper"
"""文件传输助手: everybody's note to themselves; in every list, nobody's friend."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a contact card shows. `alias` is the remark that the account's operator wrote."""

    contact: str
    nickname: str
    alias: str = ""
    city: str = ""
    friend: bool = False
    official: bool = False
    signature: str = ""


def contact_of(number: int) -> str:
    return f"{_PREFIX}{number:07d}"


def number_in(contact: str) -> int | None:
    """The number of one of the crowd; None for accounts, staff and everything else."""
    digits = contact.removeprefix(_PREFIX)
    return int(digits) if len(digits) < len(contact) and digits.isdigit() else None


def account_contact(account: str) -> str:
    """The WeChat id of one of our own accounts."""
    return "wxid_" + account.replace("-", "_")


class Crowd:
    """The people of a scenario, numbered: friends of the first account first; who comes later, last.

    Buyers are numbered on their own: known ones (their remark carries the member name), those who will claim an order,
    those who come with a parcel card, and those who never show up on WeChat.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.ranges: dict[str, range] = {}
        for place, plan in enumerate(scenario.accounts):
            size = max(0, (plan.friends or 0) - (len(scenario.accounts) - 1) - len(scenario.staff))
            self.ranges[plan.id] = range(place * _BLOCK, place * _BLOCK + min(size, _BLOCK))
        self.first_newcomer = max(len(scenario.accounts), _MOST) * _BLOCK

    @cached_property
    def known(self) -> dict[str, list[int]]:
        """Account → numbers of the friends whose remark carries their member name; sales accounts share them out."""
        homes = self._homes("sales")
        share = _shares(self.scenario.known_buyers, len(homes))
        return {plan.id: list(self.ranges[plan.id][:count]) for plan, count in zip(homes, share, strict=True)}

    @cached_property
    def claiming(self) -> dict[str, list[int]]:
        """Account → numbers of the friends who bought, and whom nobody has matched with an order yet."""
        homes = self._homes()
        share = _shares(self.scenario.claiming_buyers, len(homes))
        found = {}
        for plan, count in zip(homes, share, strict=True):
            behind = len(self.known.get(plan.id, ()))
            found[plan.id] = list(self.ranges[plan.id][behind : behind + count])
        return found

    @cached_property
    def shared(self) -> dict[str, list[int]]:
        """Account → numbers of people from another account's range who are its friends too."""
        homes = [account for account, numbers in self.known.items() if numbers]
        found: dict[str, list[int]] = {}
        if len(homes) < 2:
            return found
        for place, account in enumerate(homes):
            other = homes[(place + 1) % len(homes)]
            lot = [n for n in self.known[account] if dice(self.scenario.seed, "shared", n).random() < _SHARED]
            found.setdefault(other, []).extend(lot)
        return found

    @cached_property
    def _buyer_by_number(self) -> dict[int, int]:
        numbers = [n for group in self.known.values() for n in group]
        numbers += [n for group in self.claiming.values() for n in group]
        return {number: buyer for buyer, number in enumerate(numbers)}

    @property
    def buyers(self) -> int:
        """How many people have bought in the shop, met or not."""
        return len(self._buyer_by_number) + self.scenario.new_buyers + self.scenario.other_buyers

    def buyer(self, contact: str) -> int | None:
        """Which buyer this contact is. Every second newcomer has bought, while there are such buyers."""
        number = number_in(contact)
        if number is None:
            return None
        if number < self.first_newcomer:
            return self._buyer_by_number.get(number)
        place, odd = divmod(number - self.first_newcomer, 2)
        return None if odd or place >= self.scenario.new_buyers else len(self._buyer_by_number) + place

    def profile(self, contact: str, account: str) -> Profile:
        """One of the crowd as `account` sees them; `friend` is for the world to say."""
        number = number_in(contact)
        seed = self.scenario.seed
        if number is None:
            return Profile(contact, contact)
        return Profile(
            contact,
            names.nickname(seed, number),
            alias=self._alias(number) if self._knows(account, number) else "",
            city=names.city(seed, number),
        )

    def known_names(self) -> Iterator[str]:
        """The clean names of the known buyers, as staff would ask for them."""
        return (names.sweet_name(self.scenario.seed, n) for group in self.known.values() for n in group)

    def _knows(self, account: str, number: int) -> bool:
        return number in self._marked.get(account, frozenset())

    @cached_property
    def _marked(self) -> dict[str, frozenset[int]]:
        accounts = [plan.id for plan in self.scenario.accounts]
        return {a: frozenset(self.known.get(a, ())) | frozenset(self.shared.get(a, ())) for a in accounts}

    def _alias(self, number: int) -> str:
        buyer = self._buyer_by_number[number]
        colon = "：" if number % 5 == 0 else ":"
        member = names.member_name(self.scenario.seed, buyer)
        return f"会员{colon}{member} {names.sweet_name(self.scenario.seed, number)}"

    def _homes(self, role: str | None = None) -> list[AccountPlan]:
        plans = [plan for plan in self.scenario.accounts if role is None or plan.role == role]
        return [plan for plan in plans if len(self.ranges[plan.id])] or list(self.scenario.accounts[:1])


def _shares(total: int, among: int) -> list[int]:
    """Whole parts of `total`, as even as can be."""
    if among == 0:
        return []
    part, rest = divmod(total, among)
    return [part + (place < rest) for place in range(among)]
