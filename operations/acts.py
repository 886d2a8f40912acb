"""What is done for each request, and what is shown before those that wait for a code: the tables of the desk."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from operations import (
    account_page,
    binding,
    doubting,
    drawing,
    inviting,
    levels,
    looking,
    material_acts,
    people_acts,
    profiling,
    referring,
    reporting,
    showing,
    stopping,
    taking_over,
    undoing,
)
from operations.asking import Asked, Reply, Shown
from operations.campaigning import Campaigning
from operations.giving import Giving
from operations.learning import Learning
from operations.losing import Losing
from operations.posting import Posting
from operations.pushing import Pushing
from operations.requests.request import Verb
from operations.sending import Sending

Act = Callable[[AsyncConnection, Asked[Any]], Awaitable[Reply]]
Show = Callable[[AsyncConnection, Asked[Any]], Awaitable[Shown]]


@dataclass(frozen=True, slots=True)
class Rooms:
    """Those who know the shop's files. `zone`: the shop's; `undo_ms`: how long a command can be taken back."""

    zone: str
    undo_ms: int
    pushing: Pushing
    campaigning: Campaigning
    sending: Sending
    posting: Posting
    learning: Learning
    losing: Losing
    giving: Giving


def acts(rooms: Rooms) -> Mapping[Verb, Act]:
    """By verb; of what is confirmed, what the code sets going."""
    return {**_looking(rooms), **_people(rooms), **_sending(rooms), **_fleet(rooms)}


def shows(rooms: Rooms) -> Mapping[Verb, Show]:
    """By verb, of those that wait for a code."""
    return {
        Verb.LOSE_ACCOUNT: rooms.losing.show,
        Verb.MOMENT: rooms.posting.show_moment,
        Verb.PUSH: rooms.sending.show_push,
        Verb.OVERRIDE: rooms.campaigning.show_override,
        Verb.DRAW: drawing.show_draw,
        Verb.CONTINUE: rooms.pushing.show_continue,
        Verb.RESUME_ALL: stopping.show_resume_all,
        Verb.RESOLVE_DOUBT: doubting.show_resolve,
    }


def _looking(rooms: Rooms) -> Mapping[Verb, Act]:
    zone = rooms.zone
    return {
        Verb.HELP: looking.help_,
        Verb.STATUS: partial(looking.status, zone=zone),
        Verb.TODAY: partial(reporting.today, zone=zone),
        Verb.REPORT: partial(reporting.show_report, zone=zone),
        Verb.ACCOUNTS: partial(account_page.accounts, losing=rooms.losing, zone=zone),
        Verb.TASKS: looking.tasks,
        Verb.WHY: looking.why_,
        Verb.PREVIEW: rooms.sending.preview,
        Verb.PREVIEW_MOMENTS: rooms.posting.preview,
        Verb.DOUBT: doubting.in_doubt,
        Verb.CUSTOMER: partial(showing.customer, zone=zone),
    }


def _people(rooms: Rooms) -> Mapping[Verb, Act]:
    zone = rooms.zone
    return {
        Verb.TAKEOVER: partial(taking_over.take_over_, zone=zone),
        Verb.RELEASE: taking_over.release,
        Verb.OPTOUT: people_acts.opt_out_,
        Verb.MUTE: partial(people_acts.mute_, zone=zone),
        Verb.PROFILE: partial(profiling.set_profile, zone=zone),
        Verb.TAG: profiling.tag,
        Verb.NOTE: profiling.note,
        Verb.BIND: binding.bind,
        Verb.UNMERGE: binding.unmerge_,
        Verb.VIP: levels.vip,
        Verb.REFER: referring.refer,
        Verb.DELIVER: referring.deliver_,
        Verb.GIVE: rooms.giving.give,
        Verb.LESSON: rooms.learning.act,
    }


def _sending(rooms: Rooms) -> Mapping[Verb, Act]:
    return {
        Verb.PUSH: rooms.sending.push,
        Verb.TRY_PUSH: rooms.pushing.try_,
        Verb.CONTINUE: rooms.pushing.continue_,
        Verb.CANCEL: rooms.sending.cancel,
        Verb.CAME: rooms.campaigning.came,
        Verb.OVERRIDE: rooms.campaigning.override,
        Verb.DRAW: drawing.draw,
        Verb.RESOLVE_DOUBT: doubting.resolve,
        Verb.MOMENT: rooms.posting.moment,
        Verb.MATERIAL: partial(material_acts.materials, zone=rooms.zone),
    }


def _fleet(rooms: Rooms) -> Mapping[Verb, Act]:
    return {
        Verb.LOSE_ACCOUNT: rooms.losing.lose,
        Verb.FIND_ACCOUNT: rooms.losing.find,
        Verb.DONE: people_acts.done,
        Verb.PAUSE: rooms.sending.pause,
        Verb.RESUME: stopping.resume,
        Verb.LOGIN: stopping.log_in,
        Verb.STOP_ALL: stopping.stop_all,
        Verb.RESUME_ALL: stopping.resume_all,
        Verb.UNDO: partial(undoing.undo, life_ms=rooms.undo_ms, zone=rooms.zone),
        Verb.STAFF_ROOM: inviting.make_room,
        Verb.INVITE: inviting.invite_,
    }
