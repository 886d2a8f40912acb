"""PostgreSQL knows what a large import brought as soon as it is over, not a minute later."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from customers.imports.customer_files import CustomerOptions
from customers.imports.customer_import import import_customers
from customers.imports.import_undo import undo_import
from customers.imports.orders import import_orders
from storage import row_estimates
from storage.engine import Database
from tests.customers.shop import export, order, person

pytestmark = pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
NEVER_LOOKED = -1


async def believed(db: Database, table: str) -> int:
    """How many rows the planner takes the table to have."""
    async with db.read() as connection:
        return int(await connection.scalar(text("SELECT reltuples FROM pg_class WHERE relname = :t"), {"t": table}))


async def _export(folder: Path, db: Database) -> Path:
    await person(db, member_name="花花")
    return export(folder / "orders.csv", [order(f"22026{n:014d}", "花花") for n in range(6)])


async def test_a_large_import_and_its_undo_are_told_to_the_planner_at_once(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_estimates, "LARGE_ROWS", 6)
    result = await import_orders(database, [await _export(tmp_path, database)], now_ms=1)
    assert (await believed(database, "orders"), await believed(database, "people")) == (6, 1)
    assert await believed(database, "outbox") == NEVER_LOOKED  # an import writes none
    await undo_import(database, result.batch or 0, by="x", now_ms=2)
    assert await believed(database, "orders") == 0
    people = tmp_path / "people.csv"
    people.write_text("姓名,会员名\n" + "".join(f"客{n},m{n}\n" for n in range(6)), encoding="utf-8")
    await import_customers(database, [people], CustomerOptions(date(2026, 11, 22)), now_ms=3)
    assert await believed(database, "people") == 7


async def test_a_small_one_is_left_to_postgresql(database: Database, tmp_path: Path) -> None:
    await import_orders(database, [await _export(tmp_path, database)], now_ms=1)
    assert await believed(database, "orders") == NEVER_LOOKED
