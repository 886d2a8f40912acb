"""People: customers come, ask, claim, opt out and leave; staff command, confirm and tick off. Nobody loops."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulator import lines
from simulator.crowd import FILE_HELPER, contact_of
from simulator.messages import Kind, Scene
from simulator.record import Received
from simulator.scenario import AccountPlan, Scenario, Step, shop_day
from simulator.simulation import Simulation
from tests.simulator.worlds import BOSS, CLERK, LIVELY, QUIET, ROOM, client_of
from tests.virtual_time import VirtualClock

HOUR = 3600
LOGIN = 25
Answer = Callable[[Simulation, Received], None]


@asynccontextmanager
async def living(scenario: Scenario, clock: VirtualClock, path: Path | None = None) -> AsyncIterator[Simulation]:
    """A world with people, whose accounts are all attached."""
    simulation = Simulation(scenario, clock, path)
    await simulation.start()
    simulation.world.attached.update(simulation.world.accounts)
    try:
        yield simulation
    finally:
        await simulation.stop()
        assert simulation.agenda.failed == 0


def said_by_anybody(simulation: Simulation) -> list[str]:
    world = simulation.world
    contacts = [id for account in world.accounts.values() for id in account.friends.ids()]
    return [said.text for contact in dict.fromkeys(contacts) for said in world.record.said(contact)]


def accepting(simulation: Simulation) -> None:
    """Every account accepts whoever asks, as soon as it hears."""
    world = simulation.world
    for account in world.accounts:

        def tell(event: str, payload: dict[str, object], account: str = account) -> None:
            if event == "friendship":
                asked = world.friendship(account, str(payload["friendshipId"]))
                if asked.asks:
                    simulation.agenda.after(1, lambda: world.accept(account, asked.id))

        world.connect_gateway(account, tell)


async def test_an_hour_shows_requests_chats_claims_opt_outs_and_look_alikes(clock: VirtualClock) -> None:
    async with living(LIVELY, clock) as simulation:
        accepting(simulation)
        await clock.advance(HOUR)
        accepted = simulation.world.record.accepts("yu-1")
        said = said_by_anybody(simulation)
        assert 60 <= len(accepted) <= 180
        assert any(text in lines.QUESTIONS for text in said)
        assert any(text in lines.OPT_OUTS for text in said)
        assert any(text in lines.LOOK_ALIKES for text in said)
        sold = {sale.number for sale in simulation.shop.sales}
        claims = [text for text in said if any(number in text for number in sold)]
        assert len(claims) >= 10
        left = [
            contact
            for account in simulation.world.accounts.values()
            for contact in account.friends.ids()
            if not account.friends.reaches(contact)
        ]
        assert left


async def test_requests_name_their_channel_or_say_hello(clock: VirtualClock) -> None:
    async with living(LIVELY, clock) as simulation:
        await clock.advance(2 * HOUR)
        asked = list(simulation.world.accounts["yu-1"].requests.values())
        assert len({request.contact for request in asked}) == len(asked) > 100
        assert sum("parcel-card" in request.hello for request in asked) > len(asked) / 3
        assert any("parcel-card" not in request.hello for request in asked)
        assert {request.scene for request in asked} == {Scene.QR_CODE}


async def test_nobody_is_awake_at_night(clock: VirtualClock) -> None:
    async with living(replace(LIVELY, script=()), clock) as simulation:
        await clock.advance(24 * HOUR)
        zone = ZoneInfo("Asia/Shanghai")
        asked = simulation.world.accounts["yu-1"].requests
        assert len(asked) > 200
        contacts = simulation.world.accounts["yu-1"].friends.ids()
        times = [said.at_ms for contact in contacts for said in simulation.world.record.said(contact)]
        hours = {datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).hour for at_ms in times}
        assert hours <= set(range(8, 24))
        assert {8, 10, 22} <= hours


async def test_nobody_acts_before_the_account_is_attached(clock: VirtualClock) -> None:
    simulation = Simulation(replace(LIVELY, script=(Step(1, "owner", "room", "/状态"),)), clock)
    await simulation.start()
    await clock.advance(20 * 60)
    assert said_by_anybody(simulation) == []
    assert simulation.world.accounts["yu-1"].requests == {}
    simulation.world.attached.update(simulation.world.accounts)
    await clock.advance(3 * 60)
    assert simulation.world.accounts["yu-1"].requests
    assert [said.text for said in simulation.world.record.said(BOSS.contact)] == ["/状态"]
    await simulation.stop()


async def test_a_bot_that_answers_everything_starts_no_endless_talk(clock: VirtualClock) -> None:
    async with living(QUIET, clock) as simulation:
        world = simulation.world

        def parrot(event: str, payload: dict[str, object]) -> None:
            message = world.message("yu-1", str(payload["messageId"]))
            if message.talker != "wxid_yu_1":
                to = message.talker
                simulation.agenda.after(0.1, lambda: world.send("yu-1", to, Kind.TEXT, "福利 /完成 /确认 1234"))

        world.connect_gateway("yu-1", parrot)
        everybody = [contact for contact in world.accounts["yu-1"].friends.ids() if not world.account_with(contact)]
        for contact in everybody:
            world.say(contact, "yu-1", Kind.TEXT, "在吗")
        await clock.advance(5 * HOUR)
        heard = {contact: len(world.record.received(contact)) for contact in everybody}
        assert set(heard.values()) == {1, 2}  # each got an answer; who thanked for it got one more


async def test_an_unasked_message_moves_some_and_leaves_most_alone(clock: VirtualClock) -> None:
    async with living(QUIET, clock) as simulation:
        world = simulation.world
        await clock.advance(60)
        friends = [contact for contact in world.accounts["lin-1"].friends.ids() if contact.startswith("wxid_c")]
        for contact in friends:
            world.send("lin-1", contact, Kind.TEXT, "姐妹们，老客专享福利来啦")
        await clock.advance(HOUR / 2)
        answered = [contact for contact in friends if world.record.said(contact)]
        assert 0.2 * len(friends) < len(answered) < 0.7 * len(friends)
        assert all(len(world.record.said(contact)) == 1 for contact in answered)
        words = {world.record.said(contact)[0].text for contact in answered}
        assert words <= {*lines.THANKS, *lines.HOW_TO_BUY, *lines.OPT_OUTS}


async def test_a_siblings_card_brings_some_people_to_the_sibling(clock: VirtualClock) -> None:
    async with living(QUIET, clock) as simulation:
        world = simulation.world
        for number in range(20):
            world.send("yu-1", contact_of(number), Kind.CARD, "wxid_lin_1")
        await clock.advance(HOUR)
        asked = list(world.accounts["lin-1"].requests.values())
        assert 4 <= len(asked) <= 16
        assert {request.scene for request in asked} == {Scene.CARD}
        assert {request.contact for request in asked} <= {contact_of(number) for number in range(20)}


async def test_a_buyer_claims_with_an_order_of_their_own_and_not_again_after_a_restart(
    clock: VirtualClock, tmp_path: Path
) -> None:
    plan = replace(QUIET, claims_per_hour=60)
    path = tmp_path / "world.jsonl"
    async with living(plan, clock, path) as simulation:
        await clock.advance(2 * HOUR)
        claiming = [contact_of(n) for group in simulation.world.crowd.claiming.values() for n in group]
        assert len(claiming) == plan.claiming_buyers
        for contact in claiming:
            [said] = simulation.world.record.said(contact)
            assert any(number in said.text for number in simulation.shop.numbers_of(contact))
    async with living(plan, clock, path) as again:
        await clock.advance(2 * HOUR)
        assert all(len(again.world.record.said(contact)) == 1 for contact in claiming)


async def test_a_stream_goes_on_after_somebody_could_not_do_it(clock: VirtualClock) -> None:
    plan = replace(QUIET, claims_per_hour=60)
    async with living(plan, clock) as simulation:
        world = simulation.world
        claiming = [(a, contact_of(n)) for a, group in world.crowd.claiming.items() for n in group]
        for account, contact in claiming[:-1]:
            world.leave(contact, account)
        await clock.advance(2 * HOUR)
        assert [bool(world.record.said(contact)) for _, contact in claiming] == [False] * 5 + [True]


# --- staff ----------------------------------------------------------------------------------------------------------


def answering(simulation: Simulation, text: str) -> None:
    """The desk answers every command of the staff room with these words."""
    world = simulation.world

    def tell(event: str, payload: dict[str, object]) -> None:
        if event == "message":
            message = world.message("yu-1", str(payload["messageId"]))
            if message.talker in world.staff:
                to = message.room or message.talker
                simulation.agenda.after(0.1, lambda: world.send("yu-1", to, Kind.TEXT, text))

    world.connect_gateway("yu-1", tell)


@pytest.mark.parametrize("where", ["room", "yu-1"])
async def test_staff_start_a_push_and_confirm_with_the_code_once(clock: VirtualClock, where: str) -> None:
    plan = replace(QUIET, script=(Step(5, "owner", where, "/推送 老客福利"),))
    async with living(plan, clock) as simulation:
        answering(simulation, "将发给 412 人。回复 /确认 7391，2 分钟内有效")
        await clock.advance(HOUR)
        said = simulation.world.record.said(BOSS.contact)
        assert [item.text for item in said] == ["/推送 老客福利", "/确认 7391"]
        assert {item.to for item in said} == {ROOM if where == "room" else "yu-1"}
        assert said[1].at_ms - said[0].at_ms < 2 * 60_000
        assert simulation.world.record.said(CLERK.contact) == []


async def test_a_code_that_nobody_asked_for_is_not_confirmed(clock: VirtualClock) -> None:
    plan = replace(QUIET, script=(Step(5, "owner", "room", "/状态"),))
    async with living(plan, clock) as simulation:
        answering(simulation, "在线 3。/确认 1234")
        await clock.advance(HOUR)
        assert [item.text for item in simulation.world.record.said(BOSS.contact)] == ["/状态"]


async def test_a_profile_is_set_on_the_phone_and_no_post_is_made_of_it(clock: VirtualClock) -> None:
    async with living(QUIET, clock) as simulation:
        world = simulation.world
        wishes = "【改资料】请把 lin-1 的微信资料改成这样：\n昵称：小林\n个性签名：法式的懒\n做好了回我 /完成 全部"
        world.send("yu-1", BOSS.contact, Kind.TEXT, wishes)
        await clock.advance(HOUR)
        lin = world.accounts["lin-1"]
        assert (lin.nickname, lin.signature) == ("小林", "法式的懒")
        assert world.record.posts("lin-1") == []
        assert [item.text for item in world.record.said(BOSS.contact)] == ["/完成 全部"]


async def test_task_packages_are_ticked_off_together_by_who_got_them(clock: VirtualClock) -> None:
    async with living(QUIET, clock) as simulation:
        world = simulation.world
        world.send("yu-1", BOSS.contact, Kind.TEXT, "请发朋友圈（lin-1）：早安。发好后回复 /完成 12 或 /完成 全部")
        world.send("yu-1", BOSS.contact, Kind.TEXT, "小鱼也发一条：今天好冷。/完成 全部")
        await clock.advance(HOUR)
        assert [(item.to, item.text) for item in world.record.said(BOSS.contact)] == [("yu-1", "/完成 全部")]
        assert world.record.said(CLERK.contact) == []
        assert ["早安" in post.text for post in world.record.posts("lin-1")] == [True]
        assert ["好冷" in post.text for post in world.record.posts("yu-1")] == [True]
        assert world.record.posts("lin-2") == []


@pytest.mark.parametrize("minutes_late", [0.1, 5])
async def test_the_answer_to_a_tick_is_no_new_package(clock: VirtualClock, minutes_late: float) -> None:
    async with living(QUIET, clock) as simulation:
        world = simulation.world

        def tell(event: str, payload: dict[str, object]) -> None:
            if event == "message" and world.message("yu-1", str(payload["messageId"])).talker == BOSS.contact:
                words = "没有待办的任务，有了会发给你，用 /完成 全部 勾掉"
                simulation.agenda.after(minutes_late, lambda: world.send("yu-1", BOSS.contact, Kind.TEXT, words))

        world.connect_gateway("yu-1", tell)
        world.send("yu-1", BOSS.contact, Kind.TEXT, "下午的朋友圈，/完成 全部")
        await clock.advance(6 * HOUR)
        assert len(world.record.said(BOSS.contact)) <= 2


@pytest.mark.parametrize(
    "words",
    [
        "/帮助 看命令\n/状态 看情况\n/完成 编号｜全部 — 手机上的事做好了",
        "「/完成 全部」来的时候我不在线，没有执行",  # their own words, given back
    ],
)
async def test_a_text_that_only_names_the_tick_is_no_package(clock: VirtualClock, words: str) -> None:
    async with living(QUIET, clock) as simulation:
        simulation.world.send("yu-1", BOSS.contact, Kind.TEXT, words)
        await clock.advance(HOUR)
        assert simulation.world.record.said(BOSS.contact) == []
        assert simulation.world.record.posts("yu-1") == []


async def test_a_later_package_waits_for_its_own_tick(clock: VirtualClock) -> None:
    async with living(QUIET, clock) as simulation:
        world = simulation.world
        world.send("lin-1", BOSS.contact, Kind.TEXT, "早安 /完成 全部")
        await clock.advance(9 * 60)
        world.send("lin-1", BOSS.contact, Kind.TEXT, "午安 /完成 全部")
        await clock.advance(HOUR)
        said = [item.at_ms for item in world.record.said(BOSS.contact)]
        assert len(said) == 2
        assert said[1] - said[0] >= 10 * 60_000
        assert len(world.record.posts("lin-1")) == 2


async def test_a_package_in_the_file_helper_is_ticked_off_by_the_holder(clock: VirtualClock) -> None:
    async with living(QUIET, clock) as simulation:
        world = simulation.world
        world.send("lin-1", FILE_HELPER, Kind.TEXT, "早安图文，发好后 /完成 全部")
        await clock.advance(HOUR)
        assert [item.text for item in world.record.said(BOSS.contact)] == ["/完成 全部"]
        assert len(world.record.received("filehelper:lin-1")) == 1


async def test_the_script_of_the_day_is_followed_again_the_next_day(clock: VirtualClock) -> None:
    plan = replace(QUIET, script=(Step(5, "owner", "room", "/状态"), Step(9, "clerk", "lin-1", "/帮助")))
    async with living(plan, clock) as simulation:
        await clock.advance(25 * HOUR)
        said = simulation.world.record.said(BOSS.contact)
        assert [item.text for item in said] == ["/状态", "/状态"]
        assert said[1].at_ms - said[0].at_ms == 24 * HOUR * 1000
        assert [item.to for item in simulation.world.record.said(CLERK.contact)] == ["lin-1", "lin-1"]


def test_the_friends_that_the_seed_chooses_suit_the_matrix() -> None:
    def friends(accounts: tuple[AccountPlan, ...]) -> list[int]:
        day = shop_day(seed=7, accounts=accounts, staff=(), channels=(), staff_room="", desk="", push="")
        return [plan.friends or 0 for plan in day.accounts]

    unknown = tuple(replace(plan, friends=None) for plan in QUIET.accounts)
    assert friends(unknown)[0] == 2990
    assert all(160 <= count < 640 for count in friends(unknown)[1:])
    assert 30 <= friends(unknown[:1])[0] < 80
    assert friends(QUIET.accounts) == [40, 60, 50]


async def test_the_holder_scans_a_shown_code_once_after_a_while(clock: VirtualClock) -> None:
    async with living(QUIET, clock) as simulation, client_of(simulation, "lin-1") as client:
        await simulation.faults.log_out("lin-1")
        await clock.advance(10 * 60)
        assert not simulation.world.accounts["lin-1"].logged_in  # nobody scans what is not shown
        await client.stub.start()
        await client.stub.start()
        await clock.advance(30)
        assert not simulation.world.accounts["lin-1"].logged_in
        await clock.advance(4 * 60)
        assert simulation.world.accounts["lin-1"].logged_in
        await client.comes(LOGIN, 2)
        await clock.advance(10 * 60)
        assert len(client.ids(LOGIN)) == 2


async def test_one_account_with_five_friends_is_a_world_too(clock: VirtualClock) -> None:
    alone = shop_day(
        seed=1, accounts=[replace(QUIET.accounts[0], friends=5)], staff=[], channels=[], staff_room="", desk="", push=""
    )
    async with living(alone, clock) as simulation:
        accepting(simulation)
        await clock.advance(3 * HOUR)
        assert simulation.world.record.accepts("yu-1")
        assert said_by_anybody(simulation)
