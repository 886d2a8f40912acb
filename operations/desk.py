"""The one rule book for chat, terminal and web: request → right → act → log. What needs a code waits for it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from customers.segments.segment_file import Segment
from operations import cancelling, counting, stopping, undoing
from operations.acts import Rooms, acts, shows
from operations.asking import Asked, Reply, Shown
from operations.audit import Outcome, outcome_of, record
from operations.campaigning import Campaigning
from operations.confirmations import LIFE_MS, ask, redeem
from operations.errors import NotStaff
from operations.finding import is_account
from operations.giving import Giving
from operations.learning import Learning
from operations.losing import LeadIn, Losing
from operations.permissions import ALLOWED, others_who_may, require, staff_member
from operations.posting import Posting
from operations.push_trial import MakeWording
from operations.pushing import Pushing
from operations.requests.house import Confirm
from operations.requests.pushes import Cancel, Continue, Preview, Push
from operations.requests.request import Door, Request, Verb
from operations.sending import Sending
from operations.targets import require_own
from personas.model import Goal
from scheduler.benefits.gifts import GiftsConfig
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.moments.moments import Calendar
from scheduler.pushes.push_file import PushFile
from texts.catalogue import say
from texts.masking import masked, masked_document
from texts.problem import Problem

SECOND_PERSON_ABOVE = 500
"""Recipients above which a second person confirms, where there is one. Ours."""

_SENDS = frozenset({Verb.PUSH, Verb.CONTINUE, Verb.MOMENT})
"""What was confirmed sends something: not while everything is stopped, which is easily forgotten."""


class Desk:
    """Takes every request of staff, from whatever door."""

    def __init__(
        self,
        specs: Mapping[str, PushFile],
        *,
        zone: str,
        posting: Posting | None = None,
        wording: MakeWording | None = None,
        learning: Learning | None = None,
        second_person_above: int = SECOND_PERSON_ABOVE,
        code_life_ms: int = LIFE_MS,
        campaigns: Mapping[str, CampaignFile] | None = None,
        gifts: GiftsConfig | None = None,
        always_ask: bool = False,
        goal: Goal = Goal.REPURCHASE,
        lead_in: LeadIn | None = None,
        segments: Mapping[str, Segment] | None = None,
    ) -> None:
        """`code_life_ms`: of the shop's clock; a simulated shop's runs faster than the people who read the code.
        `always_ask`: every push waits for a word at its hour. `goal`: of the shop. `segments`: by which staff may
        name people.
        """
        self.code_life_ms = code_life_ms
        self._second_person_above = second_person_above
        pushing = Pushing(
            specs, zone, wording, always_ask=always_ask, goal=goal, segments=segments,
            beside=[file.title for file in (campaigns or {}).values()],
        )  # fmt: skip
        self._campaigning = Campaigning(campaigns or {}, zone, goal)
        self._sending = Sending(pushing, self._campaigning)
        rooms = Rooms(
            zone=zone,
            # A simulated shop's minute is as long as the person at the screen needs.
            undo_ms=code_life_ms * undoing.LIFE_MS // LIFE_MS,
            pushing=pushing,
            campaigning=self._campaigning,
            sending=self._sending,
            posting=posting or Posting(Calendar, zone=zone),
            learning=learning or Learning({}, zone),
            losing=Losing(lead_in or LeadIn(), zone),
            giving=Giving(gifts or GiftsConfig(), zone),
        )
        self._acts, self._shows = acts(rooms), shows(rooms)

    async def act(self, tx: AsyncConnection, staff: str, request: Request, door: Door, now_ms: int) -> Reply:
        """Do what `staff` (an id) asks, or say why not. Never raises a Problem: it is the reply, and logged.

        A request that fails leaves nothing behind but its line in the log. Phones and addresses are masked.
        """
        reply = await self._answer(tx, staff, request, door, now_ms)
        return reply if reply.whole else replace(reply, text=masked(reply.text), data=masked_document(reply.data))

    async def _answer(self, tx: AsyncConnection, staff: str, request: Request, door: Door, now_ms: int) -> Reply:
        try:
            async with tx.begin_nested():
                member = await staff_member(tx, staff)
                reply, outcome = await self._decide(tx, Asked(member, request, door, now_ms))
        except Problem as problem:
            await record(tx, staff, request, door, outcome_of(problem), now_ms, problem.message)
            return _told(problem)
        await record(tx, staff, request, door, outcome, now_ms, reply.trace)
        return reply

    async def verbs_of(self, tx: AsyncConnection, staff: str) -> frozenset[Verb]:
        """What this staff member may ask for; nothing when they are not on the staff."""
        try:
            return ALLOWED[(await staff_member(tx, staff)).role]
        except NotStaff:
            return frozenset()

    async def _decide(self, tx: AsyncConnection, asked: Asked[Any]) -> tuple[Reply, Outcome]:
        if isinstance(asked.request, Confirm):
            return await self._confirm(tx, asked), Outcome.DONE
        require(asked.staff, asked.request.verb)
        await require_own(tx, asked.staff, asked.request)
        if isinstance(asked.request, Continue) and await is_account(tx, asked.request.target):
            return _with_outcome(await stopping.resume_account(tx, asked, asked.request.target))
        if await counting.to_be_counted(tx, asked):
            return _with_outcome(await counting.wish(tx, asked))
        show = self._shows.get(asked.request.verb)
        if isinstance(asked.request, Cancel) and not asked.request.push:
            dropped = await cancelling.drop_codes(tx, asked)
            if dropped is not None:
                return _with_outcome(dropped)
            show = cancelling.show_cancel
        if show is None:
            return _with_outcome(await self._acts[asked.request.verb](tx, asked))
        return await self._ask(tx, asked, await show(tx, asked)), Outcome.ASKED

    async def _ask(self, tx: AsyncConnection, asked: Asked[Any], shown: Shown) -> Reply:
        """Show what would happen, and hand out the code that makes it happen."""
        second = shown.people > self._second_person_above and await others_who_may(tx, asked.staff, shown.request.verb)
        life_ms = self.code_life_ms
        code = await ask(tx, asked.staff, shown.request, asked.now_ms, second_person=second, life_ms=life_ms)
        key = "operations.confirm_by_other" if second else "operations.confirm"
        if asked.door is Door.CLI:
            key += ".cli"
        text = shown.text
        if shown.request.verb in _SENDS and await stopping.is_stopped(tx):
            text += "\n" + say("operations.stopped_now")
        return Reply(True, f"{text}\n{say(key, code=code, staff=asked.staff.id)}", code=code)

    async def _confirm(self, tx: AsyncConnection, asked: Asked[Confirm]) -> Reply:
        confirmed = await redeem(tx, asked.staff, asked.request.code.strip(), asked.now_ms)
        # Rights may have changed since it was asked; and a second person needs them too.
        require(asked.staff, confirmed.request.verb)
        await require_own(tx, asked.staff, confirmed.request)
        meant = Asked(asked.staff, confirmed.request, asked.door, asked.now_ms)
        if self._starts_a_campaign(confirmed.request) and await counting.to_be_counted(tx, meant):
            return await counting.wish(tx, meant, confirmed=True)
        reply = await self._acts[confirmed.request.verb](tx, meant)
        if confirmed.request.verb in _SENDS and await stopping.is_stopped(tx):
            reply = replace(reply, text=f"{reply.text}\n{say('operations.stopped_now')}")
        return reply if reply.trace else replace(reply, trace=undoing.CONFIRMED_TRACE + confirmed.request.verb)

    def _starts_a_campaign(self, request: Request) -> bool:
        return isinstance(request, Push) and self._campaigning.knows(request.push)

    async def look(self, connection: AsyncConnection, wished: counting.Wish, now_ms: int) -> Any:
        """Count for somebody who waits for it in a chat; writes nothing. What went wrong comes back, to be told."""
        try:
            member, request = await staff_member(connection, wished.staff), wished.meant()
            require(member, request.verb)
            asked: Asked[Any] = Asked(member, request, Door.CHAT, now_ms)
            if isinstance(request, Preview):
                return await self._sending.preview(connection, asked)
            if wished.confirmed:
                return await self._campaigning.look(connection, asked)
            return await self._sending.show_push(connection, asked)
        except Problem as problem:
            return problem

    async def finish(self, tx: AsyncConnection, wished: counting.Wish, found: Any, now_ms: int) -> Reply:
        """What comes of a count: the preview itself, a code, or a campaign that begins. Never raises a Problem."""
        request = wished.meant()
        try:
            async with tx.begin_nested():
                if isinstance(found, Problem):
                    raise found
                asked: Asked[Any] = Asked(await staff_member(tx, wished.staff), request, Door.CHAT, now_ms)
                reply, outcome = await self._counted(tx, asked, found)
        except Problem as problem:
            await record(tx, wished.staff, request, Door.CHAT, outcome_of(problem), now_ms, problem.message)
            return _told(problem)
        await record(tx, wished.staff, request, Door.CHAT, outcome, now_ms, reply.trace)
        return replace(reply, text=masked(reply.text))

    async def _counted(self, tx: AsyncConnection, asked: Asked[Any], found: Any) -> tuple[Reply, Outcome]:
        if isinstance(found, Reply):
            return _with_outcome(found)
        if isinstance(found, Shown):
            return await self._ask(tx, asked, found), Outcome.ASKED
        return await self._campaigning.push(tx, asked, found), Outcome.DONE


def _with_outcome(reply: Reply) -> tuple[Reply, Outcome]:
    return reply, Outcome.DONE if reply.changed else Outcome.SAME


def _told(problem: Problem) -> Reply:
    """What happened and what to do next, one line each."""
    text = f"{problem.message}\n{problem.hint}" if problem.hint else problem.message
    return Reply(False, text, exit_code=problem.exit_code)
