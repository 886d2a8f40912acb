"""A contest: a photo becomes a numbered entry once its person agreed to the terms, and everybody has one vote."""

import re

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.pacing import MINUTE_MS
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.kinds.entries import EntryState, by_number, enter, entry_of, note, numbers
from scheduler.moments.materials import ConsentMark, Source, keep_picture, mark, picture_of
from scheduler.participants.last_word import spoke_last
from scheduler.participants.participants import Guest, say_yes
from scheduler.participants.said import Heard, Photo, Said
from storage.campaign_tables import Participant

_VOTE = re.compile(r"(?:我)?(?:要)?(?:投票给|投给|投|选|支持)?(?:第|no)?([0-9]{1,5})(?:号|款|位|幅|张)?(?:作品|一票)?")
_NUMERALS = str.maketrans("一二两三四五六七八九", "1223456789")
TERMS_OPEN_MS = 30 * MINUTE_MS
"""So long after the terms a plain 好的 is an answer to them; 同意 always is. Ours."""
_AGREED = frozenset({"同意", "我同意", "同意的", "同意规则", "我同意规则", "好的同意", "同意参加"})
_PERHAPS_AGREED = frozenset({"可以", "可以的", "好", "好的", "行", "没问题", "ok", "okay", "yes", "嗯", "嗯嗯"})
_DISAGREED = frozenset({"不同意", "我不同意", "别发", "不要发", "不发了"})
_PERHAPS_DISAGREED = frozenset({"不可以", "不行", "不好", "不方便"})


async def hear(
    tx: AsyncConnection, campaign: int, file: CampaignFile, said: Said, entries_until_ms: int
) -> Heard | None:
    """A photo, a word on the terms, a vote, or the wish to take part; None for anything else.

    To whoever can't be told the terms now only their vote counts.
    """
    assert file.contest is not None  # noqa: S101  # its kind says so
    number = voted_number(said.plain)
    if number is None and said.unheard:
        return None
    entry = await entry_of(tx, campaign, said.guest.person)
    state = EntryState(entry.state) if entry else None
    is_open = said.now_ms <= entries_until_ms
    terms = {"terms": file.contest.terms, "theme": file.contest.theme}
    if said.photo is not None:
        joins = state in (EntryState.TOLD, EntryState.ASKED)
        if not joins and not await spoke_last(tx, campaign, said.guest.person):
            return None  # a picture of something else: a parcel, a flaw
        return await _photo(tx, campaign, said, said.photo, state, terms) if is_open else Heard("entries_over", terms)
    if state is EntryState.ASKED and entry is not None and number is None:
        agrees = on_terms(said, fresh=said.now_ms - entry.changed_ms <= TERMS_OPEN_MS)
        if agrees:
            return await _agreed(tx, campaign, said, entry.material) if is_open else Heard("entries_over", terms)
        if agrees is False:
            await mark(tx, entry.material, ConsentMark.REFUSED, by=said.by, now_ms=said.now_ms)
            await note(tx, campaign, said.guest.person, EntryState.WITHDRAWN, said.now_ms)
            return Heard("terms_refused")
    if number is not None:
        return await _vote(tx, campaign, said, number)
    if state is EntryState.TOLD and entry is not None and is_open and not said.yes:
        agrees = on_terms(said, fresh=said.now_ms - entry.changed_ms <= TERMS_OPEN_MS)
        return Heard("photo_next", terms) if agrees else None
    if not said.yes:
        return None
    if state is EntryState.ENTERED and entry is not None:
        return Heard("entered_again", {"number": str(entry.number), "size": ""})
    if not is_open:
        return Heard("entries_over", terms)
    await say_yes(tx, campaign, said.guest, None, said.now_ms, arrival=said.arrival)
    await note(tx, campaign, said.guest.person, EntryState.TOLD, said.now_ms)
    return Heard("send_photo", terms)


def on_terms(said: Said, *, fresh: bool) -> bool | None:
    """Do they agree to the terms? None where they speak of something else. `fresh`: were they told just now?"""
    if said.plain in _AGREED or said.yes or (fresh and said.plain in _PERHAPS_AGREED):
        return True
    return False if said.plain in _DISAGREED or said.no or (fresh and said.plain in _PERHAPS_DISAGREED) else None


def voted_number(plain: str) -> int | None:
    """The number that a whole message votes for: 3, 投3号, 三号; None when it is no vote."""
    found = _VOTE.fullmatch(_with_digits(plain))
    return int(found[1]) if found else None


def _with_digits(plain: str) -> str:
    """十二 is 12, 三 is 3; numbers above ninety-nine are written with digits by everybody."""
    digits = plain.translate(_NUMERALS)
    found = re.search(r"([0-9]?)十([0-9]?)", digits)
    if found is None:
        return digits
    return digits.replace(found[0], str(int(found[1] or 1) * 10 + int(found[2] or 0)))


async def _photo(
    tx: AsyncConnection, campaign: int, said: Said, photo: Photo, state: EntryState | None, terms: dict[str, str]
) -> Heard:
    """Whoever was told the terms agrees to them by sending it; anybody else is told them first, and asked."""
    told = state in (EntryState.TOLD, EntryState.ENTERED)
    material = await keep(tx, said.guest, photo, Source.CONTEST, said)
    await say_yes(tx, campaign, said.guest, None, said.now_ms, arrival=said.arrival, material=material)
    if not told:
        await mark(tx, material, ConsentMark.ASKED, by=said.by, now_ms=said.now_ms)
        await note(tx, campaign, said.guest.person, EntryState.ASKED, said.now_ms, material=material)
        return Heard("terms", terms)
    heard = await _agreed(tx, campaign, said, material)
    return Heard("photo_replaced", heard.values) if state is EntryState.ENTERED else heard


async def _agreed(tx: AsyncConnection, campaign: int, said: Said, material: int) -> Heard:
    await mark(tx, material, ConsentMark.GIVEN, by=said.by, now_ms=said.now_ms)
    number = await enter(tx, campaign, said.guest.person, said.now_ms, material=material)
    return Heard("photo_entered", {"number": str(number)})


async def _vote(tx: AsyncConnection, campaign: int, said: Said, number: int) -> Heard | None:
    entry = await by_number(tx, campaign, number)
    if entry is None:
        there = await numbers(tx, campaign)
        return Heard("no_such_entry", {"number": str(number), "last": str(there[-1])}) if there else None
    if entry.person == said.guest.person:
        return Heard("own_entry", {"number": str(number)})
    query = select(Participant.choice).where(Participant.campaign == campaign, Participant.person == said.guest.person)
    before = await tx.scalar(query)
    await say_yes(tx, campaign, said.guest, None, said.now_ms, choice=str(number))
    if before is None or before == str(number):
        return Heard("voted_entry", {"number": str(number)})
    return Heard("vote_changed", {"number": str(number), "before": before})


async def keep(tx: AsyncConnection, guest: Guest, photo: Photo, source: Source, said: Said) -> int:
    """The photo is in the library, theirs, for whoever asks them; returns its number."""
    new = await keep_picture(
        tx, account=guest.account, message=photo.message, source=source, person=guest.person, name=photo.name,
        by=said.by, now_ms=said.now_ms,
    )  # fmt: skip
    return new if new is not None else await picture_of(tx, guest.account, photo.message)
