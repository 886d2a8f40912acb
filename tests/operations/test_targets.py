"""Who looks after some accounts only acts on these and on their friends: every request there is, by every door."""

import itertools
from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import Insert, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.desk import Desk
from operations.errors import NotAllowed
from operations.long_acts import carried_out
from operations.permissions import ALLOWED, TERMINAL_ONLY, staff_member
from operations.repairs import short_name
from operations.requests.fleet import Done, Tasks
from operations.requests.people import Deliver, Refer
from operations.requests.posts import Materials
from operations.requests.pushes import Came
from operations.requests.registry import BY_VERB
from operations.requests.request import Door, Request
from operations.staff import StaffRole
from operations.targets import _BY_VERB, Target, require_own, target_of
from scheduler.moments.materials import Source
from storage.campaign_tables import CAMPAIGN, BenefitGiven, Campaign, Material, Participant
from storage.customer_tables import Referral
from storage.engine import Database
from storage.fleet_tables import Repair
from storage.order_tables import Merge
from storage.pond_tables import Pond
from storage.staff_tables import Audit, StaffMember
from storage.tables import Person
from storage.task_tables import Task
from tests.conversations.shop import NOW_MS, befriend, open_shop

_CASES = [
    (kind, field.name, field.default)
    for kind in BY_VERB.values()
    for field in fields(kind)
    if target_of(kind.verb, field.name) is not Target.NOBODYS
]
Named = dict[Target, Any]


async def _at(db: Database, account: str, person: int, name: str) -> Named:
    """What a request can name, all of it of that account and of this friend of it."""
    async with db.write() as tx:
        gone = await _id(tx, insert(Person).values(name="旧", created_ms=0, merged_into=person))
        merge = insert(Merge).values(kept=person, gone=gone, evidence="", before={}, by="x", merged_ms=0)
        line = insert(BenefitGiven).values(benefit=1, campaign=1, person=person, units=1, by="x", at_ms=0)
        picture = insert(Material).values(
            source=Source.CHAT.value, account=account, message=f"m-{account}", person=person, consent="given",
            added_by="x", received_ms=0,
        )  # fmt: skip
        task = insert(Task).values(
            package=f"mei:{account}", kind="moment", account=account, holder="mei", title="t", state="open",
            created_ms=0,
        )  # fmt: skip
        pond = {"title": f"群 {account}", "kind": "wechat", "account": account, "spec": {}, "rest_days": 7}
        await tx.execute(insert(Pond).values(name=f"pond-{account}", changed_ms=0, **pond))
        repair = {"key": f"introduce:{account}", "message": "bots.repair_introduce", "values": {"sibling": "lin-2"}}
        await tx.execute(insert(Repair).values(account=account, since_ms=0, **repair))
        made = {"merge": merge, "line": line, "picture": picture, "task": task}
        new = {name: await _id(tx, statement) for name, statement in made.items()}
    return {
        Target.ACCOUNT: account, Target.CUSTOMER: name, Target.ASKED: name, Target.BROUGHT: name,
        Target.ENTRY: person, Target.MERGES: new["merge"], Target.LEDGER_LINE: new["line"],
        Target.MATERIAL: new["picture"], Target.TASK: str(new["task"]), Target.POND: f"pond-{account}",
    }  # fmt: skip


@pytest.fixture
async def shop(sqlite_database: Database) -> tuple[Database, Named, Named]:
    """小青, an operator of xiaoyu-1 alone; what is of that account, and what is of lin-1."""
    db = sqlite_database
    await open_shop(db)
    async with db.write() as tx:
        await tx.execute(insert(StaffMember).values(id="qing", name="小青", role="operator", accounts=["xiaoyu-1"]))
        qiuqiu = await befriend(tx, "xiaoyu-1", "wxid_qiu", "秋秋")
        xiaxia = await befriend(tx, "lin-1", "wxid_xia", "夏夏")
    return db, await _at(db, "xiaoyu-1", qiuqiu, "秋秋"), await _at(db, "lin-1", xiaxia, "夏夏")


async def _id(tx: AsyncConnection, statement: Insert) -> int:
    made = await tx.execute(statement)
    return int(made.inserted_primary_key[0])  # type: ignore[index]


async def row_count(db: Database, table: Any, *where: Any) -> int:
    async with db.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(table).where(*where)) or 0)


def _naming(kind: type[Request], field: str, default: object, named: Named) -> Request:
    value = named[target_of(kind.verb, field)]
    if isinstance(default, tuple):
        value = (value,)
    elif target_of(kind.verb, field) is Target.ENTRY and isinstance(default, str):
        value = f"#{value}"
    return kind(**{field: value})


def test_every_field_of_every_request_stands_in_the_table() -> None:
    """A new one raises KeyError here until somebody has said whom it names; what no request has is not kept."""
    every = {(kind.verb, field.name) for kind in BY_VERB.values() for field in fields(kind)}
    for verb, name in every:
        target_of(verb, name)
    assert set(_BY_VERB) <= every
    assert {target_of(*field) for field in every} == set(Target)


async def test_whatever_is_others_is_refused_and_what_is_their_own_is_not(shop: tuple[Database, Named, Named]) -> None:
    db, own, others = shop
    async with db.read() as tx:
        qing = await staff_member(tx, "qing")
        for kind, field, default in _CASES:
            await require_own(tx, qing, _naming(kind, field, default, own))
            with pytest.raises(NotAllowed):
                await require_own(tx, qing, _naming(kind, field, default, others))
                pytest.fail(f"{kind.__name__}.{field}")


async def test_both_doors_ask_it_and_write_down_who_was_refused(shop: tuple[Database, Named, Named]) -> None:
    db, _, others = shop
    desk, may = Desk({}, zone="Asia/Shanghai"), ALLOWED[StaffRole.OPERATOR]
    for kind, field, default in _CASES:
        request = _naming(kind, field, default, others)
        if request.verb in TERMINAL_ONLY:
            with pytest.raises(NotAllowed):
                await carried_out(db, "qing", request, Door.CLI, NOW_MS, _never)
        elif request.verb in may:
            async with db.write() as tx:
                reply = await desk.act(tx, "qing", request, Door.CHAT, NOW_MS)
            assert "负责的号" in reply.text, f"{kind.__name__}.{field}: {reply.text}"
    refused = await row_count(db, Audit, Audit.staff == "qing", Audit.outcome == "refused")
    assert refused == sum(kind.verb in may for kind, _, _ in _CASES)


async def _never() -> None:
    raise AssertionError("done without the right to it")


async def test_owners_and_those_who_look_after_all_accounts_may_name_anything(
    shop: tuple[Database, Named, Named],
) -> None:
    db, _, others = shop
    async with db.read() as tx:
        for staff, (kind, field, default) in itertools.product(("boss", "fan"), _CASES):
            await require_own(tx, await staff_member(tx, staff), _naming(kind, field, default, others))


async def test_of_namesakes_the_own_customer_is_meant_and_a_friend_may_be_brought_by_anybody(
    shop: tuple[Database, Named, Named],
) -> None:
    db, own, others = shop
    desk = Desk({}, zone="Asia/Shanghai")
    async with db.write() as tx:
        await befriend(tx, "lin-1", "wxid_qiu2", "秋秋")
        reply = await desk.act(tx, "qing", Refer(who="秋秋", old="夏夏"), Door.CHAT, NOW_MS)
        assert reply.ok, reply.text
        assert reply.data["person"] == own[Target.ENTRY] and reply.data["referrer"] == others[Target.ENTRY]


async def test_whoever_looks_after_the_one_who_brought_them_may_hand_over_the_thanks(
    shop: tuple[Database, Named, Named],
) -> None:
    db, own, others = shop
    row = {"person": others[Target.ENTRY], "referrer": own[Target.ENTRY], "evidence": "x", "by": "x", "at_ms": 0}
    async with db.write() as tx:
        await tx.execute(insert(Referral).values(state="due", **row))
        reply = await Desk({}, zone="Asia/Shanghai").act(tx, "qing", Deliver(who="夏夏"), Door.CHAT, NOW_MS)
        assert reply.ok, reply.text
    assert await row_count(db, Referral, Referral.state == "delivered") == 1


async def test_what_is_to_be_looked_at_on_others_phones_is_ticked_off_by_them(
    shop: tuple[Database, Named, Named],
) -> None:
    db, _, _ = shop
    desk = Desk({}, zone="Asia/Shanghai")
    async with db.write() as tx:
        told = [
            (await desk.act(tx, "qing", Done(short_name(f"introduce:{account}")), Door.CHAT, NOW_MS)).ok
            for account in ("lin-1", "xiaoyu-1")
        ]
    assert told == [False, True]


async def test_lists_and_all_hold_what_is_their_own(shop: tuple[Database, Named, Named]) -> None:
    db, own, others = shop
    desk = Desk({}, zone="Asia/Shanghai")
    async with db.write() as tx:
        made = insert(Campaign).values(
            kind=CAMPAIGN,
            name="c",
            title="c",
            state="running",
            spec={},
            created_by="x",
            created_ms=0,
            starts_ms=0,
            changed_ms=0,
        )
        id = await _id(tx, made)
        for named in (own, others):
            row = {"campaign": id, "person": named[Target.ENTRY], "state": "yes", "account": named[Target.ACCOUNT]}
            await tx.execute(insert(Participant).values(changed_ms=0, **row))
        pictures = await desk.act(tx, "qing", Materials(), Door.CHAT, NOW_MS)
        assert [one["id"] for one in pictures.data["materials"]] == [own[Target.MATERIAL]]
        tasks = (await desk.act(tx, "qing", Tasks(), Door.CHAT, NOW_MS)).text
        assert "xiaoyu-1" in tasks and "lin-1" not in tasks
        await desk.act(tx, "qing", Came(campaign="c", who="全部"), Door.CHAT, NOW_MS)
    assert await row_count(db, Participant, Participant.state == "kept", Participant.account == "xiaoyu-1") == 1
    assert await row_count(db, Participant, Participant.state == "yes", Participant.account == "lin-1") == 1
