"""Answers to what somebody said to a campaign: replies, which no pause of it holds, so they carry no number of it.

Their source names it instead. By that they are found when it is called off.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, or_

from storage.tables import Delivery


def entry_of(campaign: int, outcome: str) -> str:
    """What such an answer is called among all that was said to somebody."""
    return f"campaign_{campaign}_{outcome}"


def answers_one_of(source: str, campaigns: Collection[int | None]) -> bool:
    """Is a row with that source an answer to what was said to one of these?"""
    return any(f":{entry_of(campaign, '')}" in source for campaign in campaigns if campaign is not None)


def is_answer_to(campaigns: Collection[int]) -> ColumnElement[bool]:
    """The same in a query of the outbox. Reads the rows: only where something else has made them few."""
    # An underline stands for any letter: unescaped, the answers of `campaign_12` would be those of `campaign_1`.
    patterns = [f"inbox:%:{entry_of(campaign, '')}%".replace("_", "/_") for campaign in campaigns]
    return or_(*(Delivery.source.like(pattern, escape="/") for pattern in patterns))
