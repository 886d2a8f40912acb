"""Read and answered: what a partner writes while a lesson's time is open."""

from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.care_tables import LessonGiven, Pupil
from storage.tables import Delivery

_READ = frozenset({
    "1", "已读", "读了", "读完", "读完了", "看了", "看完", "看完了", "已看", "学完", "学完了", "听完", "听完了", "收到",
    "done", "read",
})  # fmt: skip
"""By which somebody says that they have read it. Ours."""
_AROUND = " \t\n，。！!~～.、🍵👌✅"


class Mark(StrEnum):
    READ = "read"
    """They said so, and nothing else."""
    ANSWERED = "answered"
    """They wrote, or sent a picture: their work."""


async def heard(tx: AsyncConnection, person: int, account: str, text: str, now_ms: int) -> Mark | None:
    """Mark the lesson that is open in that chat, if there is one: the newest that left and whose time is not over.

    `text` is '' for what is no text. An answer is a reading, too; a mark is never taken away.
    """
    query = (
        select(LessonGiven.id, LessonGiven.pupil, LessonGiven.within_ms, Delivery.sent_ms)
        .join(Pupil, Pupil.id == LessonGiven.pupil)
        .join(Delivery, Delivery.key == LessonGiven.key)
        .where(Pupil.person == person, Pupil.account == account, Delivery.sent_ms.is_not(None))
        .order_by(LessonGiven.id.desc())
        .limit(1)
    )
    row = (await tx.execute(query)).first()
    if row is None or not row.sent_ms <= now_ms <= row.sent_ms + row.within_ms:
        return None
    mark = Mark.READ if text.strip(_AROUND).casefold() in _READ else Mark.ANSWERED
    values = {"sent_ms": row.sent_ms, "read_ms": func.coalesce(LessonGiven.read_ms, now_ms)}
    if mark is Mark.ANSWERED:
        values["answered_ms"] = func.coalesce(LessonGiven.answered_ms, now_ms)
    await tx.execute(update(LessonGiven).where(LessonGiven.id == row.id).values(values))
    await tx.execute(update(Pupil).where(Pupil.id == row.pupil).values(told_ms=None))
    return mark
