"""How long it will take: each account at its own pace, within its day, outside its quiet hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import Kind, gate_of
from rules.limits import Limits
from rules.pacing import DAY_MS, MINUTE_MS
from rules.quiet_hours import next_at, open_from, within
from scheduler.pushes.push_file import PushFile
from storage.outbox import DeliveryState
from storage.tables import Account, Delivery

_MOST_DAYS = 60  # a forecast beyond is none


LOOK_MS = MINUTE_MS
"""Between the end of the first batch and the planner's word for the rest, about; more where the clock runs fast."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one account is to send. `sent_today` are its pushes of the last 24 hours, the first of them at
    `first_sent_ms`; `waiting` those planned before.
    """

    messages: int
    limits: Limits
    zone: str
    sent_today: int = 0
    waiting: int = 0
    first_sent_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """When the last message leaves (epoch ms), and how many do not before the end of their validity."""

    ends_ms: int
    beyond: int


def gap_ms(limits: Limits) -> int:
    """The mean time between two messages to different people."""
    drawn_ms = (limits.gap_min_s + limits.gap_max_s) * 500
    return max(1, round(max(drawn_ms, MINUTE_MS / limits.people_per_minute, MINUTE_MS / limits.messages_per_minute)))


def a_day(limits: Limits) -> int:
    """How many pushes a rolling day takes."""
    return min(limits.pushes_per_day, limits.messages_per_day - limits.replies_kept_per_day)


def outlook(load: Load, starts_ms: int, valid_until_ms: int, window: tuple[time, time] | None = None) -> Outlook:
    """When this account is through, sending only in `window` (its own hours of the day) and never in quiet hours.

    An estimate: the day's budget comes back 24 hours after it was begun, replies in between are not known.
    """
    gap = gap_ms(load.limits)
    left = load.waiting + load.messages
    now_ms, last_ms, on_time = starts_ms, starts_ms, 0
    full = a_day(load.limits)
    day_ends_ms, budget = (load.first_sent_ms or starts_ms) + DAY_MS, max(0, full - load.sent_today)
    horizon_ms = starts_ms + _MOST_DAYS * DAY_MS
    while left and now_ms < horizon_ms:
        opens_ms, closes_ms = _next_opening(now_ms, load, window)
        if budget == full or opens_ms >= day_ends_ms:
            day_ends_ms, budget = opens_ms + DAY_MS, full
        until_ms = min(closes_ms, day_ends_ms)
        sent = min(left, budget, max(1, -(-(until_ms - opens_ms) // gap)))
        if sent:
            last_ms = opens_ms + (sent - 1) * gap
            if valid_until_ms > opens_ms:
                on_time += min(sent, -(-(valid_until_ms - opens_ms) // gap))
        left -= sent
        budget -= sent
        now_ms = max(until_ms, opens_ms + 1)
    return Outlook(last_ms, min(load.messages, max(0, load.waiting + load.messages - on_time)))


def whole_outlook(loads: Mapping[str, Load], push: PushFile, starts_ms: int, valid_until_ms: int) -> Outlook | None:
    """When the last message of all accounts leaves, the first batch before the rest; None when there is none."""
    hours = (push.window.start, push.window.end) if push.window else None
    batch = _first_batch(loads, push.first_batch)
    views: list[Outlook] = []
    last_ms = starts_ms
    for account, load in loads.items():
        if batch[account]:
            view = outlook(replace(load, messages=batch[account]), starts_ms, valid_until_ms, hours)
            views.append(view)
            last_ms = max(last_ms, view.ends_ms)
    goes_on_ms = last_ms + LOOK_MS
    for account, load in loads.items():
        if load.messages > batch[account]:
            sent = load.waiting + batch[account]
            rest = replace(
                load,
                messages=load.messages - batch[account],
                waiting=0,
                sent_today=load.sent_today + sent,
                first_sent_ms=load.first_sent_ms or (starts_ms if sent else None),
            )
            views.append(outlook(rest, goes_on_ms, valid_until_ms, hours))
    if not views:
        return None
    return Outlook(max(view.ends_ms for view in views), sum(view.beyond for view in views))


def _first_batch(loads: Mapping[str, Load], people: int) -> dict[str, int]:
    """One of each account, then a second of each …"""
    batch, left = dict.fromkeys(loads, 0), people
    while left > 0:
        more = [account for account in sorted(loads) if batch[account] < loads[account].messages][:left]
        if not more:
            break
        for account in more:
            batch[account] += 1
        left -= len(more)
    return batch


def _next_opening(now_ms: int, load: Load, window: tuple[time, time] | None) -> tuple[int, int]:
    """The next stretch in which the account may send: from (now or later), until."""
    limits = load.limits
    awake = (limits.quiet_until, limits.quiet_from)
    for _ in range(8):
        opens_ms = now_ms
        for start, end in filter(None, (awake, window)):
            opens_ms = open_from(opens_ms, start, end, load.zone) if start != end else opens_ms
        closing = [next_at(opens_ms, end, load.zone) for start, end in filter(None, (awake, window)) if start != end]
        if all(within(opens_ms, *hours, load.zone) for hours in filter(None, (awake, window)) if hours[0] != hours[1]):
            return opens_ms, min(closing, default=opens_ms + DAY_MS)
        now_ms = opens_ms
    # The window lies wholly in the quiet hours: nothing ever leaves.
    return now_ms + _MOST_DAYS * DAY_MS, now_ms + _MOST_DAYS * DAY_MS + 1


async def loads(tx: AsyncConnection, by_account: Mapping[str, int], now_ms: int) -> dict[str, Load]:
    """What these accounts are to send, beside what they sent and what waits already."""
    accounts = list(by_account)
    pushes = [kind.value for kind in Kind if gate_of(kind).push_budget]
    sent = await _counted(tx, accounts, pushes, Delivery.sent_ms > now_ms - DAY_MS)
    first = await _first_sent(tx, list(sent), pushes, now_ms)
    waiting = await _counted(tx, accounts, pushes, Delivery.state == DeliveryState.PENDING.value)
    rows = await tx.execute(select(Account.id, Account.limits, Account.time_zone).where(Account.id.in_(accounts)))
    return {
        row.id: Load(
            by_account[row.id],
            Limits.model_validate(row.limits),
            row.time_zone,
            sent.get(row.id, 0),
            waiting.get(row.id, 0),
            first.get(row.id),
        )
        for row in rows.all()
    }


async def full_accounts(tx: AsyncConnection, now_ms: int) -> list[str]:
    """Accounts whose pushes of the last 24 hours, and those that wait, use the day up."""
    pushes = [kind.value for kind in Kind if gate_of(kind).push_budget]
    accounts = (await tx.execute(select(Account.id, Account.limits).where(Account.removed.is_(False)))).all()
    ids = [row.id for row in accounts]
    sent = await _counted(tx, ids, pushes, Delivery.sent_ms > now_ms - DAY_MS)
    waiting = await _counted(tx, ids, pushes, Delivery.state == DeliveryState.PENDING.value)
    taken = {id: sent.get(id, 0) + waiting.get(id, 0) for id in ids}
    return [row.id for row in accounts if taken[row.id] >= a_day(Limits.model_validate(row.limits))]


async def _first_sent(
    tx: AsyncConnection, accounts: Sequence[str], kinds: Sequence[str], now_ms: int
) -> dict[str, int]:
    query = (
        select(Delivery.account, func.min(Delivery.sent_ms))
        .where(Delivery.account.in_(accounts), Delivery.kind.in_(kinds), Delivery.sent_ms > now_ms - DAY_MS)
        .group_by(Delivery.account)
    )
    return {row[0]: row[1] for row in (await tx.execute(query)).all() if row[1] is not None}


async def _counted(tx: AsyncConnection, accounts: Sequence[str], kinds: Sequence[str], which: object) -> dict[str, int]:
    query = (
        select(Delivery.account, func.count())
        .where(Delivery.account.in_(accounts), Delivery.kind.in_(kinds), which)  # type: ignore[arg-type]
        .group_by(Delivery.account)
    )
    return {row[0]: row[1] for row in (await tx.execute(query)).all()}
