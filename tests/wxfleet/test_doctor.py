"""The doctor: names what is wrong with its cure, and neither changes anything nor tells of customers."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from sqlalchemy import insert, text
from sqlalchemy.engine import make_url

from rules.kinds import Kind
from storage.engine import open_database
from storage.fleet_tables import Lane
from storage.outbox import Content, NewDelivery, plan
from storage.schema import upgrade
from tests.bots.hostile_gateways import TOKEN, Emit, Puppet, serving
from tests.wxfleet.small_shop import open_shop, real
from texts.catalogue import catalogue
from wxfleet.doctor.bundle import write_bundle
from wxfleet.doctor.doctor import Diagnosis, as_text, diagnose
from wxfleet.doctor.findings import Finding, Level

ROOT = Path(__file__).parents[2]
PHONE, WORDS, CUSTOMER = "13812345678", "悄悄话别告诉别人", "花花姐姐"


def of(diagnosis: Diagnosis, check: str) -> list[Finding]:
    return [finding for finding in diagnosis.findings if finding.check == check and finding.level is not Level.OK]


def everything_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


async def migrated(folder: Path, *changes: str) -> Path:
    """The shop's database, and what is done to it."""
    file = folder / "data" / "wxfleet.db"
    db = open_database(f"sqlite:///{file}")
    await upgrade(db)
    async with db.write() as tx:
        await tx.execute(insert(Lane), [{"account": "lin-1", "shard": 1}])
        content = Content(text=f"{WORDS} {PHONE}")
        await plan(tx, [NewDelivery(kind=Kind.REPLY, account="lin-1", to=CUSTOMER, content=content, key=str(number),
                                    due_ms=1) for number in range(3)], now_ms=1)  # fmt: skip
        for change in changes:
            await tx.execute(text(change))
    await db.close()
    return file


def test_every_finding_has_its_words_and_every_fault_its_cure() -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("wxfleet/doctor/*.py"))
    cases = set(re.findall(r'Level\.(PROBLEM|WARNING), "(\w+)", "(\w+)"', written))
    assert len(cases) > 25
    missing = [case for _, *case in cases if f"doctor.{case[0]}.{case[1]}.cure" not in catalogue()]
    assert missing == []
    sound = set(re.findall(r'Finding\.ok\(\s*"(\w+)"', written))
    assert [check for check in sound if f"doctor.{check}.ok" not in catalogue()] == []


async def test_a_fresh_shop_is_well_and_left_as_it_is(tmp_path: Path) -> None:
    config = open_shop(tmp_path)
    before = everything_in(tmp_path)
    found = await diagnose(config, None)
    assert [finding for finding in found.findings if finding.level is Level.PROBLEM] == []
    assert everything_in(tmp_path) == before
    assert "还没有数据库" in as_text(found)


async def test_secrets_in_the_file_and_an_open_env_are_problems(tmp_path: Path) -> None:
    config = open_shop(tmp_path, accounts=real("lin-1", "127.0.0.1:1", "puppet_written_here"))
    (tmp_path / ".env").write_text("A=1\n", encoding="utf-8")
    (tmp_path / ".env").chmod(0o644)
    found = await diagnose(config, None)
    assert [finding.level for finding in (*of(found, "secrets"), *of(found, "env"))] == [Level.PROBLEM] * 2
    assert "puppet_written_here" not in as_text(found)
    (tmp_path / ".env").chmod(0o600)
    assert of(await diagnose(config, None), "env") == []


async def test_gateways_are_asked_together_and_only_for_their_version(tmp_path: Path) -> None:
    async def refuse(_: bytes) -> bytes:
        raise GRPCError(Status.UNAUTHENTICATED, f"bad {TOKEN}")

    async def attached(emit: Emit) -> None:
        streams.append(emit)

    streams: list[Emit] = []
    good, bad = Puppet(), Puppet()
    good.stream = bad.stream = attached
    bad.answers["Version"] = refuse
    async with serving(good) as there, serving(bad) as wrong:
        gateway = (
            real("lin-1", there, TOKEN) + real("lin-2", wrong, f"{TOKEN}-2") + real("lin-3", "127.0.0.1:9", "xyz9")
        )
        config = open_shop(tmp_path, accounts=gateway.replace('token: "', 'tls: off, token: "'))
        found = await diagnose(config, None)
    assert [finding.level for finding in of(found, "gateways")] == [Level.PROBLEM] * 2
    assert all(finding.cure for finding in of(found, "gateways"))
    assert "3 个网关里 1 个答应" in as_text(found)
    assert TOKEN not in as_text(found)
    assert {name for name, _ in (*good.asked, *bad.asked)} == {"Version"}
    assert streams == []


async def test_what_is_stuck_in_doubt_late_or_open_is_told_with_the_command_that_ends_it(tmp_path: Path) -> None:
    config = open_shop(tmp_path)
    await migrated(
        tmp_path,
        "UPDATE outbox SET state = 'sending' WHERE key = '0'",
        "UPDATE outbox SET state = 'in_doubt' WHERE key = '1'",
        "INSERT INTO repairs (key, account, message, details, since_ms)"
        " VALUES ('scan:lin-1', 'lin-1', 'bots.repair_scan', '{\"account\": \"lin-1\"}', 1)",
    )
    found = await diagnose(config, None)
    assert [(finding.check, finding.level) for finding in found.findings if finding.level is not Level.OK] == [
        ("media", Level.WARNING), ("sending", Level.WARNING), ("doubt", Level.WARNING), ("repair", Level.WARNING),
    ]  # fmt: skip
    assert "wxfleet doubt resolve" in of(found, "doubt")[0].cure
    assert found.well
    assert "1 条等着开工" in as_text(found)


@pytest.mark.parametrize(
    ("revision", "level"), [("0001", Level.WARNING), ("9999", Level.PROBLEM)], ids=["older", "newer"]
)
async def test_a_database_of_another_version_is_told_and_not_touched(
    tmp_path: Path, revision: str, level: Level
) -> None:
    config = open_shop(tmp_path)
    file = await migrated(tmp_path, f"UPDATE alembic_version SET version_num = '{revision}'")
    before = file.read_bytes()
    assert [finding.level for finding in of(await diagnose(config, None), "shape")] == [level]
    assert file.read_bytes() == before


@pytest.mark.parametrize("harm", [lambda data: b"no database at all" * 100, lambda data: data[:20_000] + b"x" * 9_000])
async def test_a_damaged_database_is_a_problem_with_a_way_back(tmp_path: Path, harm: Callable[[bytes], bytes]) -> None:
    config = open_shop(tmp_path)
    file = await migrated(tmp_path)
    file.write_bytes(harm(file.read_bytes()))
    (damaged,) = of(await diagnose(config, None), "database")
    assert damaged.level is Level.PROBLEM
    assert "wxfleet db restore" in damaged.cure


async def test_a_dead_server_is_a_problem_without_its_password(tmp_path: Path) -> None:
    config = open_shop(tmp_path, 'database: "postgresql://wx:geheim99@127.0.0.1:1/w"\n')
    found = await diagnose(config, None)
    assert len(of(found, "database")) == 1
    assert "geheim99" not in as_text(found)


async def test_a_user_of_a_server_who_may_make_no_tables_is_a_problem_before_the_first_run(
    tmp_path: Path, postgres: str
) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        for statement in ("DROP DATABASE IF EXISTS looked_at WITH (FORCE)", "DROP ROLE IF EXISTS looking",
                          "CREATE DATABASE looked_at", "CREATE ROLE looking LOGIN"):  # fmt: skip
            connection.execute(statement.encode())
    address = make_url(postgres).set(username="looking", database="looked_at").render_as_string(hide_password=False)
    config = open_shop(tmp_path, f'database: "{address}"\n')
    (found,) = of(await diagnose(config, None), "database")
    assert found.level is Level.PROBLEM
    assert "GRANT" in found.cure


async def test_the_bundle_tells_of_no_message_no_customer_no_phone_and_no_secret(tmp_path: Path) -> None:
    config = open_shop(
        tmp_path,
        f"staff:  # {CUSTOMER} {PHONE}\n  - id: owner\n    name: >-\n      王老板\n    role: owner\n"
        "    wechat:\n      - wxid_wang\n      - wxid_second\n",
        accounts=real("lin-1", "127.0.0.1:9", "${TOKEN_1}").replace("${TOKEN_1}", "puppet_secret_1"),
    )
    await migrated(
        tmp_path,
        "INSERT INTO repairs (key, account, message, details, since_ms)"
        f" VALUES ('scan:x', 'lin-1', 'bots.repair_scan', '{{\"account\": \"{CUSTOMER}\"}}', 1)",
    )
    trace = f'Traceback:\n  File "bots/x.py", line 7, in send\n    x\nbots.errors.OutcomeUnknown: {WORDS}\n'
    lines = [
        {"event": "delivery", "account": "lin-1", "delivery": 17, "problem": f"to 138-1234-5678 {'puppet_secret_1'}"},
        {"event": f"said {WORDS}", "logger": "wechaty", "text": WORDS, "talker": CUSTOMER, "exception": trace},
    ]
    log = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    (tmp_path / "data" / "wxfleet.log").write_text(f"{log}\nnot json {WORDS}\n", encoding="utf-8")
    (tmp_path / "data" / "worker-2.log").write_text(log.replace("17", "18"), encoding="utf-8")
    bundle = tmp_path / "b.zip"
    await write_bundle(bundle, config, await diagnose(config, None))
    with zipfile.ZipFile(bundle) as made:
        parts = {name: made.read(name).decode() for name in made.namelist()}
    everything = "\n".join(parts.values())
    for secret in (
        WORDS,
        CUSTOMER,
        PHONE,
        "1234-5678",
        "puppet_secret_1",
        "王老板",
        "wxid_wang",
        "wxid_second",
        "400-000-0000",
    ):
        assert secret not in everything
    assert json.loads(parts["database.json"])["rows"]["outbox"] == {"pending": 3}
    assert '"delivery": 17' in parts["log.jsonl"]
    assert '"delivery": 18' in parts["worker-2.jsonl"]
    assert "bots/x.py:7 send" in parts["log.jsonl"]
    assert "OutcomeUnknown" in parts["log.jsonl"]
    assert "persona: clerk" in parts["config.yaml"]
    assert json.loads(parts["versions.json"])["sqlalchemy"]
