"""Tables of moves between accounts: who was offered which account, why, and what came of it.

The conventions of `storage.tables` hold here too.
"""

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Base, BigId

OFFERS = "move:"
"""Keys of the outbox begin so that belong to an offer: its number and the part follow."""


class Move(Base):
    """Somebody was offered the name card of another account. For each aim once, whoever of us knows them."""

    __tablename__ = "moves"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person: Mapped[int]
    aim: Mapped[str]  # rules.moves.Aim: sales | training | persona
    why: Mapped[str]  # rules.moves.MoveReason
    from_account: Mapped[str]
    to_account: Mapped[str]
    state: Mapped[str]  # rules.moves.MoveState
    offered_ms: Mapped[int]
    look_ms: Mapped[int | None]  # looked at again then; NULL: nothing follows any more
    changed_ms: Mapped[int]
    __table_args__ = (
        UniqueConstraint("person", "aim"),
        Index(
            "ix_moves_look", "look_ms", sqlite_where=sql("look_ms IS NOT NULL"),
            postgresql_where=sql("look_ms IS NOT NULL"),
        ),
    )  # fmt: skip
