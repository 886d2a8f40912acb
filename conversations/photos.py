"""A customer's photo goes into the library, and their yes or no to being shown is heard."""

import re
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.acquaintance import Acquaintance
from conversations.speaking import reply
from rules.pacing import DAY_MS
from scheduler.moments.materials import ConsentMark, Source, keep_picture, mark
from storage.ahead import looked_up
from storage.campaign_tables import Material
from texts.catalogue import say
from texts.unbroken import unbroken

QUESTION_OPEN_MS = 3 * DAY_MS
"""So long after the question a plain yes or no is an answer to it. Ours."""
_YES = re.compile(
    r"(?:可以|行|好|同意|没问题|发吧|没事|ok|okay|yes)"
    r"(?:[的呀啊哒吖呢滴吧了哦~～!！。,， ]|发|可以|没问题|你们?发|随便)*",
    re.IGNORECASE,
)
_NO = re.compile(
    r"(?:还是|那|就)?(?:别发|不要发|不想发|不能发|不可以|不行|不好|不要|不方便|不同意|算了|no)"
    r"(?:[的呀啊吧了哦吗~～!！。,， ]|照片|图|图片|我的|朋友圈|算了|不好意思|谢谢)*",
    re.IGNORECASE,
)


async def keep_photo(tx: AsyncConnection, who: Acquaintance, message: str, *, arrival: int, now_ms: int) -> None:
    """Nobody sees it before they agreed: it waits in the library for staff to ask them."""
    await keep_picture(
        tx,
        account=who.account,
        message=message,
        source=Source.CHAT,
        person=who.person,
        name=who.call_me or unbroken(who.nickname),
        by=f"inbox:{arrival}",
        now_ms=now_ms,
    )


async def hear_photo_consent(tx: AsyncConnection, who: Acquaintance, text: str, *, arrival: int, now_ms: int) -> str:
    """Their word on the photos they were asked about; '' when it is no word on that."""
    plain = text.strip()
    said = ConsentMark.GIVEN if _YES.fullmatch(plain) else ConsentMark.REFUSED if _NO.fullmatch(plain) else None
    if said is None:
        return ""
    numbers = await looked_up(tx, _asked_about, who.person, now_ms - QUESTION_OPEN_MS)
    for number in numbers:
        await mark(tx, number, said, by=f"inbox:{arrival}", now_ms=now_ms)
    if not numbers or who.held(now_ms):
        return "answered" if numbers else ""
    words = say(f"conversations.photo.{said}", lang="zh")
    await reply(tx, who, words, arrival=arrival, entry="photo_consent", now_ms=now_ms)
    return "answered"


async def _asked_about(tx: AsyncConnection, person: int, since_ms: int) -> Sequence[int]:
    asked = await tx.scalars(
        select(Material.id).where(
            Material.person == person,
            Material.consent == ConsentMark.ASKED.value,
            Material.source != Source.CONTEST.value,  # that yes makes an entry: `scheduler.kinds.contests` hears it
            Material.consent_ms >= since_ms,
            Material.removed_ms.is_(None),
        )
    )
    return asked.all()
