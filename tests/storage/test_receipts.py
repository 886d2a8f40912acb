"""Receipts that come late: a crash leaves rows in doubt and their echoes unread in the inbox."""

from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import event, insert, select, update

from storage.engine import Database, open_database
from storage.expiry import Expiry
from storage.outbox import DeliveryState
from storage.schema import upgrade
from storage.settling import EchoMatch, match_echo
from storage.tables import Arrival, Delivery

SENT_MS = 1_795_000_000_000
VALID_MS = SENT_MS + 600_000
LATER_MS = SENT_MS + 86_400_000


def _named(server: str, name: str) -> str:
    head, _, query = server.partition("?")
    return head.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")


@pytest.fixture
async def served(postgres: str) -> AsyncIterator[Database]:
    """A migrated database on PostgreSQL, where transactions run beside each other."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS receipts WITH (FORCE)")
        connection.execute("CREATE DATABASE receipts")
    db = open_database(_named(postgres, "receipts"))
    await upgrade(db)
    yield db
    await db.close()


async def _in_doubt(db: Database, *, state: str = "in_doubt") -> None:
    async with db.write() as tx:
        await tx.execute(
            insert(Delivery).values(
                account="lin-1", kind="reply", priority=1, key="reply:1", to="wxid_hua", content={"text": "在的"},
                text="在的", due_ms=SENT_MS, valid_until_ms=VALID_MS, state=state, created_ms=SENT_MS, sent_ms=SENT_MS,
                settled_ms=SENT_MS,
            )
        )  # fmt: skip


async def _unread(db: Database, account: str, state: str) -> None:
    async with db.write() as tx:
        await tx.execute(
            insert(Arrival).values(
                account=account, event=f"message:{account}", kind="message", state=state, received_ms=SENT_MS
            )
        )


async def _expire(db: Database) -> str:
    expiry = Expiry()
    async with db.write() as tx:
        if await expiry.due(tx, LATER_MS):
            await expiry.close(tx, LATER_MS)
    async with db.read() as connection:
        return str(await connection.scalar(select(Delivery.state)))


async def _echo(db: Database, id: str = "m1") -> EchoMatch:
    async with db.write() as tx:
        return await match_echo(
            tx, account="lin-1", to="wxid_hua", kind="text", words="在的", message_id=id, at_ms=SENT_MS
        )


@pytest.mark.parametrize("state", ["received", "fetched"])
async def test_a_doubt_stays_open_until_the_inbox_of_its_account_is_read(database: Database, state: str) -> None:
    await _in_doubt(database)
    await _unread(database, "lin-1", state)
    assert await _expire(database) == DeliveryState.IN_DOUBT
    assert await _echo(database) is EchoMatch.MATCHED
    async with database.write() as tx:
        await tx.execute(update(Arrival).values(state="handled"))
    assert await _expire(database) == DeliveryState.ACCEPTED


async def test_a_doubt_without_a_receipt_ends_unknown_whatever_other_accounts_have_to_read(database: Database) -> None:
    await _in_doubt(database)
    await _unread(database, "lin-2", "received")
    assert await _expire(database) == DeliveryState.UNKNOWN


async def test_an_echo_of_a_row_that_was_given_up_is_still_ours_once(database: Database) -> None:
    """It is no person on the phone: the bot would fall silent in that conversation."""
    await _in_doubt(database, state="unknown")
    assert [await _echo(database), await _echo(database, "m2")] == [EchoMatch.MATCHED, EchoMatch.NOT_OURS]


@pytest.mark.parametrize("before", range(4))
async def test_an_echo_that_is_read_while_its_send_is_settled_is_ours_whichever_comes_first(
    served: Database, postgres: str, before: int
) -> None:
    """Each statement sees what was committed before it: on PostgreSQL the courier settles between two of them."""
    await _in_doubt(served, state="sending")
    statements = 0

    def settle_meanwhile(*_: object) -> None:
        nonlocal statements
        if statements == before:
            with psycopg.connect(_named(postgres, "receipts"), autocommit=True) as courier:
                courier.execute("UPDATE outbox SET state = 'accepted', gateway_id = 'm1'")
        statements += 1

    async with served.write() as tx:
        event.listen(tx.sync_connection, "before_cursor_execute", settle_meanwhile)
        found = await match_echo(
            tx, account="lin-1", to="wxid_hua", kind="text", words="在的", message_id="m1", at_ms=SENT_MS
        )
        event.remove(tx.sync_connection, "before_cursor_execute", settle_meanwhile)
    assert found is EchoMatch.MATCHED


async def test_the_echo_of_one_card_is_no_receipt_for_another(database: Database) -> None:
    """Two cards to one person are in doubt and only the second arrived."""
    cards = {"first": "wxid_a", "second": "wxid_b"}
    async with database.write() as tx:
        for number, (key, card) in enumerate(cards.items()):
            await tx.execute(
                insert(Delivery).values(
                    account="lin-1", kind="name_card", priority=1, key=key, to="wxid_hua", content={"card": card},
                    due_ms=SENT_MS, state="in_doubt", created_ms=SENT_MS, sent_ms=SENT_MS + number, settled_ms=SENT_MS,
                )
            )  # fmt: skip
        for words, matched in (("wxid_c", EchoMatch.NOT_OURS), ("wxid_b", EchoMatch.MATCHED)):
            found = await match_echo(
                tx, account="lin-1", to="wxid_hua", kind="card", words=words, message_id=words, at_ms=SENT_MS
            )
            assert found is matched
        states = {row.key: row.state for row in await tx.execute(select(Delivery.key, Delivery.state))}
    assert states == {"first": "in_doubt", "second": "accepted"}


async def test_of_two_alike_the_echo_belongs_to_the_one_sent_next_to_it(database: Database) -> None:
    async with database.write() as tx:
        for key, sent_ms in (("first", SENT_MS), ("second", SENT_MS + 60_000)):
            await tx.execute(
                insert(Delivery).values(
                    account="lin-1", kind="reply", priority=1, key=key, to="wxid_hua", content={"image": "a.png"},
                    due_ms=SENT_MS, state="in_doubt", created_ms=SENT_MS, sent_ms=sent_ms, settled_ms=sent_ms,
                )
            )  # fmt: skip
        await match_echo(
            tx, account="lin-1", to="wxid_hua", kind="image", words="", message_id="m9", at_ms=SENT_MS + 61_000
        )
        states = {row.key: row.state for row in await tx.execute(select(Delivery.key, Delivery.state))}
    assert states == {"first": "in_doubt", "second": "accepted"}
