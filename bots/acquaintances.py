"""Contacts become friendships and people: the same WeChat id is the same person, whoever of us knows them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.consent import hold_back
from customers.do_not_contact import erased_among
from customers.finding.search import refresh_terms
from customers.merging.linking import link_all
from customers.merging.merging import member_name_from_alias
from customers.one_at_a_time import hold_contacts
from storage.outbox import insert_ignoring
from storage.staff_tables import StaffContact, StaffMember
from storage.tables import Account, Friendship, Person

BY_THEM = "event"
"""The origin of a friendship that they asked for: then they showed us their name anew."""


@dataclass(frozen=True, slots=True)
class NewFriend:
    """A contact who is a friend of the account, as its gateway shows them."""

    contact: str
    name: str = ""
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A friendship as it stood before. `person` is theirs today."""

    id: int
    person: int
    state: str
    origin: str
    welcomed: bool


async def standing(tx: AsyncConnection, account: str, contact: str) -> Standing | None:
    row = (
        await tx.execute(
            select(Friendship.id, Friendship.person, Friendship.state, Friendship.origin, Friendship.welcomed_ms).where(
                Friendship.account == account, Friendship.contact == contact
            )
        )
    ).one_or_none()
    return None if row is None else Standing(row.id, row.person, row.state, row.origin, row.welcomed_ms is not None)


async def befriend(
    tx: AsyncConnection, account: str, friends: Sequence[NewFriend], *, origin: str, since_ms: int, now_ms: int
) -> int:
    """Write these contacts as friends of `account`: new rows, and strangers or lost friends who came (back).

    Who is a friend already is left alone. Remarks are read by `read_remarks`, in transactions of their own: they cost
    more than the rest. Returns how many became friends.
    """
    by_contact = {friend.contact: friend for friend in friends}
    if origin != BY_THEM:
        for contact in await erased_among(tx, list(by_contact)):
            by_contact[contact] = NewFriend(contact)
    known = await _known_here(tx, account, list(by_contact))
    back = [contact for contact, state in known.items() if state != "friend"]
    new = [friend for contact, friend in by_contact.items() if contact not in known]
    if back:
        await tx.execute(
            update(Friendship)
            .where(Friendship.account == account, Friendship.contact == bindparam("them"))
            .values(
                state="friend", origin=origin, since_ms=since_ms, nickname=bindparam("name"), alias=bindparam("as_")
            ),
            [{"them": c, "name": by_contact[c].name, "as_": by_contact[c].alias} for c in back],
        )
    if new:
        people = await _people_for(tx, new, now_ms)
        rows = [
            {
                "account": account,
                "contact": friend.contact,
                "person": people[friend.contact],
                "nickname": friend.name,
                "alias": friend.alias,
                "state": "friend",
                "origin": origin,
                "since_ms": since_ms,
            }
            for friend in new
        ]
        await tx.execute(insert_ignoring(tx, Friendship), rows)
    came = [*back, *(friend.contact for friend in new)]
    if came:
        theirs = select(Friendship.person).where(Friendship.account == account, Friendship.contact.in_(came))
        they = (await tx.scalars(theirs)).all()
        await hold_back(tx, they, now_ms)
        await refresh_terms(tx, they)
    return len(came)


async def kinds_of(tx: AsyncConnection, contacts: Sequence[str]) -> dict[str, str]:
    """Which of these WeChat ids are our own accounts ('own') or staff ('staff'); all others are customers."""
    staff = await tx.scalars(
        select(StaffContact.contact)
        .join(StaffMember, StaffMember.id == StaffContact.staff)
        .where(StaffContact.contact.in_(contacts), StaffMember.removed.is_(False))
    )
    kinds = dict.fromkeys(staff, "staff")
    own = await tx.scalars(select(Account.self_contact).where(Account.self_contact.in_(contacts)))
    return kinds | {contact: "own" for contact in own if contact}


async def _known_here(tx: AsyncConnection, account: str, contacts: Sequence[str]) -> dict[str, str]:
    rows = await tx.execute(
        select(Friendship.contact, Friendship.state).where(
            Friendship.account == account, Friendship.contact.in_(contacts)
        )
    )
    return {row.contact: row.state for row in rows}


async def _people_for(tx: AsyncConnection, friends: Sequence[NewFriend], now_ms: int) -> dict[str, int]:
    """The person behind each contact: whom a sibling knows under that id, else a new one."""
    people = await _known_anywhere(tx, friends)
    unknown = [friend for friend in friends if friend.contact not in people]
    if unknown and await hold_contacts(tx, [friend.contact for friend in unknown]):
        people |= await _known_anywhere(tx, unknown)  # a sibling may have met them just now
        unknown = [friend for friend in unknown if friend.contact not in people]
    if unknown:
        kinds = await kinds_of(tx, [friend.contact for friend in unknown])
        ids = await tx.scalars(
            insert(Person).returning(Person.id, sort_by_parameter_order=True),
            [
                {"name": friend.name, "kind": kinds.get(friend.contact, "customer"), "created_ms": now_ms}
                for friend in unknown
            ],
        )
        people |= {friend.contact: id for friend, id in zip(unknown, ids.all(), strict=True)}
    return people


async def _known_anywhere(tx: AsyncConnection, friends: Sequence[NewFriend]) -> dict[str, int]:
    contacts = [friend.contact for friend in friends]
    rows = await tx.execute(select(Friendship.contact, Friendship.person).where(Friendship.contact.in_(contacts)))
    return {row.contact: row.person for row in rows}


async def unread_remarks(tx: AsyncConnection, account: str) -> list[tuple[int, str]]:
    """Remarks of the account that name a member of the shop whom nobody is yet: [(person, member name)]."""
    rows = await tx.execute(
        select(Friendship.person, Friendship.alias)
        .join(Person, Person.id == Friendship.person)
        .where(
            Friendship.account == account,
            Friendship.alias != "",
            Person.member_name.is_(None),
            Person.kind == "customer",
        )
    )
    found = [(row.person, member_name_from_alias(row.alias)) for row in rows]
    return [(person, member) for person, member in found if member is not None]


async def read_remarks(tx: AsyncConnection, account: str, remarks: Sequence[tuple[int, str]], now_ms: int) -> None:
    """Operators' remarks name members of the shop, [(person, member name)]: that is evidence of who they are.

    A remark on staff or on one of ours, or one that contradicts what is known, becomes a repair.
    """
    await link_all(tx, remarks, f"alias:{account}", now_ms)
