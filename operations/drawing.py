"""Draws and judgings by command: look at what would be decided, decide it once; and how such a campaign stands."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.asking import Asked, Reply, Shown
from operations.errors import NotFound
from operations.requests.pushes import DrawLots
from operations.why import reason_words
from scheduler.campaign_files.campaign_file import CampaignFile, campaign_of
from scheduler.errors import DrawRefused
from scheduler.kinds import draws
from scheduler.kinds.draws import DrawState, DrawView
from scheduler.kinds.task_runs import RunState, progress
from storage.campaign_tables import CAMPAIGN, Campaign
from storage.entry_tables import Draw, PrizeWon
from storage.tables import Person
from texts.catalogue import say
from texts.punctuation import aside

_WINNERS_SHOWN = 30


async def show_draw(tx: AsyncConnection, asked: Asked[DrawLots]) -> Shown:
    """Who could win what. Raises NotFound, DrawRefused: what could not be drawn gets no code."""
    id, _ = await drawable(tx, asked.request.campaign)
    async with tx.begin_nested() as trial:  # what would refuse then, refuses now
        await draws.draw(tx, id, f"staff:{asked.staff.id}", asked.now_ms, public=asked.request.public)
        await trial.rollback()
    seen = await draws.look(tx, id)
    text = "\n".join([*view_lines(seen), say("operations.draw.once")])
    return Shown(text, DrawLots(campaign=str(id), public=asked.request.public), seen.entrants)


async def draw(tx: AsyncConnection, asked: Asked[DrawLots]) -> Reply:
    """Decide it. Raises NotFound, DrawRefused, BenefitRefused."""
    id, title = await drawable(tx, asked.request.campaign)
    record = await draws.draw(tx, id, f"staff:{asked.staff.id}", asked.now_ms, public=asked.request.public)
    lines = [say("operations.draw.done", title=title, winners=len(record["winners"]))]
    return Reply(True, "\n".join([*lines, *await winner_lines(tx, id), _record_line(record)]), data={"record": record})


async def drawable(tx: AsyncConnection, word: str) -> tuple[int, str]:
    """(id, title) of the newest campaign of that number, name or title. Raises NotFound."""
    query = select(Campaign.id, Campaign.name, Campaign.title).where(Campaign.kind == CAMPAIGN)
    for row in (await tx.execute(query.order_by(Campaign.id.desc()))).all():
        if word in (str(row.id), row.name, row.title):
            return row.id, row.title
    raise NotFound(say("operations.no_campaign", campaign=word), hint=say("operations.no_campaign.hint"))


async def kind_lines(tx: AsyncConnection, campaign: int) -> tuple[dict[str, Any], list[str]]:
    """What a giveaway, a contest or a precise task has to say beside its phases: the document, and the lines."""
    file = campaign_of(await tx.scalar(select(Campaign.spec).where(Campaign.id == campaign)) or {})
    if file.task is not None:
        return await _task(tx, campaign, file)
    if file.giveaway is None and file.contest is None:
        return {}, []
    try:
        seen = await draws.look(tx, campaign)
    except DrawRefused:
        return {}, []  # a draft: its seed is fixed when it starts
    lines = view_lines(seen)
    if seen.record is not None:
        lines += [*await winner_lines(tx, campaign), _record_line(seen.record)]
    document = {
        "draw": {
            "state": seen.state.value, "commitment": seen.commitment, "list_hash": seen.list_hash,
            "entrants": seen.entrants,
            "left_out": dict(seen.left_out), "votes": {str(number): votes for number, votes in seen.votes.items()},
            "record": seen.record,
        }
    }  # fmt: skip
    return document, lines


async def short_lines(tx: AsyncConnection, campaign: int) -> list[str]:
    """The same for a list of many campaigns: where it stands and how many are entered, in one line."""
    document, lines = await kind_lines(tx, campaign)
    return lines[:1] if document else []


async def seed_line(tx: AsyncConnection, campaign: int) -> str:
    """What is shown of the seed when such a campaign starts, on a line of its own; '' for any other."""
    commitment = await tx.scalar(select(Draw.commitment).where(Draw.campaign == campaign))
    return "\n" + say("operations.draw.seed", commitment=commitment) if commitment else ""


def view_lines(seen: DrawView) -> list[str]:
    """State, entries, prizes with whom they fit, votes, and the commitment."""
    left_out = "".join(
        say("operations.draw.left_out", count=count, reason=reason_words(reason))
        for reason, count in sorted(seen.left_out.items())
    )
    state = say(f"operations.draw.state.{seen.state}")
    lines = [say("operations.draw.head", title=seen.title, state=state, entrants=seen.entrants, left_out=left_out)]
    for prize, fitting in zip(seen.prizes, seen.fitting, strict=True):
        key = "operations.draw.place" if seen.contest else "operations.draw.prize"
        lines.append(say(key, prize=prize.name, size=_size(prize.fits), count=prize.count, fitting=fitting))
    if seen.sizeless:
        lines.append(say("operations.draw.sizeless", count=seen.sizeless))
    if seen.votes:
        most = sorted(seen.votes.items(), key=lambda vote: (-vote[1], vote[0]))[:_WINNERS_SHOWN]
        words = [say("operations.draw.vote", number=number, votes=votes) for number, votes in most]
        lines.append(say("operations.draw.votes", votes=say("texts.comma").join(words)))
    if seen.list_hash and seen.record is None:
        lines.append(say("operations.draw.closed", hash=seen.list_hash))
    if seen.state is not DrawState.TOLD:
        lines.append(say("operations.draw.seed", commitment=seen.commitment))
    return lines


async def winner_lines(tx: AsyncConnection, campaign: int) -> list[str]:
    """Place, number, name and prize of each."""
    query = (
        select(PrizeWon.place, PrizeWon.number, PrizeWon.prize, PrizeWon.size, Person.call_me, Person.name, Person.id)
        .outerjoin(Person, Person.id == PrizeWon.person)
        .where(PrizeWon.campaign == campaign)
        .order_by(PrizeWon.place)
    )
    rows = (await tx.execute(query)).all()
    return [
        say(
            "operations.draw.winner", place=row.place, number=row.number, who=row.call_me or row.name or f"#{row.id}",
            prize=row.prize, size=_size(row.size or ""),
        )
        for row in rows[:_WINNERS_SHOWN]
    ]  # fmt: skip


async def _task(tx: AsyncConnection, campaign: int, file: CampaignFile) -> tuple[dict[str, Any], list[str]]:
    found = await progress(tx, campaign, file.task) if file.task is not None else None
    if found is None:
        return {}, []
    numbers: dict[str, Any] = {
        "target": found.target, "done": found.done, "asked": found.asked, "said_yes": found.said_yes,
        "batches": found.batches,
    }  # fmt: skip
    proofs = say("operations.task.proofs", count=found.proofs) if found.proofs else ""
    state = RunState(found.state)
    line = say("operations.task.line", **numbers, proofs=proofs, state=say(f"operations.task.state.{state}"))
    return {"task": {**numbers, "proofs": found.proofs, "state": state.value}}, [line]


def _record_line(record: Mapping[str, Any]) -> str:
    return say("operations.draw.record", seed=record["seed"], hash=record["entrants_hash"])


def _size(fits: str) -> str:
    return aside(fits.rpartition(":")[2])
