"""A partner's statement: completed orders of the month, net, two tiers deep and no deeper."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.referrals.partners import month_bounds, statement
from storage.customer_tables import Referral
from storage.engine import Database
from storage.order_tables import Order
from storage.tables import Person

SHANGHAI = "Asia/Shanghai"


def _ms(*when: int) -> int:
    return round(datetime(*when, tzinfo=ZoneInfo(SHANGHAI)).timestamp() * 1000)  # type: ignore[arg-type,misc]


def test_a_month_is_the_shops_own() -> None:
    assert month_bounds("2026-10", SHANGHAI) == (_ms(2026, 10, 1), _ms(2026, 11, 1))
    assert month_bounds("2026-12", SHANGHAI) == (_ms(2026, 12, 1), _ms(2027, 1, 1))
    for wrong in ("2026-13", "10月", "", "2026"):
        with pytest.raises(ValueError, match=r"."):
            month_bounds(wrong, SHANGHAI)


class _EndOfExample(Exception):
    pass


_order = st.tuples(
    st.integers(0, 7), st.sampled_from(["done", "done", "shipped", "closed"]), st.sampled_from([0, 300, 1000]),
    st.sampled_from([_ms(2026, 9, 30, 23), _ms(2026, 10, 1), _ms(2026, 10, 31, 23), _ms(2026, 11, 1)]),
)  # fmt: skip


async def _fill(tx: AsyncConnection, elders: list[Any], partners: set[int], orders: list[Any]) -> list[int]:
    ids: list[int] = []
    for number in range(8):
        level = "partner" if number in partners else "VIP1"
        row = insert(Person).values(name=f"p{number}", level=level, created_ms=0).returning(Person.id)
        ids.append((await tx.execute(row)).scalar_one())
    referrals = [
        {"person": ids[new], "referrer": ids[old], "evidence": "", "by": "", "at_ms": 0, "state": "registered"}
        for new, old in enumerate(elders) if old is not None and old < new
    ]  # fmt: skip
    if referrals:
        await tx.execute(insert(Referral), referrals)
    rows = [
        {"number": f"{place}", "member_name": "m", "person": ids[who], "status": status, "paid_fen": 1000,
         "refund_fen": refund, "created_ms": 0, "paid_ms": paid_ms, "batch": 1}
        for place, (who, status, refund, paid_ms) in enumerate(orders)
    ]  # fmt: skip
    if rows:
        await tx.execute(insert(Order), rows)
    return ids


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.none() | st.integers(0, 6), min_size=8, max_size=8), st.sets(st.integers(0, 7), min_size=1),
    st.lists(_order, max_size=12),
)  # fmt: skip
async def test_the_statement_is_what_counting_by_hand_gives(
    database: Database, elders: list[Any], partners: set[int], orders: list[Any]
) -> None:
    from_ms, until_ms = month_bounds("2026-10", SHANGHAI)
    expected: dict[tuple[int, int, int], tuple[int, int]] = {}
    for who, status, refund, paid_ms in orders:
        elder, tier = who, 0
        while tier < 2 and elders[elder] is not None and elders[elder] < elder:
            elder, tier = elders[elder], tier + 1
            if elder in partners and status == "done" and refund < 1000 and from_ms <= paid_ms < until_ms:
                number, net = expected.get((elder, tier, who), (0, 0))
                expected[elder, tier, who] = (number + 1, net + 1000 - refund)
    with pytest.raises(_EndOfExample):
        async with database.write() as tx:
            await tx.execute(delete(Referral))
            ids = await _fill(tx, elders, partners, orders)
            found = await statement(tx, from_ms, until_ms)
            place = {id: number for number, id in enumerate(ids)}
            rows = {(place[r.partner], r.tier, place[r.person]): (r.orders, r.net_fen) for r in found}
            assert rows == expected
            assert len(rows) == len(found)
            raise _EndOfExample
