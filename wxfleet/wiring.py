"""The composition root: every room gets its parts here, and nowhere else."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from time import perf_counter

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.assisted import Assisted
from bots.courier import Courier
from bots.fleet import Fleet, Member
from bots.friends import Friends
from bots.payloads import friendship_of
from bots.sync import FriendSync
from bots.tally import Tally
from bots.tenure import Ownership
from bots.webhook import WebhookPublisher as Webhook
from commands.chat import Chat, stops_everything
from conversations.answers import nobody_to_ask
from conversations.asking import Asking
from conversations.at_once import read_ahead
from conversations.intake import Intake, is_urgent
from conversations.products import load_products
from conversations.speaking import Voices
from conversations.welcome import Welcome
from customers.segments.segment_file import load_segments
from operations.confirmations import LIFE_MS
from operations.desk import Desk
from operations.learning import Learning
from operations.losing import LeadIn
from operations.ponding import heard_code
from operations.posting import Posting
from personas.book import Book
from rules.clock import Clock
from scheduler.campaign_files.campaign_files import load_campaigns
from scheduler.care.lesson_file import load_lessons
from scheduler.moments.live_calendar import LiveCalendar
from scheduler.planner import Planner
from scheduler.pushes.push_file import load_pushes
from scheduler.pushes.push_words import PushWording
from simulator.simulation import Doors
from storage.engine import Database
from storage.inbox import Received
from storage.notify import Listener
from wxfleet.clocks import wall_ms
from wxfleet.members import member_of, webhooks_of
from wxfleet.planner_steps import planner_steps
from wxfleet.reading.moments_calendar import book_of, live_calendar, read_calendar_of
from wxfleet.reading.settings import Settings
from wxfleet.telling import tell_of_campaign

OnScan = Callable[[str, str], None]
BREATH_S = 0.03
"""Wall time between two transactions of long work: whoever waits for the one writer of SQLite asks again within it."""


@dataclass(frozen=True, slots=True)
class House:
    """The parts that a service starts and stops. `members` are all accounts, whoever serves them."""

    fleet: Fleet
    courier: Courier
    members: tuple[Member, ...]
    planner: Planner
    listener: Listener
    webhooks: tuple[Webhook, ...]
    asking: Asking | None = None

    async def close(self) -> None:
        for webhook in self.webhooks:
            await webhook.close()


def build(
    settings: Settings,
    book: Book,
    db: Database,
    clock: Clock,
    *,
    doors: Doors | None,
    ownership: Ownership,
    on_scan: OnScan,
    shared: bool = False,
) -> House:
    """A fleet with all its rooms. `doors`: where the simulated world is, when there is one. A `shared` one begins with
    no accounts: they are taken up and released while it runs.
    """
    voices = Voices(book, settings.shop)
    friends = Friends(settings.channels, Welcome(voices))
    calendar = live_calendar(settings, book)
    desk = desk_of(settings, calendar)
    chat = Chat(desk, settings.shop.time_zone)
    products, _ = load_products(settings.products)
    model = settings.language_model
    asking = Asking(model, voices, products, db, clock) if model else None
    intake = Intake(
        voices, on_command=chat.on_command, on_stranger=chat.on_stranger, on_friendship=partial(_friendship, friends),
        on_room_code=heard_code,
        products=products, ask=asking.ask if asking else nobody_to_ask,
    )  # fmt: skip
    assisted = Assisted()
    fleets: list[Fleet] = []
    courier = Courier(
        db,
        clock,
        wording=PushWording(book, settings.shop),
        hand_over=assisted.hand_over,
        random=Random(),
        ownership=ownership,
        on_problem=lambda account, problem: fleets[0].hear_problem(account, problem),
        on_lost=lambda accounts: fleets[0].hear_lost(accounts),
        tally=Tally(perf_counter),
    )
    webhooks = webhooks_of(settings, doors, clock)
    members = [member_of(settings, account, doors, webhooks) for account in settings.accounts]
    fleet = Fleet(
        db, clock, () if shared else members, courier=courier, handle=intake.handle, background=FriendSync(db, clock),
        on_scan=on_scan, random=Random(), urgent=partial(is_urgent, stops_everything=stops_everything),
        read_ahead=read_ahead,
    )  # fmt: skip
    fleets.append(fleet)
    steps = planner_steps(settings, book, members, friends, assisted, voices, desk)
    planner = Planner(
        db, clock, calendar, tell=tell_of_campaign, shop_zone=settings.shop.time_zone,
        breathe=partial(asyncio.sleep, BREATH_S), always_ask=settings.always_ask,
        extra=steps,
    )  # fmt: skip
    return House(fleet, courier, tuple(members), planner, Listener(db, clock), tuple(webhooks.values()), asking)


def desk_of(settings: Settings, calendar: LiveCalendar | None = None) -> Desk:
    """The rule book of staff requests, the same for every door."""
    segments, _ = load_segments(settings.segments)
    pushes, _ = load_pushes(settings.pushes, segments=segments)
    zone_name = settings.shop.time_zone
    campaigns, _ = load_campaigns(settings.campaigns, wall_ms(), zone_name, segments=segments)
    speed = settings.simulator.speed if settings.all_simulated else 1
    read = cache(lambda: read_calendar_of(settings, book_of(settings))[0])  # only when somebody asks
    posting = Posting(
        lambda: calendar.current if calendar else read(),
        zone=zone_name,
        style=settings.shop.style,
        media=settings.media,
    )
    return Desk(
        pushes,
        zone=zone_name,
        posting=posting,
        wording=lambda: PushWording(book_of(settings), settings.shop),
        learning=Learning(load_lessons(settings.lessons)[0], zone_name),
        second_person_above=settings.second_person_above,
        code_life_ms=round(LIFE_MS * speed),
        campaigns=campaigns,
        gifts=settings.gifts,
        always_ask=settings.always_ask,
        goal=settings.shop.goal,
        lead_in=lead_in_of(settings),
        segments=segments,
    )


def lead_in_of(settings: Settings) -> LeadIn:
    """How a text leads to each account, by the file."""
    wechat = {account.id: account.wechat_id for account in settings.accounts if account.wechat_id}
    qr = {account.id: account.qr for account in settings.accounts if account.qr}
    return LeadIn(settings.shop.name, wechat, qr)


async def _friendship(friends: Friends, tx: AsyncConnection, received: Received, now_ms: int) -> str:
    return await friends.friendship_arrived(tx, received.account, friendship_of(received.payload), now_ms)
