"""The figures of a run and of the fleet, counted from what the tables say."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from reports.status import fleet_status
from reports.summary import summary
from storage.engine import Database
from storage.outbox import DeliveryState
from storage.staff_tables import Audit
from storage.tables import Account, Arrival, Delivery, FriendRequest, Friendship
from storage.task_tables import Task
from tests.conversations.shop import DAY_MS, NOW_MS, open_shop
from wxfleet.running.screen import summary_text

HOUR_MS = 3_600_000
SINCE_MS = NOW_MS - HOUR_MS


@pytest.fixture
async def db(database: Database) -> Database:
    await open_shop(database)
    return database


@pytest.fixture
async def shop(sqlite_database: Database) -> Database:
    await open_shop(sqlite_database)
    return sqlite_database


async def put(db: Database, number: int, **values: Any) -> None:
    """A row of the outbox, sent half an hour ago unless it says otherwise."""
    row = {
        "account": "lin-1", "kind": "reply", "priority": 1, "key": f"k{number}", "to": "wxid_hua", 
        "content": {"text": "x"},
        "source": "", "due_ms": NOW_MS, "state": "accepted", "attempts": 1, "epoch": 0,
        "created_ms": NOW_MS - HOUR_MS // 2,
        "sent_ms": NOW_MS - HOUR_MS // 2, "settled_ms": NOW_MS - HOUR_MS // 2,
    }  # fmt: skip
    async with db.write() as tx:
        await tx.execute(insert(Delivery).values({**row, **values}))


async def of_the_run(db: Database) -> dict[str, Any]:
    async with db.read() as conn:
        return await summary(conn, SINCE_MS, NOW_MS)


async def test_an_empty_shop_has_every_key_of_the_contract(db: Database) -> None:
    document = await of_the_run(db)
    assert set(document) == {"accounts", "friends", "moments", "pushes", "conversations", "commands"}
    assert [account["id"] for account in document["accounts"]] == ["lin-1", "lin-2", "xiaoyu-1"]
    assert set(document["accounts"][0]) == {
        "id", "persona", "role", "state", "friends", "accepted_today", "messages_today", "moments_today",
    }  # fmt: skip
    assert document["pushes"] == {
        "planned": 0, "pending": 0, "accepted": 0, "skipped": {}, "failed": 0, "in_doubt": 0, "unknown": 0,
    }  # fmt: skip
    assert document["conversations"] == {
        "received": 0, "answered": 0, "handed_over": 0, "opted_out": 0, "dry_run": 0,
    }  # fmt: skip


async def test_pushes_of_the_run_by_what_became_of_them(db: Database) -> None:
    await put(db, 1, kind="push")
    await put(db, 2, kind="push", state="skipped", reason="opted_out", sent_ms=None)
    await put(db, 3, kind="push", state="pending", sent_ms=None, settled_ms=None, created_ms=NOW_MS - 3 * DAY_MS)
    await put(db, 4, kind="push", state="sending", settled_ms=None)
    old_ms = NOW_MS - 2 * DAY_MS
    await put(db, 5, kind="push", created_ms=old_ms, sent_ms=old_ms, settled_ms=old_ms)
    assert (await of_the_run(db))["pushes"] == {
        "planned": 4, "pending": 1, "accepted": 1, "skipped": {"opted_out": 1}, "failed": 0, "in_doubt": 1,
        "unknown": 0,
    }  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(list(DeliveryState)), st.sampled_from([None, "opted_out", "muted"])), max_size=12
    )
)
async def test_planned_is_the_sum_of_the_others(shop: Database, rows: list[tuple[DeliveryState, str | None]]) -> None:
    async with shop.write() as tx:
        await tx.execute(delete(Delivery))
    for number, (state, reason) in enumerate(rows):
        await put(shop, number, kind="push", state=state.value, reason=reason)
    pushes = (await of_the_run(shop))["pushes"]
    planned, skipped = pushes.pop("planned"), pushes.pop("skipped")
    assert planned == len(rows) == sum(pushes.values()) + sum(skipped.values())


async def test_moments_published_by_hand_or_webhook_and_skipped_with_reasons(db: Database) -> None:
    await put(db, 1, kind="moment")
    await put(db, 2, kind="moment")
    await put(db, 3, kind="moment", state="skipped", reason="too_late")
    async with db.write() as tx:
        await tx.execute(
            insert(Task).values(
                package="p", kind="moment", account="lin-1", holder="mei", title="t", state="done",
                created_ms=NOW_MS - 1, closed_ms=NOW_MS,
            )
        )  # fmt: skip
    assert (await of_the_run(db))["moments"] == {"published": 2, "assisted": 1, "skipped": {"too_late": 1}}


async def test_conversations_count_customers_only(db: Database) -> None:
    customers = ("answered", "claimed", "campaign_yes", "referred", "handed_over", "opted_out")
    outcomes = (*customers, "command", "own", "ignored", "takeover")
    async with db.write() as tx:
        for number, outcome in enumerate(outcomes):
            await tx.execute(
                insert(Arrival).values(
                    account="lin-1", event=f"message:{number}", kind="message", state="handled", received_ms=NOW_MS,
                    handled_ms=NOW_MS, outcome=outcome,
                )
            )  # fmt: skip
    assert (await of_the_run(db))["conversations"] == {
        "received": 6, "answered": 4, "handed_over": 1, "opted_out": 1, "dry_run": 0,
    }  # fmt: skip


async def test_an_answer_that_a_dry_run_wrote_down_is_no_answer(db: Database) -> None:
    async with db.write() as tx:
        arrivals = [
            await tx.scalar(
                insert(Arrival)
                .values(
                    account="lin-1", event=f"message:{number}", kind="message", state="handled", received_ms=NOW_MS,
                    handled_ms=NOW_MS, outcome=outcome,
                )
                .returning(Arrival.id)
            )
            for number, outcome in enumerate(("answered", "answered", "claimed", "handed_over"))
        ]  # fmt: skip
    await put(db, 0, source=f"inbox:{arrivals[0]}:size")
    for number in (1, 2, 3):
        source = f"inbox:{arrivals[number]}:size"
        await put(db, number, source=source, state="skipped", reason="dry_run", sent_ms=None)
    assert (await of_the_run(db))["conversations"] == {
        "received": 4, "answered": 1, "handed_over": 1, "opted_out": 0, "dry_run": 2,
    }  # fmt: skip


async def test_the_screen_says_how_many_answers_a_dry_run_kept(db: Database) -> None:
    document = await of_the_run(db)
    assert "演练" not in summary_text(document)
    document["conversations"]["dry_run"] = 3
    assert "演练：另有 3 条只记下了会怎么回，没有发出" in summary_text(document)


async def test_friends_and_commands(db: Database) -> None:
    await put(db, 1, kind="accept")
    async with db.write() as tx:
        for number, state in enumerate(("waiting", "waiting", "refused", "confirmed")):
            await tx.execute(
                insert(FriendRequest).values(
                    account="lin-1", request=f"r{number}", contact=f"c{number}", state=state, received_ms=NOW_MS,
                    decided_ms=NOW_MS,
                )
            )  # fmt: skip
        for outcome in ("done", "asked", "refused", "failed"):
            await tx.execute(
                insert(Audit).values(
                    at_ms=NOW_MS, staff="boss", door="chat", verb="status", request={}, outcome=outcome
                )
            )
    document = await of_the_run(db)
    assert document["friends"] == {"accepted": 1, "waiting": 2, "refused": 1}
    assert document["commands"] == {"answered": 2, "refused": 2}


async def test_an_account_counts_its_last_24_hours(db: Database) -> None:
    await put(db, 1)
    await put(db, 2, state="in_doubt")
    await put(db, 3, state="failed")
    await put(db, 4, sent_ms=NOW_MS - DAY_MS)
    await put(db, 5, kind="accept")
    await put(db, 6, kind="moment")
    async with db.read() as conn:
        lin = next(account for account in (await fleet_status(conn, NOW_MS)).accounts if account.id == "lin-1")
    assert (lin.messages_today, lin.accepted_today, lin.moments_today) == (2, 1, 1)
    assert (lin.friends, lin.friends_cap) == (2, 5000)


async def test_friends_are_the_gateways_number_while_they_are_still_being_read(db: Database) -> None:
    async with db.write() as tx:
        await tx.execute(update(Account).where(Account.id == "lin-1").values(friends_listed=2731))
        await tx.execute(update(Friendship).where(Friendship.account == "lin-2").values(state="gone"))
    friends = {account["id"]: account["friends"] for account in (await of_the_run(db))["accounts"]}
    assert friends == {"lin-1": 2731, "lin-2": 0, "xiaoyu-1": 0}


async def test_a_pause_shows_before_the_runner_has_seen_it(db: Database) -> None:
    async with db.write() as tx:
        await tx.execute(update(Account).where(Account.id == "lin-1").values(paused_by="boss"))
        await tx.execute(update(Friendship).where(Friendship.account == "lin-1").values(waiting_since_ms=NOW_MS))
    async with db.read() as conn:
        fleet = await fleet_status(conn, NOW_MS)
    assert (fleet.states["paused"], fleet.states["online"], fleet.waiting) == (1, 2, 2)
