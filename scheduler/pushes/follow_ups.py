"""What is written to those who joined a campaign: at most two messages each, whatever they are.

A reminder, thanks, the word that a place came free, the result of a draw: each comes unasked, and each counts (see
`rules.kinds`). What answers a message of theirs at once is a reply, and does not.
"""

from sqlalchemy import Select, func, or_, select

from rules.kinds import Kind
from storage.campaign_tables import Campaign
from storage.outbox import NEVER_LEFT
from storage.tables import Delivery

MOST_FOLLOW_UPS = 2
"""Reminders and thanks of one campaign. Source: the shop's house rules."""
_KINDS = (Kind.REMINDER.value, Kind.THANKS.value)


def told_enough(campaign: int, *, beside: int | None = None) -> Select[int | None]:
    """People who had, or are to have, all that they may get of it. `beside`: a push of it whose rows do not count."""
    return _told(campaign, beside).group_by(Delivery.person).having(func.count() >= MOST_FOLLOW_UPS)


def told_of_a_place(campaign: int) -> Select[int | None]:
    """People who heard that a place came free: that is their reminder."""
    return select(Delivery.person).where(
        Delivery.campaign == campaign, Delivery.key.startswith(f"campaign:{campaign}:moved_up:"),
        Delivery.state.not_in(NEVER_LEFT), Delivery.person.is_not(None),
    )  # fmt: skip


def _told(campaign: int, beside: int | None) -> Select[int | None]:
    of_it = select(Campaign.id).where(or_(Campaign.id == campaign, Campaign.parent == campaign))
    if beside is not None:
        of_it = of_it.where(Campaign.id != beside)
    return select(Delivery.person).where(
        Delivery.campaign.in_(of_it), Delivery.kind.in_(_KINDS), Delivery.state.not_in(NEVER_LEFT),
        Delivery.person.is_not(None),
    )  # fmt: skip
