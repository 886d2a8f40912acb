"""The shop of a drill: its config.yaml, the people its accounts know, and what is planned for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sqlalchemy import insert, select

from rules.kinds import Kind
from rules.pacing import DAY_MS
from simulator.crowd import contact_of
from storage.campaign_tables import Post
from storage.engine import Database
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Friendship, Person
from tests.faults.world import World
from tests.wxfleet.small_shop import open_shop

FRIENDS = 40
"""People each account knows."""
FREE = (
    "{gap_min_s: 0, gap_max_s: 0, people_per_minute: 100000, messages_per_minute: 100000, messages_per_day: 1000000,"
    ' pushes_per_day: 1000000, quiet_from: "00:00", quiet_until: "00:00", posts_per_day: 50, post_gap_min: 0,'
    ' posts_from: "00:00", posts_until: "23:59", accept_gap_min_s: 0, accept_gap_max_s: 0, accepts_per_day: 1000}'
)
"""Limits that nothing reaches: the more is under way at a death, the sharper is the test."""
CAREFUL = "{gap_min_s: 1, gap_max_s: 1.5, messages_per_minute: 12, people_per_minute: 5}"
"""What the last account is held to, over all deaths."""
_ACROSS_ACCOUNTS = 5
"""Every so manieth friend of every second account is known to the one before it too."""

_MIX: tuple[tuple[Kind, float], ...] = (
    (Kind.REPLY, 0.45), (Kind.NAME_CARD, 0.1), (Kind.CARE, 0.2), (Kind.PUSH, 0.2), (Kind.MOMENT, 0.05),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Friend:
    """One person as one account knows them."""

    account: str
    contact: str
    person: int


def write_config(folder: Path, world: World, database: str, more: str = "") -> Path:
    """A config.yaml whose accounts live in `world`. `more` are further top-level keys."""
    accounts = ""
    for place, gateway in enumerate(world.gateways):
        careful = place == len(world.gateways) - 1
        accounts += (
            f"  - {{id: {gateway.id}, persona: clerk, role: sales, armed: true, opened: 2024-01-01,\n"
            f'     gateway: {{kind: wechaty, endpoint: "{gateway.endpoint}", token: "{gateway.token}", tls: off}},\n'
            f"     limits: {CAREFUL if careful else '{}'},\n"
            f'     publisher: {{kind: webhook, url: "{world.publisher_url}", secret: "{world.publisher_secret}"}}}}\n'
        )
    staff = "staff: [{id: owner, name: 老板, wechat: [wxid_boss], role: owner}]"
    return open_shop(folder, f"mode: live\ndatabase: {database}\nlimits: {FREE}\n{staff}\n{more}", accounts=accounts)


async def meet_people(db: Database, world: World, *, now_ms: int) -> list[Friend]:
    """Write everybody whom the accounts know: old friends who have talked, some of them known to two accounts."""
    strangers: list[tuple[str, str, int]] = []  # account, contact, which of the people
    for place, gateway in enumerate(world.gateways):
        for number in range(FRIENDS):
            shared = place % 2 == 1 and number % _ACROSS_ACCOUNTS == 0
            who = place * FRIENDS + number - (FRIENDS if shared else 0)
            strangers.append((gateway.id, contact_of(place * 10_000 + number), who))
    names = sorted({who for _, _, who in strangers})
    people = [{"name": f"n{who}", "orders": 1, "created_ms": now_ms} for who in names]
    long_ago = now_ms - 60 * DAY_MS
    async with db.write() as tx:
        found = await tx.execute(insert(Person).returning(Person.id, sort_by_parameter_order=True), people)
        ids = dict(zip(names, found.scalars(), strict=True))
        friends = [Friend(account, contact, ids[who]) for account, contact, who in strangers]
        rows = [
            {"account": f.account, "contact": f.contact, "person": f.person, "nickname": f"n{f.person}",
             "since_ms": long_ago, "last_in_ms": long_ago, "welcomed_ms": long_ago, "origin": "listed"}
            for f in friends
        ]  # fmt: skip
        await tx.execute(insert(Friendship), rows)
    return friends


async def plan_load(
    db: Database, world: World, friends: Sequence[Friend], roll: Random, name: str, rows: int, *, now_ms: int
) -> set[str]:
    """Plan `rows` things of every kind, as any process may; returns their keys once they are committed.

    A push goes to a person by every account that knows them: one may leave.
    """
    planned: list[NewDelivery] = []
    kinds, weights = [kind for kind, _ in _MIX], [weight for _, weight in _MIX]
    async with db.write() as tx:
        for number in range(rows):
            kind = roll.choices(kinds, weights)[0]
            friend = roll.choice(friends)
            key = f"{name}:{number}"
            if kind is Kind.PUSH:
                known = [one for one in friends if one.person == friend.person]
                planned += [_row(kind, one, f"{key}:{one.account}", now_ms, Content(text=key)) for one in known]
            elif kind is Kind.NAME_CARD:
                card = roll.choice([gateway.contact for gateway in world.gateways if gateway.id != friend.account])
                planned.append(_row(kind, friend, key, now_ms, Content(card=card)))
            elif kind is Kind.MOMENT:
                post = {"key": key, "account": friend.account, "day": "2026-01-01", "entry": "drill", "kind": "life",
                        "text": key, "media": [], "due_ms": now_ms}  # fmt: skip
                id = (await tx.execute(insert(Post).values(**post).returning(Post.id))).scalar_one()
                planned.append(NewDelivery(kind, friend.account, "", Content(post=id), key, now_ms))
            else:
                planned.append(_row(kind, friend, key, now_ms, Content(text=f"{key} 你好")))
        await plan(tx, planned, now_ms=now_ms)
    return {row.key for row in planned}


def _row(kind: Kind, friend: Friend, key: str, now_ms: int, content: Content) -> NewDelivery:
    push = kind is Kind.PUSH
    return NewDelivery(
        kind, friend.account, friend.contact, content, key, now_ms, person=friend.person,
        valid_until_ms=now_ms + DAY_MS if push else None, source="drill",
    )  # fmt: skip


async def everybody(db: Database) -> list[Friend]:
    """All friendships as they are now."""
    async with db.read() as connection:
        rows = await connection.execute(select(Friendship.account, Friendship.contact, Friendship.person))
        return [Friend(*row) for row in rows]
