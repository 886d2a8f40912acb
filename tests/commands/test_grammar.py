"""Command lines in their parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.grammar import Line, parse


@pytest.mark.parametrize("prefix", ["/", "#", "＃", "／", " / ", "　/"])
def test_every_prefix_counts(prefix: str) -> None:
    assert parse(f"{prefix}状态") == Line("状态")


def test_parts_are_told_apart() -> None:
    line = parse("/推送 双11福利　人群=VIP 备注=“下雨天 慢慢来” +老客 -黑名单 @花花 时间＝20:00")
    assert line == Line(
        "推送",
        ("双11福利",),
        {"人群": "VIP", "备注": "下雨天 慢慢来", "时间": "20:00"},
        ("老客",),
        ("黑名单",),
        ("花花",),
    )


def test_quotes_keep_words_together() -> None:
    assert parse('/为什么 "花花 三号" welcome') == Line("为什么", ("花花 三号", "welcome"))


@pytest.mark.parametrize("text", ["", "  ", "状态", "你好/状态", "/", "# ", "//"])
def test_what_is_no_command(text: str) -> None:
    assert parse(text) in (None, Line("/"))


def test_english_verbs_ignore_case() -> None:
    assert parse("/STATUS") == Line("status")


@given(st.text())
def test_never_raises_on_any_text(text: str) -> None:
    parse(text)
    line = parse("/" + text)
    assert line is None or line.verb
