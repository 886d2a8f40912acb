"""The log: one stream for us and the libraries, that names account and delivery, and never a secret."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from wxfleet.reading.observation import LogConfig
from wxfleet.running import logs
from wxfleet.running.masking import Mask

SECRETS = ("puppet_4711", 'pa"ss\\wörd/9', "p@ss word")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a test sets up goes with it."""
    root = logging.getLogger()
    handlers, level, loud = list(root.handlers), root.level, logging.raiseExceptions
    before = structlog.get_config()
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers, logging.raiseExceptions = handlers, loud
    root.setLevel(level)
    structlog.configure(**before)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / logs.FILE_NAME).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("authorization: Wechaty puppet_padlocal_99", "authorization: Wechaty ***"),
        ("token=puppet_99abcdef&x=1", "token=***"),
        ('{"password": "hunter22", "a": 1}', '{"password": "***", "a": 1}'),
        ("sent with Bearer abc.DEF-123", "sent with Bearer ***"),
        ("postgresql://wx:a:b#c!@db:5432/w", "postgresql://wx:***@db:5432/w"),
        ("call 13812345678 or +86 139-1234-5678", "call 138****5678 or +86 139-****-5678"),
        ("回答不像 Wechaty 网关（content-type）", "回答不像 Wechaty 网关（content-type）"),
        ("order 1234567890123456789 at 1700000000000", "order 1234567890123456789 at 1700000000000"),
        ("https://example.com/a@b:c", "https://example.com/a@b:c"),
        ("x" * 300_000, "x" * 300_000),
    ],
)
def test_what_looks_like_a_secret_or_a_phone_is_blotted_out_and_nothing_else(hostile: str, shown: str) -> None:
    assert Mask().text(hostile) == shown


def test_no_secret_reaches_the_log_by_any_way_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As text, number, key, nested, in an exception, in a library's record, quoted for a URL or for JSON."""
    logs.set_up(tmp_path, verbose=True, secrets=SECRETS)
    ours, theirs = structlog.get_logger("ours"), logging.getLogger("wechaty.puppet")
    for secret in SECRETS:
        ours.info("x", value=secret, deep={"a": [{secret: (secret,)}]}, token=secret, odd=ValueError(secret))
        ours.info("x", quoted=json.dumps({"a": secret}), query="?k=p%40ss+word&l=p%40ss%20word")
        theirs.warning("login with %s", secret, extra={"token": secret})
        try:
            raise RuntimeError(f"no entry: {secret}")
        except RuntimeError:
            ours.exception("failed")
            theirs.exception("failed %r", secret)
    ours.info("x", phone=13812345678, text="13812345678", at_ms=1_700_000_000_000)
    written = (tmp_path / logs.FILE_NAME).read_text(encoding="utf-8") + capsys.readouterr().err
    for shape in (*SECRETS, json.dumps(SECRETS[1])[1:-1], "p%40ss", "13812345678"):
        assert shape not in written
    assert "138****5678" in written
    assert "1700000000000" in written


def test_a_line_is_one_json_object_with_its_ids_whoever_wrote_it(tmp_path: Path) -> None:
    logs.set_up(tmp_path)
    structlog.get_logger("bots.tally").warning("delivery", account="lin-1", delivery=17, outcome="in_doubt")
    logging.getLogger("grpclib.protocol").warning("odd frame")
    logging.getLogger("grpclib.protocol").info("chatter")
    first, second = lines(tmp_path)
    assert (first["account"], first["delivery"], first["level"], first["logger"]) == (
        "lin-1", 17, "warning", "bots.tally",
    )  # fmt: skip
    assert (second["event"], second["logger"]) == ("odd frame", "grpclib.protocol")


def test_the_level_and_the_format_are_as_configured_and_the_file_turns_over(tmp_path: Path) -> None:
    logs.set_up(tmp_path, config=LogConfig(level="warning", file="console", megabytes=1, kept=2))
    log = structlog.get_logger("ours")
    log.info("left out")
    for _ in range(8):
        log.warning("x" * 490_000)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["wxfleet.log", "wxfleet.log.1", "wxfleet.log.2"]
    text = (tmp_path / "wxfleet.log").read_text(encoding="utf-8")
    assert "left out" not in text
    assert not text.startswith("{")
    assert all((tmp_path / name).stat().st_size <= 1_000_000 for name in written)
