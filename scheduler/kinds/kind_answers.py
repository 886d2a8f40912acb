"""Which kinds of campaigns have ears of their own; the rest understand yes, no and a choice."""

from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_timeline import Timeline
from scheduler.kinds import contests, giveaways, style_votes, task_proofs
from scheduler.kinds.contests import keep
from scheduler.moments.materials import Source
from scheduler.participants.said import Heard, Said


async def hear_kind(
    tx: AsyncConnection, campaign: int, file: CampaignFile, line: Timeline, zone_name: str, said: Said
) -> Heard | None:
    """What new arrivals, a giveaway, a contest or a precise task make of it; None where it is for the usual ears."""
    if file.arrivals is not None:
        return await style_votes.hear(tx, campaign, file, said)
    if file.contest is not None:
        until = file.contest.entries_until
        until_ms = until.ms(line.from_ms, zone_name) if until else line.until_ms
        return await contests.hear(tx, campaign, file, said, until_ms)
    if file.giveaway is not None:
        return await giveaways.hear(tx, campaign, file, said)
    return await task_proofs.hear(tx, campaign, file, said) if file.task is not None else None


async def keep_photo(tx: AsyncConnection, said: Said) -> int | None:
    """A photo that is an answer to any other campaign: into the library, where it waits for its person's consent."""
    return None if said.photo is None else await keep(tx, said.guest, said.photo, Source.CHAT, said)
