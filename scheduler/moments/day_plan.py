"""One day of the calendar becomes rows: each account's posts in its own minutes, once, whatever changes meanwhile."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.limits import Limits
from rules.pacing import age_days
from rules.roles import PostKind, Role
from scheduler.moments.day_changes import KnownPost, amend, known_posts
from scheduler.moments.day_slots import DayPost, Found, Poster, compose
from scheduler.moments.materials import ConsentMark, MaterialRow, found
from scheduler.moments.moments import Calendar
from scheduler.moments.posts import CALENDAR, NewPost, write_posts
from scheduler.moments.rhythm import GROWN_UP_DAYS, Advice, Planned, advise
from storage.moving import RESTORED_MS
from storage.tables import Account, Setting

_DAYS_BACK = 4
_PLANNED_ONCE = frozenset({"skipped", "failed", "unknown"})


@dataclass(slots=True)
class DayPlan:
    """What a day brings. `warnings` are posts that a cap will probably hold back, by account."""

    posts: list[DayPost] = field(default_factory=list)
    warnings: list[tuple[str, Advice]] = field(default_factory=list)
    new: int = 0


async def preview(
    tx: AsyncConnection, calendar: Calendar, day: date, now_ms: int, *, time_zone: str | None = None
) -> DayPlan:
    """What `plan_day` would plan. Writes nothing."""
    plan = DayPlan()
    people = await posters(tx, time_zone=time_zone)
    known = _by_account(await known_posts(tx, [poster.id for poster in people], near_days(day)))
    restored_ms = await _restored_ms(tx)
    materials = await found(tx, calendar.materials)
    for poster in people:
        composed = compose_known(poster, calendar, day, known.get(poster.id, ()), now_ms, restored_ms)
        posts = [with_material(post, materials) for post in composed]
        plan.posts += posts
        plan.warnings += [(poster.id, advice) for advice in held_back(poster, posts)]
    return plan


async def plan_day(
    tx: AsyncConnection,
    calendar: Calendar,
    day: date,
    now_ms: int,
    *,
    time_zone: str | None = None,
    accounts: Sequence[str] | None = None,
) -> DayPlan:
    """Write the posts of `day` (a date in each account's own zone) for every account that is nobody's mirror.

    Only accounts of `time_zone`, or only `accounts`, where given. What does not appear is written as skipped with its
    reason: it is past (too_late), the role forbids it (role), the account is young (young_account), it would sell too
    often, no minute is free, a restored backup may have forgotten it (restored). Planning a day again changes nothing,
    except where the calendar changed: words, pictures and minutes of what has not left yet follow it.
    """
    plan = DayPlan()
    people = await posters(tx, time_zone=time_zone, accounts=accounts)
    known = _by_account(await known_posts(tx, [poster.id for poster in people], near_days(day)))
    restored_ms = await _restored_ms(tx)
    materials = await found(tx, calendar.materials)
    fresh: list[NewPost] = []
    for poster in people:
        mine = known.get(poster.id, ())
        composed = compose_known(poster, calendar, day, mine, now_ms, restored_ms)
        posts = [with_material(post, materials) for post in composed]
        plan.posts += posts
        plan.warnings += [(poster.id, advice) for advice in held_back(poster, posts)]
        today = [row for row in mine if row.day == day.isoformat() and row.source == CALENDAR]
        wanted = [_new_post(post, day) for post in posts]
        fresh += await amend(tx, today, wanted, now_ms)
    plan.new = await write_posts(tx, fresh, now_ms)
    return plan


async def posters(
    tx: AsyncConnection, *, time_zone: str | None = None, accounts: Iterable[str] | None = None
) -> list[Poster]:
    """Every account that is nobody's mirror: of that zone, or of those named, where given."""
    query = select(
        Account.id, Account.persona, Account.role, Account.time_zone, Account.limits, Account.opened_ms
    ).where(Account.removed.is_(False), Account.mirror_of.is_(None))
    if time_zone is not None:
        query = query.where(Account.time_zone == time_zone)
    if accounts is not None:
        query = query.where(Account.id.in_(list(accounts)))
    limits = _LimitsOnce()
    return [
        Poster(row.id, row.persona, Role(row.role), row.time_zone, limits.of(row.limits), row.opened_ms)
        for row in await tx.execute(query.order_by(Account.id))
    ]


async def who_posts(tx: AsyncConnection, time_zone: str) -> list[str]:
    """Ids of the accounts of that zone that have posts of their own."""
    own = select(Account.id).where(Account.removed.is_(False), Account.mirror_of.is_(None))
    return list((await tx.scalars(own.where(Account.time_zone == time_zone).order_by(Account.id))).all())


class _LimitsOnce:
    """A thousand accounts share a few sets of limits; reading one takes longer than looking it up."""

    def __init__(self) -> None:
        self._known: dict[str, Limits] = {}

    def of(self, row: dict[str, Any]) -> Limits:
        key = repr(row)
        if key not in self._known:
            self._known[key] = Limits.model_validate(row)
        return self._known[key]


def compose_known(
    poster: Poster,
    calendar: Calendar,
    day: date,
    mine: Sequence[KnownPost],
    now_ms: int,
    restored_ms: int = 0,
    *,
    before: Sequence[Planned] = (),
) -> list[DayPost]:
    """The day as `compose` gives it, around what is known of the account near that day. `before`: what a preview has
    composed of the days before, which nobody has planned yet.
    """
    today = {row.key: row for row in mine if row.day == day.isoformat() and row.source == CALENDAR}
    around = [*before] + [
        Planned(row.entry, PostKind(row.kind), row.due_ms)
        for row in mine
        if row.key not in today and row.state not in _PLANNED_ONCE
    ]
    before_now = {
        key: Found(row.due_ms, (row.reason or "") if row.state == "skipped" else "") for key, row in today.items()
    }
    return compose(poster, calendar, day, around=around, found=before_now, now_ms=now_ms, restored_ms=restored_ms)


def with_material(post: DayPost, materials: Mapping[int, MaterialRow]) -> DayPost:
    """With the photos of the library that it asks for; without its people's consent it does not appear."""
    if not post.entry.material:
        return post
    rows = [materials.get(number) for number in post.entry.material]
    files = [row.file for row in rows if row is not None and row.usable and row.file is not None]
    if len(files) < len(rows):
        allowed = all(row is not None and row.consent is ConsentMark.GIVEN for row in rows)
        return replace(post, skipped=post.skipped or ("media_missing" if allowed else "no_consent"))
    return replace(post, media=(*post.media, *files))


def held_back(poster: Poster, posts: Sequence[DayPost]) -> list[Advice]:
    """What the caps will probably keep waiting of one account's day."""
    going = [post.planned for post in posts if not post.skipped]
    if not going:
        return []
    age = GROWN_UP_DAYS if poster.opened_ms is None else age_days(poster.opened_ms, going[0].due_ms)
    return advise(going, poster.limits, poster.zone, age_days=age)


def _new_post(post: DayPost, day: date) -> NewPost:
    return NewPost(
        account=post.account,
        key=post.key,
        day=day.isoformat(),
        entry=post.entry.name,
        kind=post.entry.kind,
        text=post.text,
        due_ms=post.due_ms,
        media=post.media,
        link=post.entry.link.url if post.entry.link else None,
        skipped=post.skipped,
    )


def near_days(day: date) -> list[date]:
    """Far enough back to know the two posts before it, where few are planned a day."""
    return [day + timedelta(days=away) for away in range(-_DAYS_BACK, 2)]


def _by_account(rows: Iterable[KnownPost]) -> Mapping[str, Sequence[KnownPost]]:
    grouped: dict[str, list[KnownPost]] = {}
    for row in rows:
        grouped.setdefault(row.account, []).append(row)
    return grouped


async def _restored_ms(tx: AsyncConnection) -> int:
    """What was due before this moment may have been published: the tables come from a backup. 0 when they do not."""
    return int(await tx.scalar(select(Setting.value).where(Setting.key == RESTORED_MS)) or 0)
