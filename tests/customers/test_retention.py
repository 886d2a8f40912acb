"""The words of chats are dropped in their time; that there were messages, and what came of them, stays."""

from typing import Any

from sqlalchemy import insert, select

from customers.own_data.retention import DAY_MS, PrivacyConfig, Retention
from storage.engine import Database
from storage.tables import Arrival, Delivery

NOW_MS = 400 * DAY_MS + 5
OLD_MS, YOUNG_MS = 219 * DAY_MS, 221 * DAY_MS


async def test_old_words_go_and_counts_stay(database: Database) -> None:
    """Messages of both sides older than 180 days; never a post, nor what still waits; a second look finds nothing."""
    async with database.write() as tx:
        for number, at_ms in enumerate((OLD_MS, YOUNG_MS, None)):
            payload = {"text": "我的尺码是 M"}
            state = "handled" if at_ms else "fetched"
            await tx.execute(insert(Arrival).values(_arrival(number, state, payload, at_ms)))
            for kind in ("reply", "staff_notice", "moment"):
                await tx.execute(insert(Delivery).values(_delivery(f"{kind}{number}", kind, at_ms)))
        # One whose handling failed, and one that was given up: the words are as old, whatever became of them.
        await tx.execute(insert(Arrival).values(_arrival(7, "lost", {"text": "我的尺码是 M"}, OLD_MS)))
        stopped = _delivery("skipped0", "push", OLD_MS) | {"state": "skipped", "reason": "opted_out"}
        await tx.execute(insert(Delivery).values(stopped))
    retention = Retention(PrivacyConfig())
    async with database.write() as tx:
        assert not await Retention(PrivacyConfig(keep_chat_days=0)).is_due(tx, NOW_MS)
        assert await retention.is_due(tx, NOW_MS)
        assert await retention.drop_old_words(tx, NOW_MS) == 5
        assert not await Retention(PrivacyConfig()).is_due(tx, NOW_MS)
        payloads = (await tx.scalars(select(Arrival.payload).order_by(Arrival.id))).all()
        assert payloads == [None, {"text": "我的尺码是 M"}, {"text": "我的尺码是 M"}, None]
        rows = (await tx.execute(select(Delivery.key, Delivery.text, Delivery.content).order_by(Delivery.key))).all()
        wordless = {row.key for row in rows if row.text is None and row.content == {}}
        assert wordless == {"reply0", "staff_notice0", "skipped0"}
        assert len(rows) == 10


def _arrival(number: int, state: str, payload: dict[str, Any], at_ms: int | None) -> dict[str, Any]:
    return {
        "account": "lin-1", "event": f"message:{number}", "kind": "message", "state": state, "payload": payload,
        "received_ms": 1, "handled_ms": at_ms,
    }  # fmt: skip


def _delivery(key: str, kind: str, settled_ms: int | None) -> dict[str, Any]:
    return {
        "account": "lin-1", "kind": kind, "priority": 4, "key": key, "to": "wxid_hua", "content": {"text": "好的"},
        "text": "好的", "due_ms": 1, "state": "accepted" if settled_ms else "pending", "created_ms": 1,
        "settled_ms": settled_ms,
    }  # fmt: skip
