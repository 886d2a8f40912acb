"""Which entries were made one, on what evidence, and which of it was taken back."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.order_tables import Merge

_MOST = 100


@dataclass(frozen=True, slots=True)
class Merged:
    """One merge; with a `member_name` it only gave that name to `kept`. `at_ms`: epoch ms."""

    number: int
    kept: int
    gone: int
    member_name: str | None
    evidence: str
    by: str
    at_ms: int
    undone_by: str | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def merges(tx: AsyncConnection, *, person: int | None = None, number: int | None = None) -> list[Merged]:
    """The newest first, at most a hundred; only those of one person, or one by its number."""
    query = select(Merge.__table__).order_by(Merge.id.desc()).limit(_MOST)
    if person is not None:
        query = query.where(or_(Merge.kept == person, Merge.gone == person))
    if number is not None:
        query = query.where(Merge.id == number)
    return [
        Merged(
            number=row.id, kept=row.kept, gone=row.gone, member_name=row.before.get("member"), evidence=row.evidence,
            by=row.by, at_ms=row.merged_ms, undone_by=row.undone_by,
        )
        for row in (await tx.execute(query)).all()
    ]  # fmt: skip
