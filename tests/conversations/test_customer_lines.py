"""What customers write and what they mean: several hundred lines, kept as data."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.concerns import Concern, concern_of
from conversations.machines import by_a_machine
from conversations.meanings import Meaning, meaning_of
from conversations.own_words import own_words
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_files import load_campaigns
from tests.virtual_time import START

ROOT = Path(__file__).parents[2]
NOW_MS = round(START.timestamp() * 1000)
ZONE = "Asia/Shanghai"
LINES = [
    (Meaning(line.split("\t")[0]), line.split("\t")[1].replace("⏎", "\n"))
    for line in (ROOT / "tests/data/customer_lines.tsv").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.fixture(scope="module")
def asked() -> CampaignFile:
    """A campaign that waits for an answer."""
    return load_campaigns(ROOT / "campaigns", NOW_MS, ZONE)[0]["double-eleven"]


def meant(text: str, asked: CampaignFile | None = None) -> Meaning:
    return meaning_of(text, now_ms=NOW_MS, zone=ZONE, asked=asked)


@pytest.mark.parametrize("meaning", list(Meaning))
def test_every_line_means_what_a_person_takes_it_for(meaning: Meaning, asked: CampaignFile) -> None:
    answers = (Meaning.YES, Meaning.NO)
    found = {
        text: meant(text, asked if meaning in answers else None) for means, text in LINES if means is meaning
    }  # fmt: skip
    assert found
    assert {text: got for text, got in found.items() if got is not meaning} == {}


def test_the_data_are_many_and_no_line_stands_twice() -> None:
    assert len(LINES) >= 350
    assert [text for text, times in Counter(text for _, text in LINES).items() if times > 2] == []


def test_a_quote_of_our_own_way_out_is_not_their_wish() -> None:
    quoted = "「小林：福利来啦，不想收回“退订”」\n- - - - - - - - - -\n{}"
    assert meant(quoted.format("谢谢，怎么领")) is Meaning.QUESTION
    assert meant(quoted.format("退订")) is Meaning.OPT_OUT
    assert own_words("「花花」\n这个好看").text == "「花花」\n这个好看"


def test_a_shared_link_keeps_the_title_and_the_words_around_it() -> None:
    link = "【淘宝】7天无理由退货 https://m.tb.cn/h.5abc?tk=AB12 「针织开衫 慵懒风」\n点击链接直接打开"
    assert own_words(link).shared == "针织开衫 慵懒风"
    assert own_words(f"{link}\n这件会掉毛吗").text == "这件会掉毛吗"
    assert own_words("你们店 https://example.com 这个").shared is None


@pytest.mark.parametrize("denied", ["没有{}", "不是要{}", "不会{}的", "没想{}"])
@pytest.mark.parametrize("word", ["投诉", "差评", "生气"])
def test_a_denied_complaint_is_none(denied: str, word: str) -> None:
    assert concern_of(denied.format(word)) is not Concern.COMPLAINT


@given(st.text())
def test_any_text_has_one_meaning_and_the_same_twice(text: str) -> None:
    assert meant(text) is meant(text)
    assert by_a_machine(text) in (True, False)


@given(
    st.sampled_from([text for means, text in LINES if means is Meaning.AFTER_SALE and len(text) < 12]),
    st.text(alphabet=" 。！!~🙏😭", max_size=5),
)
def test_marks_and_faces_around_trouble_hide_nothing(text: str, after: str) -> None:
    assert meant(text + after) is Meaning.AFTER_SALE
    assert meant("在吗？" + text) is Meaning.AFTER_SALE
