"""Which persona somebody likes: whom they answer, praise, send pictures to and buy after, of those they know.

Staff's word, an import's and their own stand above what is learnt. A mirror is its source: it shows the same face.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Subquery, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from customers.profiles.profile import NewValue, set_profiles
from customers.standing.purchases import is_purchase
from rules.pacing import DAY_MS
from storage.bulk import among_ids
from storage.customer_tables import ProfileChange
from storage.order_tables import Order
from storage.outbox import DeliveryState
from storage.settings import put_setting, setting
from storage.tables import Account, Delivery, Friendship, Person

LEARNT = "learnt"
"""How the source of a profile's line begins that nobody said."""
PHOTO_POINTS = 3
PRAISE_POINTS = 3
BOUGHT_POINTS = 10
LEAST_POINTS = 10
"""A message of theirs is a point, a picture and a word of praise three, an order ten; with fewer nothing is learnt, nor
where the next persona has more than half as many. Ours.
"""
BOUGHT_WITHIN_MS = 7 * DAY_MS
"""An order is whose message they had last before it, within so long. As reports count it."""
_PRAISE = ":like"
"""The end of the source of an answer to praise: a persona's entry `like`."""
_FIELD = "preferred_persona"
_SETTING = "liking_pass"
_SLICE = 5_000


@dataclass(frozen=True, slots=True)
class Liking:
    """What speaks for one persona: messages and pictures of theirs, words of praise, orders after its messages."""

    persona: str
    messages: int = 0
    photos: int = 0
    praise: int = 0
    orders: int = 0

    @property
    def points(self) -> int:
        return (
            self.messages
            + PHOTO_POINTS * self.photos
            + PRAISE_POINTS * self.praise
            + BOUGHT_POINTS * self.orders
        )  # fmt: skip

    def as_json(self) -> dict[str, str | int]:
        return {
            "persona": self.persona, "points": self.points, "messages": self.messages, "photos": self.photos,
            "praise": self.praise, "orders": self.orders,
        }  # fmt: skip


def favourite(likings: Iterable[Liking]) -> Liking | None:
    """The one they clearly like best. Of a single persona nothing can be said."""
    best = sorted(likings, key=lambda liking: (-liking.points, liking.persona))
    if len(best) < 2 or best[0].points < LEAST_POINTS or best[0].points < 2 * best[1].points:
        return None
    return best[0]


class PersonaLiking:
    """A step of the planner: once a day everybody is looked at, a slice at a time, by reading.

    How far it is, is kept in memory: a pass that was cut off begins anew, and finds most of it done.
    """

    def __init__(self) -> None:
        self._done_to: int | None = None
        self._end = 0

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Is there something new to be learnt of the next slice, or is the pass through? Writes nothing."""
        if self._done_to is None:
            last = await setting(tx, _SETTING)
            if last is not None and int(last) > now_ms - DAY_MS:
                return False
            self._done_to, self._end = 0, await tx.scalar(select(func.max(Person.id))) or 0
        if self._done_to >= self._end or await _news(tx, self._slice()):
            return True
        self._done_to += _SLICE
        return False

    async def act(self, tx: AsyncConnection, now_ms: int) -> int:
        """Write down what was learnt; returns of how many people."""
        if self._done_to is None:
            return 0
        if self._done_to >= self._end:
            await put_setting(tx, _SETTING, str(now_ms), now_ms)
            self._done_to = None
            return 0
        news = await _news(tx, self._slice())
        values = [NewValue(person, _FIELD, liking.persona) for person, liking in news.items()]
        changed = await set_profiles(tx, values, f"{LEARNT}:answers", now_ms)
        self._done_to += _SLICE
        return len(changed)

    def _slice(self) -> ColumnElement[bool]:
        done_to = self._done_to or 0
        return and_(Friendship.person > done_to, Friendship.person <= done_to + _SLICE)


async def likings(tx: AsyncConnection, people: Collection[int]) -> dict[int, list[Liking]]:
    """What speaks for each persona that these people know, the most liked first; nobody who knows only one."""
    found: dict[int, list[Liking]] = defaultdict(list)
    praise, orders = await _praise(tx, people), await _orders(tx, people)
    for person, persona, messages, photos in await _answers(tx, among_ids(tx, Friendship.person, people)):
        key = (person, persona)
        found[person].append(Liking(persona, messages, photos, praise.get(key, 0), orders.get(key, 0)))
    return {
        person: sorted(known, key=lambda liking: (-liking.points, liking.persona))
        for person, known in found.items()
        if len(known) > 1
    }


async def _news(tx: AsyncConnection, which: ColumnElement[bool]) -> Mapping[int, Liking]:
    """Of whom something else was learnt than stands in their profile, and nobody has said it."""
    known = _known(which)
    several = select(known.c.person).group_by(known.c.person)
    several = several.having(func.count() > 1, func.sum(known.c.messages) > 0)
    people = (await tx.scalars(several)).all()
    if not people:
        return {}
    best = {person: favourite(known) for person, known in (await likings(tx, people)).items()}
    clear = {person: liking for person, liking in best.items() if liking is not None}
    stands = select(Person.id, Person.preferred_persona).where(
        among_ids(tx, Person.id, list(clear)), Person.kind == "customer", Person.merged_into.is_(None),
        Person.erased_ms.is_(None),
    )  # fmt: skip
    now = {row.id: row.preferred_persona for row in await tx.execute(stands)}
    said = await _said(tx, [person for person, persona in now.items() if persona is not None])
    return {
        person: clear[person]
        for person, persona in now.items()
        if persona != clear[person].persona and person not in said
    }


async def _said(tx: AsyncConnection, people: Sequence[int]) -> set[int]:
    """Of these people those whose persona was not learnt: somebody wrote it down."""
    newest = (
        select(func.max(ProfileChange.id))
        .where(among_ids(tx, ProfileChange.person, people), ProfileChange.field == _FIELD)
        .group_by(ProfileChange.person)
    )
    learnt = select(ProfileChange.person).where(
        ProfileChange.id.in_(newest), ProfileChange.by.startswith(f"{LEARNT}:", autoescape=True)
    )
    return set(people) - set(await tx.scalars(learnt))


def _known(which: ColumnElement[bool]) -> Subquery:
    """person, persona (as it is seen), messages, photos: of friendships that fulfil `which`."""
    source = aliased(Account)
    seen = func.coalesce(source.persona, Account.persona)
    return (
        select(
            Friendship.person, seen.label("persona"), func.sum(Friendship.replies).label("messages"),
            func.sum(Friendship.photos).label("photos"),
        )
        .join(Account, Account.id == Friendship.account)
        .outerjoin(source, source.id == Account.mirror_of)
        .where(which, Friendship.state == "friend", Account.removed.is_(False))
        .group_by(Friendship.person, seen)
        .subquery()
    )  # fmt: skip


async def _answers(tx: AsyncConnection, which: ColumnElement[bool]) -> list[tuple[int, str, int, int]]:
    known = _known(which)
    rows = await tx.execute(select(known.c.person, known.c.persona, known.c.messages, known.c.photos))
    return [(row.person, row.persona, int(row.messages), int(row.photos)) for row in rows]


async def _praise(tx: AsyncConnection, people: Collection[int]) -> dict[tuple[int, str], int]:
    """How often they said something kind, by (person, persona)."""
    said = select(Delivery.person, Delivery.account).where(
        among_ids(tx, Delivery.person, people), Delivery.source.endswith(_PRAISE, autoescape=True)
    )
    return await _counted(tx, said.subquery())


async def _orders(tx: AsyncConnection, people: Collection[int]) -> dict[tuple[int, str], int]:
    """How many orders they paid after a message of that persona, by (person, persona)."""
    last = (
        select(Delivery.account)
        .where(
            Delivery.person == Order.person,
            Delivery.state == DeliveryState.ACCEPTED.value,
            Delivery.sent_ms <= Order.paid_ms,
            Delivery.sent_ms > Order.paid_ms - BOUGHT_WITHIN_MS,
        )
        .order_by(Delivery.sent_ms.desc(), Delivery.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    theirs = among_ids(tx, Order.person, people)
    bought = select(Order.person, last.label("account")).where(theirs, is_purchase())
    return await _counted(tx, bought.subquery())


async def _counted(tx: AsyncConnection, of: Subquery) -> dict[tuple[int, str], int]:
    source = aliased(Account)
    seen = func.coalesce(source.persona, Account.persona)
    query = (
        select(of.c.person, seen.label("persona"), func.count().label("number"))
        .join(Account, Account.id == of.c.account)
        .outerjoin(source, source.id == Account.mirror_of)
        .group_by(of.c.person, seen)
    )
    return {(row.person, row.persona): row.number for row in await tx.execute(query)}
