"""The composition root: every room gets its parts here, and nowhere else."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from functools import cache, partial
from random import Random
from time import perf_counter
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.account import AccountConfig, WebhookPublisher
from bots.account import WechatyGateway as WechatyConfig
from bots.assisted import Assisted
from bots.channel_pools import ChannelPools
from bots.courier import Courier
from bots.fleet import Fleet, Member
from bots.friends import Friends
from bots.gateway import Gateway
from bots.lane import LaneConfig
from bots.live_requests import ask_for_own_codes, own_codes_missing
from bots.own_profiles import ask_for_looks, looks_due
from bots.payloads import friendship_of
from bots.phone_tasks import hand_out_likes
from bots.pond_tasks import hand_out_pond_looks
from bots.staff_line import tell_staff
from bots.sync import FriendSync
from bots.tally import Tally
from bots.tenure import Ownership
from bots.webhook import WebhookPublisher as Webhook
from bots.wechaty_gateway import WechatyGateway
from commands.chat import Chat, stops_everything
from conversations.answers import nobody_to_ask
from conversations.asking import Asking
from conversations.at_once import read_ahead
from conversations.intake import Intake, is_urgent
from conversations.moving import Moving
from conversations.products import load_products
from conversations.promotions import Promotions
from conversations.speaking import Voices
from conversations.waiting_watch import WaitingWatch
from conversations.welcome import Welcome
from customers.finding import search
from customers.own_data.retention import Retention
from customers.profiles.persona_liking import PersonaLiking
from customers.segments.segment_file import load_segments
from customers.standing.standing import Standing
from operations.confirmations import LIFE_MS
from operations.counting import Counting
from operations.desk import Desk
from operations.learning import Learning
from operations.losing import LeadIn
from operations.ponding import heard_code
from operations.posting import Posting
from operations.report_wishes import ReportWishes
from operations.reporting import message_of
from operations.why import reason_words
from personas.book import Book
from reports.daily import DailyDigest
from rules.clock import Clock
from rules.quiet_hours import zone
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_files import load_campaigns
from scheduler.campaigns.phases import Phases
from scheduler.campaigns.series import Rounds
from scheduler.care.care import Care
from scheduler.care.care_file import load_care
from scheduler.care.lesson_file import load_lessons
from scheduler.care.lessons import Lessons, Stuck
from scheduler.kinds.announcing import Announcing
from scheduler.kinds.precise_tasks import PreciseTasks
from scheduler.moments.likes import LikeRound, Likes
from scheduler.moments.live_calendar import LiveCalendar
from scheduler.moments.material_sweep import MaterialSweep
from scheduler.moments.media_watch import MediaWatch
from scheduler.moments.mirror_gaps import Gap, MirrorGaps
from scheduler.moments.mirror_profiles import MirrorProfiles
from scheduler.planner import Planner, Step
from scheduler.ponds.pond_looks import PondLooks
from scheduler.ponds.pond_members import PondMembers
from scheduler.push_events import CampaignEvent
from scheduler.pushes.coupon_rows import CouponReturns
from scheduler.pushes.push_file import load_pushes
from scheduler.pushes.push_words import PushWording
from scheduler.pushes.recalls import Recalls
from simulator.simulation import Doors
from storage.engine import Database
from storage.expiry import Expiry
from storage.inbox import Received
from storage.notify import Listener
from texts.catalogue import say
from wxfleet.clocks import wall_ms
from wxfleet.reading.moments_calendar import book_of, live_calendar, read_calendar_of
from wxfleet.reading.settings import Settings

OnScan = Callable[[str, str], None]
BREATH_S = 0.03
"""Wall time between two transactions of long work: whoever waits for the one writer of SQLite asks again within it."""
_GAP_CHARACTERS = 30
_OFTEN = ("error_budget", "refused", "phase_skipped", "task_batch")
"""Of these events one campaign may have several; each is told."""
_UNHURRIED = 5
"""Ticks, about seconds: how often is looked for what nobody sits and waits for."""


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
    webhooks = {a.id: _webhook(a, doors, clock) for a in settings.accounts if isinstance(a.publisher, WebhookPublisher)}
    members = [_member(settings, account, doors, webhooks) for account in settings.accounts]
    fleet = Fleet(
        db, clock, () if shared else members, courier=courier, handle=intake.handle, background=FriendSync(db, clock),
        on_scan=on_scan, random=Random(), urgent=partial(is_urgent, stops_everything=stops_everything),
        read_ahead=read_ahead,
    )  # fmt: skip
    fleets.append(fleet)
    steps = _steps(settings, book, members, friends, assisted, voices, desk)
    planner = Planner(
        db, clock, calendar, tell=tell_of_campaign, shop_zone=settings.shop.time_zone,
        breathe=partial(asyncio.sleep, BREATH_S), always_ask=settings.always_ask,
        extra=steps,
    )  # fmt: skip
    return House(fleet, courier, tuple(members), planner, Listener(db, clock), tuple(webhooks.values()), asking)


def _steps(
    settings: Settings,
    book: Book,
    members: Sequence[Member],
    friends: Friends,
    assisted: Assisted,
    voices: Voices,
    desk: Desk,
) -> tuple[Step, ...]:
    """What the planner looks at for other rooms."""
    expiry = Expiry()
    retention = Retention(settings.privacy)
    daily = DailyDigest(settings.shop.time_zone, _tell_the_day)
    wishes = ReportWishes(settings.shop.time_zone, message_of)
    pools = ChannelPools(settings.channels)
    promotions, moving, liking = Promotions(voices), Moving(voices), PersonaLiking()
    lessons = Lessons(load_lessons(settings.lessons)[0], book, settings.shop, tell=_tell_who_is_stuck)
    care = Care(load_care(settings.care)[0], book, settings.shop)
    pictures = MediaWatch(settings.media)
    phases = Phases(tell=tell_of_campaign, shop_zone=settings.shop.time_zone, always_ask=settings.always_ask)
    recalls = Recalls(tell_of_campaign)
    pond_looks, pond_members = PondLooks(hand_out_pond_looks), PondMembers()
    announcing = Announcing(book, settings.shop, tell=tell_of_campaign)
    tasks = PreciseTasks(tell=tell_of_campaign, shop_zone=settings.shop.time_zone)
    returns = CouponReturns()
    counting = Counting(desk.look, desk.finish)
    rounds = Rounds(partial(_campaigns_of, settings), tell=tell_of_campaign, shop_zone=settings.shop.time_zone)
    sweep = MaterialSweep(settings.media)
    standings = Standing()
    profiles = MirrorProfiles({persona.id: book.resolved(persona.id).profile for persona in book.all()})
    live = {member.account for member in members if member.lane.live}
    likes = Likes(settings.likes, settings.shop.time_zone, live, _hand_out_likes)
    gaps = MirrorGaps(_tell_of_gap)
    watch = WaitingWatch(settings.handover, settings.shop.time_zone)
    return (
        Step(expiry.due, expiry.close, every=_UNHURRIED),
        Step(friends.somebody_waits, friends.reconsider_waiting, every=_UNHURRIED),
        Step(pools.somebody_does_better, pools.switch, every=_UNHURRIED),
        Step(own_codes_missing, ask_for_own_codes, every=_UNHURRIED),
        Step(looks_due, ask_for_looks, every=_UNHURRIED),
        Step(profiles.due, profiles.act, every=_UNHURRIED),
        Step(gaps.due, gaps.act, every=_UNHURRIED),
        Step(likes.due, likes.act, every=_UNHURRIED),
        Step(assisted.is_due, assisted.remind_and_expire, every=_UNHURRIED),
        Step(search.some_missing, search.catch_up, every=_UNHURRIED),
        Step(retention.is_due, retention.drop_old_words, every=_UNHURRIED),
        Step(standings.due, standings.act, every=_UNHURRIED),
        Step(promotions.somebody_moved, promotions.greet, every=_UNHURRIED),
        Step(moving.due, moving.act, every=_UNHURRIED),
        Step(liking.due, liking.act, every=_UNHURRIED),
        Step(daily.due, daily.act, every=_UNHURRIED),
        Step(care.due, care.act, every=_UNHURRIED),
        Step(lessons.due, lessons.act, every=_UNHURRIED),
        Step(wishes.due, wishes.act),
        Step(phases.due, phases.act),
        Step(rounds.due, rounds.act, every=_UNHURRIED),
        Step(counting.due, counting.act),
        Step(returns.due, returns.act, every=_UNHURRIED),
        Step(announcing.due, announcing.act, every=_UNHURRIED),
        Step(tasks.due, tasks.act, every=_UNHURRIED),
        Step(recalls.due, recalls.act),
        Step(watch.due, watch.act, every=_UNHURRIED),
        Step(pond_looks.due, pond_looks.act, every=_UNHURRIED),
        Step(pond_members.due, pond_members.act, every=_UNHURRIED),
        Step(pictures.due, pictures.act),
        Step(sweep.due, sweep.act, every=_UNHURRIED),
    )


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


def _campaigns_of(settings: Settings) -> dict[str, CampaignFile]:
    """campaigns/ as it is written now."""
    segments, _ = load_segments(settings.segments)
    return load_campaigns(settings.campaigns, wall_ms(), settings.shop.time_zone, segments=segments)[0]


async def _friendship(friends: Friends, tx: AsyncConnection, received: Received, now_ms: int) -> str:
    return await friends.friendship_arrived(tx, received.account, friendship_of(received.payload), now_ms)


async def tell_of_campaign(tx: AsyncConnection, event: CampaignEvent, now_ms: int) -> None:
    """The staff room hears how a push goes."""
    values: dict[str, Any] = {"title": event.title, "id": event.campaign, **event.values}
    text = say(f"scheduler.event.{event.what}", **values)
    which = event.values.get("pond") or (now_ms if event.what in _OFTEN else "")
    key = f"campaign:{event.campaign}:{event.what}:{which}"
    await tell_staff(tx, text, account="", staff=(), key=key, now_ms=now_ms)


async def _tell_who_is_stuck(tx: AsyncConnection, stuck: Stuck, now_ms: int) -> None:
    """The staff room hears of a partner who fell silent over the lessons."""
    text = say(
        "scheduler.event.stuck", name=stuck.name, title=stuck.title, lesson=stuck.lesson, lessons=stuck.lessons,
        account=stuck.account,
    )  # fmt: skip
    key = f"lesson_stuck:{stuck.pupil}:{stuck.lesson}"
    await tell_staff(tx, text, account=stuck.account, staff=(), key=key, now_ms=now_ms)


async def _hand_out_likes(tx: AsyncConnection, likes: LikeRound, now_ms: int) -> None:
    """Whoever holds the phones hears whom to like."""
    names: dict[str, list[str]] = {}
    for one in likes.liked:
        names.setdefault(one.account, []).append(one.name)
    await hand_out_likes(tx, likes.holder, likes.day, names, now_ms)


async def _tell_of_gap(tx: AsyncConnection, gap: Gap, now_ms: int) -> None:
    """The staff room hears that a mirror lacks a post of its source."""
    first = gap.text.strip().split("\n", 1)[0][:_GAP_CHARACTERS]
    reason = reason_words(gap.reason) or say("scheduler.mirror_gap.unknown")
    text = say("scheduler.mirror_gap", mirror=gap.mirror, source=gap.source, text=first, reason=reason)
    await tell_staff(tx, text, account=gap.mirror, staff=(), key=f"mirror_gap:{gap.delivery}", now_ms=now_ms)


async def _tell_the_day(tx: AsyncConnection, text: str, key: str, now_ms: int) -> None:
    """The staff room hears how yesterday went."""
    await tell_staff(tx, text, account="", staff=(), key=key, now_ms=now_ms)


def _member(settings: Settings, account: AccountConfig, doors: Doors | None, webhooks: Mapping[str, Webhook]) -> Member:
    return Member(_lane(settings, account), partial(_gateway, settings, account, doors), webhooks.get(account.id))


def _lane(settings: Settings, account: AccountConfig) -> LaneConfig:
    zone_name = settings.time_zone_of(account)
    opened = datetime.combine(account.opened, time(), tzinfo=zone(zone_name)) if account.opened else None
    return LaneConfig(
        account=account.id,
        role=account.role,
        zone=zone_name,
        limits=settings.limits_of(account),
        opened_ms=round(opened.timestamp() * 1000) if opened else None,
        live=account.simulated or (settings.mode == "live" and account.armed),
        assisted=not isinstance(account.publisher, WebhookPublisher),
    )


def _gateway(settings: Settings, account: AccountConfig, doors: Doors | None) -> Gateway:
    config = account.gateway
    if isinstance(config, WechatyConfig):
        return WechatyGateway(
            account.id, config.endpoint, config.token.get_secret_value(), tls=config.tls, tls_name=config.tls_name,
            media=settings.media,
        )  # fmt: skip
    if doors is None:
        raise ValueError("a simulated account needs a simulated world")
    endpoint, token = doors.gateways[account.id]
    return WechatyGateway(account.id, endpoint, token, media=settings.media)


def _webhook(account: AccountConfig, doors: Doors | None, clock: Clock) -> Webhook:
    config = account.publisher
    assert isinstance(config, WebhookPublisher)  # noqa: S101  # the caller chose it
    if config.url is not None and config.secret is not None:
        return Webhook(config.url, config.secret.get_secret_value(), clock=clock)
    if doors is None:
        raise ValueError("a webhook without a url is the simulator's")
    return Webhook(doors.publisher_url, doors.publisher_secret, clock=clock)
