"""The friends of one account, the best first, with where else they are found when it is lost."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import Select, case, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.do_not_contact import Sign, listed, member_sign, phone_sign
from customers.merging.hinted import HINT
from customers.standing.ladder import current
from customers.standing.tiers import Tier
from storage.order_tables import Claim, Order
from storage.tables import Account, Friendship, Person
from texts.unbroken import unbroken

_TIERS = {tier.value: place for place, tier in enumerate((Tier.GOLD, Tier.GROWTH, Tier.ORDINARY, Tier.LOW))}


class Quiet(StrEnum):
    """Why somebody is sent no text."""

    OPTED_OUT = "opted_out"
    MUTED = "muted"


@dataclass(frozen=True, slots=True)
class LostFriend:
    """One of them. `phone` and `member_name` are whole, '' where none is known; `others`: accounts of ours that they
    are friends of besides; `told_by`: an account that was lost after this one, whose friends they are, too: they stand
    in its list; `waits`: for a person to answer there; `net_paid_fen` in all; `level_name`: in ladder.yaml.
    """

    person: int
    name: str
    tier: str | None
    level: str
    level_name: str
    net_paid_fen: int
    phone: str
    member_name: str
    others: tuple[str, ...]
    waits: bool
    quiet: Quiet | None
    told_by: str = ""

    @property
    def by_text(self) -> bool:
        """Is a text message the way to them: nobody else of ours knows or tells them, and they may be written to?"""
        return bool(self.phone) and not self.others and not self.told_by and self.quiet is None


async def lost_friends(tx: AsyncConnection, account: str, now_ms: int) -> list[LostFriend]:
    """Customers who are friends of `account`: gold first, then by what they paid. Staff and our own accounts aside."""
    of_them = _people(account)
    others = await other_accounts(tx, of_them, account)
    told_by = await _lost_later(tx, of_them, account)
    phones, members = await _from_orders(tx, of_them)
    ladder = await current(tx)
    best_first = (case(_TIERS, value=Person.tier, else_=len(_TIERS)), Person.net_paid_fen.desc(), Person.id)
    columns = (
        Person.id, Person.name, Person.call_me, Person.tier, Person.level, Person.net_paid_fen, Person.phone,
        Person.member_name, Person.opted_out_ms, Person.muted_until_ms, Friendship.nickname,
        Friendship.waiting_since_ms,
    )  # fmt: skip
    rows = await tx.execute(
        select(*columns)
        .join(Friendship, (Friendship.person == Person.id) & (Friendship.account == account))
        .where(Friendship.state == "friend", Person.id.in_(of_them))
        .order_by(*best_first)
    )
    found: dict[int, LostFriend] = {}
    for row in rows.all():
        quiet = Quiet.OPTED_OUT if row.opted_out_ms is not None else None
        if quiet is None and (row.muted_until_ms or 0) > now_ms:
            quiet = Quiet.MUTED
        found.setdefault(
            row.id,
            LostFriend(
                person=row.id,
                name=row.call_me or unbroken(row.name or row.nickname),
                tier=row.tier,
                level=row.level,
                level_name=ladder.name_of(row.level),
                net_paid_fen=row.net_paid_fen,
                phone=_whole(row.phone) or phones.get(row.id, ""),
                member_name=row.member_name or members.get(row.id, ""),
                others=others.get(row.id, ()),
                waits=row.waiting_since_ms is not None,
                quiet=quiet,
                told_by=told_by.get(row.id, ""),
            ),
        )
    return await _without_the_listed(tx, found.values())


def _people(account: str) -> Select[int]:
    return (
        select(Person.id)
        .join(Friendship, Friendship.person == Person.id)
        .where(
            Friendship.account == account,
            Friendship.state == "friend",
            Person.kind == "customer",
            Person.merged_into.is_(None),
            Person.erased_ms.is_(None),
        )
    )


async def other_accounts(
    tx: AsyncConnection, people: Select[int] | Collection[int], account: str
) -> dict[int, tuple[str, ...]]:
    """Person → the accounts in use that they are friends of besides `account`; whoever has none is not in it."""
    rows = await tx.execute(
        select(Friendship.person, Friendship.account)
        .join(Account, Account.id == Friendship.account)
        .where(
            Friendship.person.in_(people),
            Friendship.account != account,
            Friendship.state == "friend",
            Account.removed.is_(False),
        )
        .distinct()
        .order_by(Friendship.person, Friendship.account)
    )
    others: dict[int, tuple[str, ...]] = {}
    for person, other in rows.all():
        others[person] = (*others.get(person, ()), other)
    return others


async def _lost_later(tx: AsyncConnection, people: Select[int], account: str) -> dict[int, str]:
    """Person → the newest lost of their accounts that was lost after `account`: one text is enough.

    Not the oldest: while another of their accounts was in use, they stood in no list with a text.
    """
    own_ms = await tx.scalar(select(Account.lost_ms).where(Account.id == account))
    if own_ms is None:
        return {}
    rows = await tx.execute(
        select(Friendship.person, Friendship.account)
        .join(Account, Account.id == Friendship.account)
        .where(
            Friendship.person.in_(people),
            Friendship.state == "friend",
            tuple_(Account.lost_ms, Account.id) > (own_ms, account),
        )
        .order_by(Friendship.person, Account.lost_ms, Account.id)
    )
    return {row.person: row.account for row in rows.all()}


async def _from_orders(tx: AsyncConnection, people: Select[int]) -> tuple[dict[int, str], dict[int, str]]:
    """Phones and member names of their orders, of the newest that has them whole.

    What stands in an order that they named by its end alone may be another's.
    """
    hinted = select(Claim.order_number).where(Claim.person.in_(people), Claim.evidence == HINT)
    rows = await tx.execute(
        select(Order.person, Order.phone, Order.member_name)
        .where(Order.person.in_(people), (Order.phone != "") | (Order.member_name != ""), Order.number.not_in(hinted))
        .order_by(Order.created_ms, Order.number)
    )
    phones: dict[int, str] = {}
    members: dict[int, str] = {}
    for person, phone, member in rows.all():
        if person is None:
            continue
        if _whole(phone):
            phones[person] = phone
        if _whole(member):
            members[person] = member
    return phones, members


def _whole(text: str | None) -> str:
    """A masked phone or name may be anybody's."""
    return "" if not text or "*" in text else text


async def _without_the_listed(tx: AsyncConnection, friends: Collection[LostFriend]) -> list[LostFriend]:
    """Whoever is on the do-not-contact list under another entry is left alone here, too."""
    on_it = await listed(tx, [sign for friend in friends for sign in _signs(friend)])
    return [
        friend
        if friend.quiet or not any(sign in on_it for sign in _signs(friend))
        else replace(friend, quiet=Quiet.OPTED_OUT)
        for friend in friends
    ]


def _signs(friend: LostFriend) -> Iterable[Sign]:
    return filter(None, (phone_sign(friend.phone), member_sign(friend.member_name)))
