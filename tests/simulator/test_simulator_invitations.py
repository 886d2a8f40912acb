"""People answer what a message invites them to, go on to what is asked next, and nobody takes an opt-out for a yes."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from simulator import lines
from simulator.invitations import Step, next_step, replies_for, replies_to
from simulator.messages import Kind
from tests.simulator.test_simulator_people import HOUR, living
from tests.simulator.worlds import QUIET
from tests.virtual_time import VirtualClock

CAMPAIGNS = Path(__file__).parents[2] / "wxfleet" / "templates" / "matrix" / "campaigns"
OPT_OUT = "不想收这类消息回“退订”。"
PHOTO = (Kind.IMAGE, lines.PICTURE)


def asked(text: str) -> set[tuple[Kind, str]]:
    return {(reply.kind, reply.text) for reply in replies_to(text)}


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("上新了，回复 1 就给你留一份", {"1", "报名"}),
        ("回“我要”加尺码，例如 我要M", {"我要", "我要M", "我要 XL码"}),
        ("尺码没告诉我的，现在回一个还来得及～", {"M", "L码"}),
        ("加好了回「好了」", {"好了"}),
        ("想去的回个“+1”", {"+1"}),
        ("1. 米白 2. 焦糖 3. 雾蓝，回序号就算一票", {"1", "2", "3"}),
        ("借你的眼光用用：1 米白、2 焦糖。回序号就算一票，到晚上 8 点", {"1", "2"}),
        ("毛衣们正在等票：回作品号码就是投票", set(lines.NUMBERS)),
        ("大衣回 A 或 B 都行", {"A", "B"}),
    ],
)
def test_what_is_named_is_what_people_send(text: str, some: set[str]) -> None:
    found = asked(f"花花，{text}。{OPT_OUT}")
    assert {(Kind.TEXT, word) for word in some} <= found
    assert PHOTO not in found and (Kind.TEXT, "8") not in found and not any("退订" in word for _, word in found)


@pytest.mark.parametrize(
    "text", ["收藏好了截个图发我，我心里好有个数", "穿上拍一张给我看呀", "照片直接发到我聊天框就好"]
)
def test_a_photo_is_sent_where_one_is_asked_for(text: str) -> None:
    assert asked(f"{text}～{OPT_OUT}") == {PHOTO}


@pytest.mark.parametrize(
    "text",
    [OPT_OUT, "来不了回“算了”", "退回 3 件也行", "明天回 2 件", "回我订单编号就能查", "老客专享福利来啦", "尺码都齐了"],
)
def test_what_invites_to_nothing_is_no_invitation(text: str) -> None:
    assert replies_to(text) == ()


def test_who_asked_to_see_the_pictures_votes_by_number_then() -> None:
    assert (Kind.TEXT, "图片") in asked("1 米白、2 焦糖。回序号就算一票，想看图回“图片”")
    shown = "来，按顺序发给你：1 米白、2 焦糖。看中哪款回序号～"
    assert next_step(shown) is Step.VOTE
    assert [reply.text for reply in replies_for(Step.VOTE, shown)] == ["1", "2"]
    voted = (
        "收到，给「米白」记上一票～想换的话再回一次就行",
        "投给 3 号了～结束前想改，回别的号码就行，最后一次算数。",
    )
    assert [next_step(answer) for answer in voted] == [None, None], "who has voted is asked for nothing"


def test_every_push_of_the_example_campaigns_can_be_answered() -> None:
    """The demo shows them: a kind that nobody answers shows nothing."""
    files = sorted(CAMPAIGNS.glob("*.yaml"))
    assert len(files) >= 4
    for file in files:
        campaign = yaml.safe_load(file.read_text(encoding="utf-8"))
        for phase in (phase for phase in campaign["phases"] if phase["kind"] == "push"):
            for words in phase["words"].values():
                text = re.sub(r"\{\{ join \}\}", campaign["join"]["how"], words)
                assert replies_to(text), (file.name, text)


async def test_a_share_takes_part_the_same_people_in_the_same_words_each_time(clock: VirtualClock) -> None:
    async def said() -> dict[str, list[tuple[int, str]]]:
        async with living(QUIET, clock) as simulation:
            world = simulation.world
            friends = [contact for contact in world.accounts["lin-1"].friends.ids() if contact.startswith("wxid_c")]
            for contact in friends:
                world.send("lin-1", contact, Kind.TEXT, f"剩了几件断码，回“我要”加尺码，例如 我要M。{OPT_OUT}")
            await clock.advance(HOUR)
            return {contact: [(int(one.kind), one.text) for one in world.record.said(contact)] for contact in friends}

    first = await said()
    yes = [contact for contact, words in first.items() if any("要" in text and "不" not in text for _, text in words)]
    assert 0.25 * len(first) < len(yes) < 0.65 * len(first)
    assert all(len(words) <= 1 for words in first.values())
    assert await said() == first


async def test_who_takes_part_goes_on_to_what_is_asked_next_once(clock: VirtualClock) -> None:
    """Joins, agrees to the terms with a photo, and is no pendulum however often the account asks."""
    async with living(replace(QUIET, seed=3), clock) as simulation:
        world = simulation.world

        def tell(event: str, payload: dict[str, object]) -> None:
            message = world.message("lin-1", str(payload["messageId"]))
            if message.talker != "wxid_lin_1":
                to = message.talker
                words = "规则说在前面，同意的话直接把照片发到这里" if message.kind is Kind.TEXT else "同意就回“同意”"
                simulation.agenda.after(0.1, lambda: world.send("lin-1", to, Kind.TEXT, words))

        world.connect_gateway("lin-1", tell)
        friends = [contact for contact in world.accounts["lin-1"].friends.ids() if contact.startswith("wxid_c")]
        for contact in friends:
            world.send("lin-1", contact, Kind.TEXT, "回“参加”，我先说规则")
        await clock.advance(5 * HOUR)
        told = [[one.text for one in world.record.said(contact)] for contact in friends]
        joined = [words for words in told if words[:1] == ["参加"]]
        assert sum(lines.PICTURE in words for words in joined) > len(joined) / 2 > 5
        assert any("同意" in words[-1] for words in joined)
        assert all(len(words) <= 3 for words in told)
        assert all(len(words) <= 1 for words in told if words[:1] != ["参加"])
