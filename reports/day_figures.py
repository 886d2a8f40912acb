"""What happened in a day, and what is open now: the figures behind the digest."""

from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.referrals.referrals import ReferralState
from reports.outcomes import customer_wrote, was_answered
from reports.purchase_rows import BOUGHT, FRIENDS_SINCE, LEFT_FEN, MOMENT, whole, within
from reports.report import Asked, Row
from rules.kinds import GATES, Kind
from storage.customer_tables import Consent, LevelMove, Referral
from storage.fleet_tables import Repair
from storage.order_tables import Claim, Order
from storage.outbox import DeliveryState
from storage.tables import Arrival, Delivery, FriendRequest, Friendship, Person, Setting
from storage.task_tables import Task

_PUSHES = tuple(sorted(kind.value for kind, gate in GATES.items() if gate.weekly))
_ACCEPTED, _SKIPPED = DeliveryState.ACCEPTED.value, DeliveryState.SKIPPED.value


@dataclass(frozen=True, slots=True)
class Figures:
    """`day_*` happened in the days asked for; the others are as they are now. Money in fen."""

    day_orders: int = 0
    day_net_fen: int = 0
    day_matrix_orders: int = 0
    day_matrix_net_fen: int = 0
    day_friends: int = 0
    requests_waiting: int = 0
    day_received: int = 0
    day_answered: int = 0
    day_handed_over: int = 0
    waiting: int = 0
    longest_waiting_min: int = 0
    day_pushed: int = 0
    day_skipped: int = 0
    day_moments: int = 0
    day_claims: int = 0
    day_moves: int = 0
    day_opted_out: int = 0
    day_thanks_reversed: int = 0
    """Thanks for bringing somebody that a refund took back; `…_given` of these were handed over already."""
    day_thanks_given: int = 0
    thanks_due: int = 0
    in_doubt: int = 0
    tasks: int = 0
    repairs: int = 0
    stopped: bool = False

    def as_row(self) -> Row:
        return asdict(self)


async def figures_of(connection: AsyncConnection, asked: Asked) -> Figures:
    """A dozen small questions; only that about the orders reads them all."""
    return Figures(
        **await _sales(connection, asked), **await _outbox(connection, asked), **await _inbox(connection, asked),
        **await _people(connection, asked), **await _open(connection, asked), **await _thanks(connection, asked),
        stopped=await _is_stopped(connection),
    )  # fmt: skip


async def _sales(connection: AsyncConnection, asked: Asked) -> dict[str, int]:
    """As in the report `share`: repeat orders placed after the friendship began are the matrix's."""
    again = (Order.created_ms >= FRIENDS_SINCE.c.since_ms) & (Person.first_order_ms < MOMENT)
    row = (
        await connection.execute(
            select(
                func.count().label("day_orders"),
                whole(LEFT_FEN).label("day_net_fen"),
                func.count(case((again, 1))).label("day_matrix_orders"),
                whole(case((again, LEFT_FEN), else_=0)).label("day_matrix_net_fen"),
            )
            .select_from(Order)
            .outerjoin(FRIENDS_SINCE, FRIENDS_SINCE.c.person == Order.person)
            .outerjoin(Person, Person.id == Order.person)
            .where(BOUGHT, within(asked.period))
        )
    ).one()
    return dict(row._mapping)


async def _outbox(connection: AsyncConnection, asked: Asked) -> dict[str, int]:
    def rows(state: str, *kinds: str) -> ColumnElement[int]:
        return func.count(case(((Delivery.state == state) & Delivery.kind.in_(kinds), 1)))

    row = (
        await connection.execute(
            select(
                rows(_ACCEPTED, *_PUSHES).label("day_pushed"),
                rows(_SKIPPED, *_PUSHES).label("day_skipped"),
                rows(_ACCEPTED, Kind.MOMENT.value).label("day_moments"),
            ).where(within(asked.period, Delivery.settled_ms))
        )
    ).one()
    return dict(row._mapping)


async def _inbox(connection: AsyncConnection, asked: Asked) -> dict[str, int]:
    row = (
        await connection.execute(
            select(
                func.count().label("day_received"),
                func.count(case((was_answered(), 1))).label("day_answered"),
                func.count(case((Arrival.outcome == "handed_over", 1))).label("day_handed_over"),
            ).where(within(asked.period, Arrival.handled_ms), customer_wrote())
        )
    ).one()
    return dict(row._mapping)


async def _people(connection: AsyncConnection, asked: Asked) -> dict[str, int]:
    period = asked.period
    came = (
        select(func.count(Friendship.person.distinct()))
        .join(Person, Person.id == Friendship.person)
        .where(within(period, Friendship.since_ms), Friendship.origin != "listed", Friendship.state != "stranger")
        .where(Person.kind == "customer")
    )
    wishes = select(func.count(Consent.person.distinct())).where(within(period, Consent.at_ms))
    return {
        "day_friends": await _count(connection, came),
        "day_claims": await _count(connection, select(func.count()).where(within(period, Claim.claimed_ms))),
        "day_moves": await _count(connection, select(func.count()).where(within(period, LevelMove.at_ms))),
        "day_opted_out": await _count(connection, wishes.where(Consent.what == "opt_out")),
    }


async def _thanks(connection: AsyncConnection, asked: Asked) -> dict[str, int]:
    back = (
        await connection.execute(
            select(func.count(), func.count(Referral.delivered_ms)).where(
                Referral.state == ReferralState.REVERSED.value, within(asked.period, Referral.reversed_ms)
            )
        )
    ).one()
    due = select(func.count()).where(Referral.state == ReferralState.DUE.value)
    return {
        "day_thanks_reversed": back[0], "day_thanks_given": back[1], "thanks_due": await _count(connection, due),
    }  # fmt: skip


async def _open(connection: AsyncConnection, asked: Asked) -> dict[str, int]:
    waiting = (
        await connection.execute(
            select(func.count(), func.min(Friendship.waiting_since_ms)).where(Friendship.waiting_since_ms.is_not(None))
        )
    ).one()
    requests = select(func.count()).where(FriendRequest.state == "waiting")
    doubtful = select(func.count()).where(Delivery.state == DeliveryState.IN_DOUBT.value)
    return {
        "requests_waiting": await _count(connection, requests),
        "waiting": waiting[0],
        "longest_waiting_min": max(0, asked.now_ms - (waiting[1] or asked.now_ms)) // 60_000,
        "in_doubt": await _count(connection, doubtful),
        "tasks": await _count(connection, select(func.count()).where(Task.state == "open")),
        "repairs": await _count(connection, select(func.count()).select_from(Repair)),
    }


async def _is_stopped(connection: AsyncConnection) -> bool:
    word = select(func.count()).where(Setting.key == "stop_all", Setting.value != "")
    return await _count(connection, word) > 0


async def _count(connection: AsyncConnection, statement: Select[int]) -> int:
    return int(await connection.scalar(statement) or 0)
