"""A database with a shop's whole history: orders, the people they belong to, friendships, pushes, answers, referrals.

From the simulator's history, so every run with the same figures fills the same rows.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import count

from customers.imports.order_rows import STATUSES
from customers.standing.purchases import recompute
from simulator.buyers import Buyer
from simulator.history import History, Sale
from simulator.names import sweet_name
from simulator.seeds import dice
from storage.bulk import Values, insert_rows
from storage.engine import Database

_BLOCK = 5_000
_UNMATCHED = 0.15
"""Share of the friends whose member name nobody knows yet."""
_NEVER_BOUGHT = 0.5
"""Friends who have not bought, to each one who has."""
_PUSHES, _ANSWERS = 3, 1
"""Rows of the outbox for each friend."""

_ORDERS = ("number", "member_name", "person", "status", "paid_fen", "refund_fen", "items", "titles", "item_count",
           "receiver", "phone", "shop", "created_ms", "paid_ms", "batch")  # fmt: skip
_PEOPLE = ("id", "name", "member_name", "kind", "level", "orders", "net_paid_fen", "core", "created_ms")
_FRIENDSHIPS = ("account", "contact", "person", "nickname", "alias", "state", "origin", "since_ms", "channel")
_OUTBOX = ("account", "kind", "priority", "key", "recipient", "person", "campaign", "content", "source", "due_ms",
           "state", "attempts", "epoch", "created_ms", "sent_ms", "settled_ms")  # fmt: skip
_REFERRALS = ("person", "referrer", "evidence", "registered_by", "at_ms", "state", "benefit")
_MOVES = ("person", "before", "after", "why", "at_ms")


_COLUMNS = {"people": _PEOPLE, "orders": _ORDERS, "friendships": _FRIENDSHIPS, "outbox": _OUTBOX,
            "referrals": _REFERRALS, "level_moves": _MOVES}  # fmt: skip

_Rows = defaultdict[str, list[Values]]
"""What waits to be written, by table."""


async def fill(db: Database, orders: int, *, now_ms: int, seed: int = 7, accounts: int = 100) -> int:
    """Write `orders` orders and all that belongs to them, then count what people bought; returns the people."""
    history = History(seed, now_ms)
    rows, written, people = _Rows(list), 0, 0
    for number in count():
        buyer = history.buyer(number)
        sales = list(history.sales_of(buyer))[: orders - written]
        if not sales:
            break
        people += _meet(rows, buyer, sales, accounts, seed, now_ms)
        written += len(sales)
        if len(rows["orders"]) >= _BLOCK:
            await _write(db, rows)
            rows = _Rows(list)
    await _write(db, rows)
    async with db.write() as tx:
        await recompute(tx, now_ms=now_ms)
    return people


async def _write(db: Database, rows: _Rows) -> None:
    async with db.write() as tx:
        for table, columns in _COLUMNS.items():
            await insert_rows(tx, table, columns, rows[table])


def _meet(rows: _Rows, buyer: Buyer, sales: Sequence[Sale], accounts: int, seed: int, now_ms: int) -> int:
    """A buyer's rows, and those of a friend who never bought now and then; returns how many people that makes."""
    roll = dice(seed, "filled", buyer.number)
    friend = buyer.since_ms is not None
    matched = friend and roll.random() >= _UNMATCHED
    person = buyer.number * 2 + 1
    rows["orders"] += [_order(sale, person if matched else None) for sale in sales]
    if not friend:
        return 0
    _befriend(rows, person, buyer, buyer.member_name if matched else None, accounts, seed)
    if matched and buyer.referred_by is not None:
        rows["referrals"].append((person, buyer.referred_by * 2 + 1, "code", "bench", buyer.since_ms, "registered", ""))
    if matched and len(sales) > 1:
        rows["level_moves"].append((person, "friend", "VIP1", "orders", sales[0].created_ms))
        rows["level_moves"].append((person, "VIP1", "VIP2", "orders", sales[-1].created_ms))
    for turn in range(_PUSHES + _ANSWERS):
        sent_ms = (buyer.since_ms or 0) + round(roll.random() * (now_ms - (buyer.since_ms or 0)))
        rows["outbox"].append(_delivery(person, turn, accounts, sent_ms))
    if roll.random() < _NEVER_BOUGHT:
        _befriend(rows, person + 1, buyer, None, accounts, seed)
        return 2
    return 1


def _befriend(rows: _Rows, person: int, buyer: Buyer, member: str | None, accounts: int, seed: int) -> None:
    name, since_ms = sweet_name(seed, person), buyer.since_ms or 0
    account, contact = f"sim-{person % accounts}", f"wxid_c{person:07d}"
    rows["people"].append((person, name, member, "customer", "friend", 0, 0, False, since_ms))
    rows["friendships"].append((account, contact, person, name, "", "friend", "event", since_ms, buyer.channel))


def _order(sale: Sale, person: int | None) -> Values:
    titles = json.dumps(sale.titles, ensure_ascii=False)
    return (
        sale.number, sale.member_name, person, STATUSES[sale.status.value].value, sale.paid_fen, sale.refund_fen,
        "，".join(sale.titles), titles, len(sale.items), sale.receiver, "", "小林的衣橱", sale.created_ms, sale.paid_ms,
        1,
    )  # fmt: skip


def _delivery(person: int, turn: int, accounts: int, sent_ms: int) -> Values:
    kind, campaign = ("push", turn + 1) if turn < _PUSHES else ("reply", None)
    content = '{"template": "default"}' if campaign else '{"text": "在的，尺码表发你"}'
    return (
        f"sim-{person % accounts}", kind, 5 if campaign else 1, f"bench:{person}:{turn}", f"wxid_c{person:07d}", person,
        campaign, content, "bench", sent_ms, "accepted", 1, 0, sent_ms, sent_ms, sent_ms + 1000,
    )  # fmt: skip
