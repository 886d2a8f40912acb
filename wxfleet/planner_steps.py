"""What the planner looks at for other rooms: the parts they hand in, and how often each is asked."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from bots.assisted import Assisted
from bots.channel_pools import ChannelPools
from bots.fleet import Member
from bots.friends import Friends
from bots.live_requests import ask_for_own_codes, own_codes_missing
from bots.own_profiles import ask_for_looks, looks_due
from bots.pond_tasks import hand_out_pond_looks
from conversations.moving import Moving
from conversations.promotions import Promotions
from conversations.speaking import Voices
from conversations.waiting_watch import WaitingWatch
from customers.finding import search
from customers.own_data.retention import Retention
from customers.profiles.persona_liking import PersonaLiking
from customers.segments.segment_file import load_segments
from customers.standing.standing import Standing
from operations.counting import Counting
from operations.desk import Desk
from operations.report_wishes import ReportWishes
from operations.reporting import message_of
from personas.book import Book
from reports.daily import DailyDigest
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_files import load_campaigns
from scheduler.campaigns.phases import Phases
from scheduler.campaigns.series import Rounds
from scheduler.care.care import Care
from scheduler.care.care_file import load_care
from scheduler.care.lesson_file import load_lessons
from scheduler.care.lessons import Lessons
from scheduler.kinds.announcing import Announcing
from scheduler.kinds.precise_tasks import PreciseTasks
from scheduler.moments.likes import Likes
from scheduler.moments.material_sweep import MaterialSweep
from scheduler.moments.media_watch import MediaWatch
from scheduler.moments.mirror_gaps import MirrorGaps
from scheduler.moments.mirror_profiles import MirrorProfiles
from scheduler.planner import Act, Due, Step
from scheduler.ponds.pond_looks import PondLooks
from scheduler.ponds.pond_members import PondMembers
from scheduler.pushes.coupon_rows import CouponReturns
from scheduler.pushes.recalls import Recalls
from storage.expiry import Expiry
from wxfleet.clocks import wall_ms
from wxfleet.reading.settings import Settings
from wxfleet.telling import hand_out_round, tell_of_campaign, tell_of_gap, tell_the_day, tell_who_is_stuck

_UNHURRIED = 5
"""Ticks, about seconds: how often is looked for what nobody sits and waits for."""
Look = tuple[Due, Act]


def planner_steps(
    settings: Settings,
    book: Book,
    members: Sequence[Member],
    friends: Friends,
    assisted: Assisted,
    voices: Voices,
    desk: Desk,
) -> tuple[Step, ...]:
    """All of them, in their order."""
    return (
        *_unhurried(_of_accounts(settings, book, members, friends, assisted)),
        *_unhurried(_of_people(settings, book, voices)),
        *_of_plans(settings, book, desk),
        *_of_conversations(settings),
    )


def _unhurried(looks: Iterable[Look]) -> Iterator[Step]:
    return (Step(due, act, every=_UNHURRIED) for due, act in looks)


def _of_accounts(
    settings: Settings, book: Book, members: Sequence[Member], friends: Friends, assisted: Assisted
) -> tuple[Look, ...]:
    """What the accounts and their phones need, and what grows old."""
    expiry, pools, retention = Expiry(), ChannelPools(settings.channels), Retention(settings.privacy)
    profiles = MirrorProfiles({persona.id: book.resolved(persona.id).profile for persona in book.all()})
    live = {member.account for member in members if member.lane.live}
    likes = Likes(settings.likes, settings.shop.time_zone, live, hand_out_round)
    gaps = MirrorGaps(tell_of_gap)
    return (
        (expiry.due, expiry.close),
        (friends.somebody_waits, friends.reconsider_waiting),
        (pools.somebody_does_better, pools.switch),
        (own_codes_missing, ask_for_own_codes),
        (looks_due, ask_for_looks),
        (profiles.due, profiles.act),
        (gaps.due, gaps.act),
        (likes.due, likes.act),
        (assisted.is_due, assisted.remind_and_expire),
        (search.some_missing, search.catch_up),
        (retention.is_due, retention.drop_old_words),
    )


def _of_people(settings: Settings, book: Book, voices: Voices) -> tuple[Look, ...]:
    """What customers are to the shop, and what is said to them without a campaign."""
    standings, promotions, moving, liking = Standing(), Promotions(voices), Moving(voices), PersonaLiking()
    daily = DailyDigest(settings.shop.time_zone, tell_the_day)
    care = Care(load_care(settings.care)[0], book, settings.shop)
    lessons = Lessons(load_lessons(settings.lessons)[0], book, settings.shop, tell=tell_who_is_stuck)
    return (
        (standings.due, standings.act),
        (promotions.somebody_moved, promotions.greet),
        (moving.due, moving.act),
        (liking.due, liking.act),
        (daily.due, daily.act),
        (care.due, care.act),
        (lessons.due, lessons.act),
    )


def _of_plans(settings: Settings, book: Book, desk: Desk) -> tuple[Step, ...]:
    """Campaigns and pushes; somebody sits and waits for some of it."""
    zone_name, tell = settings.shop.time_zone, tell_of_campaign
    wishes, counting = ReportWishes(zone_name, message_of), Counting(desk.look, desk.finish)
    phases = Phases(tell=tell, shop_zone=zone_name, always_ask=settings.always_ask)
    rounds = Rounds(partial(_campaigns_of, settings), tell=tell, shop_zone=zone_name)
    returns, recalls = CouponReturns(), Recalls(tell)
    announcing = Announcing(book, settings.shop, tell=tell)
    tasks = PreciseTasks(tell=tell, shop_zone=zone_name)
    return (
        Step(wishes.due, wishes.act),
        Step(phases.due, phases.act),
        Step(rounds.due, rounds.act, every=_UNHURRIED),
        Step(counting.due, counting.act),
        Step(returns.due, returns.act, every=_UNHURRIED),
        Step(announcing.due, announcing.act, every=_UNHURRIED),
        Step(tasks.due, tasks.act, every=_UNHURRIED),
        Step(recalls.due, recalls.act),
    )


def _of_conversations(settings: Settings) -> tuple[Step, ...]:
    """Who waits for a person, the groups, and pictures that came or are to be posted."""
    watch = WaitingWatch(settings.handover, settings.shop.time_zone)
    pond_looks, pond_members = PondLooks(hand_out_pond_looks), PondMembers()
    pictures, sweep = MediaWatch(settings.media), MaterialSweep(settings.media)
    return (
        Step(watch.due, watch.act, every=_UNHURRIED),
        Step(pond_looks.due, pond_looks.act, every=_UNHURRIED),
        Step(pond_members.due, pond_members.act, every=_UNHURRIED),
        Step(pictures.due, pictures.act),
        Step(sweep.due, sweep.act, every=_UNHURRIED),
    )


def _campaigns_of(settings: Settings) -> dict[str, CampaignFile]:
    """campaigns/ as it is written now."""
    segments, _ = load_segments(settings.segments)
    return load_campaigns(settings.campaigns, wall_ms(), settings.shop.time_zone, segments=segments)[0]
