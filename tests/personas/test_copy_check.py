"""Words that do harm are found; innocent ones that look like them are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personas.copy_check import Fault, findings, is_clean
from personas.model import Style
from personas.offer_check import gives_something, weak_offers
from personas.voices_apart import borrowed
from texts.errors import Severity

STYLE = Style(never=("亲们",), allow=("最佳损友",))

HARMFUL = {
    "全网最低价": Fault.SUPERLATIVE,
    "最好看的裙子": Fault.SUPERLATIVE,
    "最新款": Fault.SUPERLATIVE,
    "销量第一": Fault.SUPERLATIVE,
    "顶级面料": Fault.SUPERLATIVE,
    "百分之百羊毛感": Fault.SUPERLATIVE,
    "NO.1 口碑": Fault.SUPERLATIVE,
    "把客户放进鱼塘": Fault.INTERNAL,
    "低价值客户": Fault.INTERNAL,
    "用来引流": Fault.INTERNAL,
    "狙击枪打法": Fault.INTERNAL,
    "亲们好": Fault.NEVER,
    "尊敬的客户，双十一有多少产品打折": Fault.OFFICIAL,
    "敬请关注": Fault.OFFICIAL,
    "秋季新品隆重推出": Fault.OFFICIAL,
    "欢迎广大新老顾客": Fault.OFFICIAL,
}
INNOCENT = [
    "最近忙吗", "最后三件", "第一次穿裙子", "参加最美梳妆台", "我最爱的咖啡", "最多拍两件", "最早明天发", "第一天上班",
    "第一时间告诉你", "第一颗扣子", "第一杯咖啡", "你是我的最佳损友", "TOP 上衣", "这条路很好走", "下午四点前付款",
]  # fmt: skip


@pytest.mark.parametrize(("text", "fault"), HARMFUL.items())
def test_harmful_words_are_found_where_they_stand(text: str, fault: Fault) -> None:
    found = list(findings(text, STYLE))
    assert [one.fault for one in found] == [fault]
    assert text[found[0].start :].startswith(found[0].word)
    assert found[0].word in found[0].reason


@pytest.mark.parametrize(
    ("text", "word"),
    [("最好咖啡", "最好"), ("最好看的裙子", "最好看"), ("最低价！", "最低价"), ("最，", "最"), ("最棒的面料", "最棒")],
)
def test_what_is_quoted_ends_where_the_praise_does(text: str, word: str) -> None:
    assert [found.word for found in findings(text, STYLE)] == [word]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("哎呀今天好热", ["哎呀"]),
        ("姐妹们，看这件", ["姐妹"]),
        ("天热！姐妹，歇会", ["姐妹"]),
        ("姐妹装到了", []),
        ("我哎呀一声", []),
    ],
)
def test_what_another_persona_calls_out_is_found_without_a_comma_and_in_the_plural(text: str, words: list[str]) -> None:
    assert [found.word for found in borrowed(text, frozenset({"哎呀", "姐妹"}))] == words


_OTHERS = frozenset({
    "说真的", "讲真", "我跟你讲", "我宣布", "救命", "对吧", "你懂的", "嘿嘿", "慢慢来", "想一想", "其实", "等我一下下",
})  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("这件说真的姐妹你得试试", ["说真的"]),
        ("料子软得讲真想住在里面。", ["讲真"]),
        ("今天我跟你讲这件绝了", ["我跟你讲"]),
        ("从现在起我宣布秋天到了", ["我宣布"]),
        ("太好看了救命", ["救命"]),
        ("显瘦对吧？配靴子更好", ["对吧"]),
        ("这质感你懂的～", ["你懂的"]),
        ("又偷懒了嘿嘿不许说我", ["嘿嘿"]),
        ("好呀等我一下下我去拿", ["等我一下下"]),
        ("说真的，讲真，都好看", ["讲真", "说真的"]),
    ],
)
def test_another_personas_fillers_are_found_inside_a_sentence(text: str, words: list[str]) -> None:
    assert [found.word for found in borrowed(text, _OTHERS)] == words
    for found in borrowed(text, _OTHERS):
        assert text[found.start : found.start + len(found.word)] == found.word


@pytest.mark.parametrize(
    "text",
    [
        "他没跟你说真的事",
        "咱们讲真心话",
        "做生意讲真材实料",
        "你是我的救命恩人",
        "救命稻草一样的外套",
        "这样搭不对吧？",
        "你懂的都懂",
        "别急慢慢来就好",
        "下单前再想一想哦",
        "这件其实很薄",
        "对吧台的灯情有独钟",
        "他喊救命啦",
    ],
)
def test_the_same_words_as_part_of_others_are_ordinary(text: str) -> None:
    assert list(borrowed(text, _OTHERS)) == []


@pytest.mark.parametrize("text", INNOCENT)
def test_innocent_words_pass(text: str) -> None:
    assert list(findings(text, STYLE)) == []


def test_taste_is_a_warning_and_law_an_error() -> None:
    assert Fault.OFFICIAL.severity is Fault.LONG.severity is Severity.WARNING
    assert is_clean("敬请关注", STYLE)
    assert not is_clean("全网最低价", STYLE)


def test_template_tags_count_as_a_short_name() -> None:
    text = "{{ a_name_that_is_very_long_indeed }}你好"
    assert list(findings(text, STYLE, length=6)) == []
    assert [found.fault for found in findings(text + "呀", STYLE, length=6)] == [Fault.LONG]


def test_a_word_inside_a_tag_is_not_copy() -> None:
    assert list(findings("{{ x|default('') }}{# 引流 #}", STYLE)) == []


BAIT = [
    "转发到朋友圈就送发带",
    "集齐38个赞免单",
    "发个朋友圈领红包",
    "分享给三位姐妹，各领一张券可领",
    "五星好评返现5元",
]
NO_BAIT = [
    "分享这件V领衬衫", "分享给你一个好消息，明天送到",
    "介绍朋友来，各得一张 10 元券", "好评我都看了，谢谢", "晒图给我看看呀",
    "转发给朋友问问合不合适",
]  # fmt: skip


@pytest.mark.parametrize("text", BAIT)
def test_rewards_for_forwarding_likes_and_reviews_are_refused_everywhere(text: str) -> None:
    for moments in (True, False):
        assert [found.fault for found in findings(text, STYLE, moments=moments)] == [Fault.BAIT]


@pytest.mark.parametrize("text", NO_BAIT)
def test_words_that_only_look_like_bait_pass(text: str) -> None:
    assert list(findings(text, STYLE)) == []


@pytest.mark.parametrize("text", ["复制￥A1b2C3d4E5￥打开淘宝", "看这个 (A1b2C3d4E5) 打开淘宝", "淘口令私我"])
def test_taobao_codes_are_refused_everywhere(text: str) -> None:
    assert [found.fault for found in findings(text, STYLE)] == [Fault.SHARE_CODE]
    assert not is_clean(text, STYLE)


def test_a_post_that_folds_is_told_and_a_message_does_not_fold() -> None:
    text = "长" * 111
    assert [found.fault for found in findings(text, STYLE, moments=True)] == [Fault.FOLDED]
    assert list(findings(text, STYLE)) == list(findings(text[1:], STYLE, moments=True)) == []


FRENCH = Style(taste=("法式", "松弛"), topics=("日系",))


@pytest.mark.parametrize("text", ["这件很辣妹", "INS风小裙子", "冲冲冲！！！", "手慢无"])
def test_another_taste_and_shouting_are_a_warning(text: str) -> None:
    found = list(findings(text, FRENCH))
    assert found and {one.fault for one in found} == {Fault.DRIFT}
    assert Fault.DRIFT.severity is Severity.WARNING
    assert list(findings(text, Style())) == []


def test_a_taste_that_the_shop_names_itself_is_its_own() -> None:
    assert list(findings("法式衬衫，日系棉麻", FRENCH)) == []


@pytest.mark.parametrize("text", ["95折", "9.8 折", "九五折", "满300减20", "立减3元", "2元优惠券", "送神秘小礼物"])
def test_an_offer_too_small_is_told(text: str) -> None:
    (found,) = weak_offers(text)
    assert (found.fault, found.word in text) == (Fault.WEAK, True)


@pytest.mark.parametrize(
    "text",
    [
        "9折",
        "八八折",
        "五折",
        "满300减50",
        "立减30元",
        "10元券",
        "送一条手作发带",
        "折叠伞",
        "打了三折腰",
        "对折",
        "叠了95折痕",
    ],
)
def test_an_offer_worth_a_message_passes(text: str) -> None:
    assert list(weak_offers(text)) == []


def test_an_offer_says_what_somebody_gets() -> None:
    assert gives_something(["下雨了", "送你一条发带"])
    assert not gives_something(["下雨了", "记得来看看"])


@given(st.text(max_size=30), st.sampled_from(["鱼塘", "低价值", "引流", "狙击枪"]), st.text(max_size=30))
def test_no_surroundings_hide_an_internal_word(before: str, word: str, after: str) -> None:
    clear = before.replace("{", ""), after.replace("}", "")
    assert not is_clean(clear[0] + word + clear[1], STYLE)
