"""People whom nobody can address: no name was chosen for them, and no nickname of theirs holds one."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.nicknames import cleaned
from storage.bulk import among_ids
from storage.tables import Friendship, Person

_FRIEND = "friend"
_PEOPLE_A_LOOK = 1_000


@dataclass(frozen=True, slots=True)
class SeenAs:
    """One account's view of somebody. `remark`: what staff wrote on the phone; '' for none."""

    account: str
    contact: str
    nickname: str
    remark: str


@dataclass(frozen=True, slots=True)
class Nameless:
    """Somebody without a usable name, and what is known that may lead to one. The amount is in fen."""

    id: int
    name: str
    member_name: str | None
    level: str
    orders: int
    net_paid_fen: int
    views: tuple[SeenAs, ...]


async def nameless(tx: AsyncConnection, most: int | None = None) -> AsyncIterator[Nameless]:
    """Friends without a usable name, who bought most first; at most `most` of them.

    Whether a nickname holds a name no database can tell: each is looked at, some 50,000 a second.
    """
    found = 0
    async with tx.stream(_candidates()) as rows:
        async for page in rows.partitions(_PEOPLE_A_LOOK):
            views = await _views(tx, [row.id for row in page])
            for row in page:
                theirs = tuple(views.get(row.id, ()))
                if any(cleaned(view.nickname) for view in theirs):
                    continue
                yield Nameless(row.id, row.name, row.member_name, row.level, row.orders, row.net_paid_fen, theirs)
                found += 1
                if most is not None and found >= most:
                    return


def _candidates() -> Select[int, str, str | None, str, int, int]:
    friends = select(Friendship.person).where(Friendship.state == _FRIEND)
    return (
        select(Person.id, Person.name, Person.member_name, Person.level, Person.orders, Person.net_paid_fen)
        .where(
            Person.kind == "customer",
            Person.merged_into.is_(None),
            Person.erased_ms.is_(None),
            or_(Person.call_me.is_(None), func.length(Person.call_me) == 0),
            Person.id.in_(friends),
        )
        .order_by(Person.net_paid_fen.desc(), Person.orders.desc(), Person.id)
    )


async def _views(tx: AsyncConnection, people: Sequence[int]) -> dict[int, list[SeenAs]]:
    query = select(
        Friendship.person, Friendship.account, Friendship.contact, Friendship.nickname, Friendship.alias
    ).where(among_ids(tx, Friendship.person, people), Friendship.state == _FRIEND)
    views: dict[int, list[SeenAs]] = {}
    for person, *seen in (await tx.execute(query.order_by(Friendship.id))).all():
        views.setdefault(person, []).append(SeenAs(*seen))
    return views
