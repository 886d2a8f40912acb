"""The customer who writes, as the account knows them: found, or made on their first word."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import BigInteger, Subquery, Text, Update, and_, bindparam, cast, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.consent import hold_back
from customers.one_at_a_time import hold, hold_contacts
from customers.standing.bond import bond_case
from personas.model import Stage
from rules.limits import Limits
from storage.ahead import Ahead
from storage.many import over_many
from storage.outbox import insert_ignoring
from storage.statements import ready
from storage.tables import HOUR_MS, Account, Friendship, Person
from texts.catalogue import say
from texts.unbroken import unbroken


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """One friendship with its person and its account, read once per message. Times are epoch ms."""

    friendship: int
    account: str
    contact: str
    person: int
    nickname: str
    call_me: str | None
    level: str
    orders: int
    opted_out_ms: int | None
    held_by: str | None
    held_until_ms: int | None
    waiting_since_ms: int | None
    persona: str
    position: str | None
    holder: str | None
    unanswered: int
    name: str
    tier: str | None
    role: str
    stored_limits: str | None

    @property
    def limits(self) -> Limits:
        """Of the account."""
        return limits_in(self.stored_limits)

    @property
    def stage(self) -> Stage:
        """How far they have come with the shop."""
        if self.level == "partner":
            return Stage.PARTNER
        return Stage.CUSTOMER if self.orders else Stage.FRIEND

    @property
    def known_as(self) -> str:
        """How staff recognise them in a list."""
        return self.call_me or unbroken(self.nickname) or say("conversations.no_name", person=self.person)

    def held(self, now_ms: int) -> bool:
        """Has a person taken over the conversation?"""
        return self.held_by is not None and (self.held_until_ms is None or self.held_until_ms > now_ms)


@lru_cache(maxsize=256)
def limits_in(stored: str | None) -> Limits:
    """As they stand in the table of accounts, as text."""
    return Limits.model_validate_json(stored) if stored else Limits()


# Built once: every message of a customer asks it. In the order of the fields of `Acquaintance`.
_ALL_MET = (
    select(
        Friendship.id.label("friendship"), Friendship.account, Friendship.contact, Friendship.person,
        Friendship.nickname, Person.call_me, Person.level, Person.orders, Person.opted_out_ms,
        Friendship.held_by, Friendship.held_until_ms, Friendship.waiting_since_ms,
        Account.persona, Account.position, Account.holder, Person.unanswered, Person.name, Person.tier,
        Account.role, cast(Account.limits, Text),
    )
    .join(Person, Person.id == Friendship.person)
    .join(Account, Account.id == Friendship.account)
)  # fmt: skip
_ONE_MET = _ALL_MET.where(Friendship.account == bindparam("account"), Friendship.contact == bindparam("contact"))
_MET = ready(_ONE_MET)
# Of what is asked only the conversation is locked, not the person: couriers lock people, in an order of their own.
_MET_TO_ANSWER = ready(_ONE_MET.with_for_update(key_share=True, of=Friendship))
_THESE_MET_TO_ANSWER = over_many(
    lambda asked: (
        _ALL_MET.join(asked, and_(Friendship.account == asked.c.account, Friendship.contact == asked.c.contact))
        .order_by(Friendship.id)
        .with_for_update(key_share=True, of=Friendship)
    ),
    account=Text(),
    contact=Text(),
)
_REPLIES = Friendship.replies + 1


def _heard(said: Subquery) -> Update:
    photos = Friendship.photos + said.c.photos
    return (
        update(Friendship)
        .where(Friendship.id == said.c.friendship)
        .values(
            last_in_ms=said.c.at_ms,
            heard_hour=said.c.at_ms // HOUR_MS,
            replies=_REPLIES,
            photos=photos,
            bond=bond_case(said.c.at_ms, _REPLIES, photos, said.c.at_ms),
        )
    )


_HEARD = over_many(_heard, friendship=BigInteger(), at_ms=BigInteger(), photos=BigInteger())


async def acquaintance(tx: AsyncConnection, account: str, contact: str, now_ms: int) -> Acquaintance:
    """Who `contact` is to `account`, to be answered; whoever is not known yet becomes a stranger we talk to."""
    known = await find_to_answer(tx, account, contact)
    if known is None:
        await _meet(tx, account, contact, now_ms)
        known = await find_to_answer(tx, account, contact)
    if known is None:
        raise LookupError(f"account {account!r} is not in the tables")
    return known


async def find(tx: AsyncConnection, account: str, contact: str) -> Acquaintance | None:
    """Who `contact` is to `account`, if they met."""
    rows = await _MET.rows(tx, account=account, contact=contact)
    return Acquaintance(*rows[0]) if rows else None


async def find_to_answer(tx: AsyncConnection, account: str, contact: str) -> Acquaintance | None:
    """As `find`; and nobody takes the conversation over, or gives it to another person, before `tx` ends.

    So whoever takes it over finds the answer and takes it back, or is seen here. The same for who merges people.
    """
    rows = await _MET_TO_ANSWER.rows(tx, account=account, contact=contact)
    if not rows and tx.dialect.name == "postgresql":  # merged while we waited for the row: they have another person now
        rows = await _MET_TO_ANSWER.rows(tx, account=account, contact=contact)
    return Acquaintance(*rows[0]) if rows else None


async def read_ahead(
    tx: AsyncConnection, ahead: Ahead, conversations: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Acquaintance]:
    """Those of `conversations`, [(account, contact)], whose people met; `find_to_answer` finds each once in `ahead`.

    Of somebody who wrote to several accounts only the first: what they say to one may change who they are to all.
    Who was merged in this very moment is not among them.
    """
    asked = [{"account": account, "contact": contact} for account, contact in conversations]
    rows = {(row[1], row[2]): row for row in await _THESE_MET_TO_ANSWER.rows(tx, asked)}
    people: set[int] = set()
    met: dict[tuple[str, str], Acquaintance] = {}
    for account, contact in conversations:
        row = rows.get((account, contact))
        who = row and Acquaintance(*row)
        if row and who and who.person not in people:
            people.add(who.person)
            _MET_TO_ANSWER.tell(ahead, [row], once=True, account=account, contact=contact)
            met[account, contact] = who
    return met


async def _meet(tx: AsyncConnection, account: str, contact: str, now_ms: int) -> None:
    # The same WeChat id at a sibling is the same person.
    elsewhere = select(Friendship.person).where(Friendship.contact == contact).limit(1)
    await hold_contacts(tx, [contact])
    known = await tx.scalar(elsewhere)
    if known is not None:
        await hold(tx, [known])
        known = await tx.scalar(elsewhere)  # they may have been merged into somebody just now
    person = known
    if person is None:
        made = await tx.execute(insert(Person).values(created_ms=now_ms, name=""))
        primary_key = made.inserted_primary_key
        assert primary_key is not None  # noqa: S101  # every insert of one row has it
        person = primary_key[0]
    values = {"account": account, "contact": contact, "person": person, "state": "stranger", "since_ms": now_ms}
    await tx.execute(insert_ignoring(tx, Friendship).values(**values))
    if known is None:
        # Somebody who was erased, or wished it under another entry, is still not to be written to unasked.
        await hold_back(tx, [person], now_ms)


async def heard(tx: AsyncConnection, who: Acquaintance, at_ms: int, *, photo: bool = False) -> None:
    """They wrote at `at_ms`, or sent a picture: the bond may have grown closer, and no wake-up is unanswered."""
    await _HEARD.later(tx, friendship=who.friendship, at_ms=at_ms, photos=int(photo))
    if who.unanswered:
        await tx.execute(update(Person).where(Person.id == who.person).values(unanswered=0))
