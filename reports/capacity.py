"""Capacity (容量): how many friends each account can still take, the valley, and the day it is full."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row as Found
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.friends_now import friends_now
from reports.report import Asked, Report, Row
from reports.status import friend_counts
from rules.limits import Limits
from rules.quiet_hours import local
from rules.reach import Room, reach, valley_end
from storage.tables import Account, Friendship
from texts.catalogue import say

DAY_MS = 86_400_000
SOON_DAYS = 14
"""Full within so many days: time to prepare the next account. Ours."""
_FOREVER_DAYS = 3650
_COLUMNS = (
    "account", "role_name", "account_friends", "moments_reach", "place_name", "open_places", "reserve_places",
    "per_day", "full_day",
)  # fmt: skip


async def capacity(connection: AsyncConnection, asked: Asked) -> Report:
    """Every account as it is now; the pace is that of the period."""
    friends = await friend_counts(connection)
    came = await _came(connection, asked)
    found = (
        await connection.execute(
            select(Account.id, Account.role, Account.limits, Account.opened_ms, Account.first_sync_done_ms)
            .where(Account.removed.is_(False))
            .order_by(Account.id)
        )
    ).all()
    rows = [_row(one, friends.get(one.id, 0), came.get(one.id, 0), asked) for one in found]
    people = await connection.scalar(select(func.count()).select_from(friends_now().subquery()))
    per_day = sum(_number(row["per_day"]) for row in rows)
    room = sum(int(_number(row["open_places"])) for row in rows)
    totals: Row = {
        "account_friends": sum(int(_number(row["account_friends"])) for row in rows),
        "friends_in_people": people or 0,
        "moments_reach": sum(int(_number(row["moments_reach"])) for row in rows),
        "open_places": room,
        "reserve_places": sum(int(_number(row["reserve_places"])) for row in rows),
        "per_day": round(per_day, 2),
        "full_day": _full_day(room, per_day, asked),
    }
    return Report("capacity", asked.period, _COLUMNS, rows, totals, _remarks(rows, totals, asked))


async def _came(connection: AsyncConnection, asked: Asked) -> dict[str, int]:
    """Account → friends who came in the period and are still there."""
    found = await connection.execute(
        select(Friendship.account, func.count().label("came"))
        .where(Friendship.since_ms >= asked.period.start_ms, Friendship.since_ms < asked.period.end_ms)
        .where(Friendship.state == "friend", Friendship.origin != "listed")
        .group_by(Friendship.account)
    )
    return {row.account: row.came for row in found}


def _row(account: Found[Any], friends: int, came: int, asked: Asked) -> Row:
    limits = Limits.model_validate(account.limits)
    room = Room(account.id, friends, limits)
    per_day = came / _days(max(account.opened_ms or 0, account.first_sync_done_ms or 0), asked)
    left = room.below_threshold or room.below_cap
    return {
        "account": account.id,
        "role": account.role,
        "role_name": say(f"operations.account_role.{account.role}"),
        "account_friends": friends,
        "moments_reach": int(reach(friends, limits.visible)),
        "place": place_of(room),
        "place_name": say(f"reports.capacity.{place_of(room)}"),
        "open_places": room.open_below,
        "reserve_places": room.below_threshold - room.open_below,
        "visible": limits.visible,
        "friend_cap": limits.friends,
        "per_day": round(per_day, 2),
        "full_day": _full_day(left, per_day, asked) if left else None,
    }


def place_of(room: Room) -> str:
    """open, reserve (only channels and referrals get in), threshold, valley, beyond (the valley) or full."""
    if room.below_cap == 0:
        return "full"
    if room.open_below:
        return "open"
    if room.below_threshold:
        return "reserve"
    if room.friends == room.limits.visible:
        return "threshold"
    return "valley" if room.friends < valley_end(room.limits.visible) else "beyond"


def _days(known_ms: int, asked: Asked) -> float:
    """How much of the period is over, for an account that we took up at `known_ms`; at least one day."""
    begins = max(asked.period.start_ms, known_ms)
    return max(1.0, (min(asked.period.end_ms, asked.now_ms) - begins) / DAY_MS)


def _full_day(places: int, per_day: float, asked: Asked) -> str | None:
    """The day on which `places` are taken; None when that is never or too far away to say."""
    if per_day <= 0 or places / per_day > _FOREVER_DAYS:
        return None
    return (local(asked.now_ms, asked.zone).date() + timedelta(days=int(places / per_day))).isoformat()


def _remarks(rows: Sequence[Row], totals: Row, asked: Asked) -> list[str]:
    soon = (local(asked.now_ms, asked.zone).date() + timedelta(days=SOON_DAYS)).isoformat()
    remarks = []
    in_valley = [str(row["account"]) for row in rows if row["place"] == "valley"]
    if in_valley:
        remarks.append(say("reports.capacity.in_valley", accounts=say("texts.comma").join(in_valley)))
    if rows and not totals["open_places"]:
        remarks.append(say("reports.capacity.no_room"))
    elif isinstance(day := totals["full_day"], str) and day <= soon:
        remarks.append(say("reports.capacity.soon", day=day))
    return remarks


def _number(cell: object) -> float:
    return cell if isinstance(cell, int | float) else 0
