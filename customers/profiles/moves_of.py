"""Which other accounts somebody was offered and what came of it, and whose company they seek: for staff, in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.profiles.persona_liking import Liking, favourite, likings
from rules.quiet_hours import local
from storage.move_tables import Move
from texts.catalogue import say


@dataclass(frozen=True, slots=True)
class Offered:
    """`why` and `state` are words of `rules.moves`; `at_ms` is when it was offered, epoch ms."""

    aim: str
    why: str
    account: str
    offered: str
    state: str
    at_ms: int

    def as_json(self) -> dict[str, Any]:
        return {"aim": self.aim, "why": self.why, "from": self.account, "to": self.offered, "state": self.state,
                "offered_ms": self.at_ms}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Company:
    """`likings`: the most liked persona first, empty for who knows only one or never wrote; `moves`: newest first."""

    likings: Sequence[Liking]
    moves: Sequence[Offered]

    def lines(self, zone: str) -> Iterator[str]:
        """For staff; whom they like only where that is clear. `zone`: the shop's."""
        if favourite(self.likings) is not None:
            best, second = self.likings[:2]
            yield say(
                "profile.liking", persona=best.persona, messages=best.messages, photos=best.photos, praise=best.praise,
                orders=best.orders, second=second.persona, points=second.points, best=best.points,
            )  # fmt: skip
        for move in self.moves:
            yield say(
                "profile.move", at=f"{local(move.at_ms, zone):%Y-%m-%d}", account=move.account, offered=move.offered,
                why=say(f"profile.move.why.{move.why}"), state=say(f"profile.move.state.{move.state}"),
            )  # fmt: skip


async def company_of(tx: AsyncConnection, person: int) -> Company:
    """Of the entry they have today."""
    liked = (await likings(tx, [person])).get(person, [])
    columns = (Move.aim, Move.why, Move.from_account, Move.to_account, Move.state, Move.offered_ms)
    rows = await tx.execute(select(*columns).where(Move.person == person).order_by(Move.offered_ms.desc(), Move.id))
    return Company(liked if any(one.points for one in liked) else [], [Offered(*row) for row in rows])
