"""A small matrix to plan for: accounts, people who know them, and what became of their rows."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.limits import Limits
from rules.pacing import DAY_MS
from scheduler.push_events import CampaignEvent
from scheduler.pushes.push_plan import under_way
from scheduler.pushes.push_planning import PushPlanning
from storage.engine import Database
from storage.tables import Account, Delivery, Friendship, Person

ZONE = "Asia/Shanghai"


async def account(db: Database, id: str, role: str = "sales", **values: Any) -> None:
    limits = Limits(**values.pop("limits", {})).model_dump(mode="json")
    row = {
        "id": id, "persona": f"persona-{id}", "role": role, "time_zone": ZONE, "limits": limits, "opened_ms": 0,
        **values,
    }  # fmt: skip
    async with db.write() as tx:
        await tx.execute(insert(Account).values(row))


async def friend(
    db: Database, account: str, *, since_ms: int, known: dict[str, Any] | None = None, **values: Any
) -> int:
    """Somebody new whom `account` knows; `known` is about the friendship, the rest about the person."""
    row = {"level": "VIP1", "orders": 1, "created_ms": 0, **values}
    async with db.write() as tx:
        person = (await tx.execute(insert(Person).values(row).returning(Person.id))).scalar_one()
        await tx.execute(insert(Friendship).values(
            {"account": account, "contact": f"wx{person}", "person": person, "since_ms": since_ms, **(known or {})}
        ))  # fmt: skip
    return person


async def friends(db: Database, account: str, number: int, now_ms: int, **values: Any) -> list[int]:
    """So many old friends of one account, at once."""
    row = {"level": "VIP1", "orders": 1, "created_ms": 0, **values}
    async with db.write() as tx:
        people = [
            (await tx.execute(insert(Person).values(row).returning(Person.id))).scalar_one() for _ in range(number)
        ]
        await tx.execute(
            insert(Friendship),
            [
                {"account": account, "contact": f"wx{person}", "person": person, "since_ms": now_ms - 30 * DAY_MS}
                for person in people
            ],
        )
    return people


async def rows(db: Database, **where: Any) -> list[Any]:
    query = select(Delivery.__table__).order_by(Delivery.id)
    for name, value in where.items():
        query = query.where(getattr(Delivery, name) == value)
    async with db.read() as connection:
        return list((await connection.execute(query)).all())


async def settle(db: Database, keys: Iterable[str], state: str, at_ms: int, reason: str | None = None) -> None:
    """The courier's part: these rows came to an end."""
    async with db.write() as tx:
        sent = None if state == "skipped" else at_ms
        await tx.execute(
            update(Delivery)
            .where(Delivery.key.in_(list(keys)))
            .values(state=state, settled_ms=at_ms, sent_ms=sent, reason=reason)
        )


async def nobody_hears(tx: AsyncConnection, event: CampaignEvent, now_ms: int) -> None:
    """Nobody asked."""


async def plan_pushes(db: Database, now_ms: int) -> None:
    """The planner's part: all that is left to do on the rows of pushes."""
    async with db.read() as connection:
        campaigns = await under_way(connection, now_ms)
    for campaign in campaigns:
        await PushPlanning(db, lambda: now_ms, tell=nobody_hears).carry_on(campaign)
