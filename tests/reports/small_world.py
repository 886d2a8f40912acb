"""Small random worlds of people, and the same world as plain lists, for reports to be held against."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from sqlalchemy import delete, insert

from rules.limits import Limits
from storage.campaign_tables import Campaign
from storage.customer_tables import ChannelCost, Referral
from storage.engine import Database
from storage.order_tables import Claim, Order
from storage.tables import Account, Arrival, Base, Delivery, Friendship, Person

DAY_MS = 86_400_000
START_MS = 1_790_006_400_000
"""Midnight in Shanghai, 2026-09-22."""
DAYS = 10
PERIOD = range(2, 7)
"""The days that are asked for."""
NOW_MS = START_MS + 9 * DAY_MS
ACCOUNTS = ("a", "b")
LIMITS = Limits(friends=5, visible=3, reserve=0.4)
"""So few that the valley is among what happens."""

Plain = dict[str, Any]


@dataclass
class World:
    """Rows as they are written; `bought` are the orders that count as purchases."""

    people: list[Plain] = field(default_factory=list)
    friendships: list[Plain] = field(default_factory=list)
    orders: list[Plain] = field(default_factory=list)
    claims: list[Plain] = field(default_factory=list)
    costs: list[Plain] = field(default_factory=list)
    referrals: list[Plain] = field(default_factory=list)
    campaigns: list[Plain] = field(default_factory=list)
    outbox: list[Plain] = field(default_factory=list)
    inbox: list[Plain] = field(default_factory=list)

    @property
    def bought(self) -> list[Plain]:
        return [o for o in self.orders if o["status"] == "done" and o["paid_fen"] > o["refund_fen"]]


def moment(roll: Random) -> int:
    """Some moment of the ten days; often the same one, so that ties happen."""
    return START_MS + roll.randrange(DAYS) * DAY_MS + roll.choice((0, 0, 3_600_000, DAY_MS - 1))


def make(roll: Random) -> World:
    world = World()
    for id in range(1, roll.randint(0, 6) + 1):
        kind = "staff" if roll.random() < 0.1 else "customer"
        level = roll.choice(("friend", "VIP1"))
        world.people.append({"id": id, "name": f"p{id}", "kind": kind, "level": level, "created_ms": 0})
        _befriend(world, id, roll)
        _buy(world, id, roll)
        if id > 1 and roll.random() < 0.6:
            state = roll.choice(("registered", "due", "delivered", "reversed"))
            world.referrals.append(
                {"person": id, "referrer": roll.randrange(1, id), "evidence": "", "by": "", "at_ms": moment(roll),
                 "state": state}
            )  # fmt: skip
    for person in world.people:
        own = sorted(o["paid_ms"] for o in world.bought if o["person"] == person["id"])
        net = sum(o["paid_fen"] - o["refund_fen"] for o in world.bought if o["person"] == person["id"])
        person |= {"orders": len(own), "first_order_ms": own[0] if own else None, "net_paid_fen": net}
    for code in ("card", "sms", "card"):
        if roll.random() < 0.5:
            day = f"2026-09-{22 + roll.randrange(8):02d}"
            world.costs.append(
                {"channel": code, "day": day, "shown": roll.randrange(50), "cost_fen": roll.choice((0, 999)), "by": "",
                 "at_ms": 0}
            )  # fmt: skip
    _campaigns(world, roll)
    _talk(world, roll)
    return world


def _befriend(world: World, person: int, roll: Random) -> None:
    for account in ACCOUNTS:
        if roll.random() < 0.7:
            spoke = roll.random() < 0.5
            world.friendships.append(
                {
                    "id": len(world.friendships) + 1, "account": account, "contact": f"c{person}", "person": person,
                    "state": roll.choice(("friend", "friend", "gone", "stranger")), "since_ms": moment(roll),
                    "origin": roll.choice(("event", "event", "listed")), "channel": roll.choice((None, "card", "sms")),
                    "last_in_ms": moment(roll) if spoke else None, "replies": int(spoke),
                    "waiting_since_ms": moment(roll) if roll.random() < 0.2 else None,
                }
            )  # fmt: skip


def _buy(world: World, person: int, roll: Random) -> None:
    for _ in range(roll.choice((0, 1, 1, 2, 3))):
        number, at_ms = str(len(world.orders) + 1), moment(roll)
        world.orders.append(
            {
                "number": number, "member_name": f"m{person}", "person": person, "paid_fen": roll.choice((100, 5000)),
                "status": roll.choice(("done", "done", "unpaid")), "refund_fen": roll.choice((0, 0, 100)),
                "created_ms": at_ms, "paid_ms": at_ms + 1000, "batch": 1,
            }
        )  # fmt: skip
        if roll.random() < 0.3:
            claimed = {"order_number": number, "person": person, "account": "a", "evidence": "", "claimed_ms": at_ms}
            world.claims.append(claimed)


def _campaigns(world: World, roll: Random) -> None:
    for id in range(1, roll.randint(0, 2) + 1):
        world.campaigns.append(
            {"id": id, "name": f"c{id}", "title": f"c{id}", "kind": "push", "spec": {}, "created_by": "",
             "created_ms": 0, "state": roll.choice(("running", "draft")), "starts_ms": moment(roll), "changed_ms": 0}
        )  # fmt: skip
        for person in world.people:
            state, reason = roll.choice(
                (("accepted", None), ("skipped", "control_group"), ("skipped", "muted"), ("in_doubt", None),
                 ("pending", None), ("failed", "x"))
            )  # fmt: skip
            _send(world, "push", person["id"], state, moment(roll), campaign=id, reason=reason, roll=roll)
    for person in world.people:
        kind = roll.choice(("reply", "care", "welcome", "alert"))
        _send(world, kind, person["id"], "accepted", moment(roll), roll=roll)
    for account in ACCOUNTS:
        if roll.random() < 0.5:
            _send(world, "moment", None, "accepted", moment(roll), account=account, roll=roll)


def _send(world: World, kind: str, person: int | None, state: str, at_ms: int, *, roll: Random, **more: Any) -> None:
    sent = state in ("accepted", "in_doubt", "failed")
    row = {
        "account": roll.choice(ACCOUNTS), "kind": kind, "priority": 1, "key": f"k{len(world.outbox)}",
        "to": f"c{person}", "person": person, "campaign": None, "content": {}, "source": "", "due_ms": at_ms,
        "state": state, "reason": None, "created_ms": at_ms, "sent_ms": at_ms if sent else None,
        "settled_ms": None if state == "pending" else at_ms,
    }  # fmt: skip
    world.outbox.append({**row, **more})


def _talk(world: World, roll: Random) -> None:
    """Customers' messages, some answered by the bot, some by a person, some by nobody."""
    for id in range(1, roll.randint(0, 6) + 1):
        account, talker, at_ms = roll.choice(ACCOUNTS), f"c{roll.randint(1, 2)}", moment(roll)
        outcome = roll.choice(("answered", "handed_over", "opted_out", "command"))
        world.inbox.append(
            {"id": id, "account": account, "event": f"message:{id}", "kind": "message", "state": "handled",
             "payload": {"talker": talker}, "received_ms": at_ms, "handled_ms": at_ms, "outcome": outcome}
        )  # fmt: skip
        if roll.random() < 0.6:
            wait_ms = roll.choice((0, 5_000, 60_000))
            _send(world, "reply", None, "accepted", at_ms + wait_ms, account=account, to=talker,
                  source=roll.choice((f"inbox:{id}", f"inbox:{id}:size")), roll=roll)  # fmt: skip
        if roll.random() < 0.5:
            wait_ms = roll.choice((1_000, 3_600_000, 3 * DAY_MS))
            _send(world, "staff_message", None, "accepted", at_ms + wait_ms, account=account, to=talker, roll=roll)


async def write(db: Database, world: World) -> None:
    """The database holds this world and no other."""
    tables = (
        (Account, [_account(name) for name in ACCOUNTS]), (Person, world.people), (Friendship, world.friendships),
        (Order, world.orders), (Claim, world.claims), (ChannelCost, world.costs), (Referral, world.referrals),
        (Campaign, world.campaigns), (Delivery, world.outbox), (Arrival, world.inbox),
    )  # fmt: skip
    async with db.write() as tx:
        for table, _ in reversed(tables):
            await tx.execute(delete(table))
        for table, rows in tables:
            if rows:
                await tx.execute(insert(Base.metadata.tables[table.__tablename__]), rows)


def _account(name: str) -> Plain:
    limits = LIMITS.model_dump(mode="json")
    return {"id": name, "persona": "p", "role": "sales", "time_zone": "Asia/Shanghai", "limits": limits}
