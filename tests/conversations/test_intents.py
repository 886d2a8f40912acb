"""Which words are an opt-out, which only look like one, and which a person must read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.intents import Wish, wish_of

OUT = [
    "退订", "TD", "td", "ＴＤ", "t", "T", "stop", "STOP!", "Stop.", "别发了", "别发了！！", "不要再发",
    "不要再发了", "别再发了", "别再给我发广告", "不要给我发消息了", "取消订阅", "请取消订阅", "unsubscribe",
    "Please unsubscribe me", "退订，谢谢", "我要退订", "帮我退订一下", "麻烦退订谢谢", "【退订】", " 退订 ",
    "退订🙏", "别老给我发这些", "不要再发这种消息了", "别群发了", "不要推送了", "不想再收到你们的广告",
    "stop sending me messages", "don't message me", "退订你们的消息", "别发广告", "好了别发了，谢谢",
    "退订。别再发广告给我", "no more messages", "请不要再给我发信息", "退訂", "別發了", "不要再發廣告", "取消訂閱",
    "退\u200b订", "别\u200b发了",
]  # fmt: skip
NOT_OUT = [
    "别发货", "先别发货", "不要发顺丰", "发错了", "退订单", "退订金", "我要退订这件", "T恤有吗", "non-stop",
    "别发错了", "不要发圆通快递", "can't stop buying", "帮我退订金可以吗", "td链接发我一下", "有T恤吗",
    "不要发白色", "还没收到", "别发票了要收据", "怎么还不发", "什么时候发货", "stop by tomorrow",
    "别发太大的码", "你好", "", "   ", "1", "退货", "我要退货", "不要取消订阅",
    "I don't want to unsubscribe", "XL", "先不要发韵达", "谢谢", "别发错颜色",
    "我不想取消订阅", "我没有取消订阅", "別發貨", "不要發順豐", "發錯了",
]  # fmt: skip
UNCLEAR = [
    "先别发了", "怎么退订", "好烦啊", "别来烦我", "你们这是骚扰", "我要举报", "不用发了", "别发",
    "不想再收到了", "别发了，地址写错了", "能退订吗", "再这样我就拉黑了",
]  # fmt: skip


@pytest.mark.parametrize("words", OUT)
def test_clear_words_are_an_opt_out(words: str) -> None:
    assert wish_of(words) is Wish.OPT_OUT


@pytest.mark.parametrize("words", NOT_OUT)
def test_words_about_parcels_orders_and_shirts_are_none(words: str) -> None:
    assert wish_of(words) is Wish.NONE


@pytest.mark.parametrize("words", UNCLEAR)
def test_what_may_be_one_is_for_a_person(words: str) -> None:
    assert wish_of(words) is Wish.UNCLEAR


@pytest.mark.parametrize("words", ["T", "t", " T "])
def test_a_lone_t_answers_an_open_choice(words: str) -> None:
    assert wish_of(words, choice_open=True) is Wish.NONE


@pytest.mark.parametrize("words", ["TD", "退订", "stop"])
def test_other_short_words_opt_out_even_while_a_choice_is_open(words: str) -> None:
    assert wish_of(words, choice_open=True) is Wish.OPT_OUT


@pytest.mark.parametrize("words", ["订阅", "恢复订阅", "我要重新订阅", "重新订阅吧"])
def test_own_words_bring_somebody_back(words: str) -> None:
    assert wish_of(words) is Wish.OPT_IN


@given(st.text())
def test_any_text_has_a_wish(words: str) -> None:
    assert wish_of(words) in Wish


@given(
    st.sampled_from(["退订", "TD", "取消订阅", "unsubscribe", "别再发了"]),
    st.text(alphabet=" 。！!~，\n🙏", max_size=6),
    st.text(alphabet=" 。！!~，\n🙏", max_size=6),
)
def test_punctuation_never_hides_an_opt_out(word: str, before: str, after: str) -> None:
    assert wish_of(before + word + after) is Wish.OPT_OUT


@given(
    st.sampled_from(
        ["别发货", "先别发货", "不要发顺丰", "发错了", "退订单", "退订金", "我要退订这件", "T恤有吗", "non-stop"]
    ),
    st.text(alphabet="。！!~ 🙏啊吧", max_size=5),
)
def test_look_alikes_stay_harmless_with_any_ending(word: str, after: str) -> None:
    assert wish_of(word + after) is Wish.NONE
