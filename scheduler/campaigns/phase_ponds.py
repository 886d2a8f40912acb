"""What a phase of a campaign says in ponds: planned when the phase begins, or put before staff where all is asked."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from personas.errors import TemplateRefused, ValueMissing
from personas.voice import render
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_phase_file import PhaseFile
from scheduler.campaign_files.campaign_pushes import told_of
from scheduler.campaign_files.campaign_timeline import timeline
from scheduler.errors import NoSuchPond, PondRefused
from scheduler.ponds.pond_posts import plan_post
from scheduler.push_events import CampaignEvent, Tell


async def say_in_ponds(
    tx: AsyncConnection,
    row: Row[Any],
    file: CampaignFile,
    phase: PhaseFile,
    *,
    due_ms: int,
    until_ms: int,
    now_ms: int,
    zone_name: str,
    tell: Tell,
    always_ask: bool,
) -> None:
    """A row for each pond that is free; of the others, and of all where every push is asked for, staff hear."""
    line = timeline(file, row.starts_ms, zone_name)
    landing = phase.landing or file.landing
    values = {**told_of(file, phase, line, zone_name), "landing": landing.words() if landing else ""}
    for said in phase.ponds:
        for name in said.names:
            try:
                words = render(said.text, values)
                if always_ask:
                    event = CampaignEvent(row.id, row.name, row.title, "pond_asks", {"pond": name, "words": words})
                    await tell(tx, event, now_ms)
                    continue
                async with tx.begin_nested():
                    await plan_post(
                        tx, name, words, due_ms=max(due_ms, now_ms), by=f"campaign:{row.id}", now_ms=now_ms,
                        picture=said.picture, campaign=row.id, valid_until_ms=until_ms,
                    )  # fmt: skip
            except (NoSuchPond, PondRefused, TemplateRefused, ValueMissing) as problem:
                told = {"pond": name, "why": problem.message}
                await tell(tx, CampaignEvent(row.id, row.name, row.title, "pond_refused", told), now_ms)
