"""`wxfleet db …` as an operator meets it: what is refused, what a restore holds back, and what is said."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.restored import REASON
from rules.kinds import Kind
from scheduler.campaign_state import CampaignState
from scheduler.moments.calendar_files import load_calendar
from scheduler.moments.day_plan import plan_day
from storage.campaign_tables import Campaign, Post
from storage.engine import open_database
from storage.fleet_tables import Worker
from storage.inbox import NewArrival, record
from storage.outbox import Content, DeliveryState, NewDelivery, plan
from storage.schema import alembic_config, upgrade
from storage.tables import Account, Arrival, Delivery, Person, Setting
from tests.wxfleet.small_shop import open_shop
from texts.problem import ExitCode
from wxfleet.cli import main
from wxfleet.running.lock import sending_lock

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
Act = Callable[[AsyncConnection], Awaitable[Any]]


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """A command may send all logging to a file of its test."""
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    for handler in root.handlers:
        if handler not in before:
            handler.close()
    root.handlers[:] = before


class Shop:
    """A small shop on one database, and its terminal."""

    def __init__(self, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        self._monkeypatch, self._capsys, self.folder, self.url = monkeypatch, capsys, folder, url
        open_shop(folder, f'database: "{url}"\n', accounts=REAL)
        monkeypatch.chdir(folder)

    def wxfleet(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr of one call."""
        self._monkeypatch.setattr("sys.argv", ["wxfleet", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = self._capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    def does(self, *arguments: str) -> Any:
        """The document of a call that must go well."""
        code, out, err = self.wxfleet(*arguments, "--json")
        assert code == ExitCode.OK, err
        return json.loads(out)

    def write(self, act: Act) -> Any:
        """One transaction on the shop's database."""
        return asyncio.run(_write(self.url, act))


REAL = (
    "  - {id: lin-1, persona: lin, role: sales,"
    ' gateway: {kind: wechaty, endpoint: "127.0.0.1:1", token: "a-token-of-some-length"}}\n'
)


async def _write(url: str, act: Act) -> Any:
    db = open_database(url)
    try:
        await upgrade(db)
        async with db.write() as tx:
            return await act(tx)
    finally:
        await db.close()


@pytest.fixture
def shop(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Shop:
    return Shop(tmp_path / "shop", database_url, monkeypatch, capsys)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Shop:
    """On SQLite, where the database is not the point."""
    return Shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop' / 'data' / 'wxfleet.db'}", monkeypatch, capsys)


def _delivery(kind: Kind, key: str, due_ms: int, campaign: int | None = None) -> NewDelivery:
    return NewDelivery(kind, "lin-1", "wxid_a", Content(text=key), key, due_ms, person=1, campaign=campaign)


async def _in_full_swing(tx: AsyncConnection, now_ms: int) -> None:
    """A reply, a running push, a post of later today, a message that nobody handled yet, and one under way."""
    await tx.execute(insert(Person).values(id=1, name="阿花", created_ms=0))
    spec = {"kind": Kind.PUSH.value, "state": "running", "spec": {}, "created_by": "owner"}
    await tx.execute(insert(Campaign).values(
        id=1, name="fuli", title="福利", created_ms=0, starts_ms=0, changed_ms=0, **spec))  # fmt: skip
    rows = [
        _delivery(Kind.REPLY, "reply", now_ms), _delivery(Kind.PUSH, "push", now_ms + DAY_MS, campaign=1),
        _delivery(Kind.MOMENT, "tonight", now_ms + DAY_MS), _delivery(Kind.REPLY, "under way", now_ms),
    ]  # fmt: skip
    await plan(tx, rows, now_ms=now_ms)
    await tx.execute(update(Delivery).where(Delivery.key == "under way").values(state="sending", sent_ms=now_ms))
    await record(tx, [NewArrival("lin-1", "message:1", "message", now_ms, {})])


def test_a_restore_sends_nothing_again_that_left_since_the_backup(shop: Shop, tmp_path: Path) -> None:
    now_ms = round(time.time() * 1000)
    shop.write(lambda tx: _in_full_swing(tx, now_ms))
    shop.does("db", "backup", "backup/a.db")

    async def sent_since(tx: AsyncConnection) -> None:
        await tx.execute(update(Delivery).values(state=DeliveryState.ACCEPTED.value, sent_ms=now_ms))

    shop.write(sent_since)
    code, _, err = shop.wxfleet("db", "restore", "backup/a.db")
    assert (code, "--replace" in err) == (ExitCode.NOT_ALLOWED, True)
    if shop.url.startswith("postgresql"):  # there a heartbeat says that a fleet runs, and no lock
        alive = {"kind": "run", "node": "n", "pid": 1, "version": "1", "started_ms": 0, "timeout_ms": 30_000}
        shop.write(lambda tx: tx.execute(insert(Worker).values(id="w", heartbeat_ms=now_ms + HOUR_MS, **alive)))
        assert shop.wxfleet("db", "restore", "backup/a.db", "--replace")[0] == ExitCode.NOT_ALLOWED
        shop.write(lambda tx: tx.execute(update(Worker).values(heartbeat_ms=now_ms - HOUR_MS)))
    told = shop.does("db", "restore", "backup/a.db", "--replace")
    assert (told["in_doubt"], told["campaigns_paused"], told["stopped"]) == (3, 1, True)
    assert Path(told["kept"]).exists()

    async def now(tx: AsyncConnection) -> None:
        states = dict((await tx.execute(select(Delivery.key, Delivery.state))).all())
        assert states == {"reply": "in_doubt", "push": "in_doubt", "under way": "in_doubt", "tonight": "pending"}
        person = (await tx.execute(select(Person.last_push_ms, Person.last_push_id))).one()
        assert person.last_push_ms >= now_ms and person.last_push_id is None
        assert await tx.scalar(select(Campaign.state)) == CampaignState.PAUSED.value
        assert await tx.scalar(select(Setting.value).where(Setting.key == "stop_all"))
        assert await tx.scalar(select(Arrival.received_ms)) < now_ms - 9 * 60_000

    shop.write(now)
    status = shop.does("status")
    assert status["stop_all"]["name"] == "恢复备份"


def test_posts_that_were_due_before_a_restore_are_not_planned_again(small: Shop, tmp_path: Path) -> None:
    now_ms = 1_795_312_800_000  # a Sunday, ten o'clock in Shanghai
    (tmp_path / "moments").mkdir()
    early = "{name: early, kind: life, window: '09:45-09:46', text: 早}"
    late = "{name: late, kind: life, window: '18:00-18:01', text: 晚}"
    (tmp_path / "moments" / "lin.yaml").write_text(f"persona: lin\nposts: [{early}, {late}]\n", encoding="utf-8")
    calendar, mistakes = load_calendar(tmp_path / "moments")
    assert mistakes == []

    async def planned(tx: AsyncConnection) -> dict[str, str]:
        account = {"id": "lin-1", "persona": "lin", "role": "sales", "time_zone": "Asia/Shanghai", "limits": {}}
        await tx.execute(insert(Account).values(**account))
        await tx.execute(insert(Setting).values(key="restored_ms", value=str(now_ms), changed_ms=now_ms))
        await plan_day(tx, calendar, date(2026, 11, 22), now_ms)
        rows = await tx.execute(select(Post.entry, Delivery.reason).join(Delivery, Delivery.key.endswith(Post.key)))
        return dict(rows.all())

    assert small.write(planned) == {"early": REASON, "late": None}


def test_work_on_the_whole_database_is_refused_while_a_fleet_runs(small: Shop, tmp_path: Path) -> None:
    small.does("db", "upgrade")
    with sending_lock(small.folder / "data"):
        small.does("db", "backup", "a.db")
        for line in (["copy", f"sqlite:///{tmp_path / 'other.db'}"], ["restore", "a.db", "--replace"]):
            code, _, err = small.wxfleet("db", *line)
            assert (code, "wxfleet run" in err) == (ExitCode.NOT_ALLOWED, True)


def test_data_that_moved_is_not_run_any_more_and_comes_back_only_through_a_restore(small: Shop, tmp_path: Path) -> None:
    small.does("db", "upgrade")
    small._monkeypatch.setenv("PLACE", str(tmp_path / "moved.db"))
    would = small.does("db", "copy", "sqlite:///${PLACE}", "--dry-run")
    assert would["dry_run"] and small.wxfleet("status")[0] == ExitCode.OK
    told = small.does("db", "copy", "sqlite:///${PLACE}")
    assert told["to"] == "sqlite:///${PLACE}" and told["tables"]["outbox"] == 0
    for verb in ("status", "run"):
        code, _, err = small.wxfleet(verb)
        assert (code, "已经搬到" in err) == (ExitCode.NOT_ALLOWED, True), (verb, err)
    small.does("db", "backup", "old.db")
    told = small.does("db", "restore", "old.db", "--replace", "--nothing-sent-since")
    assert not told["stopped"] and small.does("status")["stop_all"] is None


def test_an_upgrade_backs_up_first_and_says_from_where_to_where(small: Shop) -> None:
    assert small.does("db", "upgrade", "--dry-run")["from"] is None
    asyncio.run(_first_shape(small.url))
    told = small.does("db", "upgrade", "--dry-run")
    assert (told["from"], told["backup"]) == ("0001", None)
    with sending_lock(small.folder / "data"):  # an older program runs on these tables
        for line in (["status"], ["db", "upgrade"]):
            assert small.wxfleet(*line)[0] == ExitCode.NOT_ALLOWED
    told = small.does("db", "upgrade")
    assert told["from"] == "0001" and told["to"] > "0001" and Path(told["backup"]).exists()
    # The older backup comes back in today's shape.
    restored = small.does("db", "restore", told["backup"], "--replace")
    assert restored["version"] == "0001"
    assert small.does("db", "upgrade")["from"] == told["to"]


async def _first_shape(url: str) -> None:
    """An older wxfleet made the tables."""
    db = open_database(url)
    async with db.write() as tx:
        await tx.run_sync(_upgrade_to, "0001")
    await db.close()


def _upgrade_to(connection: Connection, revision: str) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def test_a_damaged_database_is_set_aside_for_a_restore(small: Shop) -> None:
    small.does("db", "upgrade")
    small.does("db", "backup", "a.db")
    file = Path(small.url.removeprefix("sqlite:///"))
    file.write_bytes(b"not a database at all, " * 100)
    assert small.wxfleet("db", "restore", "a.db")[0] == ExitCode.FAILURE
    told = small.does("db", "restore", "a.db", "--replace")
    assert Path(told["kept"]).read_bytes().startswith(b"not a database")
    assert small.wxfleet("status")[0] == ExitCode.OK


REFUSED: list[tuple[list[str], int, str]] = [
    (["backup", "there.db"], ExitCode.NOT_ALLOWED, "--overwrite"),
    (["backup", "config.yaml/x.db"], ExitCode.GATEWAY_UNAVAILABLE, "权限"),
    (["restore", "nowhere.db"], ExitCode.NOT_FOUND, "没有这个文件"),
    (["restore", "config.yaml"], ExitCode.FAILURE, "不是 wxfleet"),
    (["copy", "mysql://x/y"], ExitCode.USAGE, "postgresql://"),
    (["copy", "postgresql://u:secret@h:port/x"], ExitCode.USAGE, "postgresql://"),
    (["copy", "sqlite:///data/wxfleet.db"], ExitCode.USAGE, "现在用的"),
    (["copy", "postgresql://${UNSET_HERE}/x"], ExitCode.USAGE, "UNSET_HERE"),
    (["copy", "postgresql://u:secret@127.0.0.1:1/x"], ExitCode.GATEWAY_UNAVAILABLE, "连不上"),
]


def test_what_cannot_be_done_is_said_with_its_cure_and_without_secrets(small: Shop) -> None:
    small.does("db", "upgrade")
    (small.folder / "there.db").write_text("mine", encoding="utf-8")
    for line, code, words in REFUSED:
        ended, out, err = small.wxfleet("db", *line)
        assert (ended, out, words in err) == (code, "", True), (line, err)
        assert "secret" not in err and "Traceback" not in err, line
    assert (small.folder / "there.db").read_text(encoding="utf-8") == "mine"
