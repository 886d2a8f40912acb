"""Moments by hand: what a person posts from a prepared package, one for each phone holder, mirrors grouped.

The row of the outbox stays `handed` until somebody ticks the task off or its time is over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.packages import notices
from bots.pond_tasks import hand_over_pond_posts
from bots.profile_tasks import hand_over_profiles
from bots.staff_line import Road, notice, road_to_holder
from rules.kinds import Kind
from rules.pacing import MINUTE_MS
from storage.campaign_tables import Post
from storage.outbox import Claimed, Content, DeliveryState, NewDelivery, insert_ignoring, plan
from storage.settling import give_back_ponds
from storage.statements import both, rows_of
from storage.tables import Account, Delivery
from storage.task_tables import Gift, Task
from texts.catalogue import say

EXPIRES_MS = 12 * 60 * MINUTE_MS
"""A post of the morning is no post of the night. Ours."""
REMIND_MS = 120 * MINUTE_MS
"""One reminder, two hours after the package. Ours."""

_DUE = both("""
    SELECT 1 FROM tasks WHERE state = 'open'
       AND ((reminded_ms IS NULL AND created_ms <= :since_ms) OR expires_ms <= :now_ms) LIMIT 1""")
_PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".webp")
_ALL = ("all", "全部", "所有", "*")
_TITLE_LENGTH = 20


@dataclass(frozen=True, slots=True)
class Finished:
    """A task that was ticked off."""

    id: int
    account: str
    title: str


@dataclass(frozen=True, slots=True)
class _Handed:
    """One claimed post with what the phone needs to know."""

    delivery: int
    account: str
    holder: str
    mirrors: bool
    post: Mapping[str, Any]

    @property
    def package(self) -> str:
        return f"{self.holder}:{self.post['key']}"


class Assisted:
    """The publisher whose hands are a person's."""

    def __init__(self, *, remind_ms: int = REMIND_MS, expires_ms: int = EXPIRES_MS) -> None:
        self._remind_ms = remind_ms
        self._expires_ms = expires_ms

    async def hand_over(self, tx: AsyncConnection, rows: Sequence[Claimed], now_ms: int) -> None:
        """Make tasks of claimed rows, in the claim's transaction, and write to who holds the phones."""
        if profiles := [row for row in rows if row.kind is Kind.PROFILE]:
            await hand_over_profiles(tx, profiles, now_ms)
        if to_paste := [row for row in rows if row.kind is Kind.POND_CAMPAIGN]:
            await hand_over_pond_posts(tx, to_paste, now_ms)
        handed = await _read(tx, [row for row in rows if row.kind is Kind.MOMENT])
        for one in handed:
            await tx.execute(insert_ignoring(tx, Task), [self._task(one, now_ms)])
        packages: dict[str, list[_Handed]] = {}
        for one in handed:
            packages.setdefault(one.package, []).append(one)
        for package, group in packages.items():
            await self._write_to_holder(tx, package, group, now_ms)

    async def is_due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Is somebody to be reminded, or something to end? Writes nothing."""
        return bool(await rows_of(tx, _DUE, {"since_ms": now_ms - self._remind_ms, "now_ms": now_ms}))

    async def remind_and_expire(self, tx: AsyncConnection, now_ms: int) -> int:
        """For the planner's tick: one reminder for each package, and an end to what nobody did. Returns the changes."""
        return await self._remind(tx, now_ms) + await _expire(tx, now_ms)

    def _task(self, one: _Handed, now_ms: int) -> dict[str, Any]:
        return {
            "package": one.package,
            "kind": "moment",
            "account": one.account,
            "holder": one.holder,
            "delivery": one.delivery,
            "title": _title(one.post),
            "detail": dict(one.post),
            "state": "open",
            "created_ms": now_ms,
            "expires_ms": now_ms + self._expires_ms,
        }

    async def _write_to_holder(self, tx: AsyncConnection, package: str, group: Sequence[_Handed], now_ms: int) -> None:
        """The source's package, and one for all mirrors together: the first that falls due speaks for the others."""
        first = group[0]
        road = await road_to_holder(tx, first.account, first.holder or None)
        expires_ms = now_ms + self._expires_ms
        for mirrors in (False, True):
            accounts = [one.account for one in group if one.mirrors is mirrors]
            if not accounts:
                continue
            wave = "mirrors" if mirrors else "source"
            if mirrors:
                together = await _mirrors_of(tx, first)
                if await _ticked_off(tx, package, together):  # this one fell due after the others were done
                    wave = f"mirrors:{accounts[0]}"
                else:
                    accounts = together
            rows = _package_rows(road, f"task:{package}:{wave}", first.post, accounts, now_ms, expires_ms)
            await plan(tx, rows, now_ms=now_ms)

    async def _remind(self, tx: AsyncConnection, now_ms: int) -> int:
        due = (
            await tx.execute(
                select(Task.package, Task.holder, func.min(Task.account).label("account"), func.count().label("number"))
                .where(Task.state == "open", Task.reminded_ms.is_(None), Task.created_ms <= now_ms - self._remind_ms)
                .group_by(Task.package, Task.holder)
            )
        ).all()
        by_holder: dict[str, list[Any]] = {}
        for row in due:
            by_holder.setdefault(row.holder, []).append(row)
        for holder, packages in by_holder.items():
            road = await road_to_holder(tx, packages[0].account, holder or None)
            text = say("bots.task_reminder", number=sum(row.number for row in packages))
            key = f"task_reminder:{holder}:{now_ms}"
            told = notice(road, text, key, now_ms=now_ms, valid_until_ms=now_ms + self._expires_ms, source="assisted")
            await plan(tx, [told], now_ms=now_ms)
            await tx.execute(
                update(Task)
                .where(Task.package.in_([row.package for row in packages]), Task.state == "open")
                .values(reminded_ms=now_ms)
            )
        return len(due)


async def complete(tx: AsyncConnection, staff: str, which: str | int, now_ms: int) -> list[Finished]:
    """Tick off what was done by hand: `which` is a task's number, its account, its package, or 'all' of this member.

    A number or a name may be anybody's task; 'all' are one's own. Mirrors follow what is ticked off. Returns the
    tasks, [] when nothing open matches.
    """
    wanted = str(which).strip().lower()
    open_tasks = select(Task.id, Task.account, Task.title, Task.delivery).where(Task.state == "open")
    if wanted in _ALL:
        open_tasks = open_tasks.where(Task.holder == staff)
    elif wanted.isascii() and wanted.isdigit():
        open_tasks = open_tasks.where(Task.id == int(wanted))
    else:
        open_tasks = open_tasks.where((Task.account == wanted) | (Task.package == str(which).strip()))
    rows = (await tx.execute(open_tasks.order_by(Task.id))).all()
    ids = [row.id for row in rows]
    await tx.execute(
        update(Task)
        .where(Task.id.in_(ids), Task.state == "open")
        .values(state="done", closed_ms=now_ms, closed_by=staff)
    )
    await tx.execute(
        update(Delivery)
        .where(
            Delivery.id.in_([row.delivery for row in rows if row.delivery is not None]),
            Delivery.state == DeliveryState.HANDED.value,
        )
        .values(state=DeliveryState.ACCEPTED.value, settled_ms=now_ms)
    )
    given = {"state": "given", "done_ms": now_ms, "done_by": staff}
    await tx.execute(update(Gift).where(Gift.task.in_(ids), Gift.state == "planned").values(given))
    return [Finished(row.id, row.account, row.title) for row in rows]


async def _expire(tx: AsyncConnection, now_ms: int) -> int:
    rows = (
        await tx.execute(
            update(Task)
            .where(Task.state == "open", Task.expires_ms <= now_ms)
            .values(state="expired", closed_ms=now_ms)
            .returning(Task.delivery, Task.id)
        )
    ).all()
    if rows:
        ids = [row.id for row in rows]
        await tx.execute(update(Gift).where(Gift.task.in_(ids), Gift.state == "planned").values(state="dropped"))
        await tx.execute(
            update(Delivery)
            .where(Delivery.id.in_([row.delivery for row in rows]), Delivery.state == DeliveryState.HANDED.value)
            .values(state=DeliveryState.SKIPPED.value, reason="task_expired", settled_ms=now_ms)
        )
        await give_back_ponds(tx, [row.delivery for row in rows if row.delivery is not None])
    return len(rows)


async def _read(tx: AsyncConnection, rows: Sequence[Claimed]) -> list[_Handed]:
    accounts = {
        row.id: row
        for row in await tx.execute(
            select(Account.id, Account.holder, Account.mirror_of).where(Account.id.in_({one.account for one in rows}))
        )
    }
    posts = {
        row.id: {
            "post": row.id,
            "key": row.key,
            "source": row.account,
            "kind": row.kind,
            "text": row.text,
            "media": list(row.media),
            "link": row.link,
        }
        for row in await tx.execute(select(Post.__table__).where(Post.id.in_({one.content.post for one in rows})))
    }
    return [
        _Handed(
            delivery=one.id,
            account=one.account,
            holder=accounts[one.account].holder or "",
            mirrors=accounts[one.account].mirror_of is not None,
            post=posts[one.content.post],
        )
        for one in rows
        if one.content.post in posts and one.account in accounts
    ]


async def _mirrors_of(tx: AsyncConnection, one: _Handed) -> list[str]:
    """All mirrors of the post's account on this holder's phones: whoever posts on one posts on all."""
    mirrors = await tx.scalars(
        select(Account.id)
        .where(
            Account.mirror_of == one.post["source"],
            Account.removed.is_(False),
            Account.publisher == "assisted",
            func.coalesce(Account.holder, "") == one.holder,
        )
        .order_by(Account.id)
    )
    return list(mirrors)


async def _ticked_off(tx: AsyncConnection, package: str, accounts: Sequence[str]) -> bool:
    """Was the package of these accounts, or a part of it, done already?"""
    done = select(Task.id).where(Task.package == package, Task.account.in_(accounts), Task.state == "done").limit(1)
    return await tx.scalar(done) is not None


def _package_rows(
    road: Road, key: str, post: Mapping[str, Any], accounts: Sequence[str], now_ms: int, expires_ms: int
) -> list[NewDelivery]:
    """What to do; the words alone, to be copied in one touch; the pictures. In this order."""
    pictures = [name for name in post["media"] if name.lower().endswith(_PICTURES)]
    others = [name for name in [*post["media"], post["link"] or ""] if name and name not in pictures]
    head = say(
        "bots.task_package",
        accounts="、".join(accounts),
        kind=say(f"bots.post.{post['kind']}"),
        media=say("bots.task_media", number=len(pictures)) if pictures else "",
        others=say("bots.task_others", names="、".join(others)) if others else "",
    )
    contents = [Content(text=head), Content(text=post["text"]), *(Content(image=name) for name in pictures)]
    return notices(road, key, contents, now_ms, expires_ms)


def _title(post: Mapping[str, Any]) -> str:
    first = str(post["text"]).strip().split("\n", 1)[0]
    return first if len(first) <= _TITLE_LENGTH else first[: _TITLE_LENGTH - 1] + "…"
