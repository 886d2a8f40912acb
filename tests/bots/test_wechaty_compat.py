"""Importing wechaty: it works, it changes nothing around it, and another version is refused loudly."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bots import wechaty_compat
from texts.catalogue import speak

ROOT = Path(__file__).parents[2]

IMPORT_AND_REPORT = """
import json, logging, os, sys
logging.getLogger("Room").addHandler(mine := logging.NullHandler())
logging.getLogger("Room").setLevel(logging.ERROR)
makedirs = os.makedirs
from bots.wechaty_compat import load_wechaty
unloaded = [name for name in sys.modules if name.split(".")[0] in ("wechaty", "wechaty_puppet", "quart")]
wechaty = load_wechaty()
from wechaty.user.url_link import get_host
manager = logging.root.manager.loggerDict.values()
print(json.dumps({
    "unloaded": unloaded,
    "name": wechaty.Wechaty.__name__,
    "host": get_host("https://xl.example:8443/a?b=1"),
    "files": sorted(os.listdir(".")),
    "room": [logging.getLogger("Room").handlers == [mine], logging.getLogger("Room").level],
    "handlers": sum(len(one.handlers) for one in manager if isinstance(one, logging.Logger)),
    "root": [len(logging.root.handlers), logging.root.level],
    "deaf": [one.name for one in manager if isinstance(one, logging.Logger) and not one.propagate],
    "makedirs": os.makedirs is makedirs,
}))
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a fresh process in an empty folder says after importing wechaty, warnings being errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_AND_REPORT],
        cwd=tmp_path_factory.mktemp("empty"),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "wechaty printed something"
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_wechaty_is_imported(report: dict[str, object]) -> None:
    assert report["name"] == "Wechaty"


def test_the_cures_themselves_import_nothing_of_wechaty(report: dict[str, object]) -> None:
    """Whoever imports the module pays nothing until it calls `load_wechaty`."""
    assert report["unloaded"] == []


def test_get_host_answers_as_urllib3_1_did(report: dict[str, object]) -> None:
    assert report["host"] == ["https", "xl.example", 8443]


def test_no_folder_is_left_behind(report: dict[str, object]) -> None:
    assert report["files"] == []
    assert report["makedirs"] is True


def test_logging_is_as_it_was(report: dict[str, object]) -> None:
    """A logger of ours with one of wechaty's common names keeps its handler and level; no other got one."""
    assert report["room"] == [True, 40]
    assert report["handlers"] == 1
    assert report["root"] == [0, 30]
    assert report["deaf"] == []


def test_the_installed_versions_are_the_checked_ones() -> None:
    assert wechaty_compat.installed_versions() == dict(wechaty_compat.CHECKED)
    wechaty_compat.check_versions()


def test_the_checked_versions_are_the_pinned_ones() -> None:
    pinned = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for package, checked in wechaty_compat.CHECKED.items():
        assert f'"{package}=={checked}"' in pinned


@pytest.mark.parametrize("language", ["zh", "en"])
def test_another_version_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    speak(language)
    monkeypatch.setattr(wechaty_compat, "CHECKED", {"wechaty": "0.10.6", "wechaty-of-nobody": "1.0"})
    with pytest.raises(wechaty_compat.WechatyChanged) as caught:
        wechaty_compat.load_wechaty()
    assert "0.10.6" in caught.value.message and "0.10.7" in caught.value.message
    assert "wechaty-of-nobody" in caught.value.message
    assert caught.value.hint


def test_only_the_adapter_knows_the_foreign_libraries() -> None:
    """One file per foreign library: grpclib, h2, betterproto and wechaty's packages stay in bots/wechaty_*.py."""
    rooms = ("wxfleet", "commands", "operations", "conversations", "scheduler", "bots", "reports", "customers")
    rooms += ("personas", "storage", "rules", "texts")
    names = ("wechaty", "wechaty_puppet", "wechaty_puppet_service", "wechaty_grpc", "grpclib", "betterproto", "h2")
    strangers = [
        f"{path.relative_to(ROOT)}: {line}"
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
        if not (room == "bots" and path.name.startswith("wechaty_"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.lstrip().startswith(("import ", "from ")) and line.split()[1].split(".")[0] in names
    ]
    assert strangers == []
