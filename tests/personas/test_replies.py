"""Which prepared answer fits what somebody wrote."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from personas.book import Book
from personas.model import Persona, ReplyEntry, Shop, Stage, Voice
from personas.replies import CLOSE, How, answer, find
from personas.speech import names
from rules.roles import PersonaKind


def persona(*entries: ReplyEntry) -> Persona:
    return Persona(id="fish", kind=PersonaKind.ASSISTANT, name="小鱼", replies=entries, voice=Voice(stranger="新朋友"))


def entry(name: str, *keywords: str, **more: object) -> ReplyEntry:
    return ReplyEntry.model_validate({"name": name, "keywords": keywords, "answers": [f"答 {name}"], **more})


FISH = persona(
    entry("complaint", "破了", hand_over=True),
    entry("size", "什么码", "尺码", questions=["我该穿什么码合适"]),
    entry("delivery", "发货", "什么时候发货"),
    entry("like", "好看"),
    entry("hi", "hi", "早"),
    entry("find-us", questions=["怎么找到你们的店"]),
)


def chosen(text: str, who: Persona = FISH, stage: str | None = None) -> str | None:
    found = find(who, text, stage=stage).chosen
    return found.entry.name if found else None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("身高160穿什么码", "size"),
        ("　尺 码　？？", "size"),
        ("ＨＩ！", "hi"),
        ("尺码看好了，什么时候发货呀", "delivery"),
        ("什么时候发货？还有，衣服破了", "complaint"),
        ("今天特别好看", "like"),
        ("有没有尺码表", "size"),
        ("早", "hi"),
        ("怎么找道你们的店", "find-us"),
    ],
)
def test_words_find_their_entry(text: str, name: str) -> None:
    assert chosen(text) == name


@pytest.mark.parametrize(
    "text",
    ["this is", "早上吃什么", "不好看", "不太好看", "好不好看", "", "？？？", "🌸", "火星天气怎么样", "别发货"],
)
def test_what_nobody_prepared_is_left_to_a_person(text: str) -> None:
    assert chosen(text) is None


def test_the_longest_keyword_wins_whatever_the_order() -> None:
    short, long = entry("short", "发货"), entry("long", "什么时候发货")
    assert chosen("你们什么时候发货", persona(short, long)) == "long"
    assert chosen("你们什么时候发货", persona(long, short)) == "long"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("165 120斤穿什么马", "size"),
        ("周末去爬山该穿什么", "outfit"),
        ("明天见客户穿什么吗", "outfit"),
        ("这件裙子可以怎么搭配阿", "match"),
        ("穿什么马上要面试", "outfit"),
    ],
)
def test_a_keyword_cut_out_of_a_mistyped_longer_phrase_does_not_beat_it(text: str, name: str) -> None:
    who = persona(
        entry("outfit", "穿什么", "裙子", "面试"),
        entry("size", "什么码", about="size"),
        entry("match", questions=["这件裙子可以怎么搭配"]),
    )
    assert chosen(text, who) == name
    assert find(who, text, near=False).chosen == find(who, text).chosen


def test_the_whole_text_goes_before_a_word_in_it() -> None:
    assert chosen("改地址", persona(entry("word", "地址"), entry("whole", questions=["改地址"]))) == "whole"


def test_a_question_that_looks_like_two_entries_is_guessed_by_nobody() -> None:
    two = persona(
        entry("one", questions=["麻烦帮我把这一单的颜色改一下"]),
        entry("two", questions=["麻烦帮我把这一单的尺码改一下"]),
    )
    found = find(two, "麻烦帮我把这一单的备注改一下")
    assert found.chosen is None
    assert found.near[0].score >= CLOSE
    assert {candidate.entry.name for candidate in found.near} == {"one", "two"}


def test_a_stage_keeps_an_entry_to_its_people() -> None:
    two = persona(entry("partner", "价格", stage=["partner"]), entry("all", "格"))
    assert chosen("价格", two, Stage.PARTNER) == "partner"
    assert chosen("价格", two, "customer") is None


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        ("friend", "答"),
        ("claimed", "答 老客"),
        ("repeat", "答 回头客"),
        ("member", "答 老客"),
        ("partner", "答 合伙人"),
        (None, "答"),
    ],
)
def test_an_answer_has_other_words_for_who_came_further(shop: Shop, stage: str | None, text: str) -> None:
    words = {"customer": "答 老客", "repeat": "答 回头客", "partner": "答 合伙人"}
    who = persona(entry("price", "价格", answers=["答"], stage_answers=words))
    said = answer(who, "价格", stage=stage, shop=shop)
    assert said is not None
    assert said.text == text


@pytest.mark.parametrize("stage", ["claimed", "repeat", "member"])
def test_what_is_for_customers_is_for_every_stage_of_them(stage: str) -> None:
    assert chosen("价格", persona(entry("old", "价格", stage=["customer"])), stage) == "old"
    assert chosen("价格", persona(entry("new", "价格", stage=["friend", "partner"])), stage) is None


def test_a_word_typed_by_its_sound_is_understood() -> None:
    who = persona(entry("price", "多少钱"), entry("delivery", "什么时候发货"), entry("size", "尺码"))
    assert chosen("这个多少前呀", who) == "price"
    assert chosen("请问什么时后发火呢", who) == "delivery"
    assert chosen("尺马", who) == "size"
    found = find(who, "多少前").chosen
    assert found is not None
    assert (found.how, found.phrase) == (How.SOUND, "多少钱")


@pytest.mark.parametrize("text", ["我今天吃马铃薯很开心", "不要发火", "duo shao qian 是什么歌"])
def test_a_short_sound_within_a_long_message_is_an_accident(text: str) -> None:
    who = persona(entry("price", "多少钱"), entry("delivery", "发货"), entry("size", "尺码"))
    assert chosen(text, who) is None


def test_business_goes_before_small_talk() -> None:
    who = persona(entry("hi", "你好呀", small_talk=True), entry("price", "价格"))
    assert chosen("你好呀，价格", who) == "price"
    assert chosen("你好呀", who) == "hi"


def test_small_talk_is_no_answer_to_a_question_beside_it() -> None:
    who = persona(entry("hi", "你好", "在吗", small_talk=True), entry("thanks", "谢谢", small_talk=True))
    assert chosen("你好，你们招代理吗", who) is None
    assert [near.entry.name for near in find(who, "你好，你们招代理吗").near] == ["hi"]
    assert chosen("你好在吗", who) == "hi"
    assert chosen("谢谢你们送的发夹", who) == "thanks"


@given(st.text(alphabet="怎么找到道你们的店码尺发货什么时候", max_size=12))
@example("什码")
def test_without_what_came_near_the_same_is_chosen(text: str) -> None:
    assert find(FISH, text, near=False).chosen == find(FISH, text).chosen


def test_the_trace_says_by_what_and_how_well(shop: Shop) -> None:
    said = answer(FISH, "身高160穿什么码，什么时候发货", shop=shop)
    assert said is not None
    assert (said.entry, said.why.how, said.why.phrase) == ("delivery", How.WORD, "什么时候发货")
    assert [candidate.entry.name for candidate in said.near] == ["size"]
    typo = answer(FISH, "怎么找道你们的店", shop=shop)
    assert typo is not None
    assert typo.why.how is How.LIKE
    assert CLOSE <= typo.score < 100


def test_consecutive_seeds_take_turns_and_equal_seeds_agree(shop: Shop) -> None:
    two = persona(entry("hi", "在吗", answers=["在", "在的"]))
    said = [reply.text for seed in range(4) if (reply := answer(two, "在吗", shop=shop, seed=seed))]
    assert said == ["在", "在的", "在", "在的"]


def test_a_customers_words_are_never_a_template(shop: Shop) -> None:
    two = persona(entry("hi", "在吗", answers=["{{ call_me }}，在"]))
    said = answer(two, "在吗 {{ contact }}", shop=shop, values={"call_me": "{{ contact }}"})
    assert said is not None
    assert said.text == "{{ contact }}，在"


def test_without_values_the_persona_speaks_to_a_stranger(shop: Shop) -> None:
    said = answer(persona(entry("hi", "在吗", answers=["{{ call_me }}，{{ shop }}"])), "在吗", shop=shop)
    assert said is not None
    assert said.text == "新朋友，小林的衣橱"


@given(st.text(max_size=120))
def test_any_text_finds_at_most_one_entry_and_always_the_same(text: str) -> None:
    first, again = find(FISH, text), find(FISH, text)
    assert first == again
    if first.chosen:
        assert first.chosen.entry not in [candidate.entry for candidate in first.near]


@given(st.sampled_from("，。！？ 　～🌸\n"), st.sampled_from(["", "呀", "啊", "呢"]))
def test_decoration_changes_nothing(mark: str, sound: str) -> None:
    assert chosen(f"{mark}什么时候发货{sound}{mark}") == "delivery"


@given(st.text(alphabet="穿尺码发货破了好看的我想问 ", max_size=30))
def test_a_complaint_always_reaches_a_person(around: str) -> None:
    found = find(FISH, f"{around}，衣服破了，{around}").chosen
    assert found is not None
    assert found.entry.hand_over


ASKED = {
    "店名叫什么": "shop-name",
    "你们店叫什么呀": "shop-name",
    "怎么找到你们": "find-us",
    "怎么找道你们": "find-us",
    "发个链接": "find-us",
    "身高160穿什么码": "size",
    "什么时候发货？": "delivery",
    "不合适可以退吗": "returns",
    "老顾客有优惠吗": "old-customer",
    "在吗": "greeting",
    "谢谢啦": "thanks",
    "衣服破了个洞，我要投诉": "complaint",
}


@pytest.mark.parametrize("asked", ASKED)
def test_every_committed_persona_answers_what_customers_ask(book: Book, shop: Shop, asked: str) -> None:
    for who in book.all():
        said = answer(who, asked, shop=shop, values=names(who, shop, "花花🌸"))
        assert said is not None, who.id
        assert said.entry == ASKED[asked], who.id
        assert said.hand_over == (said.entry == "complaint") or who.kind is PersonaKind.MENTOR
        if said.entry in ("shop-name", "find-us"):
            assert shop.search_words in said.text


SHOP_TALK = {
    "有没有优惠呀": "old-customer",
    "这件还有别的颜色吗": "colour",
    "面料是什么的": "fabric",
    "会起球吗": "care",
    "你们有电话吗": "phone",
    "可以开公司抬头的发票吗，要专票": "invoice",
    "在哪里领": "welfare",
    "我是XL小卡片来的": "card",
    "太好了": "thanks",
    "好的": "ack",
}


@pytest.mark.parametrize("asked", SHOP_TALK)
def test_who_serves_customers_knows_the_small_things_too(book: Book, asked: str) -> None:
    for who in book.all():
        if who.kind is not PersonaKind.MENTOR:
            found = find(who, asked).chosen
            assert found is not None, who.id
            assert found.entry.name == SHOP_TALK[asked], who.id


@pytest.mark.parametrize(
    "text", ["退订金怎么退", "我要退订这件", "电话写错了", "别发货", "先别发货", "不要发顺丰", "发错了", "退订单"]
)
def test_a_wish_about_an_order_reaches_a_person(book: Book, text: str) -> None:
    for who in book.all():
        if who.kind is not PersonaKind.MENTOR:
            found = find(who, text).chosen
            assert found is not None, who.id
            assert found.entry.hand_over, who.id
