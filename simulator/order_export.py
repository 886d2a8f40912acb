"""The export of orders that the seller's back office gives: `python -m simulator.order_export --orders 1000000 FILE`.

The newest order stands first. It is written in a stream: a million rows need little more memory than their order.
"""

import argparse
import csv
import io
import mmap
import os
import sys
import tempfile
from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from simulator import names
from simulator.history import History, Sale

_ZONE = ZoneInfo("Asia/Shanghai")  # wherever the shop is, the platform writes Beijing time

# The export's own headers: some come with a trailing blank.
HEADERS = (
    "订单编号", "买家会员名", "买家支付宝账号", "买家应付货款", "买家应付邮费", "总金额", "买家实际支付金额",
    "订单状态", "买家留言", "收货人姓名", "收货地址 ", "联系电话 ", "联系手机", "订单创建时间", "订单付款时间 ",
    "宝贝标题 ", "宝贝种类 ", "物流单号 ", "物流公司", "订单备注", "宝贝总数量", "店铺名称", "订单关闭原因", "退款金额",
)  # fmt: skip


def write_export(path: Path, sales: Iterable[Sale], shop: str, encoding: str = "gb18030") -> int:
    """Write the back office's CSV; returns the number of rows. `encoding`: gb18030 or utf-8-sig."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(path.suffix + ".part")
    with tempfile.TemporaryFile(dir=path.parent) as lines, part.open("wb") as file:
        places, moments = _write_lines(lines, sales, shop, encoding.removesuffix("-sig"))
        file.write(_line(HEADERS).encode(encoding))
        if moments:
            lines.flush()
            with mmap.mmap(lines.fileno(), 0, access=mmap.ACCESS_READ) as stored:
                for row in sorted(range(len(moments)), key=lambda row: (-moments[row], row)):
                    file.write(stored[places[row] : places[row + 1]])
    os.replace(part, path)
    return len(moments)


def _write_lines(
    lines: io.BufferedRandom, sales: Iterable[Sale], shop: str, encoding: str
) -> tuple["array[int]", "array[int]"]:  # not subscriptable in 3.11
    """The rows as they come; where each begins and the last one ends, and when each order was made."""
    places, moments, end = array("q", [0]), array("q"), 0
    for sale in sales:
        end += lines.write(_line(_row(sale, shop)).encode(encoding))
        places.append(end)
        moments.append(sale.created_ms)
    return places, moments


def _row(sale: Sale, shop: str) -> Sequence[str]:
    price = _yuan(sale.price_fen)
    return (
        f'="{sale.number}"', sale.member_name, f"{sale.member_name[:3]}***", price, "0.00", price,
        _yuan(sale.paid_fen), sale.status.value, "", names.masked(sale.receiver), f"{sale.city}市 ****", "'null",
        f"'{sale.phone}", _local(sale.created_ms), "" if sale.paid_ms is None else _local(sale.paid_ms),
        "，".join(sale.titles), str(len(sale.titles)), f"No:{sale.tracking}" if sale.tracking else "", sale.carrier,
        "", str(len(sale.items)), shop, sale.closed_why, _yuan(sale.refund_fen),
    )  # fmt: skip


class _Lines:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


_line: Callable[[Sequence[str]], str] = csv.writer(_Lines()).writerow  # returns what its file's `write` returns


def _local(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--until", type=datetime.fromisoformat, default=datetime(2026, 11, 21, 10, tzinfo=_ZONE))
    parser.add_argument("--shop", default="小林的衣橱")
    parser.add_argument("--encoding", choices=("gb18030", "utf-8-sig"), default="gb18030")
    options = parser.parse_args(arguments)
    history = History(options.seed, round(options.until.timestamp() * 1000))
    rows = write_export(options.file, islice(history.sales(), options.orders), options.shop, options.encoding)
    sys.stderr.write(f"{rows} orders in {options.file}\n")


if __name__ == "__main__":
    main()
