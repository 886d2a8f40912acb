"""What somebody who helps needs to know of an installation, and nothing that concerns its customers."""

import asyncio
import json
import platform
import re
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import open_database
from texts.catalogue import say
from texts.os_words import os_reason
from texts.problem import Problem
from texts.yaml_tree import build, plain
from wxfleet.doctor.doctor import Diagnosis, as_document
from wxfleet.reading.environment import read_environment
from wxfleet.reading.settings import Settings
from wxfleet.running.logs import FILE_NAME
from wxfleet.running.masking import Mask
from wxfleet.running.service import data_folder

_LOG_LINES = 2_000
_LOG_BYTES = 4_000_000
_LONGEST = 300
_NUMBER = re.compile(r"(?<![\d-])(?!\d{4}-\d\d-\d\d(?!\d))\+?\d(?:[-\s]?\d){6,}")
"""Any number that somebody might be called by: phones with and without blanks. A date is none."""
_PLAIN_KEYS = ("timestamp", "level", "logger", "account", "delivery", "arrival", "outcome", "step", "listen", "kind")
_WORDED_KEYS = ("problem", "reason")
"""Sentences of ours; they are masked."""
_EVENT = re.compile(r"[\w.]{1,60}")
_FRAME = re.compile(r'^\s+File "([^"]+)", line (\d+), in (\S+)', re.MULTILINE)
_RAISED = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Problem|Warning|Lost|Gone|Unknown)\w*)(?::|$)", re.MULTILINE)
_SQLITE = "sqlite:///"
_PERSONAL = frozenset({"name", "wechat", "contact", "url", "staff_room"})
"""Keys whose values are of people, or lead to them."""
_SILENT = frozenset({"repair", "stopped"})
"""Findings that may name somebody."""
_STATES = {"outbox": "state", "inbox": "state", "accounts": "state", "campaigns": "state", "tasks": "state"}


class BundleUnwritable(Problem):
    """The file can't be made."""

    def __init__(self, file: Path, error: OSError) -> None:
        super().__init__(
            say("doctor.bundle.unwritable", file=file, error=os_reason(error)),
            hint=say("doctor.bundle.unwritable.hint"),
        )


async def write_bundle(file: Path, config: Path, diagnosis: Diagnosis) -> None:
    """Raises BundleUnwritable."""
    settings = diagnosis.settings
    written, _ = read_environment(config.parent / ".env", {})
    mask = Mask((*(settings.secrets() if settings else ()), *written.values()))
    parts: dict[str, str] = {
        "findings.json": _shown(mask, _findings(diagnosis)),
        "versions.json": _shown(mask, _versions()),
        "config.yaml": _config(config, mask) if settings else "",
        "database.json": _shown(mask, await _database(settings)) if settings else "",
        **(_logs(data_folder(settings), mask) if settings else {}),
    }
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
            for name, content in parts.items():
                made.writestr(name, content)
    except OSError as error:
        raise BundleUnwritable(file, error) from error


def _findings(diagnosis: Diagnosis) -> dict[str, Any]:
    """A repair may name a customer, a stop the member of staff: here they only say that they are there."""
    document = as_document(diagnosis)
    silent = [{**one, "text": "", "cure": ""} if one["check"] in _SILENT else one for one in document["findings"]]
    return {**document, "findings": silent}


def _hidden(mask: Mask, words: str) -> str:
    return _NUMBER.sub("***", mask.text(words))


def _shown(mask: Mask, document: Any) -> str:
    return _hidden(mask, json.dumps(document, ensure_ascii=False, indent=2))


def _versions() -> dict[str, str]:
    """Python, the machine, and every package that ours names."""
    named = [re.split(r"[\s\[<>=;!~]", line)[0] for line in requires("wxfleet") or () if "extra ==" not in line]
    return {
        "wxfleet": version("wxfleet"), "python": platform.python_version(), "system": platform.platform(),
        **{name: _version(name) for name in sorted(named)},
    }  # fmt: skip


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _config(config: Path, mask: Mask) -> str:
    """As written, without comments, secrets, numbers, and the names and WeChat ids of people."""
    root, _ = build(config.read_text(encoding="utf-8-sig"))  # the settings were read from it a moment ago
    kept = yaml.safe_dump(_impersonal(plain(root)), allow_unicode=True, sort_keys=False)
    return _hidden(mask, kept)


def _impersonal(written: Any) -> Any:
    if isinstance(written, dict):
        return {key: "***" if key in _PERSONAL else _impersonal(value) for key, value in written.items()}
    return [_impersonal(value) for value in written] if isinstance(written, list) else written


async def _database(settings: Settings) -> dict[str, Any]:
    """How many rows each table has, and in which states; the names of columns. No row itself."""
    url = settings.database_url
    file = Path(url.removeprefix(_SQLITE))
    if url.startswith(_SQLITE) and not await asyncio.to_thread(file.exists):  # opening it would make it
        return {}
    db = open_database(url)
    try:
        async with db.read() as connection:
            columns: dict[str, list[str]] = await connection.run_sync(_columns)
            return {"dialect": db.dialect, "tables": columns, "rows": await _counts(connection, columns)}
    except Problem as problem:
        return {"problem": problem.message}
    finally:
        await db.close()


def _columns(connection: Any) -> dict[str, list[str]]:
    looked = inspect(connection)
    return {name: [column["name"] for column in looked.get_columns(name)] for name in looked.get_table_names()}


async def _counts(connection: AsyncConnection, tables: Mapping[str, Any]) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    for table in sorted(tables):  # names from the database itself
        if table in _STATES:
            rows = await connection.execute(text(f'SELECT state, COUNT(*) FROM "{table}" GROUP BY state'))
            counts[table] = {row[0]: row[1] for row in rows}
        else:
            counts[table] = (await connection.execute(text(f'SELECT COUNT(*) FROM "{table}"'))).scalar_one()
    return counts


def _logs(folder: Path, mask: Mask) -> dict[str, str]:
    """Of the fleet and of every worker on this machine, as `log.jsonl`, `worker-1.jsonl` …"""
    workers = {file.with_suffix(".jsonl").name: file for file in sorted(folder.glob("worker-*.log"))}
    return {name: "\n".join(_log(file, mask)) for name, file in {"log.jsonl": folder / FILE_NAME, **workers}.items()}


def _log(file: Path, mask: Mask) -> Iterator[str]:
    """The last lines. What a library said may hold somebody's words: of it only who spoke and how gravely is kept."""
    if not file.is_file():
        return
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - _LOG_BYTES))
        lines = opened.read().decode("utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue  # not JSON, or cut in the middle
        if isinstance(record, dict):
            yield json.dumps(_kept(record, mask), ensure_ascii=False)


def _kept(record: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    kept = {key: mask.value(key, record[key]) for key in _PLAIN_KEYS if key in record}
    event = str(record.get("event", ""))
    kept["event"] = event if _EVENT.fullmatch(event) else f"({len(event)})"
    for key in _WORDED_KEYS:
        if key in record:
            kept[key] = _hidden(mask, str(record[key]))[:_LONGEST]
    traceback = str(record.get("exception", ""))
    if traceback:
        kept["exception"] = [f"{file}:{line} {name}" for file, line, name in _FRAME.findall(traceback)]
        kept["raised"] = _RAISED.findall(traceback)
    return kept
