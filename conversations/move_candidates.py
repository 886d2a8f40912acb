"""Who was answered just now and should come to know another account: one statement over all of them."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.move_targets import leads_nowhere
from conversations.moves import a_person_talks
from rules.kinds import Kind
from rules.moves import Aim
from rules.pacing import DAY_MS
from rules.roles import Role
from storage.move_tables import Move
from storage.tables import Account, Delivery, Friendship, Person

FRESH_MS = DAY_MS
"""Only who wrote within a day is spoken to of another account: a list that was imported is no reason. Ours."""
REST_MS = 7 * DAY_MS
"""Between two offers, whatever for. Ours."""
MOST = 100
_ANSWERS = (Kind.REPLY.value, Kind.CLAIM_ANSWER.value)

Candidate = Row[int, str, str, int, str, int, str | None, bool, bool, bool]
"""Newest row of the outbox, account, contact, person, level, orders, preferred persona; and may they be offered an
account for sales, for training, of a persona?
"""


async def candidates(tx: AsyncConnection, after: int, now_ms: int) -> Sequence[Candidate]:
    """People with an answer that is newer than that row of the outbox, in its order, up to `MOST`. Writes nothing."""
    newest = func.max(Delivery.id)
    answered = (
        select(Delivery.account, Delivery.to, newest.label("newest"))
        .where(Delivery.id > after, Delivery.kind.in_(_ANSWERS), Delivery.created_ms > now_ms - FRESH_MS)
        .group_by(Delivery.account, Delivery.to)
        .subquery()
    )
    rested = ~exists().where(Move.person == Person.id, Move.offered_ms > now_ms - REST_MS)
    open_to = [_open_to(aim).label(aim.value) for aim in (Aim.SALES, Aim.TRAINING, Aim.PERSONA)]
    query = (
        select(
            answered.c.newest, Friendship.account, Friendship.contact, Person.id.label("person"), Person.level,
            Person.orders, Person.preferred_persona, *open_to,
        )
        .join(Friendship, and_(Friendship.account == answered.c.account, Friendship.contact == answered.c.to))
        .join(Account, Account.id == Friendship.account)
        .join(Person, Person.id == Friendship.person)
        .where(
            Friendship.state == "friend", Account.removed.is_(False), Account.paused_by.is_(None),
            _left_to_the_bot(now_ms), _may_hear(now_ms), rested, or_(*(one.element for one in open_to)),
            or_(Person.orders > 0, Person.level != "friend", Person.preferred_persona.is_not(None)),
        )
        .order_by(answered.c.newest)
        .limit(MOST)
    )  # fmt: skip
    return (await tx.execute(query)).all()


def _open_to(aim: Aim) -> ColumnElement[bool]:
    """Nothing that is still there was offered for it, and they are friends of no account of that role."""
    offered = exists().where(Move.person == Person.id, Move.aim == aim.value, ~leads_nowhere())
    if aim is Aim.PERSONA:
        return and_(Person.preferred_persona.is_not(None), ~offered)
    other = Account.__table__.alias()
    known = Friendship.__table__.alias()
    served = exists().where(
        known.c.person == Person.id, known.c.state == "friend", other.c.id == known.c.account,
        other.c.role == Role(aim.value).value, other.c.removed.is_(False),
    )  # fmt: skip
    return and_(~offered, ~served)


def _left_to_the_bot(now_ms: int) -> ColumnElement[bool]:
    """They do not wait for a person there, and none talks with them there or at another account."""
    return and_(Friendship.waiting_since_ms.is_(None), ~a_person_talks(Person.id, now_ms))


def _may_hear(now_ms: int) -> ColumnElement[bool]:
    return and_(
        Person.kind == "customer", Person.merged_into.is_(None), Person.erased_ms.is_(None),
        Person.opted_out_ms.is_(None), or_(Person.muted_until_ms.is_(None), Person.muted_until_ms <= now_ms),
    )  # fmt: skip
