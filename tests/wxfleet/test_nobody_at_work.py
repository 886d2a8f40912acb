"""What a dead process left in the tables is not taken for a living one, and a living one is not disturbed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert, text

from storage.engine import Database, open_database
from storage.errors import FleetRunning
from storage.fleet_tables import Worker
from storage.schema import upgrade
from storage.shape import shape_of
from storage.tables import Account
from tests.wxfleet.test_plan_commands import Shop, quiet_logs
from texts.problem import ExitCode
from wxfleet.running.idleness import upgrade_idle

__all__ = ["quiet_logs"]


async def _account_that_crashed(folder: Path) -> None:
    db = open_database("sqlite:///data/wxfleet.db", home=folder)
    async with db.write() as tx:
        row = {"id": "lin-1", "persona": "lin", "role": "sales", "time_zone": "Asia/Shanghai", "state": "online"}
        await tx.execute(insert(Account).values(row))
    await db.close()


def test_a_code_to_scan_is_no_matter_for_an_account_that_was_online_when_its_process_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(tmp_path, monkeypatch, capsys)
    config = tmp_path / "config.yaml"
    staff = "staff: [{id: boss, name: 老板, role: owner}]\n"
    config.write_text(config.read_text(encoding="utf-8") + staff, encoding="utf-8")
    shop.wxfleet("db", "upgrade")
    asyncio.run(_account_that_crashed(tmp_path))
    code, out, _ = shop.wxfleet("command", "/扫码 lin-1", "--json")
    assert code == ExitCode.GATEWAY_UNAVAILABLE
    assert "lin-1" in json.loads(out)["text"]


@pytest.fixture
async def server(postgres: str) -> AsyncIterator[Database]:
    """A migrated PostgreSQL database."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS at_work WITH (FORCE)")
        connection.execute("CREATE DATABASE at_work")
    head, _, query = postgres.partition("?")
    db = open_database(head.rsplit("/", 1)[0] + f"/at_work?{query}")
    await upgrade(db)
    yield db
    await db.close()


async def test_an_older_shape_is_left_alone_while_somebody_works_on_it(server: Database) -> None:
    db = server
    now_ms = round(time.time() * 1000)
    worker = {"id": "there:1:a", "kind": "worker", "node": "there", "pid": 1, "version": "0", "started_ms": now_ms}
    async with db.write() as tx:
        await tx.execute(insert(Worker).values({**worker, "heartbeat_ms": now_ms, "timeout_ms": 600_000}))
        await tx.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(FleetRunning, match="there:1:a"):
        await upgrade_idle(db)
    assert (await shape_of(db)).found == "0001"
