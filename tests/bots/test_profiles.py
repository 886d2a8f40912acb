"""An account's own profile: looked at once a day, set through the gateway, or by whoever holds the phone."""

from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from sqlalchemy import insert, select

from bots.assisted import Assisted, complete
from bots.courier import Courier
from bots.errors import GatewayProblem, Refused
from bots.gateway import OwnProfile
from bots.live_requests import answer_requests
from bots.own_profiles import AGAIN_MS, ask_for_looks, looks_due
from bots.phone_tasks import hand_out_likes
from bots.wechaty_gateway import WechatyGateway
from rules.kinds import Kind
from rules.pacing import DAY_MS
from simulator.simulation import Simulation
from storage.engine import Database
from storage.outbox import Content, NewDelivery
from storage.tables import Account, Delivery
from storage.task_tables import AccountProfile, Task
from tests.bots.fleet_world import add_accounts
from tests.bots.people import (
    PlainWording,
    RecordingSender,
    add_account,
    lane,
    let_sends_finish,
    planned,
    states,
    taken_over,
)
from tests.simulator.worlds import QUIET
from tests.virtual_time import VirtualClock

HAND = {"nickname": "小林", "avatar": "avatar-lin.png", "visibility": "month"}


class _Speaks:
    """A gateway that tells its profile, or refuses."""

    def __init__(self, told: OwnProfile | GatewayProblem) -> None:
        self._told = told

    async def own_profile(self) -> OwnProfile:
        if isinstance(self._told, GatewayProblem):
            raise self._told
        return self._told


async def _watch(db: Database, now_ms: int, *accounts: str) -> None:
    rows = [
        {"account": account, "wanted": {}, "confirmed": {}, "tried": {}, "look_ms": now_ms, "asked_ms": now_ms,
         "judged_ms": 0, "seen": {"nickname": "从前"}}
        for account in accounts
    ]  # fmt: skip
    async with db.write() as tx:
        await tx.execute(insert(AccountProfile), rows)


async def _ask(db: Database, now_ms: int) -> int:
    async with db.read() as connection:
        due = await looks_due(connection, now_ms)
    async with db.write() as tx:
        asked = await ask_for_looks(tx, now_ms)
    assert due == (asked > 0)
    return asked


async def test_who_is_online_is_looked_at_once_a_day_and_after_a_login(database: Database) -> None:
    clock = VirtualClock()
    now_ms = clock.now_ms()
    await add_accounts(database, "a", "b", state="online", state_since_ms=now_ms - 1)
    await add_accounts(database, "c")
    await _watch(database, now_ms, "a", "b", "c")
    assert [await _ask(database, now_ms), await _ask(database, now_ms)] == [2, 0]
    runners: Any = {
        "a": SimpleNamespace(gateway=_Speaks(OwnProfile("小林", ""))),
        "b": SimpleNamespace(gateway=_Speaks(Refused("no"))),
    }
    assert await answer_requests(database, clock, runners) == 2
    async with database.read() as connection:
        found = {row.account: row for row in await connection.execute(select(AccountProfile.__table__))}
    assert (found["a"].seen, found["b"].seen) == ({"nickname": "小林"}, {"nickname": "从前"})
    assert found["a"].seen_ms == found["b"].seen_ms == now_ms
    assert found["c"].seen_ms is None
    async with database.write() as tx:
        await tx.execute(Account.__table__.update().where(Account.id == "a").values(state_since_ms=now_ms + AGAIN_MS))
    assert await _ask(database, now_ms + AGAIN_MS) == 0
    assert await _ask(database, now_ms + AGAIN_MS + 1) == 1
    assert await _ask(database, now_ms + DAY_MS) == 1


async def test_the_simulated_phone_shows_what_the_gateway_set(tmp_path: Path) -> None:
    clock = VirtualClock()
    simulation = Simulation(QUIET, clock, tmp_path / "world.jsonl", with_people=False)
    doors = await simulation.start()
    gateway = WechatyGateway("lin-1", *doors.gateways["lin-1"])
    try:
        await gateway.open()
        events = gateway.events()
        await anext(events)
        await anext(events)
        await gateway.change_profile(nickname="小林")
        await gateway.change_profile(signature="法式的懒")
        assert await gateway.own_profile() == OwnProfile("小林", "法式的懒")
        await events.aclose()  # type: ignore[attr-defined]
    finally:
        await gateway.close()
        await simulation.stop()


def _row(account: str, now_ms: int, fields: dict[str, str], *, by_hand: bool) -> NewDelivery:
    content = Content(profile={"fields": fields, "by_hand": by_hand})
    return NewDelivery(Kind.PROFILE, account, "", content, f"profile:{account}:{by_hand}", now_ms)


async def _courier(db: Database, clock: VirtualClock, *accounts: str) -> tuple[Courier, RecordingSender]:
    async with db.write() as tx:
        for account in accounts:
            await add_account(tx, account)
        await tx.execute(Account.__table__.update().values(holder="fan"))
    await taken_over(db, clock.now_ms())
    courier = Courier(db, clock, wording=PlainWording(), hand_over=Assisted().hand_over, random=Random(7))
    sender = RecordingSender()
    for account in accounts:
        courier.add(lane(account), sender)
    return courier, sender


async def test_the_gateway_gets_what_it_can_set_and_a_holder_one_package_for_alike_accounts(
    database: Database, clock: VirtualClock
) -> None:
    courier, sender = await _courier(database, clock, "lin-1", "lin-2", "hua-1")
    now_ms = clock.now_ms()
    rows = [_row(account, now_ms, HAND, by_hand=True) for account in ("lin-1", "lin-2")]
    await planned(database, [*rows, _row("hua-1", now_ms, {"signature": "早"}, by_hand=False)], now_ms)
    await courier.tick()
    await let_sends_finish()
    await courier.tick()
    assert [(row.account, row.content.profile) for row in sender.sent if row.kind is Kind.PROFILE] == [
        ("hua-1", {"fields": {"signature": "早"}, "by_hand": False})
    ]
    async with database.read() as connection:
        tasks = (await connection.execute(select(Task.__table__).order_by(Task.account))).all()
        notices = select(Delivery.content).where(Delivery.kind == "staff_notice").order_by(Delivery.due_ms)
        head, words, picture = (await connection.scalars(notices)).all()
    assert [(task.account, task.kind, task.holder, task.state) for task in tasks] == [
        ("lin-1", "profile", "fan", "open"),
        ("lin-2", "profile", "fan", "open"),
    ]
    assert "lin-1、lin-2" in head["text"]
    assert "朋友圈可见范围：最近一个月" in head["text"]
    assert (words, picture) == ({"text": "小林"}, {"image": "avatar-lin.png"})
    async with database.write() as tx:
        await complete(tx, "fan", "all", clock.now_ms())
    found = await states(database)
    assert {found[f"profile:{account}:True"] for account in ("lin-1", "lin-2")} == {("accepted", None)}


async def test_likes_are_one_message_for_a_holder_and_one_task_for_each_phone(database: Database) -> None:
    await add_accounts(database, "lin-1", "lin-2", holder="fan")
    names = {"lin-1": ["花花", "阿美"], "lin-2": ["小西 13800001234"]}
    for _ in range(2):
        async with database.write() as tx:
            await hand_out_likes(tx, "fan", "2026-11-21", names, 1)
    async with database.read() as connection:
        tasks = (await connection.execute(select(Task.account, Task.title).order_by(Task.account))).all()
        [content] = (await connection.scalars(select(Delivery.content))).all()
    assert [tuple(task) for task in tasks] == [("lin-1", "给 2 位客户点赞"), ("lin-2", "给 1 位客户点赞")]
    assert "lin-1：花花、阿美\nlin-2：小西 138****1234" in content["text"]
    assert "这 3 位" in content["text"]
