"""The fleet now: each account with what it did in the last 24 hours, and what waits for a person."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import GATES, Kind, Surface
from rules.limits import Limits
from rules.pacing import DAY_MS, accepts_allowed, age_days
from storage.fleet_tables import Repair
from storage.outbox import MAY_HAVE_LEFT, DeliveryState
from storage.staff_tables import StaffMember
from storage.tables import Account, Delivery, Friendship, Setting
from storage.task_tables import Task

_MESSAGES = tuple(kind.value for kind, gate in GATES.items() if gate.surface is Surface.MESSAGE)


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """One account. The `*_today` count the last 24 hours, as the caps do; `accepts_allowed` is today's cap."""

    id: str
    persona: str
    role: str
    state: str
    detail: str | None
    paused_by: str | None
    lost: bool
    friends: int
    friends_cap: int
    accepted_today: int
    accepts_allowed: int
    messages_today: int
    moments_today: int

    @property
    def shown_state(self) -> str:
        """A pause that the runner has not seen yet is a pause already; what is lost is not served, whatever it does."""
        if self.lost:
            return "lost"
        return "paused" if self.paused_by and self.state == "online" else self.state


@dataclass(frozen=True, slots=True)
class Stopped:
    """Everything is stopped: by whom (a staff id, and what they are called), since when (epoch ms)."""

    staff: str
    name: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """All accounts, and what is open. `stopped`: None while the fleet may send."""

    accounts: tuple[AccountStatus, ...]
    stopped: Stopped | None
    waiting: int
    tasks: int
    repairs: int
    pending: int
    in_doubt: int

    @property
    def states(self) -> Counter[str]:
        return Counter(account.shown_state for account in self.accounts)


async def fleet_status(conn: AsyncConnection, now_ms: int) -> FleetStatus:
    """The fleet at `now_ms` (epoch ms)."""
    outbox = await _by_state(conn)
    return FleetStatus(
        accounts=await account_statuses(conn, now_ms),
        stopped=await _stopped(conn),
        waiting=await _count(conn, select(func.count()).where(Friendship.waiting_since_ms.is_not(None))),
        tasks=await _count(conn, select(func.count()).where(Task.state == "open")),
        repairs=await _count(conn, select(func.count()).select_from(Repair)),
        pending=outbox[DeliveryState.PENDING.value],
        in_doubt=outbox[DeliveryState.IN_DOUBT.value],
    )


async def _stopped(conn: AsyncConnection) -> Stopped | None:
    row = (
        await conn.execute(
            select(Setting.value, Setting.changed_ms).where(Setting.key == "stop_all", Setting.value != "")
        )
    ).one_or_none()
    if row is None:
        return None
    staff = row.value.split(" ")[0]
    name = await conn.scalar(select(StaffMember.name).where(StaffMember.id == staff))
    return Stopped(staff, name or staff, row.changed_ms)


async def account_statuses(conn: AsyncConnection, now_ms: int) -> tuple[AccountStatus, ...]:
    """Every account of the configuration, by id; those that were lost, too."""
    since_ms = now_ms - DAY_MS
    sent = await _sent(conn, since_ms)
    accepted = await _accepted(conn, Kind.ACCEPT, since_ms)
    posted = await _accepted(conn, Kind.MOMENT, since_ms)
    friends = await friend_counts(conn)
    rows = await conn.execute(
        select(
            Account.id, Account.persona, Account.role, Account.state, Account.state_detail, Account.paused_by,
            Account.limits, Account.opened_ms, Account.lost_ms,
        )
        .where(Account.removed.is_(False) | Account.lost_ms.is_not(None))
        .order_by(Account.id)
    )  # fmt: skip
    statuses = []
    for row in rows:
        limits = Limits.model_validate(row.limits)
        statuses.append(
            AccountStatus(
                id=row.id,
                persona=row.persona,
                role=row.role,
                state=row.state,
                detail=row.state_detail,
                paused_by=row.paused_by,
                lost=row.lost_ms is not None,
                friends=friends.get(row.id, 0),
                friends_cap=limits.friends,
                accepted_today=accepted.get(row.id, 0),
                accepts_allowed=accepts_allowed(age_days(row.opened_ms, now_ms), limits),
                messages_today=sent.get(row.id, 0),
                moments_today=posted.get(row.id, 0),
            )
        )
    return tuple(statuses)


async def friend_counts(conn: AsyncConnection) -> dict[str, int]:
    """Friends by account: those we know by name, or the gateway's own number while they are still being read."""
    known = await conn.execute(
        select(Friendship.account, func.count()).where(Friendship.state == "friend").group_by(Friendship.account)
    )
    counts: dict[str, int] = {row[0]: row[1] for row in known}
    listed = await conn.execute(select(Account.id, Account.friends_listed).where(Account.friends_listed.is_not(None)))
    for account, number in listed:
        counts[account] = max(counts.get(account, 0), number or 0)
    return counts


async def _sent(conn: AsyncConnection, since_ms: int) -> dict[str, int]:
    rows = await conn.execute(
        select(Delivery.account, func.count())
        .where(Delivery.sent_ms.is_not(None), Delivery.sent_ms > since_ms)
        .where(Delivery.kind.in_(_MESSAGES), Delivery.state.in_(MAY_HAVE_LEFT))
        .group_by(Delivery.account)
    )
    return {row[0]: row[1] for row in rows}


async def _accepted(conn: AsyncConnection, kind: Kind, since_ms: int) -> dict[str, int]:
    rows = await conn.execute(
        select(Delivery.account, func.count())
        .where(Delivery.kind == kind.value, Delivery.state == DeliveryState.ACCEPTED.value)
        .where(func.coalesce(Delivery.settled_ms, Delivery.sent_ms, 0) > since_ms)
        .group_by(Delivery.account)
    )
    return {row[0]: row[1] for row in rows}


async def _by_state(conn: AsyncConnection) -> Counter[str]:
    open_states = (DeliveryState.PENDING.value, DeliveryState.IN_DOUBT.value)
    rows = await conn.execute(
        select(Delivery.state, func.count()).where(Delivery.state.in_(open_states)).group_by(Delivery.state)
    )
    return Counter({row[0]: row[1] for row in rows})


async def _count(conn: AsyncConnection, statement: Select[int]) -> int:
    return int(await conn.scalar(statement) or 0)
