"""What people say to new arrivals: a vote for one of the styles, or that they want to see them."""

import re

from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.participants.participants import say_yes
from scheduler.participants.said import Heard, Said
from scheduler.participants.votes import read_choice

_SHOW = re.compile(
    r"(?:想|要|能|可以|先)?(?:看看|看一下|看下|看|发|有)?(?:一下|下)?(?:图片|照片|图|实拍|款式|样子|样)(?:吗|看看|看)?"
)
_BEFORE = re.compile(r"^(?:我)?(?:选择|投给|投|选|要|喜欢|觉得)")
_LOOK = frozenset({"看看", "看一下", "看下", "想看", "我看看", "先看看", "看款"})


async def hear(tx: AsyncConnection, campaign: int, file: CampaignFile, said: Said) -> Heard | None:
    """Count a vote, or show the styles; a bare yes is asked for which. None for anything else.

    One vote a person, the last one counts; it makes them somebody who took part.
    """
    assert file.arrivals is not None  # noqa: S101  # its kind says so
    folded = {_folded(choice): choice for choice in file.join.choices}
    chosen = read_choice(said.plain, list(folded)) or read_choice(_BEFORE.sub("", said.plain), list(folded))
    if chosen is not None:
        choice = folded[chosen]
        await say_yes(tx, campaign, said.guest, None, said.now_ms, choice=choice, arrival=said.arrival)
        return Heard("voted", {"choice": choice})
    pictures = tuple(style.picture for style in file.arrivals.styles if style.picture is not None)
    if pictures and (said.plain in _LOOK or _SHOW.fullmatch(said.plain)):
        return Heard("styles_shown", _which(file), pictures=pictures)
    return Heard("vote_for_which", _which(file)) if said.yes else None


def _which(file: CampaignFile) -> dict[str, str]:
    return {"styles": "、".join(f"{number} {name}" for number, name in enumerate(file.join.choices, 1))}


def _folded(choice: str) -> str:
    return re.sub(r"[^0-9a-z+\u3400-\u9fff]+", "", choice.casefold())
