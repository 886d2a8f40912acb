"""`check` warns of a month of the calendar at the post that is meant; the committed example is clean all year."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from personas.model import MomentsPlan
from rules.roles import Role
from scheduler.moments.moments import CalendarFile
from texts.yaml_reader import Document, read_document
from wxfleet.reading.calendar_notes import Cast, calendar_notes, month_notes
from wxfleet.reading.settings import examine

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 21)


def _cast(plan: dict[str, Any]) -> Cast:
    return Cast({"lin-1": "lin"}, {"lin-1": Role.SALES}, {"lin": MomentsPlan.model_validate(plan)})


def _documents(tmp_path: Path, text: str) -> list[Document[CalendarFile]]:
    path = tmp_path / "lin.yaml"
    path.write_text(f"persona: lin\nposts:\n{text}", encoding="utf-8")
    document = read_document(path, CalendarFile)
    assert document.mistakes == []
    return [document]


def _post(name: str, **values: Any) -> str:
    given = {"name": name, "kind": "life", "at": "10:20", "text": f"今天说说{name}这件事情", **values}
    lines = "".join(
        f"    {key}: {value if isinstance(value, list) else repr(str(value))}\n" for key, value in given.items()
    )
    return "  -\n" + lines


@pytest.mark.parametrize(
    ("posts", "plan", "words"),
    [
        ([_post("a")], {}, "隔 1 天就把同样的话再发一遍"),
        ([_post("a", days=["mon"]), _post("b", days=["tue"], text="今天说说a这件事情呀")], {}, "几乎一样"),
        ([_post("a", days=["2026-11-01"])], {}, "都过去了"),
        ([_post("a", days=["mon"], **{"except": ["周一"]})], {}, "没有一天会发"),
        ([_post("a", days=["工作日"], since="2090-01-02")], {}, "没有一天会发"),
        ([_post("a", days=["mon"], text="长" * 111)], {}, "会折叠"),
        ([_post("a"), _post("b", at="13:00")], {"mix": {"life": 50, "opinion": 50}}, "观点占 0%，人设说 50%，少了"),
        ([_post("a"), _post("b", at="13:00")], {"mix": {"life": 50, "opinion": 50}}, "生活占 100%，人设说 50%，多了"),
        ([_post("a")], {"times": ["10:00", "12:00", "20:00"]}, "人设的节奏是一天 3 条"),
        ([_post("a", topic="茶")], {"topics": {"life": ["咖啡"]}}, "话题“茶”不在"),
        ([_post("a")], {"topics": {"life": ["咖啡"]}}, "没有聊到：咖啡"),
        ([_post("a", kind="product", item="裙子", days=["mon"]), _post("b")], {}, "裙子”占了 100%"),
        ([_post("a", kind="product")], {}, "三条朋友圈里最多一条卖货"),
        ([_post("a", days=["mon"]), _post("b", days=["mon"], at="free", window="10:00-11:00")], {}, "找不到空档"),
    ],
)  # fmt: skip
def test_each_warning_is_said(posts: list[str], plan: dict[str, Any], words: str, tmp_path: Path) -> None:
    found = list(calendar_notes(_documents(tmp_path, "".join(posts)), _cast(plan), TODAY))
    assert [mistake for mistake in found if words in mistake.reason], [mistake.reason for mistake in found]
    assert all(mistake.line for mistake in found)


def test_a_year_whose_notice_is_not_known_is_said_and_never_guessed(tmp_path: Path) -> None:
    documents = _documents(tmp_path, _post("a", days=["工作日"]))
    found = list(calendar_notes(documents, _cast({}), date(2089, 12, 20)))
    assert ["2089 年" in mistake.reason and "还不知道" in mistake.reason for mistake in found] == [True]


def test_the_committed_month_is_clean_whenever_one_looks() -> None:
    files = examine(ROOT / "config.yaml").files
    for weeks in range(0, 52, 5):
        day = TODAY + timedelta(days=7 * weeks + weeks % 7)
        assert month_notes(files, day) == [], day
