"""What people say to a giveaway: yes, with or without their size; the number of their entry is said back."""

import re
import unicodedata

from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_parts import plain_size
from scheduler.kinds.entries import EntryState, enter, entrants, entry_of
from scheduler.participants.participants import say_yes
from scheduler.participants.said import Heard, Said

_AROUND = re.compile(r"^(?:我?要|参加|报名|1|我?穿|我是)?[，,、\s]*|(?:的|吧|哦|哈|呀|啦|谢谢)*[。.!！~～\s]*$")
_LONGEST = 20


async def hear(tx: AsyncConnection, campaign: int, file: CampaignFile, said: Said) -> Heard | None:
    """Enter whoever says yes or names a size that is given away; None for anything else."""
    assert file.giveaway is not None  # noqa: S101  # its kind says so
    size = size_in(said.text, file.giveaway.sizes())
    if not said.yes and size is None:
        return None
    before = await entry_of(tx, campaign, said.guest.person)
    await say_yes(tx, campaign, said.guest, None, said.now_ms, arrival=said.arrival)
    values = {} if size is None else {"size": size}
    number = await enter(tx, campaign, said.guest.person, said.now_ms, **values)
    again = before is not None and before.state == EntryState.ENTERED.value and size in (None, before.size)
    known = await _known_size(tx, campaign, said.guest.person)
    told = {"number": str(number), "size": known}
    if again:
        return Heard("entered_again", told)
    needs = not known and bool(file.giveaway.sizes())
    return Heard("entered_which_size" if needs else "entered", told)


def size_in(text: str, sizes: frozenset[str]) -> str | None:
    """The one of these sizes that a whole message names: `M`, `要M码`, `38 号的`."""
    if len(text) > _LONGEST:
        return None
    folded = unicodedata.normalize("NFKC", text).strip()
    plain = plain_size(_AROUND.sub("", folded))
    return plain if plain in sizes else plain_size(folded) if plain_size(folded) in sizes else None


async def _known_size(tx: AsyncConnection, campaign: int, person: int) -> str:
    """The sizes that count for them, as they stand in words; '' when none is known."""
    mine = await entrants(tx, campaign, person=person)
    return "/".join(dict.fromkeys(worn.partition(":")[2] for one in mine for worn in one.wears))
