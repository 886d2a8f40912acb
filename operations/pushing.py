"""Welfare pushes by command: look, start, go on, cancel."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from customers.segments.segment_file import Segment
from customers.standing.ladder import current
from operations.asking import Asked, Reply, Shown
from operations.errors import CannotBeUsed, NotFound, Refused
from operations.finding import campaign_named, choices, stopped_campaign
from operations.narrowing import Groups, narrowed, only_for
from operations.push_trial import MakeWording, try_push
from operations.requests.fleet import Pause
from operations.requests.pushes import Cancel, Continue, Preview, Push, TryPush
from operations.why import reason_words
from personas.model import Goal
from rules.quiet_hours import local
from scheduler.campaign_files.goal_rule import require_goal
from scheduler.campaigns import steering
from scheduler.errors import WordsIncomplete
from scheduler.pushes import pushes
from scheduler.pushes.push_file import PushFile, as_spec
from texts.catalogue import say
from texts.nearest import nearest


class Pushing:
    """Knows the pushes of the shop's folder, by name."""

    def __init__(
        self,
        specs: Mapping[str, PushFile],
        zone: str,
        wording: MakeWording | None = None,
        *,
        always_ask: bool = False,
        goal: Goal = Goal.REPURCHASE,
        segments: Mapping[str, Segment] | None = None,
        beside: Sequence[str] = (),
    ) -> None:
        """`wording` makes the words of pushes; without it none can be tried. `beside`: titles of what else can be
        pushed, to be named to who asks for what there is not. The others: as in `Desk`.
        """
        self._beside = tuple(beside)
        self._segments = segments or {}
        self._goal = goal
        self._specs = specs
        self._zone = zone
        self._wording = wording
        self._always_ask = always_ask

    async def try_(self, tx: AsyncConnection, asked: Asked[TryPush]) -> Reply:
        """The exact words to staff, before anybody else gets them."""
        push = self._spec(asked.request.push)
        if self._wording is None:
            raise Refused(say("operations.push.try_no_way"), hint=say("operations.push.try_no_way.hint"))
        return await try_push(tx, asked, push, self._wording(), self._zone)

    async def preview(self, tx: AsyncConnection, asked: Asked[Preview]) -> Reply:
        """Who would get it and who not, with the reasons; nothing is written."""
        spec = self._spec(asked.request.push)
        seen = await pushes.preview(tx, spec, asked.now_ms, shop_zone=self._zone)
        return Reply(True, self._counts(spec, seen), data=seen.as_json())

    async def show_push(self, tx: AsyncConnection, asked: Asked[Push]) -> Shown:
        whole = self._spec(asked.request.push)
        require_goal(self._goal, whole)
        groups = await self._groups(tx)
        spec = narrowed(whole, asked.request, groups, asked.now_ms, self._zone)
        seen = await pushes.preview(tx, spec, asked.now_ms, shop_zone=self._zone)
        if seen.recipients == 0:
            raise Refused(self._counts(spec, seen), hint=say("operations.push.nobody.hint"))
        if seen.faults:
            raise WordsIncomplete(spec.name, list(seen.faults))
        exact = replace(asked.request, push=spec.name, fingerprint=fingerprint(spec))
        text = "\n".join(filter(None, (self._counts(spec, seen), only_for(whole, asked.request, groups))))
        return Shown(text, exact, seen.recipients)

    async def push(self, tx: AsyncConnection, asked: Asked[Push]) -> Reply:
        """Start exactly what was shown."""
        groups = await self._groups(tx)
        spec = narrowed(self._spec(asked.request.push), asked.request, groups, asked.now_ms, self._zone)
        if fingerprint(spec) != asked.request.fingerprint:
            raise Refused(say("operations.push.changed"), hint=say("operations.push.changed.hint", push=spec.name))
        campaign = await pushes.create(tx, spec, f"staff:{asked.staff.id}", asked.now_ms, shop_zone=self._zone)
        await pushes.start(tx, campaign, asked.now_ms, shop_zone=self._zone)
        key = "operations.push.started_asks" if spec.confirm or self._always_ask else "operations.push.started"
        text = say(key, title=spec.title, id=campaign, batch=spec.first_batch)
        return Reply(True, text, data={"campaign": campaign})

    async def show_continue(self, tx: AsyncConnection, asked: Asked[Continue]) -> Shown:
        campaign, title = await stopped_campaign(tx, asked.request.target)
        exact = Continue(target=str(campaign))
        return Shown(say("operations.push.continue_asks", title=title, id=campaign), exact)

    async def continue_(self, tx: AsyncConnection, asked: Asked[Continue]) -> Reply:
        campaign, title = await campaign_named(tx, asked.request.target)
        await steering.resume(tx, campaign, asked.now_ms)
        return Reply(True, say("operations.push.continued", title=title))

    async def pause(self, tx: AsyncConnection, asked: Asked[Pause]) -> Reply:
        """Nothing more of it leaves until it is continued."""
        campaign, title = await campaign_named(tx, asked.request.target)
        await steering.pause(tx, campaign, asked.now_ms, reason=f"staff:{asked.staff.id}")
        return Reply(True, say("operations.push.paused", title=title, id=campaign))

    async def cancel(self, tx: AsyncConnection, asked: Asked[Cancel]) -> Reply:
        """What left within two minutes is asked back, the rest is skipped with the reason."""
        campaign, title = await campaign_named(tx, asked.request.push)
        cancelled = await steering.cancel(tx, campaign, asked.now_ms)
        return Reply(True, cancelled_words(title, cancelled))

    async def _groups(self, tx: AsyncConnection) -> Groups:
        return Groups(await current(tx), self._segments)

    def _spec(self, word: str) -> PushFile:
        named = [spec for spec in self._specs.values() if word and word in (spec.name, spec.title)]
        if named:
            return named[0]
        titles = [*(spec.title for spec in self._specs.values()), *self._beside]
        there_are = choices(titles, "operations.no_pushes")
        if not word:
            raise CannotBeUsed(say("operations.which_push"), hint=there_are)
        part_of = [title for title in titles if word in title]
        near = part_of[0] if len(part_of) == 1 else nearest(word, [*self._specs, *titles])
        hint = say("operations.meant", near=near) if near else f"{there_are}\n{say('operations.no_push.new_file')}"
        raise NotFound(say("operations.no_push", push=word), hint=hint)

    def _counts(self, spec: PushFile, seen: pushes.Preview) -> str:
        """412 people (468 − 31 opted out − 25 pushed within seven days), three accounts, until 20:24."""
        left_out = "".join(f" − {number} {reason_words(reason)}" for reason, number in seen.excluded.items() if number)
        ends = local(seen.ends_at, self._zone).strftime("%m-%d %H:%M") if seen.ends_at else "–"
        text = say(
            "operations.push.counts" if seen.recipients else "operations.push.counts_nobody",
            title=spec.title,
            recipients=seen.recipients,
            audience=seen.audience,
            left_out=left_out,
            accounts=len(seen.by_account),
            ends=ends,
        )
        if seen.friendless:
            text += "\n" + say("operations.push.friendless")
        if seen.beyond_valid_until:
            text += "\n" + say("operations.push.too_late", people=seen.beyond_valid_until)
        return text


def cancelled_words(title: str, cancelled: steering.Cancelled) -> str:
    """What will not be sent, what is asked back, what nobody can undo, and who believes that it takes place."""
    recall = cancelled.recall
    out = "none" if not recall.sent else "all" if not recall.stays else "some" if recall.trying else "no"
    words = say(f"operations.push.recall.{out}", sent=recall.sent, trying=recall.trying, stays=recall.stays)
    if cancelled.joined:
        key = "operations.push.joined" if cancelled.joined == len(cancelled.first) else "operations.push.joined.more"
        names = say("texts.comma").join(cancelled.first)
        words += "\n" + say(key, number=cancelled.joined, names=names)
    return say("operations.push.cancelled", title=title, rows=cancelled.waiting) + words


def fingerprint(spec: PushFile) -> str:
    """Changes when a single word of the push does."""
    return hashlib.sha256(json.dumps(as_spec(spec), sort_keys=True).encode()).hexdigest()[:16]
