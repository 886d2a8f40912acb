"""What needs a person by what the tables say, without anybody having noted it: it is gone when it is no longer true."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.referrals.referral_list import thanks_due
from operations.repairs import RepairLine, Urgency, in_order, noted_repairs
from operations.staff_names import staff_names
from operations.ways_out import ways_out
from reports.status import friend_counts
from rules.limits import Limits
from rules.pacing import DAY_MS, MINUTE_MS
from rules.quiet_hours import local
from scheduler.days import notice_known
from scheduler.moments.mirror_gaps import gaps_since
from storage.campaign_tables import Campaign
from storage.order_tables import ImportBatch
from storage.outbox import DeliveryState
from storage.staff_tables import StaffMember
from storage.tables import Account, Delivery, FriendRequest, Friendship, Person
from storage.task_tables import Task
from texts.catalogue import say
from texts.unbroken import unbroken

WAITING = "waiting:"
"""How the keys of lines about customers who wait begin."""
_GOLD = "gold"  # customers.standing.tiers.Tier
_FIRST = {_GOLD: 0, "growth": 1}
_WAITING_SHOWN = 5
"""Customers who wait are named one by one up to here; a longer list is read from its beginning anyway."""
_NEARLY_FULL = 0.9
"""Of the friends who see its posts, where the reserve begins. The house's."""
_PAUSED_LONG_MS = DAY_MS
_LEFT_MS = 10 * MINUTE_MS
"""Setting an account aside pauses it, which is a change of its state, too; a login later than this is one. Ours."""
_IMPORT_SHOWN_MS = 3 * DAY_MS
"""A refused row is mended on the day, or nobody misses it."""
_LOOK_AHEAD = timedelta(days=14)
"""Days off are planned so far ahead. Ours."""


async def repairs_now(conn: AsyncConnection, now_ms: int, zone: str) -> list[RepairLine]:
    """Everything that needs a person at `now_ms` (epoch ms), the most urgent first. `zone`: the shop's."""
    found = await noted_repairs(conn)
    noted = {line.key for line in found}
    for looked_up in (
        await _waiting_customers(conn, now_ms),
        await _in_doubt(conn, now_ms),
        await _stopped_pushes(conn),
        await _tasks(conn, now_ms),
        await _thanks(conn),
        await _refused_rows(conn, now_ms),
        await _rooms_left(conn, noted, now_ms),
        await _waiting_requests(conn, noted, now_ms),
        await _accounts_away(conn, now_ms, zone),
        await _mirrors_behind(conn, now_ms),
        _days_off(now_ms, zone),
    ):
        found += looked_up
    return in_order(found)


async def _waiting_customers(conn: AsyncConnection, now_ms: int) -> list[RepairLine]:
    """Who waits for a person: the best customers first, of equals who has waited longest."""
    best_first = (case(_FIRST, value=Person.tier, else_=len(_FIRST)), Friendship.waiting_since_ms, Friendship.id)
    waits = (
        select(
            Friendship.account, Friendship.waiting_since_ms, Friendship.nickname, Person.id, Person.call_me,
            Person.name, Person.tier,
        )
        .join(Person, Person.id == Friendship.person)
        .where(Friendship.waiting_since_ms.is_not(None))
    )  # fmt: skip
    rows = (await conn.execute(waits.order_by(*best_first).limit(_WAITING_SHOWN))).all()
    ways = await ways_out(conn, [(row.id, row.account) for row in rows])
    lines = []
    for rank, row in enumerate(rows, -_WAITING_SHOWN - 1):
        way = ways.get((row.id, row.account))
        mend = way.words if way else say("operations.todo.waits.hint", id=row.id)
        lines.append(_waiting_line(row, mend, now_ms, rank))
    if len(rows) == _WAITING_SHOWN:
        more = await _number(conn, select(func.count()).select_from(waits.subquery())) - len(rows)
        if more:
            text, mend = say("operations.todo.more_wait", number=more), say("operations.todo.more_wait.hint")
            lines.append(RepairLine(f"{WAITING}more", None, text, mend, rows[-1].waiting_since_ms, Urgency.SOON, -1))
    return lines


def _waiting_line(row: Any, mend: str, now_ms: int, rank: int) -> RepairLine:
    gold = row.tier == _GOLD
    who = row.call_me or unbroken(row.name or row.nickname) or f"#{row.id}"
    text = say(
        "operations.todo.waits_gold" if gold else "operations.todo.waits", who=who, account=row.account,
        span=span_words(now_ms - row.waiting_since_ms),
    )  # fmt: skip
    urgency = Urgency.NOW if gold else Urgency.SOON
    return RepairLine(f"{WAITING}{row.account}:{row.id}", row.account, text, mend, row.waiting_since_ms, urgency, rank)


async def _in_doubt(conn: AsyncConnection, now_ms: int) -> list[RepairLine]:
    doubt = select(func.count(), func.min(Delivery.sent_ms)).where(Delivery.state == DeliveryState.IN_DOUBT.value)
    number, since_ms = (await conn.execute(doubt)).one()
    if not number:
        return []
    text = say("operations.todo.doubt", rows=number)
    return [RepairLine("in_doubt", None, text, say("operations.todo.doubt.hint"), since_ms or now_ms, Urgency.SOON)]


async def _stopped_pushes(conn: AsyncConnection) -> list[RepairLine]:
    """Pushes that wait for a word: paused by their error budget, held after the first batch or at their hour."""
    by_its_budget = (Campaign.state == "paused") & (Campaign.state_reason == "error_budget")
    stopped = select(Campaign.id, Campaign.title, Campaign.state, Campaign.state_reason, Campaign.changed_ms).where(
        (Campaign.state == "holding") | by_its_budget
    )
    lines = []
    for row in (await conn.execute(stopped.order_by(Campaign.id))).all():
        case = row.state_reason if row.state_reason in ("error_budget", "confirm") else "first_batch"
        text = say(f"operations.todo.push.{case}", title=row.title, id=row.id)
        mend = say(f"operations.todo.push.{case}.hint", id=row.id)
        urgency = Urgency.SOON if case == "error_budget" else Urgency.TODAY
        lines.append(RepairLine(f"push:{row.id}", None, text, mend, row.changed_ms, urgency))
    return lines


async def _tasks(conn: AsyncConnection, now_ms: int) -> list[RepairLine]:
    """What is to be done by hand, of each phone holder."""
    open_tasks = (
        select(Task.holder, StaffMember.name, func.count().label("number"), func.min(Task.created_ms).label("since_ms"))
        .outerjoin(StaffMember, StaffMember.id == Task.holder)
        .where(Task.state == "open")
        .group_by(Task.holder, StaffMember.name)
        .order_by(Task.holder)
    )
    lines = []
    for row in (await conn.execute(open_tasks)).all():
        span = span_words(now_ms - row.since_ms)
        text = say("operations.todo.tasks", holder=row.name or row.holder, number=row.number, span=span)
        lines.append(RepairLine(f"tasks:{row.holder}", None, text, say("operations.todo.tasks.hint"), row.since_ms))
    return lines


async def _thanks(conn: AsyncConnection) -> list[RepairLine]:
    """Who brought whom, of those that have waited longest, and the command that ends it."""
    due = await thanks_due(conn)
    if not due.number:
        return []
    listed = say("texts.comma").join(
        say("operations.status.brought", new=f"{one.person_name} #{one.person}", old=one.referrer_name)
        for one in due.first
    )
    text = say("operations.status.thanks", number=due.number, listed=listed)
    mend = say("operations.status.thanks.hint", new=f"#{due.first[0].person}")
    return [RepairLine("thanks", None, text, mend, due.first[0].due_ms or due.first[0].at_ms)]


async def _refused_rows(conn: AsyncConnection, now_ms: int) -> list[RepairLine]:
    """The newest import of each kind, where rows of it were refused and nobody has imported again or undone it."""
    newest = select(func.max(ImportBatch.id)).where(ImportBatch.undone_ms.is_(None)).group_by(ImportBatch.kind)
    batches = select(ImportBatch.__table__).where(
        ImportBatch.id.in_(newest), ImportBatch.created_ms > now_ms - _IMPORT_SHOWN_MS
    )
    rows = (await conn.execute(batches.order_by(ImportBatch.id))).all()
    names = await staff_names(conn) if rows else {}
    lines = []
    for row in rows:
        refused = int(row.counts.get("refused", 0) or 0)
        if refused:
            file = str(row.files[0]) if row.files else ""
            text = say(f"operations.todo.import.{row.kind}", number=row.id, file=file, refused=refused)
            by = names.get(row.by.removeprefix("staff:")) or say("operations.todo.import.somebody")
            mend = say("operations.todo.import.hint", kind=row.kind, number=row.id, by=by)
            lines.append(RepairLine(f"import:{row.id}", None, text, mend, row.created_ms))
    return lines


async def _rooms_left(conn: AsyncConnection, noted: set[str], now_ms: int) -> list[RepairLine]:
    """Accounts that are nearly full, before anybody has to wait."""
    friends = await friend_counts(conn)
    accounts = select(Account.id, Account.limits).where(Account.removed.is_(False)).order_by(Account.id)
    lines = []
    for row in (await conn.execute(accounts)).all():
        limits, has = Limits.model_validate(row.limits), friends.get(row.id, 0)
        full = limits.visible if has < limits.visible else limits.friends
        if has < _NEARLY_FULL * full or f"friends_wait:{row.id}" in noted:
            continue
        key = "visible" if full == limits.visible else "cap"
        text = say(f"operations.todo.full.{key}", account=row.id, friends=has, full=full, left=max(0, full - has))
        mend = say("operations.todo.full.hint", account=row.id)
        lines.append(RepairLine(f"nearly_full:{row.id}", row.id, text, mend, now_ms))
    return lines


async def _waiting_requests(conn: AsyncConnection, noted: set[str], now_ms: int) -> list[RepairLine]:
    """People who asked to be a friend more than a day ago and were not let in, where nothing else says why."""
    waiting = (
        select(FriendRequest.account, func.count().label("number"), func.min(FriendRequest.received_ms).label("since"))
        .join(Account, Account.id == FriendRequest.account)
        .where(
            FriendRequest.state == "waiting",
            FriendRequest.received_ms <= now_ms - DAY_MS,
            Account.removed.is_(False),
        )
        .group_by(FriendRequest.account)
        .order_by(FriendRequest.account)
    )
    return [
        RepairLine(
            f"requests:{row.account}", row.account,
            say("operations.todo.requests", account=row.account, number=row.number),
            say("operations.todo.requests.hint", account=row.account), row.since,
        )
        for row in (await conn.execute(waiting)).all()
        if not {f"{kind}:{row.account}" for kind in ("friends_wait", "scan", "gateway", "restricted")} & noted
    ]  # fmt: skip


async def _accounts_away(conn: AsyncConnection, now_ms: int, zone: str) -> list[RepairLine]:
    """Accounts that were lost, and those that a person paused and may have forgotten."""
    away = select(
        Account.id, Account.lost_ms, Account.paused_by, Account.state, Account.state_since_ms, StaffMember.name
    ).outerjoin(StaffMember, StaffMember.id == Account.paused_by)
    which = Account.lost_ms.is_not(None) | (Account.paused_by.is_not(None) & Account.removed.is_(False))
    lines = []
    for row in (await conn.execute(away.where(which).order_by(Account.id))).all():
        if row.lost_ms is not None:
            again = row.state in ("online", "paused") and row.state_since_ms > row.lost_ms + _LEFT_MS
            key = "operations.todo.found_again" if again else "operations.todo.lost"
            text = say(key, account=row.id, since=f"{local(row.lost_ms, zone):%m-%d %H:%M}")
            urgency = Urgency.NOW if again else Urgency.TODAY
            mend = say(f"{key}.hint", account=row.id)
            lines.append(RepairLine(f"lost:{row.id}", row.id, text, mend, row.lost_ms, urgency))
        elif now_ms - row.state_since_ms >= _PAUSED_LONG_MS and row.state == "paused":
            span = span_words(now_ms - row.state_since_ms)
            text = say("operations.todo.paused", account=row.id, by=row.name or row.paused_by, span=span)
            mend = say("operations.todo.paused.hint", account=row.id)
            lines.append(RepairLine(f"paused:{row.id}", row.id, text, mend, row.state_since_ms))
    return lines


async def _mirrors_behind(conn: AsyncConnection, now_ms: int) -> list[RepairLine]:
    """Mirrors that lack posts of their source, of the last day."""
    behind: dict[str, list[Any]] = {}
    for gap in await gaps_since(conn, now_ms - DAY_MS):
        behind.setdefault(gap.mirror, []).append(gap)
    return [
        RepairLine(
            f"mirror:{mirror}", mirror,
            say("operations.todo.mirror", mirror=mirror, source=gaps[0].source, number=len(gaps)),
            say("operations.todo.mirror.hint", mirror=mirror), now_ms, Urgency.AT_LEISURE,
        )
        for mirror, gaps in sorted(behind.items())
    ]  # fmt: skip


def _days_off(now_ms: int, zone: str) -> list[RepairLine]:
    """The notice of public holidays that covers the next two weeks is not known to this version."""
    today = local(now_ms, zone).date()
    for ahead in range(_LOOK_AHEAD.days + 1):
        day = today + timedelta(days=ahead)
        if not notice_known(day):
            year = day.year if day.month < 12 else day.year + 1
            text = say("operations.todo.days_off", year=year, day=day.isoformat())
            return [RepairLine("days_off", None, text, say("operations.todo.days_off.hint"), now_ms)]
    return []


def span_words(span_ms: int) -> str:
    """How long somebody has waited, as people say it."""
    minutes = max(0, span_ms) // MINUTE_MS
    if minutes < 60:
        return say("operations.span.minutes", number=minutes)
    if minutes < 48 * 60:
        return say("operations.span.hours", number=minutes // 60)
    return say("operations.span.days", number=minutes // (24 * 60))


async def _number(conn: AsyncConnection, query: Select[Any]) -> int:
    return int(await conn.scalar(query) or 0)
