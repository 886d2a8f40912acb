"""What becomes of everything that reaches an account."""

import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import MessageKind
from conversations.arrivals import StaffMessage, Stranger
from conversations.intake import Intake
from conversations.welcome import Welcome
from customers.consent import opt_out, take_back_opt_out
from rules.kinds import Kind
from storage.engine import Database
from storage.inbox import Received
from storage.order_tables import Order
from storage.outbox import Content, NewDelivery, plan
from storage.staff_tables import StaffMember
from storage.tables import HOUR_MS, Account, Arrival, Delivery, Friendship, Person, Setting
from tests.conversations.shop import NOW_MS, Post, befriend, count, open_shop, outbox, row_of, texts, voices
from tests.databases import ON_SQLITE

MINUTE_MS = 60_000


class Door:
    """Keeps what the intake hands up."""

    def __init__(self) -> None:
        self.commands: list[StaffMessage] = []
        self.friendships: list[Received] = []

    async def on_command(self, tx: AsyncConnection, message: StaffMessage) -> str:
        self.commands.append(message)
        return "command"

    async def on_stranger(self, tx: AsyncConnection, stranger: Stranger) -> bool:
        return stranger.text == "WX-AAAA-BBBB"

    async def on_friendship(self, tx: AsyncConnection, received: Received, now_ms: int) -> str:
        self.friendships.append(received)
        return "requested"


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
async def post(database: Database, door: Door) -> Post:
    await open_shop(database)
    intake = Intake(
        voices(), on_command=door.on_command, on_stranger=door.on_stranger, on_friendship=door.on_friendship
    )
    return Post(database, intake)


async def test_a_known_question_is_answered_by_name_after_a_human_pause(database: Database, post: Post) -> None:
    assert await post.bring("你们店名叫什么") == "answered"
    (row,) = await outbox(database)
    assert (row.kind, row.account, row.to) == ("reply", "lin-1", "wxid_hua")
    assert row.content["text"] == "花花，搜小林的衣橱"
    assert 2_000 <= row.due_ms - NOW_MS <= 6_000


async def test_a_burst_of_the_same_question_gets_one_answer(database: Database, post: Post) -> None:
    for _ in range(3):
        await post.bring("店名是啥", now_ms=NOW_MS + 1000)
    assert len(await outbox(database)) == 1
    await post.bring("店名是啥", now_ms=NOW_MS + 5 * MINUTE_MS)
    assert len(await outbox(database)) == 2


async def test_one_arrival_handled_twice_answers_once(database: Database, post: Post) -> None:
    await post.bring("店名是啥")
    arrival = await row_of(database, Arrival)
    again = Received(arrival.id, "lin-1", arrival.event, "message", arrival.payload, NOW_MS)
    async with database.write() as tx:
        await post._intake.handle(tx, again, NOW_MS + MINUTE_MS)
    assert len(await outbox(database)) == 1


async def test_what_nobody_prepared_goes_to_the_phone_holder_and_the_customer_hears_so(
    database: Database, post: Post
) -> None:
    assert await post.bring("你们老板娘结婚了吗") == "handed_over"
    notice, answer = await outbox(database)
    assert (notice.kind, notice.account, notice.to) == ("staff_notice", "lin-1", "wxid_mei")
    assert "花花" in notice.content["text"] and "你们老板娘结婚了吗" in notice.content["text"]
    assert answer.content["text"] == "我问下同事哈"
    friendship = await row_of(database, Friendship, account="lin-1", contact="wxid_hua")
    assert friendship.waiting_since_ms == NOW_MS


async def test_asking_a_colleague_is_said_once_an_hour_and_told_to_staff_once(database: Database, post: Post) -> None:
    for minute in (0, 5, 30):
        await post.bring(f"奇怪的问题 {minute}", now_ms=NOW_MS + minute * MINUTE_MS)
    assert len(await outbox(database, kind="reply")) == 1
    assert len(await outbox(database, kind="staff_notice")) == 1
    await post.bring("还在吗，奇怪的问题", now_ms=NOW_MS + 61 * MINUTE_MS)
    assert len(await outbox(database, kind="reply")) == 2


async def test_a_complaint_is_answered_and_handed_over(database: Database, post: Post) -> None:
    assert await post.bring("我要投诉") == "handed_over"
    assert await texts(database, kind="reply") == ["对不起，我这就找同事"]
    assert len(await outbox(database, kind="staff_notice")) == 1


async def test_an_opt_out_binds_everywhere_at_once_and_is_confirmed_once(database: Database, post: Post) -> None:
    person = (await row_of(database, Friendship, account="lin-2", contact="wxid_hua")).person
    push = NewDelivery(
        Kind.PUSH, "lin-2", "wxid_hua", Content(text="福利"), "push:1", NOW_MS + MINUTE_MS, person=person
    )
    async with database.write() as tx:
        await plan(tx, [push], now_ms=NOW_MS)
    assert await post.bring("退订") == "opted_out"
    assert (await row_of(database, Person, id=person)).opted_out_ms == NOW_MS
    assert [(row.state, row.reason) for row in await outbox(database, kind="push")] == [("skipped", "opted_out")]
    assert await post.bring("TD", account="lin-2", now_ms=NOW_MS + MINUTE_MS) == "opted_out_before"
    assert await texts(database, kind="opt_out_confirmation") == ["好的，以后不发福利了"]


@ON_SQLITE
@pytest.mark.parametrize("written_by", ["staff:mei", "import:3"])
async def test_their_own_words_outlive_what_others_wrote_down_for_them(
    database: Database, post: Post, written_by: str
) -> None:
    """Whoever takes back their command, or their import, takes back no word of the customer's."""
    person = (await row_of(database, Friendship, account="lin-1", contact="wxid_hua")).person
    async with database.write() as tx:
        await opt_out(tx, person, by=written_by, words="", now_ms=NOW_MS)
    assert await post.bring("退订", now_ms=NOW_MS + 1) == "opted_out_before"
    async with database.write() as tx:
        assert not await take_back_opt_out(tx, person, since_ms=NOW_MS, by=written_by, now_ms=NOW_MS + 2)
    assert (await row_of(database, Person, id=person)).opted_out_by == "inbox:1: 退订"


@ON_SQLITE
@pytest.mark.parametrize("words", ["别发货", "退订金", "T恤有吗"])
async def test_words_that_look_like_an_opt_out_are_none(database: Database, post: Post, words: str) -> None:
    assert await post.bring(words) == "handed_over"
    person = (await row_of(database, Friendship, account="lin-1", contact="wxid_hua")).person
    assert (await row_of(database, Person, id=person)).opted_out_ms is None


async def test_a_lone_t_after_our_question_of_size_is_an_answer(database: Database, post: Post) -> None:
    await post.bring("我穿什么码")
    assert await post.bring("T", now_ms=NOW_MS + MINUTE_MS) != "opted_out"
    assert await post.bring("T", now_ms=NOW_MS + 120 * MINUTE_MS) == "opted_out"


async def test_an_unclear_wish_stops_pushes_first_and_a_person_looks(database: Database, post: Post) -> None:
    assert await post.bring("你们好烦啊") == "handed_over"
    friendship = await row_of(database, Friendship, account="lin-1", contact="wxid_hua")
    person = await row_of(database, Person, id=friendship.person)
    assert person.opted_out_ms is None
    assert person.muted_until_ms > NOW_MS
    assert len(await outbox(database, kind="staff_notice")) == 1


async def test_own_words_bring_somebody_back(database: Database, post: Post) -> None:
    await post.bring("退订")
    assert await post.bring("恢复订阅", now_ms=NOW_MS + MINUTE_MS) == "opted_in"
    person = (await row_of(database, Friendship, account="lin-1", contact="wxid_hua")).person
    assert (await row_of(database, Person, id=person)).opted_out_ms is None


async def test_late_messages_go_to_a_person_but_an_opt_out_still_binds(database: Database, post: Post) -> None:
    assert await post.bring("店名是啥", late=True) == "handed_over"
    assert await outbox(database, kind="reply") == []
    assert await post.bring("退订", late=True) == "opted_out"


async def test_an_order_number_is_claimed(database: Database, post: Post) -> None:
    async with database.write() as tx:
        await tx.execute(
            insert(Order).values(
                number="1234567890123456789", member_name="hua88", status="交易成功", paid_fen=9900,
                created_ms=NOW_MS, paid_ms=NOW_MS, batch=1,
            )
        )  # fmt: skip
    assert await post.bring("我的订单 1234567890123456789") == "claimed"
    (answer,) = await outbox(database, kind="claim_answer")
    assert answer.content["text"].startswith("找到啦")
    assert await post.bring("9999999990123456789", now_ms=NOW_MS + MINUTE_MS) == "claimed"
    assert "记下了，查到告诉你" in await texts(database, kind="claim_answer")


async def test_the_end_of_an_order_number_needs_a_date_or_an_amount_and_one_order(
    database: Database, post: Post
) -> None:
    orders = (("1234567890120003456", "hua88", 25_900), ("1234567890990003456", "ye77", 9_900))
    async with database.write() as tx:
        for number, member, fen in orders:
            row = {"number": number, "member_name": member, "status": "done", "paid_fen": fen, "created_ms": NOW_MS}
            await tx.execute(insert(Order).values(row | {"batch": 1}))
    assert await post.bring("我的订单尾号 3456") == "asked_which_order"
    assert await post.bring("尾号3456 今天买的", now_ms=NOW_MS + MINUTE_MS) == "asked_which_order"
    assert await post.bring("我买了 259 那件 尾号3456", now_ms=NOW_MS + 2 * MINUTE_MS) == "claimed"
    ask, not_one, found = [row.content["text"] for row in await outbox(database, kind="claim_answer")]
    assert "哪天买的" in ask and "完整的订单号" in not_one and found.startswith("找到啦")
    assert (await row_of(database, Order, person=None)).member_name == "ye77"
    assert await post.bring("尾号3456", now_ms=NOW_MS + 3 * MINUTE_MS) == "handed_over"


async def test_somebody_elses_order_goes_to_a_person_politely(database: Database, post: Post) -> None:
    async with database.write() as tx:
        await befriend(tx, "lin-1", "wxid_other", "小李")
    await post.bring("1234567890123456789", talker="wxid_other")
    assert await post.bring("1234567890123456789") == "handed_over"
    assert "另一位客户" in (await texts(database, kind="staff_notice"))[-1]


@ON_SQLITE
async def test_whoever_is_written_to_by_phone_before_their_friendship_was_read_is_held(
    database: Database, post: Post
) -> None:
    """The service accounts that a phone talks to are nobody."""
    for listener, outcome in (("wxid_unread", "takeover"), ("gh_bank", "own"), ("weixin", "own")):
        assert await post.bring("您好，我是小林本人", talker="wxid_self_0", listener=listener) == outcome
    assert await post.bring("店名叫什么", talker="wxid_unread", now_ms=NOW_MS + MINUTE_MS) == "held"
    assert await outbox(database, kind="reply") == []
    assert await count(database, Friendship) == 4


async def test_a_hand_on_the_phone_silences_the_bot_for_half_an_hour(database: Database, post: Post) -> None:
    assert await post.bring("亲自回一句", talker="wxid_self_0", listener="wxid_hua") == "takeover"
    (typed,) = await outbox(database, kind="staff_message")
    assert (typed.state, typed.text, typed.sent_ms) == ("accepted", "亲自回一句", NOW_MS)
    assert await post.bring("店名是啥", now_ms=NOW_MS + 29 * MINUTE_MS) == "held"
    assert await outbox(database, kind="reply") == []
    assert await post.bring("店名是啥", now_ms=NOW_MS + 31 * MINUTE_MS) == "answered"


async def test_our_own_echo_is_a_receipt_not_a_person(database: Database, post: Post) -> None:
    await post.bring("店名是啥")
    async with database.write() as tx:
        await tx.execute(update(Delivery).values(state="accepted", sent_ms=NOW_MS + 3000, text="花花，搜小林的衣橱"))
    words, later_ms = "花花，搜小林的衣橱", NOW_MS + 4000
    assert await post.bring(words, talker="wxid_self_0", listener="wxid_hua", now_ms=later_ms) == "own"
    assert (await row_of(database, Friendship, account="lin-1", contact="wxid_hua")).held_by is None
    # The same words a second time are no receipt any more: each row is matched once.
    assert await post.bring(words, talker="wxid_self_0", listener="wxid_hua", now_ms=later_ms) == "takeover"


async def test_a_receipt_that_waited_in_the_inbox_is_still_a_receipt(database: Database, post: Post) -> None:
    await post.bring("店名是啥")
    async with database.write() as tx:
        await tx.execute(update(Delivery).values(state="accepted", sent_ms=NOW_MS + 3000, text="花花，搜小林的衣橱"))
    outcome = await post.bring(
        "花花，搜小林的衣橱",
        talker="wxid_self_0",
        listener="wxid_hua",
        now_ms=NOW_MS + 30 * MINUTE_MS,
        waited_ms=30 * MINUTE_MS - 4000,
    )
    assert outcome == "own"


async def test_an_own_message_waits_while_a_send_is_in_flight(database: Database, post: Post) -> None:
    await post.bring("店名是啥")
    async with database.write() as tx:
        await tx.execute(update(Delivery).values(state="sending", sent_ms=NOW_MS, text="花花，搜小林的衣橱"))
    assert await post.bring("别的话", talker="wxid_self_0", listener="wxid_hua") is None
    assert (await row_of(database, Friendship, account="lin-1", contact="wxid_hua")).held_by is None


async def test_two_accounts_of_ours_never_talk_to_each_other(database: Database, post: Post) -> None:
    assert await post.bring("店名是啥", talker="wxid_self_1") == "ignored"
    assert await count(database, Delivery) == 0


async def test_staff_command_and_others_hear_no_hint(database: Database, post: Post, door: Door) -> None:
    assert await post.bring("/状态", talker="wxid_boss") == "command"
    assert [(said.staff, said.text, said.room) for said in door.commands] == [("boss", "/状态", "")]
    assert await post.bring("/状态") == "handed_over"
    assert len(door.commands) == 1
    assert await texts(database, kind="reply") == ["我问下同事哈"]


async def test_small_talk_of_staff_is_not_answered(database: Database, post: Post) -> None:
    assert await post.bring("店名是啥", talker="wxid_mei") == "ignored"
    assert await count(database, Delivery) == 0


async def test_an_invitation_code_is_not_a_question(database: Database, post: Post) -> None:
    assert await post.bring("WX-AAAA-BBBB") == "joined"
    assert await count(database, Delivery) == 0


async def test_rooms_are_silent_for_customers(database: Database, post: Post, door: Door) -> None:
    assert await post.bring("店名是啥", room="1@chatroom") == "ignored"
    assert await count(database, Delivery) == 0


async def test_only_the_desk_hears_the_staff_room(database: Database, door: Door, post: Post) -> None:
    async with database.write() as tx:
        await tx.execute(insert(Setting).values(key="staff_room", value="1@chatroom", changed_ms=0))
        await tx.execute(insert(Setting).values(key="desk", value="xiaoyu-1", changed_ms=0))
    for account in ("lin-1", "xiaoyu-1", "lin-2"):
        await post.bring("/状态", account=account, talker="wxid_boss", room="1@chatroom")
    assert [said.account for said in door.commands] == ["xiaoyu-1"]


@pytest.mark.parametrize("line", ["@小鱼\u2005/状态", "@小鱼 @阿花 /状态", "\u200b/状态", "  /状态"])
async def test_a_command_after_a_mention_or_an_unseen_sign_is_a_command(
    database: Database, door: Door, post: Post, line: str
) -> None:
    async with database.write() as tx:
        await tx.execute(insert(Setting).values(key="staff_room", value="1@chatroom", changed_ms=0))
        await tx.execute(insert(Setting).values(key="desk", value="lin-1", changed_ms=0))
    await post.bring(line, account="lin-1", talker="wxid_boss", room="1@chatroom")
    assert [message.text for message in door.commands] == ["/状态"]


async def test_a_flood_gets_a_few_answers_and_then_silence(database: Database, post: Post) -> None:
    outcomes = []
    for second in range(0, 50, 2):
        await _sent(database)
        outcomes.append(await post.bring(("店名是啥", "什么码")[second % 4 // 2], now_ms=NOW_MS + second * 1000))
    assert outcomes[-1] == "flood"
    assert len(await outbox(database, kind="reply")) == 6
    assert await post.bring("退订", now_ms=NOW_MS + 51_000) == "opted_out"


async def _sent(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(update(Delivery).where(Delivery.state == "pending").values(state="accepted"))


@ON_SQLITE
@pytest.mark.parametrize(
    ("kind", "outcome", "kinds"),
    [
        (MessageKind.EMOTICON, "ignored", []),
        (MessageKind.RECALLED, "ignored", []),
        (MessageKind.GROUP_NOTE, "ignored", []),
        (MessageKind.IMAGE, "handed_over", ["staff_notice", "reply"]),
        (MessageKind.AUDIO, "handed_over", ["staff_notice", "reply"]),
        (MessageKind.RED_ENVELOPE, "handed_over", ["staff_notice", "reply"]),
        (MessageKind.OTHER, "handed_over", ["staff_notice", "reply"]),
    ],
)
async def test_what_is_not_words(
    database: Database, post: Post, kind: MessageKind, outcome: str, kinds: list[str]
) -> None:
    assert await post.bring("", kind=kind) == outcome
    assert [row.kind for row in await outbox(database)] == kinds


async def test_what_wechat_writes_itself_is_not_answered(database: Database, post: Post) -> None:
    assert await post.bring("我通过了你的朋友验证请求，现在我们可以开始聊天了") == "ignored"
    assert await count(database, Delivery) == 0


async def test_whoever_is_not_known_yet_becomes_somebody(database: Database, post: Post) -> None:
    assert await post.bring("店名是啥", talker="wxid_new") == "answered"
    friendship = await row_of(database, Friendship, contact="wxid_new")
    assert (friendship.state, friendship.last_in_ms, friendship.heard_hour) == ("stranger", NOW_MS, NOW_MS // HOUR_MS)


async def test_the_same_wechat_id_at_a_sibling_is_the_same_person(database: Database, post: Post) -> None:
    await post.bring("店名是啥", account="xiaoyu-1")
    mine = await row_of(database, Friendship, account="xiaoyu-1", contact="wxid_hua")
    theirs = await row_of(database, Friendship, account="lin-1", contact="wxid_hua")
    assert mine.person == theirs.person


async def test_a_welcome_goes_once_by_name_with_the_way_to_say_no(database: Database, post: Post) -> None:
    friendship = await row_of(database, Friendship, account="lin-1", contact="wxid_hua")
    welcome = Welcome(voices())
    async with database.write() as tx:
        assert await welcome(tx, friendship.id, NOW_MS)
        assert not await welcome(tx, friendship.id, NOW_MS)
    (row,) = await outbox(database)
    assert row.kind == "welcome"
    assert row.content["text"].startswith("花花你好") and "退订" in row.content["text"]


async def test_staff_and_our_own_accounts_get_no_welcome(database: Database, post: Post) -> None:
    async with database.write() as tx:
        await befriend(tx, "lin-1", "wxid_self_1", "小林二号", kind="own")
    welcome = Welcome(voices())
    for contact in ("wxid_mei", "wxid_self_1"):
        friendship = await row_of(database, Friendship, account="lin-1", contact=contact)
        async with database.write() as tx:
            assert not await welcome(tx, friendship.id, NOW_MS)
    assert await count(database, Delivery) == 0


async def test_friendships_are_handed_on(database: Database, post: Post, door: Door) -> None:
    received = Received(1, "lin-1", "friendship:1:f1", "friendship", {"id": "f1"}, NOW_MS)
    async with database.write() as tx:
        assert await post._intake.handle(tx, received, NOW_MS) == "requested"
    assert door.friendships == [received]


async def test_without_a_holder_who_is_a_friend_the_owner_hears(database: Database, post: Post) -> None:
    async with database.write() as tx:
        await tx.execute(update(Account).values(holder=None))
        await tx.execute(update(StaffMember).where(StaffMember.id != "boss").values(removed=True))
        await befriend(tx, "lin-2", "wxid_boss", "老板", kind="staff")
    await post.bring("奇怪的问题")
    (notice,) = await outbox(database, kind="staff_notice")
    assert (notice.account, notice.to) == ("lin-2", "wxid_boss")


async def test_a_partner_that_answers_by_itself_is_not_answered_for_ever(database: Database, post: Post) -> None:
    """Its answer happens to hold one of our words: three answers of ours within the hour, then a person looks."""
    outcomes = [await post.bring("您好呀，问店名请等一等", now_ms=NOW_MS + minute * MINUTE_MS) for minute in range(40)]
    assert outcomes == ["answered"] * 3 + ["handed_over"] * 37
    assert len(await outbox(database, to="wxid_hua")) == 3
    assert len(await outbox(database, kind=Kind.STAFF_NOTICE.value)) == 1
    assert await post.bring("店名是啥", now_ms=NOW_MS + 120 * MINUTE_MS) == "answered"


async def test_two_machines_with_many_words_fall_silent_within_the_hour(database: Database, post: Post) -> None:
    numbers = [str(4_000_000_000_000_000_000 + turn) for turn in range(100)]
    hua = (await row_of(database, Friendship, account="lin-1", contact="wxid_hua")).person
    order = {"member_name": "hua88", "person": hua, "status": "done", "paid_fen": 1, "created_ms": 1, "batch": 1}
    async with database.write() as tx:
        await tx.execute(insert(Order), [order | {"number": number} for number in numbers])
    for turn, number in enumerate(numbers):
        await post.bring(f"订单号 {number}", now_ms=NOW_MS + turn * 15_000)
    assert len(await outbox(database, to="wxid_hua")) == 30
    assert await post.bring("退订", now_ms=NOW_MS + 30 * MINUTE_MS) == "opted_out"
