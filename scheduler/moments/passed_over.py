"""Days that nobody planned: the fleet stood still, or the clock was set forward. What was meant for them stands in the
tables as skipped, so that reports and `why` know of it.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import Kind
from scheduler.moments.posts import CALENDAR
from storage.campaign_tables import Post
from storage.tables import Account, Delivery

MOST_DAYS = 14
"""Nobody asks what was not posted before that. Ours."""


async def days_passed_over(tx: AsyncConnection, time_zone: str, today: date) -> list[date]:
    """From the newest day of the zone that was planned until yesterday, at most `MOST_DAYS`; [] at first.

    That day itself once more: whoever planned it may have been stopped among the accounts.
    """
    since = today - timedelta(days=MOST_DAYS)
    planned = (
        select(func.max(Post.day))
        .join(Account, Account.id == Post.account)
        # What staff wish for a day to come says nothing of the calendar.
        .join(Delivery, Delivery.key == f"{Kind.MOMENT.value}:" + Post.account + ":" + Post.key)
        .where(Account.time_zone == time_zone, Account.removed.is_(False), Delivery.source == CALENDAR)
    )
    newest = await tx.scalar(planned.where(Post.day >= since.isoformat()))
    if newest is None and await tx.scalar(planned) is None:
        return []
    first = since if newest is None else date.fromisoformat(newest)
    return [first + timedelta(days=later) for later in range((today - first).days)]


async def who_posted_by(tx: AsyncConnection, accounts: Sequence[str], day: date) -> list[str]:
    """Those of `accounts` that had posts on that day or before: of nobody who came later anything was missed."""
    had = select(Post.account).where(Post.account.in_(accounts), Post.day <= day.isoformat()).distinct()
    return list((await tx.scalars(had.order_by(Post.account))).all())
