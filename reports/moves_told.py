"""Who was handed on from account to account, in a line or two for whoever watches the screen."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Text, cast, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from rules.kinds import Kind
from rules.moves import MoveState
from storage.move_tables import Move
from storage.outbox import DeliveryState
from storage.tables import Delivery, Friendship
from texts.catalogue import say

_CARDS = (Kind.LEVEL_UP.value, Kind.NAME_CARD.value, Kind.OFFER.value)


async def moves_told(
    connection: AsyncConnection, after_ms: int, until_ms: int, names: Mapping[str, str]
) -> list[tuple[str, int]]:
    """Cards that left in (after, until], and who came by one: the words about the first, and how many more there are.

    `names`: what the screen calls accounts.
    """
    cards = literal("move:").concat(cast(Move.id, Text)).concat(":card") == Delivery.key
    came = (Move.person == Delivery.person) & (Move.to_account == Delivery.account)
    followed = came & (Move.state == MoveState.FOLLOWED.value)
    found = []
    for word, kinds, of in (("offered", _CARDS, cards), ("followed", (Kind.WELCOME.value,), followed)):
        rows = await _rows(connection, kinds, of, after_ms, until_ms)
        if rows:
            before, after, nickname = rows[0]
            who, to = names.get(before, before), names.get(after, after)
            whom = nickname or say("story.somebody")
            found.append((say(f"story.move.{word}", who=who, to=to, whom=whom), len(rows) - 1))
    return found


async def _rows(
    connection: AsyncConnection, kinds: Sequence[str], of: ColumnElement[bool], after_ms: int, until_ms: int
) -> Sequence[tuple[str, str, str | None]]:
    query = (
        select(Move.from_account, Move.to_account, Friendship.nickname)
        .select_from(Delivery)
        .join(Move, (Move.person == Delivery.person) & of)
        .outerjoin(Friendship, (Friendship.account == Delivery.account) & (Friendship.contact == Delivery.to))
        .where(
            Delivery.settled_ms > after_ms, Delivery.settled_ms <= until_ms, Delivery.kind.in_(kinds),
            Delivery.state == DeliveryState.ACCEPTED.value,
        )
        .order_by(Delivery.settled_ms, Delivery.id)
    )  # fmt: skip
    return [(row[0], row[1], row[2]) for row in (await connection.execute(query)).all()]
