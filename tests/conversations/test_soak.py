"""Many conversations at once on real gateways of a simulated world: nothing reaches the wrong person or from the wrong
account, nobody is answered twice, and staff's answers stay among staff.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.friends import Friends
from bots.lifecycle import State
from bots.payloads import friendship_of
from bots.sync import FriendSync
from bots.wechaty_gateway import WechatyGateway
from commands.chat import Chat
from conversations.intake import Intake
from conversations.speaking import Voices
from operations.desk import Desk
from personas.book import Book
from personas.model import Persona, Shop
from simulator.messages import Kind as Said
from simulator.simulation import Simulation
from storage.engine import Database
from storage.inbox import Received
from storage.staff_tables import StaffContact, StaffMember
from storage.tables import Account, Friendship, Person
from tests.bots.fleet_world import World, add_accounts, running
from tests.bots.test_fleet_simulated import QUICK, STEP_S, synchronised, welcome
from tests.conversations.shop import PERSONA
from tests.simulator.worlds import QUIET
from tests.virtual_time import VirtualClock

ACCOUNTS = ("yu-1", "lin-1", "lin-2")
EACH = 6
"""Customers who write to an account in one round: fewer than the people an account may speak to in a minute."""
BOTH = 3
"""Of these, who know two accounts and write to both at once."""
ROUNDS = 2
QUESTIONS = ("店名是啥", "什么码", "什么吗", "我要投诉", "今天天气不错")
_MARK = re.compile(r"⟦(.+?)⟧")


def _persona(account: str) -> Persona:
    """Says in every text who speaks and to whom."""
    marks = "⟦{{ call_me }}⟧⟦" + account + "⟧"
    document = PERSONA.model_dump(mode="json", exclude_unset=True)
    for entry in document["replies"]:
        entry["answers"] = [f"{marks}{answer}" for answer in entry["answers"]]
    document["templates"] = {name: f"{marks}{texts[0]}" for name, texts in document["templates"].items()}
    return Persona.model_validate(document | {"id": account, "name": account})


def _intake(friends: Friends) -> Intake:
    personas = {account: _persona(account) for account in ACCOUNTS}
    chat = Chat(Desk({}, zone="Asia/Shanghai"), "Asia/Shanghai")

    async def on_friendship(tx: AsyncConnection, received: Received, now_ms: int) -> str:
        return await friends.friendship_arrived(tx, received.account, friendship_of(received.payload), now_ms)

    return Intake(
        Voices(Book(personas, personas), Shop(name="小林的衣橱", brand="XL", contact="400-000-0000")),
        on_command=chat.on_command,
        on_stranger=chat.on_stranger,
        on_friendship=on_friendship,
    )


@asynccontextmanager
async def shop(db: Database, clock: VirtualClock, folder: Path) -> AsyncIterator[tuple[Simulation, World]]:
    """Three accounts, each with a persona of its own; every customer has a name that nobody else has."""
    simulation = Simulation(QUIET, clock, folder / "world.jsonl", with_people=False)
    doors = await simulation.start()
    for contact in _customers(simulation, "yu-1")[:BOTH]:
        simulation.world.befriend_on_phone("lin-1", contact)
    gateways: dict[str, Any] = {id: WechatyGateway(id, *doors.gateways[id]) for id in ACCOUNTS}
    await add_accounts(db, *ACCOUNTS)
    async with db.write() as tx:
        await tx.execute(update(Account).values(persona=Account.id))
        await tx.execute(insert(StaffMember).values(id="boss", name="老板", role="owner", accounts=[]))
        await tx.execute(insert(StaffContact).values(contact="wxid_boss", staff="boss"))
    handle = _intake(Friends((), welcome)).handle
    sync = FriendSync(db, clock, QUICK, QUICK)
    try:
        async with running(db, clock, gateways, handle=handle, background=sync) as world:
            for account in ACCOUNTS:
                await world.reaches(State.ONLINE, account, step_s=STEP_S)
            await synchronised(world)
            await _name_everybody(db)
            yield simulation, world
    finally:
        await simulation.stop()


async def test_many_conversations_at_once_stay_apart(
    sqlite_database: Database, clock: VirtualClock, tmp_path: Path
) -> None:
    dice = Random(11)
    async with shop(sqlite_database, clock, tmp_path) as (simulation, world):
        asked: Counter[tuple[str, str]] = Counter()
        for _ in range(ROUNDS):
            pairs = {(who, account) for account in ACCOUNTS for who in _customers(simulation, account)}
            pairs |= {(who, "lin-1") for who in _customers(simulation, "yu-1")[:BOTH]}
            acts = dice.sample(sorted(pairs), len(pairs))
            for number, (contact, account) in enumerate(acts):
                simulation.world.say(contact, account, Said.TEXT, dice.choice(QUESTIONS))
                asked[contact, account] += 1
                if number % 10 == 0:
                    simulation.world.say("wxid_boss", dice.choice(ACCOUNTS), Said.TEXT, f"/客户 {contact}")
                if number % 7 == 0:
                    simulation.world.say(contact, account, Said.TEXT, "/全停")
                    asked[contact, account] += 1
            await world.eventually(partial(_quiet, world, sum(asked.values())), step_s=1.0)
        told = Counter[tuple[str, str]]()
        for contact, account in asked:
            for message in simulation.world.record.received(contact):
                assert message.account in {one for who, one in asked if who == contact}
                if message.account == account and not message.by_phone:
                    assert set(_MARK.findall(message.text)) == {_name(contact), account}, message
                    told[contact, account] += 1
        assert set(told) == set(asked)
        assert all(told[pair] <= asked[pair] for pair in asked)
        boss = [message.text for message in simulation.world.record.received("wxid_boss")]
        assert boss and not any(_MARK.search(text) for text in boss)


async def _name_everybody(db: Database) -> None:
    async with db.write() as tx:
        customers = select(Friendship.person, Friendship.contact).where(Friendship.contact.startswith("wxid_c0"))
        for person, contact in (await tx.execute(customers)).all():
            await tx.execute(update(Person).where(Person.id == person).values(call_me=_name(contact)))


def _name(contact: str) -> str:
    """A name of their own that is short enough to be one: 客一零零零二 of wxid_c0010002."""
    number = "".join(sign for sign in contact if sign.isdigit())
    return "客" + "".join(_NUMERALS[int(digit)] for digit in str(int(number)))


_NUMERALS = "零一二三四五六七八九"


def _customers(simulation: Simulation, account: str) -> list[str]:
    friends = simulation.world.accounts[account].friends.ids()
    return [id for id in friends if id.startswith("wxid_c0")][:EACH]


async def _quiet(world: World, at_least: int) -> bool:
    """Everything that was said is acted upon, and everything that is to be said has left."""
    arrivals = await world.arrivals()
    messages = [row for row in arrivals if row.kind == "message"]
    rows = await world.deliveries()
    return (
        len(messages) >= at_least
        and all(row.state == "handled" for row in messages)
        and not any(row.state in ("pending", "sending") for row in rows)
    )
