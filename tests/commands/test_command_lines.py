"""Lines as staff write them, with the request that each becomes; and no line does what its writer may not do."""

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from commands.catalogue import COMMANDS, request_of
from commands.errors import NotUnderstood
from commands.grammar import parse
from commands.said import Said
from operations.permissions import ALLOWED
from operations.requests.request import Request, Verb
from operations.staff import StaffRole
from storage.engine import Database
from storage.staff_tables import Audit, CommandSeen, StaffMember
from storage.tables import Base
from tests.commands.test_chat import ZONE, Office
from tests.conversations.shop import NOW_MS, count, open_shop, texts
from texts.problem import ExitCode

LINES = Path(__file__).parents[1] / "data" / "command_lines.tsv"
FEWEST = 100


def written() -> list[tuple[str, str, str]]:
    rows = [row for row in LINES.read_text(encoding="utf-8").split("\n") if row and not row.startswith("# ")]
    return [(line, verb, "".join(more)) for line, verb, *more in (row.split("\t") for row in rows)]


def meant(line: str) -> Request | NotUnderstood | None:
    parsed = parse(line)
    if parsed is None:
        return None
    try:
        return request_of(Said(parsed, NOW_MS, ZONE))
    except NotUnderstood as problem:
        return problem


def fields_of(request: Request) -> dict[str, Any]:
    """What differs from a bare request; times as the shop's clock shows them."""
    bare = dataclasses.asdict(type(request)())
    given = {name: value for name, value in dataclasses.asdict(request).items() if value != bare[name]}
    clocks = {name for name in given if name.endswith("_ms")}
    shown = {n: datetime.fromtimestamp(given[n] / 1000, ZoneInfo(ZONE)).strftime("%Y-%m-%d %H:%M") for n in clocks}
    whole: dict[str, Any] = json.loads(json.dumps(given | shown))
    return whole


@pytest.mark.parametrize(("line", "verb", "expected"), written(), ids=[line for line, *_ in written()])
def test_a_line_asks_for_what_it_says(line: str, verb: str, expected: str) -> None:
    asked = meant(line)
    if verb == "-":
        assert asked is None
    elif verb == "?":
        assert isinstance(asked, NotUnderstood)
        assert f"{asked.message}｜{asked.hint}" == expected
    else:
        assert isinstance(asked, Request)
        assert (asked.verb.value, fields_of(asked)) == (verb, json.loads(expected))


def test_the_lines_are_many_and_leave_no_command_out() -> None:
    understood = [(line, verb) for line, verb, _ in written() if verb not in "?-"]
    assert len(understood) >= FEWEST
    assert {verb for _, verb in understood} >= {command.verb.value for command in COMMANDS}


WORDS = st.one_of(
    st.sampled_from(
        [
            "花花",
            "#1",
            "@花花",
            "lin-1",
            "VIP2",
            "laoke-fuli",
            "全部",
            "7天",
            "群",
            "12345",
            "生日=8-15",
            "+老客",
            "8.8",
            "生日",
        ]
    ),
    st.text(max_size=6),
)
COMMAND_LINES = st.builds(
    lambda prefix, name, gap, words: prefix + name + gap + " ".join(words),
    st.sampled_from("/#＃／"),
    st.sampled_from(sorted(name for command in COMMANDS for name in command.names)),
    st.sampled_from(["", " ", "　"]),
    st.lists(WORDS, max_size=4),
)


@given(COMMAND_LINES)
def test_no_line_makes_the_grammar_raise(line: str) -> None:
    assert meant(line) is not None


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    async with sqlite_database.write() as tx:
        await tx.execute(insert(StaffMember).values(id="look", name="小看", role="viewer", accounts=[]))
    return Office(sqlite_database)


async def _everything(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row but the log itself."""
    kept = (table for table in Base.metadata.sorted_tables if table.name not in _LOGS)
    async with db.read() as conn:
        return {table.name: [tuple(row) for row in (await conn.execute(table.select())).all()] for table in kept}


_LOGS = {Audit.__tablename__, CommandSeen.__tablename__}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(COMMAND_LINES, st.sampled_from([("look", StaffRole.VIEWER), ("mei", StaffRole.SERVICE)]))
async def test_no_line_does_what_its_writer_may_not(shop: Office, line: str, writer: tuple[str, StaffRole]) -> None:
    staff, role = writer
    asked = meant(line)
    before = await _everything(shop.db)
    logged = await count(shop.db, Audit)
    reply = await shop.says(line, staff)
    forbidden = isinstance(asked, Request) and asked.verb not in ALLOWED[role] | {Verb.CONFIRM}
    if forbidden:
        assert (reply.ok, reply.exit_code) == (False, ExitCode.NOT_ALLOWED)
        assert await count(shop.db, Audit) == logged + 1
    if forbidden or not isinstance(asked, Request) or role is StaffRole.VIEWER:
        assert await _everything(shop.db) == before


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(COMMAND_LINES)
async def test_no_line_of_a_customer_is_a_command(shop: Office, line: str) -> None:
    """Whatever they write, and whatever they are called: it is talk, and nothing says that there are commands."""
    await shop.post.bring(line, talker="wxid_hua")
    assert await count(shop.db, Audit) == 0
    assert await texts(shop.db, kind="command_reply") == []


ALIKE = (
    "/状态",
    "/客户 花花",
    "/标签 花花 老客",
    "/勿扰 花花 7天",
    "/推送 laoke-fuli",
    "/暂停 lin-9",
    "/全停",
    "/全部恢复",
    "/确认 00000",
)


@pytest.mark.parametrize("staff", ["boss", "mei"])
async def test_chat_and_terminal_ask_for_the_same(shop: Office, staff: str) -> None:
    """The same request, the same right, the same outcome in the log: only the door is another."""
    for line in ALIKE:
        await shop.says(line, staff)
        await shop.post.bring(line, talker=f"wxid_{staff}")
    async with shop.db.read() as conn:
        rows = (await conn.execute(Audit.__table__.select().order_by(Audit.id))).all()
    doors = [[row for row in rows if row.door == door] for door in ("cli", "chat")]
    asked = [[(row.staff, row.verb, _exact(row.request)) for row in of_door] for of_door in doors]
    assert len(asked[0]) == len(ALIKE)
    assert asked[0] == asked[1]
    refused = [[row.outcome in ("refused", "failed") for row in of_door] for of_door in doors]
    assert refused[0] == refused[1]


def _exact(request: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if not name.endswith("_ms")}
