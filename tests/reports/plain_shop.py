"""A shop as plain lists, small enough to be judged by counting on one's fingers; and its way into a database."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.imports.order_rows import STATUSES
from simulator.history import History
from storage.campaign_tables import Post
from storage.customer_tables import LevelMove, Referral
from storage.order_tables import Order
from storage.tables import Delivery, Friendship, Person

HALF_DAY_MS = 43_200_000
BEGIN_MS = 1_790_784_000_000
"""1 October 2026, 00:00 in Shanghai: shops live around it, so that much falls on its edges."""

TITLES = ("碎花裙", "围巾", "阔腿裤", "发带")
LEVELS = ("friend", "VIP1", "VIP2", "gone")
PEOPLE = 4


@dataclass(frozen=True)
class Bought:
    """An order. `person` None where nobody knows whose it is."""

    number: int
    member: str
    person: int | None
    status: str
    paid_fen: int
    refund_fen: int
    created_ms: int
    paid_ms: int | None
    titles: tuple[str, ...]
    pieces: int

    @property
    def left_fen(self) -> int:
        return self.paid_fen - self.refund_fen

    @property
    def moment(self) -> int:
        return self.created_ms if self.paid_ms is None else self.paid_ms

    @property
    def is_purchase(self) -> bool:
        return self.status in ("paid", "shipped", "done") and self.left_fen > 0

    @property
    def buyer(self) -> object:
        return self.member if self.person is None else self.person


@dataclass(frozen=True)
class Known:
    """A friendship."""

    person: int
    since_ms: int
    state: str
    last_in_ms: int | None


@dataclass(frozen=True)
class Sent:
    person: int
    kind: str
    state: str
    sent_ms: int


@dataclass(frozen=True)
class Moved:
    person: int
    before: str
    after: str
    at_ms: int


@dataclass(frozen=True)
class Shown:
    kind: str
    title: str
    due_ms: int


@dataclass
class PlainShop:
    orders: Sequence[Bought] = ()
    friendships: Sequence[Known] = ()
    sent: Sequence[Sent] = ()
    moves: Sequence[Moved] = ()
    posts: Sequence[Shown] = ()
    referrals: dict[int, int] = field(default_factory=dict)
    """Who was brought → by whom."""
    people: int = PEOPLE

    @property
    def purchases(self) -> list[Bought]:
        """In the order of their moments."""
        return sorted((one for one in self.orders if one.is_purchase), key=lambda one: (one.moment, str(one.number)))

    def first_ms(self, person: int) -> int | None:
        return next((one.moment for one in self.purchases if one.person == person), None)

    def since_ms(self, person: int | None) -> int | None:
        return min(
            (one.since_ms for one in self.friendships if one.person == person and one.state != "stranger"), default=None
        )


def _moments(last: int = 140) -> st.SearchStrategy[int]:
    """Half days around the beginning of October, now and then a moment beside."""
    halves = st.integers(-100, last)
    return st.builds(
        lambda half, beside: BEGIN_MS + half * HALF_DAY_MS + beside, halves, st.sampled_from((0, 0, -1, 1))
    )


_orders = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(("done", "done", "done", "paid", "shipped", "unpaid", "closed")),
        st.sampled_from((0, 100, 5000, 20000)),
        st.sampled_from((0, 0, 0, 100, 5000)),
        _moments(),
        st.sampled_from((None, 0, 60_000, HALF_DAY_MS)),
        st.lists(st.sampled_from(TITLES), max_size=3, unique=True),
        st.integers(1, 5),
    ),
    max_size=25,
)
_people = st.integers(1, PEOPLE)
_owners = st.lists(st.one_of(st.none(), _people), min_size=6, max_size=6)
_known = st.builds(
    Known,
    _people,
    _moments(),
    st.sampled_from(("friend", "friend", "gone", "stranger")),
    st.one_of(st.none(), _moments()),
)
_sent = st.builds(
    Sent, _people, st.sampled_from(("push", "reply", "welcome", "greeting")),
    st.sampled_from(("accepted", "accepted", "unknown")),
    _moments(),
)  # fmt: skip
_moved = st.builds(Moved, _people, st.sampled_from(LEVELS), st.sampled_from(LEVELS), _moments())
_shown = st.builds(Shown, st.sampled_from(("product", "life")), st.sampled_from(TITLES), _moments())


@st.composite
def shops(draw: st.DrawFn) -> PlainShop:
    owners = draw(_owners)
    orders = []
    for number, (buyer, status, paid, refund, created_ms, delay_ms, titles, pieces) in enumerate(draw(_orders)):
        paid_ms = None if delay_ms is None else created_ms + delay_ms
        orders.append(
            Bought(number, f"m{buyer}", owners[buyer], status, paid, min(paid, refund), created_ms, paid_ms,
                   tuple(titles), pieces)
        )  # fmt: skip
    brought = draw(st.dictionaries(_people, _people, max_size=3))
    return PlainShop(
        orders, draw(st.lists(_known, max_size=6)), draw(st.lists(_sent, max_size=8)),
        draw(st.lists(_moved, max_size=6)), draw(st.lists(_shown, max_size=4)),
        {new: old for new, old in brought.items() if new != old},
    )  # fmt: skip


def grown_shop(orders: int, *, seed: int, now_ms: int) -> PlainShop:
    """The beginning of a history of the simulator: friends are people, who was never met is a member name."""
    history = History(seed, now_ms)
    sales = list(islice(history.sales(), orders))
    buyers = [history.buyer(number) for number in range(sales[-1].buyer + 1)]
    known = [buyer for buyer in buyers if buyer.since_ms is not None]
    return PlainShop(
        [
            Bought(number, sale.member_name, sale.buyer + 1 if buyers[sale.buyer].since_ms else None,
                   STATUSES[sale.status.value].value, sale.paid_fen, sale.refund_fen, sale.created_ms, sale.paid_ms,
                   sale.titles, len(sale.items))
            for number, sale in enumerate(sales)
        ],
        [Known(buyer.number + 1, buyer.since_ms or 0, "friend", None) for buyer in known],
        [Sent(buyer.number + 1, "push", "accepted", now_ms - 20 * HALF_DAY_MS) for buyer in known],
        referrals={buyer.number + 1: buyer.referred_by + 1 for buyer in known if buyer.referred_by is not None},
        people=len(buyers),
    )  # fmt: skip


async def write(tx: AsyncConnection, shop: PlainShop) -> None:
    """This shop and nothing else."""
    for table in (Friendship, Referral, LevelMove, Delivery, Post, Order, Person):
        await tx.execute(delete(table))
    await _insert(tx, Person, [_person(shop, id) for id in range(1, shop.people + 1)])
    await _insert(tx, Order, [_order(one) for one in shop.orders])
    await _insert(tx, Friendship, [
        {"account": "a", "contact": f"c{n}", "person": one.person, "state": one.state, "since_ms": one.since_ms,
         "last_in_ms": one.last_in_ms}
        for n, one in enumerate(shop.friendships)
    ])  # fmt: skip
    await _insert(tx, Delivery, [
        {"account": "a", "kind": one.kind, "priority": 5, "key": f"k{n}", "to": "c", "person": one.person,
         "content": {},
         "due_ms": one.sent_ms, "state": one.state, "created_ms": one.sent_ms, "sent_ms": one.sent_ms}
        for n, one in enumerate(shop.sent)
    ])  # fmt: skip
    await _insert(tx, LevelMove, [{**vars(one), "why": "orders"} for one in shop.moves])
    await _insert(tx, Post, [
        {"key": f"p{n}", "account": "a", "day": "2026-10-01", "entry": "e", "kind": one.kind, "media": [],
         "text": f"上新啦，{one.title}到了", "due_ms": one.due_ms}
        for n, one in enumerate(shop.posts)
    ])  # fmt: skip
    await _insert(tx, Referral, [
        {"person": new, "referrer": old, "evidence": "test", "by": "test", "at_ms": 0, "state": "registered",
         "benefit": ""}
        for new, old in shop.referrals.items()
    ])  # fmt: skip


async def _insert(tx: AsyncConnection, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        await tx.execute(insert(table), rows)


def _person(shop: PlainShop, id: int) -> dict[str, Any]:
    """As an import leaves them: what they bought is counted."""
    own = [one for one in shop.purchases if one.person == id]
    return {
        "id": id, "name": f"p{id}", "level": LEVELS[id % len(LEVELS)], "orders": len(own), "created_ms": 0,
        "net_paid_fen": sum(one.left_fen for one in own), "first_order_ms": shop.first_ms(id),
        "last_order_ms": max((one.moment for one in own), default=None),
        "distinct_items": len({title for one in own for title in one.titles}),
    }  # fmt: skip


def _order(one: Bought) -> dict[str, Any]:
    return {
        "number": str(one.number), "member_name": one.member, "person": one.person, "status": one.status,
        "paid_fen": one.paid_fen, "refund_fen": one.refund_fen, "created_ms": one.created_ms, "paid_ms": one.paid_ms,
        "items": json.dumps(one.titles), "titles": list(one.titles), "item_count": one.pieces, "batch": 1,
    }  # fmt: skip
