"""How people are addressed: by a name one would call across a shop, or by the persona's own word."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.nicknames import MAX_COLUMNS, cleaned

NAMES = {
    "花花🌸": "花花",
    "Lily": "Lily",
    "𝓛𝓲𝓵𝔂": "Lily",
    "Miss Lin": "Miss Lin",
    "A小王": "小王",
    "0阿宝": "阿宝",
    "A 阿敏": "阿敏",
    "小王1988": "小王",
    "小鹿 Lucky": "小鹿",
    "林小姐-上海": "林小姐",
    "（努力版）小满": "小满",
    "静": "静",
    "O'Neil": "O'Neil",
    "\u202e花花": "花花",
    "云淡风轻": "云淡风轻",
    "爱吃的婷婷呀": "婷婷",
    "不熬夜的婷婷": "婷婷",
    "爱喝茶的Lily": "Lily",
    "爱吃的 小鹿": "小鹿",
    "小满哦": "小满",
    "琳呀": "琳呀",
    "江南阿梨": "阿梨",
    "隔壁阿姨": "隔壁阿姨",
    "的士小王": "的士小王",
    "A花花🌸代购": "花花",
    "A-代购小王🌸": "小王",
    "AAA建材王姐": "王姐",
    "AAA建材批发老王": "老王",
    "小美（招代理）": "小美",
    "（美甲）小美": "小美",
    "加我微信：林小姐": "林小姐",
}
SIGNBOARDS = [
    "代❤️购小妹", "XX官方客服", "官方代购小王", "小王-淘宝客服", "加微信领红包", "水果小店", "Lily代购", "13812345678",
    "139xxxx", "139xxxx1234", "wxid_8a9b", "www.abc.com", "{{ shop }}", "{% if x %}", "<script>", "🌸🌸", "。", " ", "",
    "L", "今天也要努力吃饭的小熊呀", "爱笑的眼睛", "我的小猫", "淡淡的", "花店呀", "ad x的 min",
    "老公", "你爸爸", "宝贝", "花" * 65, "已注销", "a\\b",
]  # fmt: skip


SIGNS = "爱吃的婷呀哦阿梨江南小店我们老王姐林小姐代购官方微信客服aBvx '1的的-🌸（）.w"


@pytest.mark.parametrize(("nickname", "name"), NAMES.items())
def test_the_name_in_a_nickname_is_found(nickname: str, name: str) -> None:
    assert cleaned(nickname) == name


@pytest.mark.parametrize("nickname", SIGNBOARDS)
def test_a_signboard_or_a_joke_is_no_name(nickname: str) -> None:
    assert cleaned(nickname) is None


@given(st.text(max_size=80) | st.text(SIGNS, max_size=10))
def test_whatever_the_nickname_the_name_is_short_and_holds_letters_only(nickname: str) -> None:
    name = cleaned(nickname)
    if name is not None:
        assert 1 <= len(name.strip()) == len(name) <= MAX_COLUMNS
        assert all(unicodedata.category(sign)[0] in "LNM" or sign in " '" for sign in name)


_NAMES = st.sampled_from(["花花", "王姐", "小鹿", "Lily", "静"])
_ADDITIONS = st.sampled_from(
    ["13912345678", "139 1234 5678", "www.x.cn", "官方", "客服", "旗舰店", "公司", "代购", "加微信", "🌸", "A"]
)


@given(st.lists(_NAMES | _ADDITIONS, max_size=5).map("".join))
def test_no_phone_address_trade_or_office_is_left_in_a_name(nickname: str) -> None:
    name = cleaned(nickname) or ""
    assert not re.search(r"\d{3}|www|官方|客服|旗舰|公司|代购|微信|🌸", name)


@given(st.text(max_size=80) | st.text(SIGNS, max_size=10))
def test_a_cleaned_name_is_clean_already(nickname: str) -> None:
    name = cleaned(nickname)
    if name is not None:
        assert cleaned(name) == name
