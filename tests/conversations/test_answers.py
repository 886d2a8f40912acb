"""What customers are told: one answer to a burst, trouble to a person, goods, parcels and campaigns looked up."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, update

from bots.gateway import MessageKind
from conversations.intake import Intake
from conversations.products import Products
from conversations.speaking import Voices
from personas.book import Book
from personas.model import Persona
from storage.engine import Database
from storage.order_tables import ImportBatch, Order
from storage.tables import Delivery, Friendship, Person
from tests.conversations.shop import DAY_MS, NOW_MS, PERSONA, Post, open_shop, outbox, row_of, texts, voices
from tests.conversations.test_customer_lines import LINES
from tests.conversations.test_intake import Door
from tests.databases import ON_SQLITE
from tests.lock_waits import until_it_waits

MINUTE_MS = 60_000
PRODUCTS = Products.model_validate(
    {
        "products": [
            {"name": "法式茶歇碎花连衣裙", "also": "碎花裙", "price": "页面价 259", "care": "冷水手洗"},
            {"name": "针织开衫 慵懒风", "also": ["针织开衫"], "size": "均码", "landing": {"search": "慵懒开衫"}},
        ]
    }
)
REPLIES: list[dict[str, Any]] = [
    {"name": "hi", "keywords": ["在吗", "你好"], "answers": ["在呢"], "small_talk": True},
    {"name": "price", "keywords": ["多少钱"], "answers": ["看页面哦"], "about": "price", "landing": True},
    {"name": "size", "keywords": ["什么码"], "answers": ["报身高体重"], "about": "size"},
    {"name": "tracking", "keywords": ["到哪了"], "answers": ["订单号给我"], "about": "order", "hand_over": True},
    {"name": "broken", "keywords": ["破了"], "answers": ["这事算我的"], "hand_over": True},
    {"name": "discount", "keywords": ["老客优惠"], "answers": ["买过就有"],
     "stage_answers": {"customer": "你有 98 折", "member": "你有 95 折", "partner": "你有 88 折"}},
]  # fmt: skip


def speaking() -> Voices:
    said = {"replies": REPLIES, "welcome": PERSONA.welcome, "voice": PERSONA.voice.model_dump()}
    persona = Persona.model_validate(PERSONA.model_dump(mode="json") | said)
    return Voices(Book({"lin": persona}, {"lin": persona}), voices().shop)


@pytest.fixture
async def post(database: Database) -> Post:
    await open_shop(database)
    door = Door()
    intake = Intake(
        speaking(), on_command=door.on_command, on_stranger=door.on_stranger, on_friendship=door.on_friendship,
        products=PRODUCTS,
    )  # fmt: skip
    return Post(database, intake)


async def unsent(database: Database) -> list[str]:
    return await texts(database, kind="reply", state="pending")


async def test_a_burst_of_two_questions_gets_one_message_and_small_talk_gives_way(
    database: Database, post: Post
) -> None:
    for second, words in enumerate(("在吗", "这个多少钱", "我穿什么码")):
        assert await post.bring(words, now_ms=NOW_MS + second * 1000) == "answered"
    assert await unsent(database) == ["看页面哦\n淘宝搜“小林的衣橱”就到店里\n报身高体重"]
    assert [row.reason for row in await outbox(database, state="skipped")] == ["joined", "joined"]


async def test_small_talk_after_a_question_adds_nothing(database: Database, post: Post) -> None:
    await post.bring("我穿什么码")
    assert await post.bring("在吗", now_ms=NOW_MS + 1000) == "answered"
    assert await unsent(database) == ["报身高体重"]


async def test_what_is_under_way_is_not_taken_back(database: Database, post: Post) -> None:
    """On PostgreSQL even when it leaves between the look at what still waits and the taking back."""
    await post.bring("我穿什么码")
    async with database.write() as tx:
        await tx.execute(update(Delivery).values(state="sending", sent_ms=NOW_MS + 500))
        asking = asyncio.create_task(post.bring("多少钱", now_ms=NOW_MS + 1000), name="asks on")
        await until_it_waits(tx, asking)
    await asking
    assert await texts(database, state="sending") == ["报身高体重"]
    assert len(await unsent(database)) == 1


async def test_two_bursts_get_two_answers(database: Database, post: Post) -> None:
    await post.bring("我穿什么码")
    await post.bring("多少钱", now_ms=NOW_MS + MINUTE_MS)
    assert len(await unsent(database)) == 2


async def test_what_is_joined_counts_little_towards_a_flood_but_counts(database: Database, post: Post) -> None:
    words = ("多少钱", "我穿什么码", "老客优惠")
    outcomes = [await post.bring(words[turn % 3], now_ms=NOW_MS + turn * 400) for turn in range(60)]
    assert "flood" in outcomes or outcomes[-1] == "handed_over"
    assert len(await unsent(database)) <= 3


@ON_SQLITE
@pytest.mark.parametrize(
    ("words", "why", "said"),
    [
        ("衣服破了个洞", "订单出了问题", "这事算我的"),
        ("你们这样我要投诉了", "在生气", "同事马上来"),
        ("转人工", "想找真人", "同事马上来"),
        ("傻逼商家", "骂人了", "同事马上来"),
    ],
)
async def test_trouble_reaches_a_person_with_its_reason(
    database: Database, post: Post, words: str, why: str, said: str
) -> None:
    assert await post.bring(words) == "handed_over"
    (notice,) = await texts(database, kind="staff_notice")
    assert why in notice and words in notice
    assert await unsent(database) == [said]


async def test_abuse_rests_the_pushes_and_is_no_opt_out(database: Database, post: Post) -> None:
    await post.bring("滚")
    friendship = await row_of(database, Friendship, account="lin-1", contact="wxid_hua")
    person = await row_of(database, Person, id=friendship.person)
    assert (person.opted_out_ms, person.muted_until_ms) == (None, NOW_MS + 7 * DAY_MS)


async def test_own_words_end_the_rest_that_unclear_words_began_but_not_what_staff_set(
    database: Database, post: Post
) -> None:
    await post.bring("先别发了")
    assert await post.bring("还是给我发福利吧", now_ms=NOW_MS + MINUTE_MS) == "opted_in"
    friendship = await row_of(database, Friendship, account="lin-1", contact="wxid_hua")
    assert (await row_of(database, Person, id=friendship.person)).muted_until_ms is None
    async with database.write() as tx:
        await tx.execute(update(Person).values(muted_until_ms=NOW_MS + DAY_MS, muted_by="staff:boss"))
    assert await post.bring("恢复订阅", now_ms=NOW_MS + 2 * MINUTE_MS) != "opted_in"
    assert (await row_of(database, Person, id=friendship.person)).muted_until_ms == NOW_MS + DAY_MS


async def test_an_order_number_beside_trouble_is_claimed_and_the_trouble_still_goes_to_a_person(
    database: Database, post: Post
) -> None:
    assert await post.bring("订单 1234567890123456789 收到就破了") == "handed_over"
    (notice,) = await texts(database, kind="staff_notice")
    assert "订单出了问题" in notice
    assert len(await texts(database, kind="claim_answer")) == 1


async def test_an_automatic_answer_gets_none(database: Database, post: Post) -> None:
    assert await post.bring("[自动回复] 你好，多少钱稍后告诉您") == "ignored"
    assert await outbox(database) == []


async def test_our_own_way_out_quoted_is_no_opt_out(database: Database, post: Post) -> None:
    quote = "「小林：福利来啦，不想收回“退订”」\n- - - - - - - - - - - - - - -\n多少钱"
    assert await post.bring(quote) == "answered"
    friendship = await row_of(database, Friendship, account="lin-1", contact="wxid_hua")
    assert (await row_of(database, Person, id=friendship.person)).opted_out_ms is None


async def test_goods_are_known_by_name_by_link_and_by_what_we_just_spoke_of(database: Database, post: Post) -> None:
    await post.bring("碎花裙多少前")
    assert await unsent(database) == ["「法式茶歇碎花连衣裙」页面价 259\n淘宝搜“小林的衣橱”就到店里"]
    link = "【淘宝】7天无理由退货 https://m.tb.cn/h.5abc 「针织开衫 慵懒风」\n点击链接直接打开"
    await post.bring(link, now_ms=NOW_MS + MINUTE_MS)
    assert (await unsent(database))[-1].startswith("看到啦，是「针织开衫 慵懒风」")
    await post.bring("我穿什么码", now_ms=NOW_MS + 2 * MINUTE_MS)
    assert (await unsent(database))[-1] == "「针织开衫 慵懒风」均码。淘宝搜“慵懒开衫”"
    await post.bring("我穿什么码", now_ms=NOW_MS + 30 * MINUTE_MS)
    assert (await unsent(database))[-1] == "报身高体重"


async def test_a_link_to_goods_we_do_not_know_goes_to_a_person(database: Database, post: Post) -> None:
    assert await post.bring("https://item.taobao.com/item.htm?id=1") == "handed_over"


async def _order(database: Database, status: str, *, paid_ms: int, imported_ms: int = NOW_MS) -> None:
    friendship = await row_of(database, Friendship, account="lin-1", contact="wxid_hua")
    async with database.write() as tx:
        row = {"number": "1234567890123456789", "member_name": "hua88", "status": status, "paid_fen": 9900, "batch": 1}
        more = {"created_ms": paid_ms, "paid_ms": paid_ms, "person": friendship.person, "titles": ["针织开衫 慵懒风"]}
        await tx.execute(insert(Order).values(row | more))
        batch = {"kind": "orders", "files": [], "counts": {}, "created_ms": imported_ms, "finished_ms": imported_ms}
        await tx.execute(insert(ImportBatch).values(batch))


@ON_SQLITE
@pytest.mark.parametrize(
    ("status", "age_ms", "imported_ago_ms", "words", "outcome", "part"),
    [
        ("paid", DAY_MS, 0, "我的快递到哪了", "answered", "正在打包"),
        ("shipped", DAY_MS, 0, "发货了吗", "answered", "已经发出"),
        ("done", 3 * DAY_MS, 0, "包裹呢", "answered", "显示已经收货"),
        ("unpaid", DAY_MS, 0, "发货了吗", "answered", "还没付款"),
        ("paid", 4 * DAY_MS, 0, "发货了吗", "handed_over", "正在打包"),
        ("shipped", DAY_MS, 0, "物流三天没动静了", "handed_over", "已经发出"),
        ("shipped", DAY_MS, 3 * DAY_MS, "发货了吗", "handed_over", "已经发出"),
        ("closed", DAY_MS, 0, "我的快递到哪了", "handed_over", "订单号给我"),
    ],
)
async def test_where_a_parcel_is_comes_from_the_imported_orders(
    database: Database, post: Post, status: str, age_ms: int, imported_ago_ms: int, words: str, outcome: str, part: str
) -> None:
    await _order(database, status, paid_ms=NOW_MS - age_ms, imported_ms=NOW_MS - imported_ago_ms)
    assert await post.bring(words) == outcome
    (said,) = await unsent(database)
    assert part in said
    assert ("再请同事" in said) == (outcome == "handed_over" and status != "closed")


async def test_nobody_hears_of_somebody_elses_order(database: Database, post: Post) -> None:
    await _order(database, "shipped", paid_ms=NOW_MS - DAY_MS)
    assert await post.bring("我的快递到哪了", talker="wxid_other") == "handed_over"
    assert await unsent(database) == ["订单号给我"]


@ON_SQLITE
@pytest.mark.parametrize(
    ("person", "said"),
    [
        ({}, "买过就有"),
        ({"orders": 1, "level": "VIP1"}, "你有 98 折"),
        ({"orders": 2, "level": "VIP1"}, "你有 98 折"),
        ({"orders": 3, "level": "VIP2"}, "你有 95 折"),
        ({"orders": 9, "level": "partner"}, "你有 88 折"),
    ],
)
async def test_who_came_further_is_spoken_to_as_such(
    database: Database, post: Post, person: dict[str, Any], said: str
) -> None:
    if person:
        async with database.write() as tx:
            await tx.execute(update(Person).values(**person))
    await post.bring("有什么老客优惠")
    assert await unsent(database) == [said]


@ON_SQLITE
@pytest.mark.parametrize(
    ("kind", "part"),
    [
        (MessageKind.IMAGE, "我看看"),
        (MessageKind.AUDIO, "语音"),
        (MessageKind.RED_ENVELOPE, "不收"),
        (MessageKind.TRANSFER, "不收"),
        (MessageKind.CARD, "名片"),
        (MessageKind.FILE, "打开看看"),
        (MessageKind.LOCATION, "打开看看"),
    ],
)
async def test_each_kind_of_thing_has_words_of_its_own(
    database: Database, post: Post, kind: MessageKind, part: str
) -> None:
    assert await post.bring("", kind=kind) == "handed_over"
    assert part in (await unsent(database))[0]


async def test_five_pictures_in_a_row_get_one_answer(database: Database, post: Post) -> None:
    for second in range(5):
        await post.bring("", kind=MessageKind.IMAGE, now_ms=NOW_MS + second * 1000)
    assert len(await unsent(database)) == 1


OUTCOMES: dict[str, Callable[[str], bool]] = {
    "opt_out": lambda outcome: outcome == "opted_out",
    "unclear": lambda outcome: outcome == "handed_over",
    "auto_reply": lambda outcome: outcome == "ignored",
    "claim": lambda outcome: outcome == "claimed",
    "claim_hint": lambda outcome: outcome == "asked_which_order",
    "abuse": lambda outcome: outcome == "handed_over",
    "complaint": lambda outcome: outcome == "handed_over",
    "after_sale": lambda outcome: outcome == "handed_over",
    "person": lambda outcome: outcome == "handed_over",
}


@ON_SQLITE
@pytest.mark.parametrize("meaning", sorted(OUTCOMES))
async def test_every_line_of_the_data_ends_where_it_should(post: Post, meaning: str) -> None:
    """Each from somebody else, but for an order that is one person's: what one said says nothing of the next."""
    lines = [text for means, text in LINES if means.value == meaning]
    found = {}
    for number, text in enumerate(lines):
        talker = "wxid_buyer" if meaning == "claim" else f"wxid_{number}"
        found[text] = str(await post.bring(text, talker=talker, now_ms=NOW_MS + number * 5 * MINUTE_MS))
    assert {text: outcome for text, outcome in found.items() if not OUTCOMES[meaning](outcome)} == {}
