"""What is known of people before an import of customers, and what a row adds to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import TextRefused
from customers.imports.customer_columns import NAME, PHONE, PROFILE
from customers.imports.customer_rows import CustomerRow
from customers.profiles.profile import PROFILE_COLUMNS, held
from customers.profiles.profile_fields import FIELDS, Value
from customers.profiles.tags import LONGEST, read_tag
from storage.customer_tables import PersonTag
from storage.tables import Friendship, Person

OWN_COLUMNS = ("name", "member_name", "phone")
"""Columns of `people` that an import writes itself; the profile has its own writer."""


@dataclass(slots=True)
class Known:
    """A friendship of somebody: what of it an import may fill in where it is empty."""

    id: int
    account: str
    contact: str
    nickname: str
    alias: str
    channel: str | None


@dataclass(slots=True)
class Change:
    """What one or several rows change of one person; `columns` and `friendships` hold [before, after].

    `met`: accounts that are said to know them under an id that nobody has told us of yet. `homeless_channel`: where
    they came from is kept as a tag, there is no friendship to keep it.
    """

    columns: dict[str, list[Any]] = field(default_factory=dict)
    friendships: dict[int, dict[str, list[Any]]] = field(default_factory=dict)
    profile: dict[str, Value] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    met: list[Known] = field(default_factory=list)
    opted_out: str = ""
    homeless_channel: bool = False

    def __bool__(self) -> bool:
        return bool(self.columns or self.friendships or self.profile or self.tags or self.met or self.opted_out)


@dataclass(slots=True)
class Entry:
    """One person; `id` is below zero for somebody whom this import brings.

    `spoken_of`: a row of this import was about them before. Rows that follow may only fill in what is empty: else the
    same file would change something each time.
    """

    id: int
    kind: str = "customer"
    name: str = ""
    member_name: str | None = None
    phone: str | None = None
    opted_out: bool = False
    profile: dict[str, Any] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    friendships: list[Known] = field(default_factory=list)
    spoken_of: bool = False
    former_phone: str | None = None
    other_members: set[str] = field(default_factory=set)
    """Member names that lead to them by entries that were merged into theirs."""

    @property
    def names(self) -> set[str]:
        """Everything the person is called; '' is not among it."""
        views = {name for one in self.friendships for name in (one.nickname, one.alias)}
        return {name for name in (self.name, self.profile.get("call_me") or "", *views) if name}

    def take(self, row: CustomerRow, channel: str, mine: Sequence[Known], *, homeless: bool = False) -> Change:
        """Learn what `row` says; returns what is new. An empty cell says nothing.

        `mine` are the friendships it speaks of: what stands on a phone already, remark and origin, is not overwritten.
        `homeless`: its channel has no friendship to stand in, and becomes a tag.
        """
        change, again, self.spoken_of = Change(), self.spoken_of, True
        member = "" if row.member in self.other_members else row.member
        given = {"name": row.name, "member_name": member, "phone": row.phone}
        if self.id < 0 and not self.name:
            given["name"] = row.name or row.nickname or row.remark
        for column, value in given.items():
            self._learn(change, column, value, only_new=again or column == "member_name")
        for known in mine:
            for column, value in (("alias", row.remark), ("channel", channel)):
                if value and not getattr(known, column):
                    change.friendships.setdefault(known.id, {})[column] = [getattr(known, column), value]
                    setattr(known, column, value)
        change.profile = {
            key: value
            for key, value in row.profile.items()
            if self.profile.get(key) != value and not (again and self.profile.get(key))
        }
        self.profile |= change.profile
        whence = channel_tag(row.channel) if homeless else ""
        change.tags = [tag for tag in dict.fromkeys((*row.tags, whence)) if tag and tag not in self.tags]
        change.homeless_channel = whence in change.tags
        self.tags.update(change.tags)
        if row.opted_out and not self.opted_out:
            self.opted_out, change.opted_out = True, row.opted_out
        return change

    def meet(self, change: Change, account: str, row: CustomerRow, channel: str) -> None:
        """`account` is said to know them as `row.contact`: when it tells so itself, it is this person."""
        known = Known(0, account, row.contact, row.nickname, row.remark, channel or None)
        self.friendships.append(known)
        change.met.append(known)

    def contradicted(self, row: CustomerRow) -> str:
        """The column in which `row` says something else than an earlier row of this import; '' for none."""
        if not self.spoken_of:
            return ""
        said: dict[str, tuple[Any, Any]] = {NAME: (self.name, row.name), PHONE: (self.phone, row.phone)}
        said |= {column: (self.profile.get(key), row.profile.get(key)) for column, key in PROFILE.items()}
        return next((column for column, (known, new) in said.items() if known and new and known != new), "")

    def _learn(self, change: Change, column: str, value: str, *, only_new: bool) -> None:
        """A member name is only ever new: a second one leads to somebody by an entry of its own."""
        before = getattr(self, column)
        if value and value != before and not (only_new and before):
            change.columns[column] = [before, value]
            setattr(self, column, value)
            if column == "phone":
                self.former_phone = before


def channel_tag(channel: str) -> str:
    """The tag that says where somebody came from, as the sheet calls it; '' where nothing can be made of it."""
    try:
        return read_tag(f"来源·{channel}"[:LONGEST])
    except TextRefused:
        return ""


async def entries_of(tx: AsyncConnection, people: Iterable[int]) -> dict[int, Entry]:
    """These people as they stand, nobody erased."""
    ids = sorted(set(people))
    if not ids:
        return {}
    columns = (Person.id, Person.kind, Person.opted_out_ms, *(getattr(Person, name) for name in OWN_COLUMNS))
    profile = (getattr(Person, name) for name in PROFILE_COLUMNS)
    query = select(*columns, *profile).where(Person.id.in_(ids), Person.erased_ms.is_(None))
    entries = {
        row.id: Entry(
            row.id,
            row.kind,
            row.name,
            row.member_name,
            row.phone,
            row.opted_out_ms is not None,
            {key: value for key in FIELDS if (value := held(row, key)) is not None},
        )
        for row in (await tx.execute(query)).all()
    }
    merged = select(Person.merged_into, Person.member_name).where(Person.merged_into.in_(ids))
    for into, member in (await tx.execute(merged.where(Person.member_name.is_not(None)))).all():
        if into in entries:
            entries[into].other_members.add(str(member))
    tags = await tx.execute(select(PersonTag.person, PersonTag.tag).where(PersonTag.person.in_(ids)))
    for person, tag in tags.all():
        if person in entries:
            entries[person].tags.add(tag)
    seen = (Friendship.account, Friendship.contact, Friendship.nickname, Friendship.alias, Friendship.channel)
    friends = await tx.execute(
        select(Friendship.person, Friendship.id, *seen).where(Friendship.person.in_(ids)).order_by(Friendship.id)
    )
    for row in friends.all():
        if row.person in entries:
            entries[row.person].friendships.append(Known(*row[1:]))
    return entries
