"""Everything by which one person is known: in ids, in names, and in what stands for both once they are erased."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.do_not_contact import Sign, contact_sign, is_pseudonym, member_sign, phone_sign, pseudonyms_of
from customers.errors import NoSuchPerson
from customers.merging.hinted import HINT
from rules.nicknames import cleaned
from storage.order_tables import Claim, Order
from storage.tables import Friendship, Person

_SHORTEST_NAME = 2
"""Characters: a single one stands in every sentence."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One person. `people` are their entries, today's first; `firm` names nobody else, `names` may name others too."""

    people: tuple[int, ...]
    contacts: frozenset[str]
    members: frozenset[str]
    phones: frozenset[str]
    names: frozenset[str]
    orders: frozenset[str]
    hinted: frozenset[str]
    """Orders that they have by their last digits alone: whose name and phone stand there is not known."""
    signs: frozenset[Sign]
    stands_for: Mapping[str, str]
    """What replaces a contact id or a member name."""

    @property
    def entry(self) -> int:
        return self.people[0]

    @property
    def firm(self) -> frozenset[str]:
        return self.contacts | self.members | self.phones

    @property
    def pattern(self) -> re.Pattern[str]:
        """Finds them in a sentence: a name in Latin letters only as a word of its own."""
        forms = (
            rf"(?<![A-Za-z0-9_]){re.escape(w)}(?![A-Za-z0-9_])" if w.isascii() else re.escape(w) for w in self.words
        )
        return re.compile("|".join(forms) or r"(?!)")

    @property
    def words(self) -> list[str]:
        """All that may stand in a sentence about them, the longest first: one may hold another."""
        return sorted(self.firm | self.names, key=len, reverse=True)


async def identity_of(tx: AsyncConnection, person: int) -> Identity:
    """Raises NoSuchPerson. `tx` must be able to write: what stands for names needs the key of the installation."""
    first = (await tx.execute(select(Person.id, Person.merged_into).where(Person.id == person))).first()
    if first is None:
        raise NoSuchPerson(person)
    entry = first.merged_into or first.id
    entries = (
        await tx.execute(
            select(Person.id, Person.name, Person.call_me, Person.member_name, Person.phone)
            .where(or_(Person.id == entry, Person.merged_into == entry))
            .order_by(Person.id)
        )
    ).all()
    people = (entry, *(row.id for row in entries if row.id != entry))
    friendships = (
        await tx.execute(
            select(Friendship.contact, Friendship.nickname, Friendship.alias).where(Friendship.person.in_(people))
        )
    ).all()
    members = _plain(row.member_name for row in entries)
    claims = (await tx.execute(select(Claim.order_number, Claim.evidence).where(Claim.person.in_(people)))).all()
    hinted = frozenset(row.order_number for row in claims if row.evidence == HINT)
    sure = [row.order_number for row in claims if row.evidence != HINT]
    theirs = or_(Order.person.in_(people), Order.member_name.in_(members), Order.number.in_(sure))
    columns = Order.number, Order.member_name, Order.receiver, Order.phone
    orders = (await tx.execute(select(*columns).where(theirs, Order.number.not_in(hinted)))).all()
    contacts = _plain(row.contact for row in friendships)
    members |= _plain(row.member_name for row in orders)
    phones = _plain(row.phone for row in (*entries, *orders))
    called = [row.name for row in entries] + [row.call_me for row in entries] + [row.receiver for row in orders]
    called += [row.nickname for row in friendships] + [row.alias for row in friendships]
    called += [cleaned(name) for name in called if name]  # what is said of a nickname where they are addressed
    signs = {
        **{name: member_sign(name) for name in members},
        **{phone: phone_sign(phone) for phone in phones},
        **{contact: contact_sign(contact) for contact in contacts},
    }
    known = {word: sign for word, sign in signs.items() if sign is not None}
    stands_for = await pseudonyms_of(tx, set(known.values()))
    return Identity(
        people=people,
        contacts=contacts,
        members=members,
        phones=phones,
        names=frozenset(name for name in _plain(called) if len(name) >= _SHORTEST_NAME),
        orders=frozenset(row.number for row in orders),
        hinted=hinted,
        signs=frozenset(known.values()),
        stands_for={word: stands_for[sign] for word, sign in known.items() if word not in phones},
    )


def _plain(words: Iterable[str | None]) -> frozenset[str]:
    return frozenset(word for word in words if word and not is_pseudonym(word))
