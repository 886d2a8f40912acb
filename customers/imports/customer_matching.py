"""Whom the rows of a table of customers speak of: by what names one person only, and never by a nickname."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.do_not_contact import Sign, Why, contact_sign, listed, member_sign, phone_sign
from customers.finding.search_words import plain
from customers.imports.customer_columns import ACCOUNT, CONTACT, ENTRY, MEMBER, PHONE, REMARK
from customers.imports.customer_entries import Entry, Known, entries_of
from customers.imports.customer_rows import CellRefused, CustomerRow
from customers.one_at_a_time import hold_contacts
from storage.bulk import among, among_ids
from storage.staff_tables import StaffContact, StaffMember
from storage.tables import Account, Friendship, Person

People = set[int]


@dataclass(slots=True)
class _Seen:
    """To whom the words of a block lead in the database.

    `entries`: the entry that stands for each number today. `ours`: contacts of staff and of our own accounts.
    """

    entries: dict[int, int] = field(default_factory=dict)
    contacts: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    members: dict[str, People] = field(default_factory=dict)
    phones: dict[str, People] = field(default_factory=dict)
    remarks: dict[tuple[str, str], People] = field(default_factory=dict)
    ours: set[str] = field(default_factory=set)
    erased: set[Sign] = field(default_factory=set)


class Matcher:
    """Finds the person of each row, makes entries for new ones, and remembers both.

    `accounts`: by which words an account is meant (`accounts_named`).
    """

    def __init__(self, accounts: Mapping[str, str]) -> None:
        self._accounts = accounts
        self._seen = _Seen()
        self._entries: dict[int, Entry] = {}
        self._members: dict[str, People] = {}
        self._phones: dict[str, People] = {}
        self._contacts: dict[str, list[tuple[str, int]]] = {}
        self._spoken_of: set[int] = set()
        self._new = 0

    async def look(self, tx: AsyncConnection, rows: Sequence[CustomerRow]) -> None:
        """Read what is known of the people of these rows."""
        self._seen = await _seen(tx, rows, self._accounts)
        meant: People = set(self._seen.entries.values())
        meant.update(person for known in self._seen.contacts.values() for _, person in known)
        for found in (self._seen.members, self._seen.phones, self._seen.remarks):
            meant.update(*found.values())
        self._entries |= await entries_of(tx, meant - self._entries.keys())
        for person in self._spoken_of & self._entries.keys():
            self._entries[person].spoken_of = True

    async def look_alone(self, tx: AsyncConnection, rows: Sequence[CustomerRow]) -> None:
        """As `look`; and whom the rows bring under a contact that nobody knows, nobody else meets before `tx` ends."""
        await self.look(tx, rows)
        unknown = {row.contact for row in rows if self.unmet(row)}
        if unknown and await hold_contacts(tx, unknown):
            self.forget()
            await self.look(tx, rows)  # an account may have met them just now

    def written(self) -> None:
        """What was found is in the database now."""
        self._spoken_of.update(entry.id for entry in self._entries.values() if entry.spoken_of)
        self.forget()

    def forget(self) -> None:
        """Begin the block anew."""
        self._entries, self._members, self._phones, self._contacts, self._new = {}, {}, {}, {}, 0

    def entry_of(self, row: CustomerRow) -> Entry:
        """The person; a new one where a member name or a phone says that there is one. Raises CellRefused."""
        self._require_a_customer(row)
        found = self._found(row)
        people = {person for some in found.values() for person in some}
        if not people:
            return self._made(row)
        if len(people) > 1:
            _refuse_several(found)
        entry = self._entries.get(next(iter(people)))
        column = next(iter(found))
        if entry is None:
            raise CellRefused(column, "erased")
        if entry.kind != "customer":
            raise CellRefused(column, "not_customer", person=entry.id)
        if list(found) == [PHONE] and _contradict(row.names, entry.names):
            raise CellRefused(PHONE, "other_name", person=entry.id)
        if row.member and entry.member_name not in (None, row.member) and MEMBER not in found:
            raise CellRefused(MEMBER, "other_member", person=entry.id, member=row.member)
        again = entry.contradicted(row)
        if again and not row.opted_out:
            raise CellRefused(again, "said_before", person=entry.id)
        return entry

    def learned(self, entry: Entry) -> None:
        """Rows that follow may call the entry by what it has now."""
        self._entries[entry.id] = entry
        if entry.member_name:
            self._members[entry.member_name] = {entry.id}
        if entry.phone:
            self._phones.setdefault(entry.phone, set()).add(entry.id)
        for known in entry.friendships:
            if not known.id:
                self._contacts[known.contact] = [(known.account, entry.id)]

    def friendships(self, entry: Entry, row: CustomerRow) -> list[Known]:
        """Those of the person's that the row speaks of; [] when it does not say which."""
        account = self._account(row)
        theirs = [known for known in entry.friendships if account in (None, known.account)]
        named = [known for known in theirs if known.contact in row.contacts]
        return named or (theirs if len(theirs) == 1 else [])

    def unmet(self, row: CustomerRow) -> str:
        """The account that is said to know `row.contact`, whom no account has told us of yet; '' for none."""
        known = row.contact in self._seen.contacts or row.contact in self._contacts
        return self._account(row) or "" if row.contact and not known else ""

    def _account(self, row: CustomerRow) -> str | None:
        return self._accounts.get(row.account.casefold()) if row.account else None

    def _found(self, row: CustomerRow) -> dict[str, People]:
        """Whom each of the row's words means; one word that means several is decided by another that means one."""
        found = {ENTRY: self._by_entry(row), CONTACT: self._by_contact(row)}
        found[MEMBER] = self._seen.members.get(row.member, set()) | self._members.get(row.member, set())
        found[PHONE] = self._by_phone(row)
        found = {column: people for column, people in found.items() if people}
        if not found and not row.member and not row.phone:
            found[REMARK] = self._seen.remarks.get((self._account(row) or "", row.remark), set())
        sure = {next(iter(people)) for people in found.values() if len(people) == 1}
        if len(sure) == 1:
            found = {column: sure if sure <= people else people for column, people in found.items()}
        elif not sure and len(found.get(PHONE, ())) > 1:
            named = {p for p in found[PHONE] if p in self._entries and _share(row.names, self._entries[p].names)}
            found[PHONE] = named if len(named) == 1 else found[PHONE]
        return {column: people for column, people in found.items() if people}

    def _by_entry(self, row: CustomerRow) -> People:
        if row.entry is None:
            return set()
        if row.entry not in self._seen.entries:
            raise CellRefused(ENTRY, "no_entry", value=row.entry)
        return {self._seen.entries[row.entry]}

    def _by_contact(self, row: CustomerRow) -> People:
        lines = [known.get(contact, []) for known in (self._seen.contacts, self._contacts) for contact in row.contacts]
        known = [one for some in lines for one in some]
        people = {person for _, person in known}
        here = {person for account, person in known if account == self._account(row)}
        return here if len(people) > 1 and here else people

    def _by_phone(self, row: CustomerRow) -> People:
        people = self._seen.phones.get(row.phone, set()) | self._phones.get(row.phone, set())
        # What an earlier row took from somebody is theirs no more, though the database of a dry run says so still.
        return {p for p in people if p not in self._entries or self._entries[p].former_phone != row.phone}

    def _made(self, row: CustomerRow) -> Entry:
        if row.account and self._account(row) is None and not (row.member or row.phone or row.contacts):
            raise CellRefused(ACCOUNT, "no_account", value=row.account)
        # A wish is kept for somebody whom an account has not told us of yet.
        if not (row.member or row.phone or (row.opted_out and self.unmet(row))):
            raise CellRefused(CONTACT if row.contacts else REMARK, "stranger" if row.contacts else "no_remark")
        self._new += 1
        return Entry(-self._new)

    def _require_a_customer(self, row: CustomerRow) -> None:
        if self._seen.ours.intersection(row.contacts):
            raise CellRefused(CONTACT, "ours")
        for column, signs in _signs(row).items():
            if self._seen.erased.intersection(signs):
                raise CellRefused(column, "erased")


async def accounts_named(tx: AsyncConnection, configured: Collection[str] = ()) -> dict[str, str]:
    """By which words people mean an account: its id, its WeChat id, or who holds its phone and no other."""
    query = (
        select(Account.id, Account.self_contact, Account.holder, StaffMember.name)
        .outerjoin(StaffMember, StaffMember.id == Account.holder)
        .where(Account.removed.is_(False))
    )
    rows = (await tx.execute(query)).all()
    held: dict[str, set[str]] = {}
    for row in rows:
        for word in {row.holder, row.name} - {None, ""}:
            held.setdefault(word.casefold(), set()).add(row.id)
    named = {word: next(iter(accounts)) for word, accounts in held.items() if len(accounts) == 1}
    named |= {row.self_contact.casefold(): row.id for row in rows if row.self_contact}
    return named | {id.casefold(): id for id in (*configured, *(row.id for row in rows))}


async def _seen(tx: AsyncConnection, rows: Sequence[CustomerRow], accounts: Mapping[str, str]) -> _Seen:
    seen = _Seen()
    today = func.coalesce(Person.merged_into, Person.id)
    asked = {row.entry for row in rows if row.entry is not None}
    if asked:
        query = select(Person.id, today).where(among_ids(tx, Person.id, asked))
        seen.entries = {number: person for number, person in (await tx.execute(query)).all()}  # noqa: C416  # rows
    contacts = {contact for row in rows for contact in row.contacts}
    if contacts:
        known = select(Friendship.contact, Friendship.account, Friendship.person)
        for contact, account, person in (await tx.execute(known.where(among(tx, Friendship.contact, contacts)))).all():
            seen.contacts.setdefault(contact, []).append((account, person))
        for of_ours in (StaffContact.contact, Account.self_contact):
            found_ours = await tx.scalars(select(of_ours).where(among(tx, of_ours, contacts)))
            seen.ours.update(contact for contact in found_ours if contact)
    for column, words, found in (
        (Person.member_name, {row.member for row in rows}, seen.members),
        (Person.phone, {row.phone for row in rows}, seen.phones),
    ):
        if words - {""}:
            owners = select(column, today).where(among(tx, column, words - {""}))
            for word, person in (await tx.execute(owners)).all():
                found.setdefault(str(word), set()).add(person)
    seen.remarks = await _by_remark(tx, rows, accounts)
    signs = {sign for row in rows for some in _signs(row).values() for sign in some}
    seen.erased = {sign for sign, why in (await listed(tx, signs)).items() if why is Why.ERASED}
    return seen


async def _by_remark(
    tx: AsyncConnection, rows: Sequence[CustomerRow], accounts: Mapping[str, str]
) -> dict[tuple[str, str], People]:
    """Rows that only a remark can tell, by account and remark."""
    wanted = [row for row in rows if row.remark and row.account and not (row.member or row.phone)]
    here = {accounts[row.account.casefold()] for row in wanted if row.account.casefold() in accounts}
    found: dict[tuple[str, str], People] = {}
    if here:
        query = select(Friendship.account, Friendship.alias, Friendship.person).where(
            Friendship.account.in_(here), among(tx, Friendship.alias, {row.remark for row in wanted})
        )
        for account, alias, person in (await tx.execute(query)).all():
            found.setdefault((account, alias), set()).add(person)
    return found


def _signs(row: CustomerRow) -> dict[str, list[Sign]]:
    signs: dict[str, Iterable[Sign | None]] = {
        CONTACT: map(contact_sign, row.contacts), MEMBER: [member_sign(row.member)], PHONE: [phone_sign(row.phone)],
    }  # fmt: skip
    return {column: [sign for sign in some if sign is not None] for column, some in signs.items()}


def _refuse_several(found: Mapping[str, People]) -> None:
    (column, people), *others = found.items()
    if len(people) > 1:
        numbers = "、".join(f"#{person}" for person in sorted(people)[:5])
        raise CellRefused(column, "several", people=numbers)
    one = next(iter(people))
    other_column, others_people = next((name, some) for name, some in others if some != people)
    other = min(others_people - people)
    raise CellRefused(other_column, "two_people", first=column, one=one, other=other)


def _share(some: Collection[str], others: Collection[str]) -> bool:
    return bool({plain(name) for name in some} & {plain(name) for name in others} - {""})


def _contradict(some: Collection[str], others: Collection[str]) -> bool:
    """Both have names, and none of them in common."""
    return any(map(plain, some)) and any(map(plain, others)) and not _share(some, others)
