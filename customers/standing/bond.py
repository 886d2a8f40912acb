"""How close a friendship has become (粘性): from what they write and send, and whom they brought.

A message of theirs is a point (a vote is one too), a picture or a video three more, a friend they brought ten: where
they have ever answered. Source: ours.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, case, func, literal, or_, select

from rules.pacing import DAY_MS
from storage.customer_tables import Referral
from storage.tables import Friendship

PHOTO_POINTS = 3
REFERRAL_POINTS = 10
STRONG_POINTS = 10
FAN_POINTS = 30
FAN_REFERRALS = 2
NEW_DAYS = 30
SILENT_DAYS = 365


class Bond(StrEnum):
    """From the loosest to the closest."""

    NEW = "new"
    """No word yet, and friends for less than 30 days."""
    WEAK = "weak"
    """Fewer than 10 points, or silent for a year."""
    STRONG = "strong"
    FAN = "fan"
    """30 points, or two friends brought."""


def bond_case(
    now_ms: ColumnElement[int],
    replies: SQLColumnExpression[int],
    photos: SQLColumnExpression[int],
    last_in_ms: SQLColumnExpression[Any],
) -> ColumnElement[str]:
    """The bond of a row of `friendships` with these counts."""
    brought = (
        select(func.count())
        .select_from(Referral)
        .where(Referral.referrer == Friendship.person, Referral.state != "reversed")
        .correlate(Friendship)
        .scalar_subquery()
    )
    points = replies + PHOTO_POINTS * photos
    awake = last_in_ms >= now_ms - SILENT_DAYS * DAY_MS
    fan = or_(points >= FAN_POINTS, brought >= FAN_REFERRALS, points + REFERRAL_POINTS * brought >= FAN_POINTS)
    strong = or_(points >= STRONG_POINTS, brought >= 1)
    return case(
        (and_(replies <= 0, Friendship.since_ms > now_ms - NEW_DAYS * DAY_MS), literal(Bond.NEW.value)),
        (or_(replies <= 0, last_in_ms.is_(None), ~awake), literal(Bond.WEAK.value)),
        (fan, literal(Bond.FAN.value)),
        (strong, literal(Bond.STRONG.value)),
        else_=literal(Bond.WEAK.value),
    )
