"""Urgent words under a backlog: they overtake other conversations, never their own."""

import asyncio
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.handling import Handling
from commands.chat import stops_everything
from conversations.intake import is_urgent
from storage.engine import Database
from storage.inbox import NewArrival, Received, record
from tests.virtual_time import VirtualClock, until

BACKLOG = 3000


def _payload(talker: str, text: str, room: str = "") -> dict[str, object]:
    return {
        "id": text, "kind": "text", "text": text, "talker": talker, "listener": "wxid_self", "room": room,
        "sent_ms": 1, "mentions": [],
    }  # fmt: skip


def urgent(received: Received) -> bool:
    return is_urgent(received, stops_everything=stops_everything)


class Line:
    """A handling that remembers in which order it handled; `after` arrivals something more may come."""

    def __init__(self, db: Database, clock: VirtualClock) -> None:
        self.db = db
        self.order: list[str] = []
        self.at: dict[int, list[Received]] = {}
        self.handling = Handling(db, clock, self.handle, urgent)

    async def handle(self, tx: AsyncConnection, received: Received, now_ms: int, late: bool = False) -> str:
        self.order.append(f"{received.payload['talker']}:{received.payload['text']}")
        if came := self.at.pop(len(self.order), None):
            await self.handling.add_fetched(came, [])
        return "heard"

    async def received(self, said: list[tuple[str, str, str]]) -> list[Received]:
        """(account, talker, text) as rows of the inbox."""
        rows = [NewArrival(account, f"message:{number}:{talker}", "message", 1) for number, (account, talker, _) in
                enumerate(said)]  # fmt: skip
        async with self.db.write() as tx:
            new = await record(tx, rows)
        return [replace(row, payload=_payload(who, text)) for row, (_, who, text) in zip(new, said, strict=True)]

    async def until_handled(self, number: int) -> None:
        task = asyncio.create_task(self.handling.run(), name="handling")
        await until(lambda: len(self.order) >= number)
        self.handling.stop()
        await task


async def test_an_opt_out_behind_thousands_is_handled_at_once_after_what_its_own_conversation_said(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    line = Line(sqlite_database, clock)
    said = [("a", f"c{number}", "在吗") for number in range(BACKLOG)]
    said[BACKLOG // 2] = ("a", "hua", "有新款吗")
    arrivals = await line.received([*said, ("a", "hua", "别再给我发广告")])
    for arrival in arrivals:
        line.handling.add(arrival)
    await line.until_handled(BACKLOG + 1)
    assert line.order[:3] == ["hua:有新款吗", "hua:别再给我发广告", "c0:在吗"]
    assert len(set(line.order)) == BACKLOG + 1


async def test_an_emergency_stop_that_comes_while_others_wait_does_not_wait_for_them(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    line = Line(sqlite_database, clock)
    arrivals = await line.received([*(("a", f"c{n}", "在吗") for n in range(BACKLOG)), ("b", "boss", "/急停")])
    line.at[10] = [arrivals.pop()]
    for arrival in arrivals:
        line.handling.add(arrival)
    await line.until_handled(BACKLOG + 1)
    assert line.order.index("boss:/急停") <= 50
    assert [one for one in line.order if one != "boss:/急停"] == [f"c{n}:在吗" for n in range(BACKLOG)]


async def test_a_flood_of_one_person_opt_outs_or_not_overtakes_nobody_who_came_before(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    """Only their first opt-out is urgent, and of what goes on a few have their turn before the others."""
    line = Line(sqlite_database, clock)
    said = [("a", "flood", f"{number}" if number % 2 else "退订") for number in range(200)]
    others = [("a", f"c{number}", "在吗") for number in range(100)]
    for arrival in await line.received([others[0], *said, *others[1:]]):
        line.handling.add(arrival)
    await line.until_handled(300)
    floods = [one for one in line.order if one.startswith("flood")]
    assert line.order[0] == "flood:退订" and floods == [f"flood:{text}" for _, _, text in said]
    assert max(line.order.index(f"{who}:在吗") for _, who, _ in others) < 110, "a hundred others and a few of the flood"


def _says(text: str, room: str = "") -> bool:
    return urgent(Received(1, "a", "message:1", "message", _payload("w", text, room), 1))


def test_urgent_is_who_wants_no_more_and_the_stop_of_staff_and_nothing_else() -> None:
    assert all(_says(text) for text in ("退订", "别再给我发广告", "烦死了", "/全停", "＃急停", "stop"))
    assert not any(_says(text) for text in ("在吗", "别发货", "/状态", "订阅", "全停"))
    assert _says("@小鱼 /全停", room="1@chatroom") and not _says("退订", room="1@chatroom")
