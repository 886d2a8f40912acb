"""The world keeps its own record, goes on from its journal, and is decided by its seed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.crowd import contact_of
from simulator.errors import JournalUnusable, NoSuchThing, Refusal
from simulator.friends import FriendList
from simulator.journal import Journal
from simulator.messages import Kind, Scene
from simulator.scenario import Scenario
from simulator.simulation import Simulation
from simulator.world import World
from tests.simulator.worlds import LIVELY, QUIET
from tests.virtual_time import VirtualClock

FRIEND = contact_of(30)


def opened(clock: VirtualClock, path: Path | None, scenario: Scenario = QUIET) -> World:
    world = World(scenario, clock, Journal(path) if path else None)
    world.start()
    return world


async def test_a_restarted_world_knows_everything_of_before(clock: VirtualClock, tmp_path: Path) -> None:
    first = opened(clock, tmp_path / "world.jsonl")
    somebody = first.newcomer()
    request = first.ask(somebody, "yu-1", "包裹卡 parcel-card", Scene.QR_CODE)
    first.accept("yu-1", request)
    await clock.advance(60)
    sent = first.send("yu-1", somebody, Kind.TEXT, "欢迎呀")
    said = first.say(somebody, "yu-1", Kind.TEXT, "你好")
    post = first.publish("lin-1", "lin-1:today", "life", "早安", ("a.jpg",))
    first.leave(FRIEND, "yu-1")
    first.set_profile("yu-1", signature="早")
    first.log_out("lin-2", "test")
    first.stop()

    second = opened(clock, tmp_path / "world.jsonl")
    assert second.record.received(somebody) == first.record.received(somebody)
    assert second.record.said(somebody) == first.record.said(somebody)
    assert second.record.accepts("yu-1") == first.record.accepts("yu-1")
    assert [item.reached() for item in second.record.posts("lin-1")] == [
        item.reached() for item in first.record.posts("lin-1")
    ]
    assert second.accounts["yu-1"].friends.ids() == first.accounts["yu-1"].friends.ids()
    assert second.message("yu-1", sent.id) == sent
    assert second.message("yu-1", said.id) == said
    assert second.friendship("yu-1", request) == first.friendship("yu-1", request)
    assert second.accounts["yu-1"].signature == "早"
    assert not second.accounts["lin-2"].logged_in
    assert second.publish("lin-1", "lin-1:today", "life", "早安") == post
    assert second.newcomer() != somebody
    with pytest.raises(Refusal):
        second.send("yu-1", FRIEND, Kind.TEXT, "还在吗")
    second.stop()


@pytest.mark.parametrize("journal", ["kept", "thrown away"])
async def test_ids_of_later_runs_never_repeat(clock: VirtualClock, tmp_path: Path, journal: str) -> None:
    ids: list[str] = []
    for run in range(3):
        path = tmp_path / ("world.jsonl" if journal == "kept" else f"{run}.jsonl")
        world = opened(clock, path)
        ids += [world.say(FRIEND, "yu-1", Kind.TEXT, "在吗").id for _ in range(5)]
        ids += [world.ask(world.newcomer(), "yu-1", "", Scene.QR_CODE) for _ in range(5)]
        world.stop()
        await clock.advance(3600)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("torn", ['{"do":"leave","at"', "{", '{"do":"start","at":1}'])
async def test_a_line_torn_by_a_crash_is_dropped_and_the_next_one_whole(
    clock: VirtualClock, tmp_path: Path, torn: str
) -> None:
    path = tmp_path / "world.jsonl"
    first = opened(clock, path)
    first.send("yu-1", FRIEND, Kind.TEXT, "一")
    first.stop()
    path.write_text(path.read_text(encoding="utf-8") + torn, encoding="utf-8")
    second = opened(clock, path)
    second.send("yu-1", FRIEND, Kind.TEXT, "二")
    second.stop()
    third = opened(clock, path)
    assert [item.text for item in third.record.received(FRIEND)] == ["一", "二"]
    assert third.state.runs == 3
    third.stop()


@pytest.mark.parametrize("content", ["订单编号,买家会员名\n", "[1]\n", '{"x": 1}\n'])
async def test_another_file_is_no_journal_and_is_left_alone(clock: VirtualClock, tmp_path: Path, content: str) -> None:
    path = tmp_path / "world.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(JournalUnusable, match=r"world\.jsonl:1"):
        opened(clock, path)
    assert path.read_text(encoding="utf-8") == content


async def test_a_sent_message_is_on_disk_before_anybody_is_told(clock: VirtualClock, tmp_path: Path) -> None:
    path = tmp_path / "world.jsonl"
    world = opened(clock, path)
    seen: list[str] = []
    world.connect_gateway("yu-1", lambda event, payload: seen.append(path.read_text(encoding="utf-8")))
    world.send("yu-1", FRIEND, Kind.TEXT, "先记下来")
    assert "先记下来" in seen[0]
    world.stop()


async def test_entries_of_an_account_that_is_no_longer_there_are_passed_over(
    clock: VirtualClock, tmp_path: Path
) -> None:
    path = tmp_path / "world.jsonl"
    first = opened(clock, path)
    first.send("lin-2", contact_of(20_030), Kind.TEXT, "在的")
    first.publish("lin-2", "k", "life", "早安")
    first.stop()
    second = opened(clock, path, replace(QUIET, accounts=QUIET.accounts[:2]))
    assert second.record.posts("lin-2") == []
    second.stop()


async def test_an_added_account_changes_nobody_elses_friends(clock: VirtualClock) -> None:
    whole = opened(clock, None)
    fewer = opened(clock, None, replace(QUIET, accounts=QUIET.accounts[:2], known_buyers=0))
    crowd = [id for id in whole.accounts["yu-1"].friends.ids() if id.startswith("wxid_c")]
    before = [id for id in fewer.accounts["yu-1"].friends.ids() if id.startswith("wxid_c")]
    assert set(crowd) <= set(before)
    assert whole.newcomer() == fewer.newcomer()


async def test_a_post_is_published_once_and_seen_by_the_friends_of_that_moment(clock: VirtualClock) -> None:
    world = opened(clock, None)
    world.leave(FRIEND, "yu-1")
    first = world.publish("yu-1", "k", "life", "早安")
    later = world.newcomer()
    world.befriend_on_phone("yu-1", later)
    assert world.publish("yu-1", "k", "life", "另一条") == first
    [post] = world.record.posts("yu-1")
    assert post.text == "早安"
    assert set(post.reached()) == set(world.accounts["yu-1"].friends.ids()) - {FRIEND, later}
    with pytest.raises(NoSuchThing):
        world.publish("nobody", "k2", "life", "早安")


@given(friends=st.integers(1, 6000))
def test_up_to_the_threshold_all_see_a_post_and_above_two_thirds(friends: int) -> None:
    listed = FriendList("yu-1", range(friends), ())
    readers = list(listed.then(3000).readers())
    assert set(readers) <= set(listed.ids())
    if friends <= 3000:
        assert len(readers) == friends
    else:
        assert abs(len(readers) - friends * 2 / 3) < 150
    assert readers == list(listed.then(3000).readers())


async def test_a_friend_who_came_back_is_reached_again(clock: VirtualClock) -> None:
    world = opened(clock, None)
    world.leave(FRIEND, "yu-1")
    assert not world.accounts["yu-1"].friends.reaches(FRIEND)
    world.befriend_on_phone("yu-1", FRIEND)
    world.send("yu-1", FRIEND, Kind.TEXT, "欢迎回来")
    assert len(world.accounts["yu-1"].friends.ids()) == len(set(world.accounts["yu-1"].friends.ids()))


async def _day(scenario: Scenario, path: Path, mixing: Callable[[World], None]) -> list[dict[str, object]]:
    clock = VirtualClock()
    simulation = Simulation(scenario, clock, path)
    await simulation.start()
    simulation.world.attached.update(simulation.world.accounts)
    mixing(simulation.world)
    await clock.advance(3 * 3600)
    await simulation.stop()
    return _lines(path)


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def test_equal_seeds_give_equal_days_and_other_seeds_other_days(tmp_path: Path) -> None:
    first = await _day(LIVELY, tmp_path / "1.jsonl", lambda world: None)
    second = await _day(LIVELY, tmp_path / "2.jsonl", lambda world: None)
    other = await _day(replace(LIVELY, seed=8), tmp_path / "3.jsonl", lambda world: None)
    assert first == second
    assert len(first) > 300
    assert [line.get("text") for line in first] != [line.get("text") for line in other]


async def test_what_a_bot_says_to_one_person_changes_nobody_elses_day(tmp_path: Path) -> None:
    def chatty(world: World) -> None:
        world.send("yu-1", FRIEND, Kind.TEXT, "今晚有福利哦")

    quiet = await _day(LIVELY, tmp_path / "1.jsonl", lambda world: None)
    disturbed = await _day(LIVELY, tmp_path / "2.jsonl", chatty)

    def requests(day: list[dict[str, object]]) -> list[tuple[object, ...]]:
        return [(line["at"], line["contact"], line["hello"]) for line in day if line["do"] == "friendship"]

    assert requests(quiet) == requests(disturbed)
