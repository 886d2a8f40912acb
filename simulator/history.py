"""The past of a shop of any size: every order of every buyer, from a seed.

A buyer's orders depend on the seed and the buyer's number alone, so the shop can be as large as one likes, and a part
of it is what it is in the whole. The distributions are those of the trade: 1.1, 1.6, 2.5 and 4 items at the first,
second, third and later purchases; a fifth of the buyers are the core; friends come back more often than others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from random import Random

from simulator.buyers import DAY_MS, FRIENDS_GO_ON, HABITS, Buyer, buyer
from simulator.seeds import dice
from simulator.wares import Ware, Wares

MOST_ORDERS = 60
"""Of one buyer; order numbers leave room for a hundred."""

_BASKETS = ((0.9, 1.0), (0.5, 0.9, 1.0), (0.1, 0.5, 0.9, 1.0), (0.0, 0.1, 0.35, 0.65, 0.85, 1.0))
"""Chances of at most one, two, … items at the first, second, third and each later purchase."""

_CARRIERS = (("中通快递", "75"), ("圆通速递", "YT"), ("顺丰速运", "SF"), ("韵达快递", "43"))
_SENT_BACK = "退款成功"
_CLOSED_WHY = ("买家未及时付款", "买家不想买了", "信息填写错误，重新拍")
_DISCOUNTS_FEN = (0, 0, 0, 1000, 2000)


class Status(StrEnum):
    """Order states, in the back office's words."""

    UNPAID = "等待买家付款"
    PAID = "买家已付款,等待卖家发货"
    SENT = "卖家已发货,等待买家确认"
    DONE = "交易成功"
    CLOSED = "交易关闭"


@dataclass(frozen=True, slots=True)
class Sale:
    """One order. Money in fen, times in epoch milliseconds."""

    number: str
    buyer: int
    member_name: str
    receiver: str
    city: str
    phone: str
    status: Status
    price_fen: int
    paid_fen: int
    refund_fen: int
    items: tuple[str, ...]
    created_ms: int
    paid_ms: int | None
    closed_why: str
    carrier: str
    tracking: str

    @property
    def titles(self) -> tuple[str, ...]:
        """What is in it, each thing once."""
        return tuple(dict.fromkeys(self.items))


class History:
    """All orders before `start_ms`; without `buyers` there is no end to them."""

    def __init__(self, seed: int, start_ms: int, buyers: int | None = None) -> None:
        self.seed = seed
        self.start_ms = start_ms
        self.buyers = buyers
        self.wares = Wares(seed, start_ms)

    def buyer(self, number: int) -> Buyer:
        return buyer(self.seed, number, self.start_ms)

    def sales(self) -> Iterator[Sale]:
        """Buyer by buyer, each one's in the order of time."""
        for number in count() if self.buyers is None else range(self.buyers):
            yield from self.sales_of(self.buyer(number))

    def sales_of(self, buyer: Buyer) -> Iterator[Sale]:
        """What this buyer ordered. The first order is always a paid one: these are buyers."""
        roll = dice(self.seed, "orders", buyer.number)
        habit = HABITS[buyer.segment]
        goes_on = habit.goes_on + (FRIENDS_GO_ON if buyer.since_ms is not None else 0.0)
        created_ms, kept = buyer.first_ms, 0
        only = self.wares.pick(roll, created_ms) if buyer.one_thing else None
        for place in range(MOST_ORDERS):
            basket = self._basket(roll, kept, created_ms, only)
            sale = _sale(buyer, place, roll, basket, created_ms, self.start_ms, habit.sends_back)
            kept += sale.paid_fen > sale.refund_fen
            yield sale
            if roll.random() >= goes_on:
                return
            created_ms += round(roll.expovariate(1 / habit.gap_days) * DAY_MS) // 1000 * 1000 + 3_600_000
            if created_ms > self.start_ms - 3_600_000:
                return

    def _basket(self, roll: Random, kept: int, at_ms: int, only: Ware | None) -> list[Ware]:
        """One more purchase after `kept` others."""
        chance = roll.random()
        size = 1 + sum(chance >= limit for limit in _BASKETS[min(kept, len(_BASKETS) - 1)])
        return [only or self.wares.pick(roll, at_ms) for _ in range(size)]


def _sale(
    buyer: Buyer, place: int, roll: Random, basket: list[Ware], created_ms: int, start_ms: int, sends_back: float
) -> Sale:
    status = _status(roll, first=place == 0, age_ms=start_ms - created_ms)
    price = sum(ware.price_fen for ware in basket)
    paid, refund, closed_why = price - _DISCOUNTS_FEN[int(roll.random() * len(_DISCOUNTS_FEN))], 0, ""
    if status is Status.UNPAID:
        paid = 0
    elif status is Status.CLOSED:
        paid, closed_why = 0, _CLOSED_WHY[int(roll.random() * len(_CLOSED_WHY))]
        if roll.random() < 0.5:
            closed_why, paid, refund = _SENT_BACK, price, price
    elif status is Status.DONE and place and roll.random() < sends_back:
        refund = basket[0].price_fen // 2
    carrier, prefix = _CARRIERS[int(roll.random() * len(_CARRIERS))]
    sent = status in (Status.SENT, Status.DONE)
    return Sale(
        number=_number(buyer.number, place, roll),
        buyer=buyer.number,
        member_name=buyer.member_name,
        receiver=buyer.receiver,
        city=buyer.city,
        phone=buyer.phone,
        status=status,
        price_fen=price,
        paid_fen=paid,
        refund_fen=refund,
        items=tuple(ware.title for ware in basket),
        created_ms=created_ms,
        paid_ms=created_ms + 20_000 + int(roll.random() * 880) * 1000 if paid else None,
        closed_why=closed_why,
        carrier=carrier if sent else "",
        tracking=f"{prefix}{int(roll.random() * 10**11):011d}" if sent else "",
    )


def _status(roll: Random, *, first: bool, age_ms: int) -> Status:
    """What is old is settled, one way or the other."""
    chance = roll.random()
    if age_ms < 12 * DAY_MS and chance < 0.6:
        return Status.PAID if age_ms < 2 * DAY_MS else Status.SENT
    if first or chance < 0.90:
        return Status.DONE
    return Status.UNPAID if age_ms < DAY_MS else Status.CLOSED


def _number(buyer: int, place: int, roll: Random) -> str:
    """18 or 19 digits, as they are today: more than a spreadsheet's number can hold."""
    head = (2_000_000_000 if buyer % 2 else 300_000_000) + buyer * 100 + place
    return f"{head}{int(roll.random() * 10**9):09d}"
