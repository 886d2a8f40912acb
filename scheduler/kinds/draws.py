"""Draws and judgings: the seed is fixed at the start, the outcome is decided once, and the record is published.

Why a seed of our own and not only a public number: a shop can't count on one at the hour it draws. So the seed is made
when the campaign starts, when nobody has entered, and its hash is shown. It lies in the database, so whoever can read
that could tell the outcome early; who wants to rule that out names a public value in the file that nobody can
know before then (`giveaway.public`), and it is mixed in. See `rules.lots`.
"""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from secrets import token_hex
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.lots import (
    ALGORITHM,
    BY_VOTES,
    BY_VOTES_APART,
    Lot,
    Lots,
    Win,
    allot,
    commitment_of,
    hash_of,
    hash_with_votes,
    in_order,
    ranked,
)  # fmt: skip
from rules.pacing import MINUTE_MS
from scheduler.benefits import benefits
from scheduler.campaign_files.campaign_file import CampaignFile, campaign_of
from scheduler.campaign_state import CampaignState, read
from scheduler.errors import DrawRefused
from scheduler.kinds.draw_entrants import Closed, close, closed_of, dropped_out, votes_now
from scheduler.kinds.entries import Entrant, entrants
from scheduler.participants.participants import in_turn
from storage.entry_tables import Draw, PrizeWon
from storage.outbox import insert_ignoring

_SEED_BYTES = 16


class DrawState(StrEnum):
    OPEN = "open"
    """Entries, or votes, are taken."""
    CLOSED = "closed"
    """Waits for somebody to draw."""
    DRAWN = "drawn"
    """Decided; people are being told."""
    TOLD = "told"


@dataclass(frozen=True, slots=True)
class DrawView:
    """What a draw is about. `fitting`: by prize, how many of the entrants it fits; `sizeless`: of how many no size is
    known, where sizes matter; `votes`: by number, in a `contest`; `list_hash`: of the entries, '' before the close.
    """

    title: str
    state: DrawState
    commitment: str
    closes_ms: int
    entrants: int
    left_out: Mapping[str, int]
    prizes: tuple[Lots, ...]
    fitting: tuple[int, ...]
    sizeless: int
    votes: Mapping[int, int]
    contest: bool
    record: Mapping[str, Any] | None
    list_hash: str


async def begin(tx: AsyncConnection, campaign: int, closes_ms: int, now_ms: int) -> str:
    """Fix the seed of a campaign that starts; returns its commitment. Again, it is the same one."""
    seed = token_hex(_SEED_BYTES)
    row = {
        "campaign": campaign, "commitment": commitment_of(seed), "seed": seed, "closes_ms": closes_ms,
        "state": DrawState.OPEN.value, "told_to": 0, "changed_ms": now_ms,
    }  # fmt: skip
    await tx.execute(insert_ignoring(tx, Draw).values(row))
    return str(await tx.scalar(select(Draw.commitment).where(Draw.campaign == campaign)))


async def look(tx: AsyncConnection, campaign: int) -> DrawView:
    """How it stands; writes nothing. Raises NoSuchCampaign, DrawRefused where nothing is drawn."""
    row, draw_, file = await _of(tx, campaign)
    able, left_out, votes = await _standing(tx, campaign, draw_, contest=file.contest is not None)
    prizes = _prizes(file)
    fitting = tuple(sum(not lots.fits or lots.fits in lot.wears for lot in able) for lots in prizes)
    sizeless = sum(not lot.wears for lot in able) if any(lots.fits for lots in prizes) else 0
    return DrawView(
        row.title, DrawState(draw_.state), draw_.commitment, draw_.closes_ms, len(able), left_out, prizes,
        fitting, sizeless, votes, file.contest is not None, draw_.record, hash_told(draw_.closed_with),
    )  # fmt: skip


async def _standing(
    tx: AsyncConnection, campaign: int, draw_: Row[Any], *, contest: bool
) -> tuple[list[Lot], dict[str, int], Mapping[int, int]]:
    """Who can win, who can't by reason, and the votes: of today while it is open, of the close from then on."""
    if draw_.closed_with is None:
        everybody = await entrants(tx, campaign)
        able = [one for one in everybody if not one.out]
        left_out = Counter(one.out for one in everybody if one.out)
        votes = await votes_now(tx, campaign, able) if contest else {}
        return [Lot(one.number, one.wears) for one in able], dict(left_out), votes
    closed = closed_of(draw_.closed_with)
    if draw_.record is None:
        over = await dropped_out(tx, campaign, closed.lots)
    else:
        over = {one["number"]: one["reason"] for one in draw_.record.get("passed_over", [])}
    left_out = Counter(closed.left_out) + Counter(over.values())
    return [lot for lot in closed.lots if lot.number not in over], dict(left_out), closed.votes


async def draw(tx: AsyncConnection, campaign: int, by: str, now_ms: int, *, public: str = "") -> dict[str, Any]:
    """Decide it, once and for all: who wins what, each prize handed out. Returns the record that is published.

    Raises NoSuchCampaign, DrawRefused (none, not_closed, drawn, nobody, public), BenefitRefused.
    """
    await in_turn(tx, campaign)
    row, draw_, file = await _of(tx, campaign)
    _require_drawable(row, draw_, file, now_ms, public)
    closed = await close(tx, campaign, contest=file.contest is not None)
    over = await dropped_out(tx, campaign, closed.lots)
    votes = closed.votes if file.contest else None
    wins = _wins(closed.lots, votes, draw_.seed, public, over, _prizes(file))
    if not wins:
        raise DrawRefused("nobody", title=row.title, entrants=len(closed.lots) - len(over))
    record = {
        "algorithm": _algorithm(closed, contest=file.contest is not None),
        "campaign": row.name, "id": campaign, "title": row.title,
        "commitment": draw_.commitment, "fixed_at": _iso(row.starts_ms), "closed_at": _iso(draw_.closes_ms),
        "seed": draw_.seed, "public_name": (file.giveaway.public or "") if file.giveaway else "", "public": public,
        "entrants": [{"number": lot.number, "wears": list(lot.wears)} for lot in closed.lots],
        "entrants_hash": closed.hash,
        "left_out": dict(closed.left_out),
        "passed_over": [{"number": number, "reason": reason} for number, reason in sorted(over.items())],
        "prizes": [{"name": one.name, "count": one.count, "fits": one.fits} for one in _prizes(file)],
        "votes": [{"number": number, "votes": count} for number, count in sorted(closed.votes.items())],
        "winners": [{"place": win.place, "number": win.number, "prize": win.name, "fits": win.fits} for win in wins],
        "drawn_at": _iso(now_ms),
    }  # fmt: skip
    await _hand_out(tx, campaign, file, {one.number: one for one in await entrants(tx, campaign)}, wins, now_ms)
    values = {
        "state": DrawState.DRAWN.value, "record": record, "drawn_ms": now_ms, "drawn_by": by, "told_to": 0,
        "changed_ms": now_ms,
    }  # fmt: skip
    await tx.execute(update(Draw).where(Draw.campaign == campaign).values(values))
    return record


def flaws_of(record: Mapping[str, Any], told: str | None = None) -> list[str]:
    """What is wrong with a published record, drawn once more from what stands in it; nothing when it is right.

    `told`: the hash of the entries that was written down at the close, where it is known. Words of the catalogue:
    algorithm, commitment, entrants, closed, passed_over, winners. Raises KeyError, TypeError for what is no record.
    """
    if record["algorithm"] not in (ALGORITHM, BY_VOTES, BY_VOTES_APART):
        return ["algorithm"]
    flaws = [] if commitment_of(record["seed"]) == record["commitment"] else ["commitment"]
    lots = [Lot(one["number"], tuple(one["wears"])) for one in record["entrants"]]
    by_votes = record["algorithm"] != ALGORITHM
    votes = {one["number"]: one["votes"] for one in record["votes"]} if by_votes else None
    hashed = hash_with_votes(lots, votes or {}) if record["algorithm"] == BY_VOTES else hash_of(lots)
    if hashed != record["entrants_hash"] or len({lot.number for lot in lots}) < len(lots):
        flaws.append("entrants")
    if told not in (None, record["entrants_hash"]):
        flaws.append("closed")
    over = {one["number"]: one["reason"] for one in record.get("passed_over", [])}
    if not over.keys() <= {lot.number for lot in lots} or not all(over.values()):
        flaws.append("passed_over")
    prizes = [Lots(one["name"], one["count"], one["fits"]) for one in record["prizes"]]
    wins = _wins(lots, votes, record["seed"], record["public"], over, prizes)
    again = [{"place": win.place, "number": win.number, "prize": win.name, "fits": win.fits} for win in wins]
    return flaws if again == list(record["winners"]) else [*flaws, "winners"]


def _algorithm(closed: Closed, *, contest: bool) -> str:
    """A list that was written down before votes were hashed with it is drawn as was told then."""
    if not contest:
        return ALGORITHM
    return BY_VOTES if closed.hash == hash_with_votes(closed.lots, closed.votes) else BY_VOTES_APART


def hash_told(closed_with: Mapping[str, Any] | None) -> str:
    """Of the list of the close; '' before it."""
    return closed_of(closed_with).hash if closed_with else ""


async def record_of(tx: AsyncConnection, campaign: int) -> Mapping[str, Any]:
    """What was published. Raises NoSuchCampaign, DrawRefused before it was drawn."""
    row, draw_, _ = await _of(tx, campaign)
    if draw_.record is None:
        raise DrawRefused("not_yet", title=row.title)
    return dict(draw_.record)


async def closed_hash(tx: AsyncConnection, campaign: int) -> str | None:
    """Of the list that was written down at the close; None where none was. Raises NoSuchCampaign, DrawRefused."""
    _, draw_, _ = await _of(tx, campaign)
    return hash_told(draw_.closed_with) or None


async def _of(tx: AsyncConnection, campaign: int) -> tuple[Row[Any], Row[Any], CampaignFile]:
    row = await read(tx, campaign)
    found = (await tx.execute(select(Draw.__table__).where(Draw.campaign == campaign))).first()
    if found is None:
        raise DrawRefused("none", title=row.title)
    return row, found, campaign_of(row.spec)


def _require_drawable(row: Row[Any], draw_: Row[Any], file: CampaignFile, now_ms: int, public: str) -> None:
    if draw_.record is not None:
        raise DrawRefused("drawn", title=row.title)
    if row.state not in (CampaignState.RUNNING.value, CampaignState.FINISHED.value):
        raise DrawRefused("state", title=row.title)
    if now_ms < draw_.closes_ms:
        hours, minutes = divmod(-(-(draw_.closes_ms - now_ms) // MINUTE_MS), 60)
        raise DrawRefused("not_closed", title=row.title, hours=hours, minutes=minutes)
    wanted = file.giveaway.public if file.giveaway else None
    if wanted and not public:
        raise DrawRefused("public", title=row.title, public=wanted)
    if public and not wanted:
        raise DrawRefused("no_public", title=row.title)


def _prizes(file: CampaignFile) -> tuple[Lots, ...]:
    if file.giveaway is not None:
        return file.giveaway.lots()
    return tuple(Lots(prize.prize, prize.places) for prize in file.contest.prizes) if file.contest else ()


def _wins(
    lots: Sequence[Lot], votes: Mapping[int, int] | None, seed: str, public: str, over: Container[int],
    prizes: Sequence[Lots],
) -> list[Win]:  # fmt: skip
    """The whole list in its order, whoever dropped out passed over. `votes`: of a contest."""
    order = in_order(lots, seed, public) if votes is None else ranked(lots, votes, seed)
    able = [lot for lot in order if lot.number not in over]
    return allot(able, prizes) if votes is None else _placed(able, prizes)


def _placed(order: list[Lot], prizes: Sequence[Lots]) -> list[Win]:
    """The first places get the first prize, those behind them the next."""
    names = [prize.name for prize in prizes for _ in range(prize.count)]
    return [Win(place, lot.number, name) for place, (lot, name) in enumerate(zip(order, names, strict=False), start=1)]


async def _hand_out(
    tx: AsyncConnection, campaign: int, file: CampaignFile, able: Mapping[int, Entrant], wins: list[Win], now_ms: int
) -> None:
    """A line for each winner; where the prize is a benefit, it is given from its stock."""
    rows = []
    for win in wins:
        person = able[win.number].person
        benefit = _benefit_of(file, win.place)
        if benefit is not None:
            await benefits.give(
                tx, campaign=campaign, benefit=benefit, person=person, by="draw", now_ms=now_ms,
                key=f"draw:{campaign}:{person}",
            )  # fmt: skip
        rows.append(
            {
                "campaign": campaign, "person": person, "number": win.number, "place": win.place, "prize": win.name,
                "size": win.fits.partition(":")[2] or None, "benefit": benefit, "won_ms": now_ms,
            }
        )  # fmt: skip
    await tx.execute(insert(PrizeWon), rows)


def _benefit_of(file: CampaignFile, place: int) -> str | None:
    if file.giveaway is not None:
        return file.giveaway.benefit
    prize = file.contest.prize_of(place) if file.contest else None
    return prize.benefit if prize else None


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")
