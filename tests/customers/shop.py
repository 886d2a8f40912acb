"""A small customer base to test with, and export files as the shop's back office writes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from storage.engine import Database
from storage.tables import Friendship, Person

HEADERS = (
    "订单编号", "买家会员名", "买家支付宝账号", "买家应付货款", "买家应付邮费", "总金额", "买家实际支付金额",
    "订单状态", "买家留言", "收货人姓名", "收货地址 ", "联系电话", "联系手机",
    "订单创建时间", "订单付款时间 ", "宝贝标题 ",
    "宝贝种类 ", "物流单号 ", "物流公司", "订单备注", "宝贝总数量", "店铺名称", "订单关闭原因", "退款金额",
)  # fmt: skip


def order(number: str, member: str, yuan: str = "100.00", status: str = "交易成功", **more: str) -> dict[str, str]:
    """One row of an export, with what it does not say left as the shop would fill it in."""
    return {
        "订单编号": f'="{number}"',
        "买家会员名": member,
        "买家实际支付金额": yuan,
        "订单状态": status,
        "联系手机": "'138****0000",
        "订单创建时间": "2026-11-01 20:00:00",
        "宝贝总数量": "1",
        "退款金额": "0.00",
        **more,
    }


def export(path: Path, rows: Sequence[Mapping[str, str]], encoding: str = "gb18030") -> Path:
    lines = [",".join(HEADERS)]
    for row in rows:
        cells = [row.get(header.strip(), "") for header in HEADERS]
        lines.append(",".join('"' + cell.replace('"', '""') + '"' for cell in cells))
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))
    return path


async def person(db: Database, **values: Any) -> int:
    async with db.write() as tx:
        row = {"created_ms": 0, **values}
        return (await tx.execute(insert(Person).values(row).returning(Person.id))).scalar_one()


async def friend(db: Database, account: str, contact: str, who: int, **values: Any) -> None:
    async with db.write() as tx:
        row = {"account": account, "contact": contact, "person": who, "since_ms": 0, **values}
        await tx.execute(insert(Friendship).values(row))


async def look(db: Database, who: int) -> Any:
    """The person's row as it is now."""
    async with db.read() as connection:
        return (await connection.execute(select(Person.__table__).where(Person.id == who))).one()
