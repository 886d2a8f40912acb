"""What staff hear of by themselves, in words: how a push goes, who is stuck, which post a mirror lacks, the day."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.phone_tasks import hand_out_likes
from bots.staff_line import tell_staff
from operations.why import reason_words
from scheduler.care.lessons import Stuck
from scheduler.moments.likes import LikeRound
from scheduler.moments.mirror_gaps import Gap
from scheduler.push_events import CampaignEvent
from texts.catalogue import say

_GAP_CHARACTERS = 30
_OFTEN = ("error_budget", "refused", "phase_skipped", "task_batch")
"""Of these events one campaign may have several; each is told."""


async def tell_of_campaign(tx: AsyncConnection, event: CampaignEvent, now_ms: int) -> None:
    """The staff room hears how a push goes."""
    values: dict[str, Any] = {"title": event.title, "id": event.campaign, **event.values}
    text = say(f"scheduler.event.{event.what}", **values)
    which = event.values.get("pond") or (now_ms if event.what in _OFTEN else "")
    key = f"campaign:{event.campaign}:{event.what}:{which}"
    await tell_staff(tx, text, account="", staff=(), key=key, now_ms=now_ms)


async def tell_who_is_stuck(tx: AsyncConnection, stuck: Stuck, now_ms: int) -> None:
    """The staff room hears of a partner who fell silent over the lessons."""
    text = say(
        "scheduler.event.stuck", name=stuck.name, title=stuck.title, lesson=stuck.lesson, lessons=stuck.lessons,
        account=stuck.account,
    )  # fmt: skip
    key = f"lesson_stuck:{stuck.pupil}:{stuck.lesson}"
    await tell_staff(tx, text, account=stuck.account, staff=(), key=key, now_ms=now_ms)


async def hand_out_round(tx: AsyncConnection, likes: LikeRound, now_ms: int) -> None:
    """Whoever holds the phones hears whom to like."""
    names: dict[str, list[str]] = {}
    for one in likes.liked:
        names.setdefault(one.account, []).append(one.name)
    await hand_out_likes(tx, likes.holder, likes.day, names, now_ms)


async def tell_of_gap(tx: AsyncConnection, gap: Gap, now_ms: int) -> None:
    """The staff room hears that a mirror lacks a post of its source."""
    first = gap.text.strip().split("\n", 1)[0][:_GAP_CHARACTERS]
    reason = reason_words(gap.reason) or say("scheduler.mirror_gap.unknown")
    text = say("scheduler.mirror_gap", mirror=gap.mirror, source=gap.source, text=first, reason=reason)
    await tell_staff(tx, text, account=gap.mirror, staff=(), key=f"mirror_gap:{gap.delivery}", now_ms=now_ms)


async def tell_the_day(tx: AsyncConnection, text: str, key: str, now_ms: int) -> None:
    """The staff room hears how yesterday went."""
    await tell_staff(tx, text, account="", staff=(), key=key, now_ms=now_ms)
