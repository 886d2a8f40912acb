"""Short ways to put people, friendships and lanes into a database, and a sender that remembers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import Still
from bots.lane import LaneConfig
from bots.ownership import take_all
from rules.kinds import Kind, Surface
from rules.limits import Limits
from rules.roles import Role
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.outbox import Claimed, Content, NewDelivery, Recipient, plan
from storage.tables import Account, Delivery, Friendship, Person

DAY_MS = 86_400_000
OPEN = Limits(
    gap_min_s=0, gap_max_s=0, people_per_minute=10**6, messages_per_minute=10**6, messages_per_day=10**6,
    pushes_per_day=10**6, replies_kept_per_day=0, trust_days=0,
)  # fmt: skip
"""Limits that nothing reaches."""


@dataclass
class RecordingSender:
    """Delivers by `act` (default: takes it at once) and remembers what it was given, in order."""

    act: Callable[[Claimed], Awaitable[str]] | None = None
    sent: list[Claimed] = field(default_factory=list)
    online: bool = True

    def can(self, surface: Surface) -> bool:
        return self.online

    async def deliver(self, row: Claimed, still: Still) -> str:
        self.sent.append(row)
        return await self.act(row) if self.act else f"m{row.id}"


class PlainWording:
    """A template is its own words, with {call_me} filled in."""

    async def load(self, tx: AsyncConnection, campaign: int) -> None:
        return None

    def render(self, campaign: int, template: str, recipient: Recipient) -> str:
        return template.format(call_me=recipient.call_me or recipient.nickname)


async def nobody_posts(tx: AsyncConnection, rows: Any, now_ms: int) -> None:
    raise AssertionError("no posts in this test")


def lane(account: str, *, role: Role = Role.SALES, limits: Limits = OPEN, live: bool = True) -> LaneConfig:
    return LaneConfig(account, role, "Asia/Shanghai", limits, None, live)


async def add_account(tx: AsyncConnection, id: str, *, role: str = "sales", limits: Limits = OPEN) -> None:
    await tx.execute(
        insert(Account).values(
            id=id, persona="p", role=role, time_zone="Asia/Shanghai", armed=True, simulated=True,
            limits=limits.model_dump(mode="json"), state="online", self_contact=f"self-{id}",
        )
    )  # fmt: skip


async def befriend(
    tx: AsyncConnection, account: str, contact: str, *, now_ms: int, person: int | None = None, **of_person: Any
) -> int:
    """A person who is an old friend of the account and has bought. Returns the person's id."""
    if person is None:
        values = {"name": contact, "created_ms": 0, "level": "VIP1", "orders": 1, **of_person}
        person = (await tx.execute(insert(Person).values(**values).returning(Person.id))).scalar_one()
    await tx.execute(
        insert(Friendship).values(
            account=account, contact=contact, person=person, nickname=contact, since_ms=now_ms - 100 * DAY_MS,
            last_in_ms=now_ms - DAY_MS,
        )
    )  # fmt: skip
    return person


async def add_campaign(tx: AsyncConnection, *, state: str = "running", now_ms: int = 0, **values: Any) -> int:
    row = {
        "name": "c", "title": "c", "kind": "push", "state": state, "spec": {}, "created_by": "owner",
        "created_ms": now_ms, "starts_ms": now_ms, "changed_ms": now_ms, **values,
    }  # fmt: skip
    return int((await tx.execute(insert(Campaign).values(**row).returning(Campaign.id))).scalar_one())


def push(account: str, contact: str, person: int, campaign: int | None, now_ms: int, **values: Any) -> NewDelivery:
    return NewDelivery(
        kind=Kind.PUSH, account=account, to=contact, content=Content(text=f"给{contact}的福利"),
        key=f"push:{campaign}:{person}", due_ms=now_ms, person=person, campaign=campaign, **values,
    )  # fmt: skip


def reply(account: str, contact: str, key: str, now_ms: int, **values: Any) -> NewDelivery:
    return NewDelivery(
        kind=values.pop("kind", Kind.REPLY), account=account, to=contact,
        content=Content(text=values.pop("text", key)), key=key, due_ms=now_ms, **values,
    )  # fmt: skip


async def planned(db: Database, rows: list[NewDelivery], now_ms: int) -> None:
    async with db.write() as tx:
        await plan(tx, rows, now_ms=now_ms)


async def taken_over(db: Database, now_ms: int) -> int:
    """A new process owns everything, nobody else being about. Returns how many rows were under way."""
    async with db.write() as tx:
        return (await take_all(tx, "new", wall_ms=now_ms, now_ms=now_ms, alone=True)).in_doubt


async def states(db: Database) -> dict[str, tuple[str, str | None]]:
    """{key: (state, reason)} of the whole outbox."""
    async with db.read() as connection:
        rows = await connection.execute(select(Delivery.key, Delivery.state, Delivery.reason))
        return {row[0]: (row[1], row[2]) for row in rows}


async def let_sends_finish() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
