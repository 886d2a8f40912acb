"""Ready campaigns: what they leave to the shop has its line, and once that is written nothing is wrong with them."""

import re
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_files import load_campaigns
from scheduler.campaign_files.campaign_reading import TO_FILL
from texts.errors import Mistake, Severity
from texts.yaml_reader import read_document
from wxfleet.errors import CampaignInTheWay
from wxfleet.reading.check import check
from wxfleet.reading.settings import examine
from wxfleet.terminal.campaign_templates import READY, ready_named, rendered, write_new
from wxfleet.terminal.init import Stage, start

LEVELS = ["VIP1", "VIP2", "VIP3", "partner"]
TODAY = date(2026, 11, 22)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_ready_file_says_what_is_missing_and_is_in_order_once_it_is_filled(tmp_path: Path, lang: str) -> None:
    folder = tmp_path / "shop"
    start(folder, Stage.MATRIX)
    for path in (folder / "campaigns").glob("*.yaml"):
        path.unlink()  # what asks the same people in the same week is a warning of its own
    written = [
        write_new(folder / "campaigns", ready, f"new-{number}", LEVELS, _today(), lang)
        for number, ready in enumerate(READY.values())
    ]
    found = check(folder / "config.yaml")
    missing = {(path.name, number) for path in written for number in _lines_to_fill(path)}
    assert {(Path(mistake.file).name, mistake.line) for mistake in found} == missing
    assert {mistake.severity for mistake in found} == {Severity.WARNING}  # drafts keep nothing else from running
    assert examine(folder / "config.yaml").valid
    for path in written:
        filled = re.sub(f'"{TO_FILL}[^"]*"', "羊毛大衣立减100元", path.read_text("utf-8"))
        path.write_text(_apart(filled), encoding="utf-8")
    assert [str(one) for one in check(folder / "config.yaml") if not _of_the_same_week(one)] == []


def _today() -> date:
    """`check` looks at the wall's clock: what is past has a warning."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


def _of_the_same_week(mistake: Mistake) -> bool:
    """Nobody holds nine at once; that two of them ask the same people is said, and right."""
    return (
        mistake.severity is Severity.WARNING
        and "from:" in Path(mistake.file).read_text("utf-8").splitlines()[mistake.line - 1]
    )


def _lines_to_fill(path: Path) -> list[int]:
    lines = enumerate(path.read_text("utf-8").splitlines(), 1)
    return [number for number, line in lines if f'"{TO_FILL}' in line]


def _apart(text: str) -> str:
    """Two styles, each with a name of its own."""
    return text.replace("- {name: 羊毛大衣立减100元", "- {name: 甲", 1).replace(
        "- {name: 羊毛大衣立减100元", "- {name: 乙", 1
    )


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "wake-up.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(CampaignInTheWay):
        write_new(tmp_path, READY["wake_up"], "wake-up", LEVELS, TODAY, "zh")
    assert (tmp_path / "wake-up.yaml").read_text("utf-8") == "mine"


def test_notes_are_in_the_readers_language_and_the_words_for_customers_in_the_shops(tmp_path: Path) -> None:
    texts = [rendered(READY["618"], "june", LEVELS, TODAY, lang) for lang in ("zh", "en")]
    assert "# 提醒：只给答应了的" in texts[0] and "# only to those who said yes" in texts[1]
    assert all("#zh" not in text and "#en" not in text and "$" not in text.replace("$schema", "") for text in texts)
    assert "2027-06-18 00:00" in texts[0] and "stock:" not in texts[0]
    words = [re.findall(r'default: "(.*)"', text) for text in texts]
    assert words[0] == words[1] != []


@pytest.mark.parametrize(
    ("word", "name"),
    [("双十一", "double-eleven"), ("promotion", "double-eleven"), ("聚划算", "group-sale"), ("wake-up", "wake-up"),
     ("上新", "new-arrivals")],
)  # fmt: skip
def test_a_kind_is_known_by_its_words(word: str, name: str) -> None:
    ready = ready_named(word)
    assert ready is not None and ready.name == name
    assert ready_named("什么") is None


def test_nothing_of_an_unfilled_file_is_a_campaign(tmp_path: Path) -> None:
    path = write_new(tmp_path, READY["giveaway"], "giveaway", LEVELS, TODAY, "zh")
    assert read_document(path, CampaignFile).value is not None
    campaigns, mistakes = load_campaigns(tmp_path, 0, "Asia/Shanghai")
    assert campaigns == {} and mistakes
