"""What a kind of campaign may say of itself: mistakes with their places, and rewards that nobody may give."""

from pathlib import Path

import pytest

from scheduler.campaign_files.campaign_file import CampaignFile, campaign_of, campaign_spec
from scheduler.campaign_files.campaign_files import load_campaigns
from scheduler.campaign_files.campaign_part_checks import reward_in
from tests.scheduler.kinds import NOW_MS, ZONE, campaign

HEAD = """
name: bad
title: 坏的
kind: {kind}
items: [大衣]
offer: {offer}
gift: 无
join: {{how: 回复 我要}}
from: +1d 10:00
until: +1d 22:00
who: {{levels: [VIP1]}}
benefits: [{{name: pin, title: 发夹, units: 2}}]
phases:
  - {{kind: push, at: +5m, until: +3h, words: {{default: "{{{{ call_me }}}} 来"}}}}
"""


def mistakes_of(tmp_path: Path, kind: str, rest: str, offer: str = "送") -> list[tuple[int, str]]:
    (tmp_path / "bad.yaml").write_text(HEAD.format(kind=kind, offer=offer) + rest, encoding="utf-8")
    _, mistakes = load_campaigns(tmp_path, NOW_MS, ZONE)
    return [(mistake.line, mistake.reason) for mistake in mistakes]


@pytest.mark.parametrize(
    ("kind", "rest", "line", "words"),
    [
        ("giveaway", "", 4, "要写 giveaway"),
        ("promotion", "giveaway: {items: [{item: 大衣, count: 1}]}", 15, "只写在 kind: giveaway"),
        ("giveaway", "giveaway: {items: [{item: 大衣}]}", 15, "sizes"),
        ("giveaway", "giveaway: {items: [{item: 大衣, sizes: {S: 1}, count: 2}]}", 15, "count"),
        ("giveaway", "giveaway: {items: [{item: 大衣, count: 3}], benefit: pin}", 15, "只有 2 份"),
        ("giveaway", "giveaway: {items: [{item: 大衣, count: 1}], benefit: pins}", 15, "没有叫“pins”"),
        ("giveaway", "giveaway: {items: [{item: 大衣, count: 1}], won: '{{ size }}'}", 15, "没有 size"),
        ("giveaway", "giveaway: {items: [{item: 大衣, count: 1}], public: 红球, by_itself: true}", 15, "by_itself"),
        ("contest", "contest: {theme: 毛衣, terms: 照片会用在朋友圈里。, prizes: []}", 15, "至少"),
        ("contest", "contest: {theme: 毛衣, terms: 照片会用在朋友圈里。, prizes: [{prize: 围巾}], entries_until: +3d}",
         15, "晚于"),
        ("precise_task", "task: {what: like, target: 3}", 15, "visit"),
    ],
)  # fmt: skip
def test_mistakes_stand_at_their_places(tmp_path: Path, kind: str, rest: str, line: int, words: str) -> None:
    found = mistakes_of(tmp_path, kind, rest)
    assert any(at == line and words in reason for at, reason in found), found


def test_the_message_with_the_results_counts_as_one_of_two(tmp_path: Path) -> None:
    two = "".join(
        f"  - {{kind: reminder, name: r{number}, at: +{number}h, words: {{default: 来}}}}\n" for number in (5, 6)
    )
    found = mistakes_of(tmp_path, "giveaway", two + "giveaway: {items: [{item: 大衣, count: 1}]}\n")
    assert any("开奖的那条" in reason for _, reason in found)


@pytest.mark.parametrize(
    "words",
    [
        "五星好评返现 5 元",
        "好评有礼",
        "转发朋友圈抽奖",
        "集赞 30 个送发夹",
        "给个好评吧",
        "晒单有礼",
        "分享到朋友圈领券",
    ],
)
def test_rewards_for_good_reviews_and_for_posting_are_refused(tmp_path: Path, words: str) -> None:
    assert reward_in(words) is not None
    found = mistakes_of(tmp_path, "promotion", "", offer=words)
    assert any(line == 6 and "拿好处换" in reason for line, reason in found)


@pytest.mark.parametrize(
    "words",
    [
        "说说真话就行，不用给好评，也没有奖励",
        "不用转发，也不集赞",
        "转发给朋友看看",
        "好评如潮的那件送你",
        "投票选出前三名有奖",
    ],
)
def test_honest_words_are_no_reward(words: str) -> None:
    assert reward_in(words) is None


def test_the_parts_are_the_same_after_they_stood_in_a_row() -> None:
    files: list[CampaignFile] = [
        campaign("giveaway", {"items": [{"item": "大衣", "sizes": {"s": 1, 38: 2}}]}),
        campaign("contest", {"theme": "毛衣", "terms": "照片会用在朋友圈里。", "prizes": [{"prize": "围巾"}]}),
        campaign("precise_task", {"what": "visit", "target": 4, "next": {"after": "90m"}}),
    ]
    for file in files:
        assert campaign_of(campaign_spec(file)) == file
    assert [file.took_part for file in files] == ["said", "said", "proof"]


@pytest.mark.parametrize("hours", [0, 6, 10.5, 12, 20])
def test_the_committed_examples_are_in_order_at_any_hour(hours: float) -> None:
    """What is counted from a campaign's start is no mistake because the file is read in the evening."""
    now_ms = NOW_MS + round(hours * 3_600_000)
    found, mistakes = load_campaigns(Path("campaigns"), now_ms, ZONE, media=Path("media"))
    assert [str(mistake) for mistake in mistakes] == []
    assert {"broken-sizes", "first-sweater", "first-sixty"} <= set(found)
