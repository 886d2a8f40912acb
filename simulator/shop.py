"""The shop's past: buyers and their orders from a seed, and the export that the seller's back office gives."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from simulator import names
from simulator.crowd import Crowd
from simulator.seeds import dice, number_of


class Status(StrEnum):
    """Order states, in the back office's words."""

    UNPAID = "等待买家付款"
    PAID = "买家已付款,等待卖家发货"
    SENT = "卖家已发货,等待买家确认"
    DONE = "交易成功"
    CLOSED = "交易关闭"


_ITEMS = (
    ("法式茶歇碎花连衣裙", 25900), ("羊毛双面呢大衣 中长款", 89900), ("针织开衫 慵懒风", 16900),
    ("高腰直筒牛仔裤", 15900),
    ("真丝衬衫 雾霾蓝", 32900), ("小香风短外套", 29900), ("灯芯绒半身裙", 13900), ("纯棉打底衫 三色", 6900),
    ("羊绒围巾", 19900), ("西装外套 松弛感", 27900), ("阔腿裤 垂感", 12900), ("吊带内搭", 4900),
)  # fmt: skip
_CARRIERS = (("中通快递", "75"), ("圆通速递", "YT"), ("顺丰速运", "SF"), ("韵达快递", "43"))
_CLOSED_WHY = ("买家未及时付款", "买家不想买了", "信息填写错误，重新拍", "退款成功")
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"

# The export's own headers: some come with a trailing blank.
_HEADERS = (
    "订单编号", "买家会员名", "买家支付宝账号", "买家应付货款", "买家应付邮费", "总金额", "买家实际支付金额",
    "订单状态", "买家留言", "收货人姓名", "收货地址 ", "联系电话 ", "联系手机", "订单创建时间", "订单付款时间 ",
    "宝贝标题 ", "宝贝种类 ", "物流单号 ", "物流公司", "订单备注", "宝贝总数量", "店铺名称", "订单关闭原因", "退款金额",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sale:
    """One order. Money in fen, times in epoch milliseconds."""

    number: str
    buyer: int
    member_name: str
    receiver: str
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


class Shop:
    """All orders before the world began, which is at `start_ms`."""

    def __init__(self, crowd: Crowd, start_ms: int) -> None:
        self.crowd = crowd
        self.start_ms = start_ms
        self._seed = crowd.scenario.seed
        self._zone = ZoneInfo(crowd.scenario.zone)

    @cached_property
    def sales(self) -> list[Sale]:
        """Every order, the oldest first."""
        found = [sale for buyer in range(self.crowd.buyers) for sale in self._sales_of(buyer)]
        return sorted(found, key=lambda sale: (sale.created_ms, sale.number))

    def numbers_of(self, contact: str) -> list[str]:
        """The numbers of the orders this contact has paid for."""
        buyer = self.crowd.buyer(contact)
        if buyer is None:
            return []
        return [sale.number for sale in self._sales_of(buyer) if sale.paid_ms is not None]

    def export(self, path: Path, encoding: str = "gb18030") -> int:
        """Write the back office's CSV; returns the number of rows. `encoding`: gb18030 or utf-8-sig."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(path.suffix + ".part")
        with part.open("w", encoding=encoding, newline="") as file:
            rows = csv.writer(file)
            rows.writerow(_HEADERS)
            for sale in self.sales:
                rows.writerow(self._row(sale))
        os.replace(part, path)
        return len(self.sales)

    def _sales_of(self, buyer: int) -> Iterator[Sale]:
        roll = dice(self._seed, "orders", buyer)
        count = min(9, 1 + int(roll.expovariate(0.7)))
        for place in range(count):
            yield self._sale(buyer, place, roll)

    def _sale(self, buyer: int, place: int, roll: Random) -> Sale:
        created = self._moment(roll)
        items = tuple(roll.choice(_ITEMS) for _ in range(1 if place == 0 else roll.randrange(1, 4)))
        status = self._status(roll, first=place == 0, age=self._start - created)
        price = sum(fen for _, fen in items)
        paid = price - roll.choice((0, 0, 0, 1000, 2000)) if status not in (Status.UNPAID, Status.CLOSED) else 0
        closed_why, refund = "", 0
        if status is Status.CLOSED:
            closed_why = roll.choice(_CLOSED_WHY)
            if closed_why == "退款成功":
                paid = refund = price
        elif status is Status.DONE and place and roll.random() < 0.06:
            refund = items[0][1] // 2
        carrier, prefix = roll.choice(_CARRIERS)
        sent = status in (Status.SENT, Status.DONE)
        created_ms = round(created.timestamp() * 1000)
        return Sale(
            number=self._number(buyer, place),
            buyer=buyer,
            member_name=names.member_name(self._seed, buyer),
            receiver=_SURNAMES[number_of(self._seed, "surname", buyer) % len(_SURNAMES)]
            + names.sweet_name(self._seed, buyer),
            status=status,
            price_fen=price,
            paid_fen=paid,
            refund_fen=refund,
            items=tuple(title for title, _ in items),
            created_ms=created_ms,
            paid_ms=created_ms + roll.randrange(20_000, 900_000) if paid else None,
            closed_why=closed_why,
            carrier=carrier if sent else "",
            tracking=f"{prefix}{roll.randrange(10**11, 10**12)}" if sent else "",
        )

    @cached_property
    def _start(self) -> datetime:
        return datetime.fromtimestamp(self.start_ms / 1000, UTC)

    def _moment(self, roll: Random) -> datetime:
        """Some time in the last two years, more often lately, never in the last hour; a whole second."""
        days = min(720.0, roll.expovariate(1 / 160))
        return (self._start - timedelta(days=days, hours=1)).replace(microsecond=0)

    def _status(self, roll: Random, *, first: bool, age: timedelta) -> Status:
        """A first order is always a paid one: these are buyers. What is old is settled, one way or the other."""
        chance = roll.random()
        if age < timedelta(days=12) and chance < 0.6:
            return Status.PAID if age < timedelta(days=2) else Status.SENT
        if first or chance < 0.88:
            return Status.DONE
        if age < timedelta(days=1):
            return Status.UNPAID
        return Status.CLOSED

    def _number(self, buyer: int, place: int) -> str:
        """18 or 19 digits, as they are today: more than a spreadsheet's number can hold."""
        head = (2_000_000_000 if buyer % 2 else 300_000_000) + buyer * 10 + place
        return f"{head}{number_of(self._seed, 'order', buyer, place) % 10**9:09d}"

    def _row(self, sale: Sale) -> list[str]:
        zone_time = self._local
        buyer_phone = f"1{3 + sale.buyer % 6}{sale.buyer % 10}****{number_of(self._seed, sale.buyer) % 10_000:04d}"
        return [
            f'="{sale.number}"', sale.member_name, f"{sale.member_name[:3]}***", _yuan(sale.price_fen), "0.00",
            _yuan(sale.price_fen), _yuan(sale.paid_fen), sale.status.value, "",
            names.masked(sale.receiver), f"{names.city(self._seed, sale.buyer)}市 ****", "'null", f"'{buyer_phone}",
            zone_time(sale.created_ms), "" if sale.paid_ms is None else zone_time(sale.paid_ms),
            "，".join(sale.items), str(len(set(sale.items))), f"No:{sale.tracking}" if sale.tracking else "",
            sale.carrier, "", str(len(sale.items)), self.crowd.scenario.shop, sale.closed_why, _yuan(sale.refund_fen),
        ]  # fmt: skip

    def _local(self, at_ms: int) -> str:
        at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone)
        return at.strftime("%Y-%m-%d %H:%M:%S")


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
