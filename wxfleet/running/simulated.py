"""The simulated world for the accounts of config.yaml whose gateway is the simulator."""

from pathlib import Path

from personas.book import Book
from rules.clock import Clock
from scheduler.ponds.pond_file import load_ponds
from simulator.scenario import AccountPlan, ChannelPlan, RoomPlan, Scenario, StaffPlan, shop_day
from simulator.simulation import Simulation
from wxfleet.reading.settings import Settings


def simulation_for(
    settings: Settings, book: Book, clock: Clock, folder: Path, push: str, campaign: str = ""
) -> Simulation:
    """A world with these accounts in it; what happened there is kept in `folder`. `push` and `campaign` are what staff
    will start.
    """
    return Simulation(scenario_for(settings, book, push, campaign), clock, folder / "world.jsonl")


def scenario_for(settings: Settings, book: Book, push: str, campaign: str = "") -> Scenario:
    accounts = [account for account in settings.accounts if account.simulated]
    ids = {account.id for account in accounts}
    plans = [
        AccountPlan(
            id=account.id,
            role=account.role.value,
            nickname=book.resolved(account.persona).name,
            holder=account.holder or "",
        )
        for account in accounts
    ]
    staff = [
        StaffPlan(id=member.id, name=member.name, contact=contact, role=member.role.value)
        for member in settings.staff
        for contact in member.wechat[:1]
    ]
    channels = [
        ChannelPlan(channel.code, channel.name, tuple(name for name in channel.accounts if name in ids))
        for channel in settings.channels
    ]
    ponds = [pond for pond in load_ponds(settings.ponds)[0].values() if pond.room and pond.account in ids]
    room = settings.staff_room
    return shop_day(
        seed=settings.simulator.seed,
        accounts=plans,
        staff=staff,
        channels=[channel for channel in channels if channel.accounts],
        staff_room=(room.id or "") if room else "",
        rooms=[RoomPlan(pond.room or "", pond.title, _who_sits_in(pond.account, settings)) for pond in ponds],
        desk=room.desk if room and room.desk in ids else "",
        push=push,
        campaign=campaign,
        shop=settings.shop.name,
        brand=settings.shop.brand or settings.shop.name,
        zone=settings.shop.time_zone,
    )


def _who_sits_in(owner: str, settings: Settings) -> tuple[str, ...]:
    """The owner and one of its siblings: in a real shop, too, several of ours sit in one group."""
    other = next((account.id for account in settings.accounts if account.simulated and account.id != owner), None)
    return (owner, other) if other else (owner,)
