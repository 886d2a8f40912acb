"""Who asks how to buy, for one of us by name, or says no: read off the words."""

import pytest

from conversations.account_words import asks_to_buy, declines, names_of, wants_to_meet
from personas.model import Persona

NAMES = names_of(
    Persona.model_validate(values)
    for values in (
        {"id": "suye", "kind": "designer", "name": "苏叶", "position": "设计师"},
        {"id": "lin", "kind": "influencer", "name": "小林", "position": "主理人"},
        {"id": "lin-2", "kind": "mirror", "mirror_of": "lin", "name": "小林", "position": "主理人"},
        {"id": "xiaoyu", "kind": "assistant", "name": "小鱼", "position": "店长助理"},
    )
)


@pytest.mark.parametrize("text", [
    "这件怎么买呀", "怎么下单", "在哪买", "想买这条裙子", "发个链接", "哪里可以拍", "我想再买一件", "怎么拍？",
])  # fmt: skip
def test_they_ask_how_to_buy(text: str) -> None:
    assert asks_to_buy(text)


@pytest.mark.parametrize("text", [
    "我买过了", "已经拍了", "不想买了", "昨天下单了还没发", "什么码", "我不要买", "拍了照片给你看", "别再发链接", "",
])  # fmt: skip
def test_they_do_not_ask_how_to_buy(text: str) -> None:
    assert not asks_to_buy(text)


@pytest.mark.parametrize(("text", "persona"), [
    ("能把苏叶的微信推给我吗", "suye"), ("想加一下你们设计师", "suye"), ("推一下小林", "lin"),
    ("小林的名片发我", "lin"), ("怎么联系主理人", "lin"),
    ("我想和小林聊", "lin"), ("加下苏叶微信", "suye"), ("小鱼的联系方式有吗", "xiaoyu"),
])  # fmt: skip
def test_they_ask_for_one_of_us(text: str, persona: str) -> None:
    assert wants_to_meet(text, NAMES) == persona


@pytest.mark.parametrize("text", [
    "小林推荐的那件还有吗", "我是小林介绍来的", "不想加小林", "小林加绒的那条", "加油小林", "我加过苏叶了", "投诉小林",
    "设计师是谁呀", "小林你好", "苏叶设计的裙子加长了吗", "推荐一条裙子", "小林微信上说今天发",
])  # fmt: skip
def test_they_only_speak_of_us(text: str) -> None:
    assert wants_to_meet(text, NAMES) is None


@pytest.mark.parametrize(("text", "no"), [
    ("不用了谢谢", True), ("先不加了哈", True), ("算了", True), ("就找你吧", True), ("不用了，帮我查下快递", False),
    ("好的", False), ("不加绒的有吗", False), ("", False),
])  # fmt: skip
def test_a_no_is_nothing_but_a_no(text: str, no: bool) -> None:
    assert declines(text) is no
