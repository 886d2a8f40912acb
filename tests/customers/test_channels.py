"""A greeting tells from which channel somebody comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.channels.channels import ChannelConfig, channel_of, word_of

CHANNELS = [
    ChannelConfig(code="parcel-card", name="包裹卡", words=["小卡片"], accounts=["a"], reserved=True),
    ChannelConfig(code="sms", name="短信", accounts=["a"]),
    ChannelConfig(code="sms-vip", name="老客短信", accounts=["a"]),
    ChannelConfig(code="referral", name="老带新", words=["介绍", ""], accounts=["a"]),
]


@pytest.mark.parametrize(
    ("greeting", "code"),
    [
        ("包裹卡 parcel-card", "parcel-card"),
        ("我是XL小卡片来的", "parcel-card"),
        ("PARCEL-CARD", "parcel-card"),
        ("ｓｍｓ 来的", "sms"),
        ("sms-vip", "sms-vip"),
        ("看到老客短信加的", "sms-vip"),
        ("看到短信加的", "sms"),
        ("sms，小卡片", "sms"),
        ("小花介绍我来的", "referral"),
        ("你好", None),
        ("smsx", None),
        ("xsms-vip", None),
        ("", None),
    ],
)
def test_codes_count_as_words_names_anywhere_and_the_longest_wins(greeting: str, code: str | None) -> None:
    assert channel_of(greeting, CHANNELS) == code


@given(st.text())
def test_any_greeting_leads_to_a_known_channel_or_none(greeting: str) -> None:
    assert channel_of(greeting, CHANNELS) in {None, *(channel.code for channel in CHANNELS)}


@given(
    st.sampled_from(CHANNELS),
    st.text(alphabet="你好啊 ，。🌸", max_size=8),
    st.text(alphabet="你好啊 ，。🌸", max_size=8),
)
def test_a_code_is_found_between_any_chinese_words(channel: ChannelConfig, before: str, after: str) -> None:
    assert channel_of(before + channel.code + after, CHANNELS) == channel.code


def test_a_card_asks_for_the_channels_name_where_it_leads_there_and_for_its_code_where_not() -> None:
    twin = ChannelConfig(code="cards", name="小卡片", accounts=["a"])
    assert [word_of(channel, [*CHANNELS, twin]) for channel in (*CHANNELS, twin)] == [
        "包裹卡", "短信", "老客短信", "老带新", "cards",
    ]  # fmt: skip
