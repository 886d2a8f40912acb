"""Campaigns of several phases by command: look at all of it, start, steer, settle who came."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.finding.people import FoundPerson, meant
from operations.asking import Asked, Reply, Shown
from operations.drawing import seed_line, short_lines
from operations.errors import CannotBeUsed, NotFound, Refused
from operations.finding import called, person_named
from operations.requests.pushes import Came, Cancel, Override, Preview, Push
from operations.why import reason_words
from personas.model import Goal
from rules.limits import Limits
from rules.quiet_hours import local, quiet_until
from scheduler.campaign_files.campaign_file import CampaignFile, campaign_spec
from scheduler.campaign_files.campaign_phase_file import PhaseKind
from scheduler.campaign_files.goal_rule import require_goal
from scheduler.campaign_files.series_days import comes_back, day_of, next_start_ms, on_day
from scheduler.campaign_state import OPEN
from scheduler.campaigns import campaigns, series
from scheduler.campaigns.campaigns import CampaignView, PhaseView
from scheduler.participants.participants import SAID_YES, Answer, counted, settle
from storage.campaign_tables import CAMPAIGN, Campaign, Participant, Phase
from texts.catalogue import say

ALL = frozenset({"全部", "所有", "all"})


class Campaigning:
    """Knows the campaigns of the shop's folder, by name and title."""

    def __init__(self, files: Mapping[str, CampaignFile], zone: str, goal: Goal = Goal.REPURCHASE) -> None:
        """`goal`: as in `Desk`."""
        self._goal = goal
        self._files = files
        self._zone = zone

    def knows(self, word: str) -> bool:
        """Is it the name or the title of one of them?"""
        return self._named(word) is not None

    async def preview(self, tx: AsyncConnection, asked: Asked[Preview]) -> Reply:
        """All phases with dates and counts; nothing is written."""
        file = self._file(asked.request.push)
        seen, text = await self._seen(tx, file, asked.now_ms)
        return Reply(True, text, data=seen.as_json())

    async def show_push(self, tx: AsyncConnection, asked: Asked[Push]) -> Shown:
        """What would happen; refused where something must be mended first."""
        file = self._file(asked.request.push)
        require_goal(self._goal, file)
        seen, text = await self._seen(tx, file, asked.now_ms)
        if seen.wrong:
            raise Refused(text, hint=say("scheduler.campaign_refused.hint"))
        return Shown(text, Push(push=file.name, fingerprint=fingerprint(file)), seen.recipients)

    async def look(self, tx: AsyncConnection, asked: Asked[Push]) -> CampaignView:
        """What would come of it now; writes nothing. Raises NotFound."""
        file = self._file(asked.request.push)
        return await campaigns.preview(tx, file, asked.now_ms, shop_zone=self._zone)

    async def push(self, tx: AsyncConnection, asked: Asked[Push], seen: CampaignView | None = None) -> Reply:
        """Start exactly what was shown. `seen`: where somebody just looked once more."""
        file = self._file(asked.request.push)
        if fingerprint(file) != asked.request.fingerprint:
            raise Refused(say("operations.push.changed"), hint=say("operations.push.changed.hint", push=file.name))
        if comes_back(file):
            next_ms = await series.begin(tx, file, f"staff:{asked.staff.id}", asked.now_ms, shop_zone=self._zone)
            text = say("operations.series.began", title=file.title, name=file.name, at=_at(next_ms, self._zone))
            return Reply(True, text, data={"series": file.name, "next_ms": next_ms})
        by = f"staff:{asked.staff.id}"
        id = await campaigns.create(tx, file, by, asked.now_ms, shop_zone=self._zone, seen=seen)
        line = await campaigns.start(tx, id, asked.now_ms, shop_zone=self._zone)
        first = min(due.due_ms for due in line.phases)
        text = say(
            "operations.campaign.started", title=file.title, id=id, phases=len(line.phases), at=_at(first, self._zone)
        )
        return Reply(True, text + await seed_line(tx, id), data={"campaign": id})

    async def _seen(self, tx: AsyncConnection, file: CampaignFile, now_ms: int) -> tuple[CampaignView, str]:
        """The whole of it; where it comes back, its next round. Raises Refused where there is none."""
        try:
            return await next_view(tx, file, now_ms, self._zone)
        except ValueError as error:
            raise Refused(str(error), hint=say("scheduler.campaign_refused.hint")) from error

    async def end_series(self, tx: AsyncConnection, asked: Asked[Cancel]) -> Reply | None:
        """What comes back on its days does so no more; None where nothing of that name does."""
        file = self._named(asked.request.push)
        name = file.name if file else asked.request.push
        if not await series.end(tx, name, asked.now_ms):
            return None
        return Reply(True, say("operations.series.ended", title=file.title if file else name))

    async def override(self, tx: AsyncConnection, asked: Asked[Override]) -> Reply:
        """An owner's word for a named campaign, with the reason, which stands in the log."""
        id, title = await self._ours(tx, asked.request.campaign)
        if not asked.request.reason.strip():
            raise CannotBeUsed(say("operations.campaign.why_override"), hint=say("commands.usage.override"))
        await campaigns.override_weekly(tx, id, asked.now_ms)
        return Reply(True, say("operations.campaign.overridden", title=title, id=id))

    async def show_override(self, tx: AsyncConnection, asked: Asked[Override]) -> Shown:
        id, title = await self._ours(tx, asked.request.campaign)
        if not asked.request.reason.strip():
            raise CannotBeUsed(say("operations.campaign.why_override"), hint=say("commands.usage.override"))
        if await tx.scalar(select(Campaign.state).where(Campaign.id == id)) not in OPEN:
            over = say("operations.campaign.override_over", title=title)
            raise Refused(over, hint=say("operations.campaign.override_over.hint", title=title))
        text = say("operations.campaign.override_asks", title=title, id=id)
        if await _push_planned(tx, id):
            text += "\n" + say("operations.campaign.override_late")
        return Shown(text, Override(campaign=str(id), reason=asked.request.reason))

    async def came(self, tx: AsyncConnection, asked: Asked[Came]) -> Reply:
        """Somebody took part, or did not; `全部`: all who said yes."""
        request = asked.request
        id, title = await self._ours(tx, request.campaign)
        if request.who.casefold() in ALL:
            states = [standing.value for standing in SAID_YES]
            query = select(Participant.person).where(Participant.campaign == id, Participant.state.in_(states))
            if asked.staff.narrow:
                query = query.where(Participant.account.in_(asked.staff.accounts))
            people, who = list((await tx.scalars(query)).all()), say("operations.campaign.all")
        else:
            person = await self._of_those_asked(tx, id, request.who)
            people, who = [person.id], called(person)
        answer = Answer.CAME if request.came else Answer.STAYED_AWAY
        number = await settle(tx, id, people, answer, f"staff:{asked.staff.id}", asked.now_ms)
        if not number:
            raise Refused(
                say("operations.campaign.nobody_settled", who=who, title=title),
                hint=say("operations.campaign.nobody_settled.hint"),
            )
        key = "operations.campaign.came" if request.came else "operations.campaign.stayed_away"
        return Reply(True, say(key, who=who, title=title, number=number))

    async def _of_those_asked(self, tx: AsyncConnection, campaign: int, word: str) -> FoundPerson:
        """The one of the campaign's people that `word` means; of namesakes who were never asked nobody speaks."""
        found = [person.id for person in await meant(tx, word)] if word else []
        asked = select(Participant.person).where(Participant.campaign == campaign, Participant.person.in_(found))
        joined = (await tx.scalars(asked)).all()
        return await person_named(tx, f"#{joined[0]}" if len(joined) == 1 else word, among=joined)

    async def _ours(self, tx: AsyncConnection, word: str) -> tuple[int, str]:
        """A campaign with phases, open or over. Raises NotFound."""
        query = select(Campaign.id, Campaign.name, Campaign.title).where(Campaign.kind == CAMPAIGN)
        rows = (await tx.execute(query.order_by(Campaign.id.desc()))).all()
        for row in rows:
            if word in (str(row.id), row.name, row.title):
                return row.id, row.title
        raise NotFound(say("operations.no_campaign", campaign=word), hint=say("operations.no_campaign.hint"))

    def _named(self, word: str) -> CampaignFile | None:
        return next((file for file in self._files.values() if word and word in (file.name, file.title)), None)

    def _file(self, word: str) -> CampaignFile:
        file = self._named(word)
        if file is None:
            raise NotFound(say("operations.no_campaign", campaign=word), hint=say("operations.no_campaign.hint"))
        return file


async def _push_planned(tx: AsyncConnection, campaign: int) -> bool:
    """Has a push of it begun? Whom it goes to was settled then."""
    query = select(Phase.id).where(Phase.campaign == campaign, Phase.kind == PhaseKind.PUSH, Phase.child.is_not(None))
    return await tx.scalar(query.limit(1)) is not None


async def running_lines(tx: AsyncConnection, zone: str, only: int | None = None) -> list[str]:
    """A line for each campaign that is under way: where it stands, who said what, and what comes next.

    `only`: that one, in whatever state it is.
    """
    which = Campaign.state.in_(("running", "paused")) if only is None else Campaign.id == only
    query = select(Campaign.id, Campaign.title, Campaign.state).where(Campaign.kind == CAMPAIGN, which)
    lines = []
    for row in (await tx.execute(query.order_by(Campaign.id))).all():
        numbers: dict[str, Any] = {**await counted(tx, row.id)}
        waiting = (Phase.campaign == row.id, Phase.state == "waiting")
        upcoming = (await tx.execute(select(Phase.kind, Phase.due_ms).where(*waiting).order_by(Phase.due_ms))).first()
        following = (
            say(
                "operations.campaign.next",
                phase=say(f"scheduler.phase.{upcoming.kind}"),
                at=_goes_at(upcoming.kind, upcoming.due_ms, zone),
            )
            if upcoming
            else say("operations.campaign." + ("called_off" if row.state == "cancelled" else "no_next"))
        )
        state = say(f"scheduler.state.{row.state}")
        lines.append(
            say("operations.campaign.line", title=row.title, id=row.id, state=state, next=following, **numbers,
                said_yes=numbers["yes"] + numbers["promised"] + numbers["kept"])
        )  # fmt: skip
        if only is None:  # whoever asks for one of them sees that below its phases
            lines += [f"  {line.strip()}" for line in await short_lines(tx, row.id)]
    return lines


async def next_view(tx: AsyncConnection, file: CampaignFile, now_ms: int, zone: str) -> tuple[CampaignView, str]:
    """What would come of it, and the words for it: of its next round where it comes back on its days.

    Raises ValueError, with why, where there is no next round.
    """
    if not comes_back(file):
        seen = await campaigns.preview(tx, file, now_ms, shop_zone=zone)
        return seen, view_text(file.title, seen, zone)
    starts_ms = next_start_ms(file, now_ms, zone)
    if starts_ms is None:
        raise ValueError(say("operations.series.never"))
    day = day_of(starts_ms, zone)
    round = on_day(file, day)
    if round is None:
        raise ValueError(say("scheduler.series.no_styles", day=day.isoformat()))
    seen = await campaigns.preview(tx, round, starts_ms, shop_zone=zone)
    assert file.arrivals is not None  # noqa: S101  # it comes back
    days = say("texts.comma").join(file.arrivals.every)
    head = say("operations.series.head", days=days, at=_at(starts_ms, zone))
    return seen, f"{head}\n{view_text(file.title, seen, zone)}"


async def series_lines(tx: AsyncConnection, zone: str) -> list[str]:
    """A line for each campaign that comes back on its days."""
    found = await series.running(tx)
    return [say("operations.series.line", name=row.name, at=_at(row.next_ms, zone)) for row in found]


def view_text(title: str, seen: CampaignView, zone: str) -> str:
    """The whole timeline, one line for each phase; what is wrong or doubtful below."""
    span = f"{_at(seen.from_ms, zone)}–{_at(seen.until_ms, zone)}"
    lines = [say("operations.campaign.head", title=title, span=span)]
    if seen.promised is not None:
        invited = str(seen.invited) if seen.invited is not None else say("operations.campaign.everybody")
        lines.append(say("operations.campaign.places", promised=seen.promised, invited=invited))
    lines += [_phase_line(view, zone) for view in seen.phases]
    lines.append(say("operations.campaign.ends", at=_at(seen.ends_ms, zone)))
    lines += [f"✘ {words}" for words in seen.wrong]
    lines += [f"！ {words}" for words in seen.doubts]
    return "\n".join(lines)


def _phase_line(view: PhaseView, zone: str) -> str:
    what = []
    if view.posts:
        what.append(say("operations.campaign.posts", posts=view.posts))
    if view.push is not None:
        left = "".join(f" − {number} {reason_words(reason)}" for reason, number in view.push.excluded.items() if number)
        people, of, accounts = view.push.recipients, view.push.audience, len(view.push.by_account)
        words = say("operations.campaign.people", recipients=people, audience=of, left_out=left, accounts=accounts)
        if view.push.ends_at is not None:
            words += say("operations.campaign.through", at=_at(view.push.ends_at, zone))
        if view.push.beyond_valid_until:
            words += say("operations.campaign.beyond", people=view.push.beyond_valid_until)
        what.append(words)
    elif view.kind.follows_up:
        what.append(say(f"operations.campaign.to_{view.kind}"))
    phase = view.label or say(f"scheduler.phase.{view.kind}")
    words = say("texts.comma").join(what)
    return say("operations.campaign.phase_line", at=_at(view.due_ms, zone), phase=phase, what=words)


def fingerprint(file: CampaignFile) -> str:
    """Changes when a single word of the campaign does."""
    return hashlib.sha256(json.dumps(campaign_spec(file), sort_keys=True).encode()).hexdigest()[:16]


def _goes_at(kind: str, due_ms: int, zone: str) -> str:
    """A message waits for the morning; only the warm-up is posts, which keep their hours themselves."""
    limits = Limits()
    night = kind != PhaseKind.WARM_UP.value
    ends_ms = quiet_until(due_ms, limits.quiet_from, limits.quiet_until, zone) if night else None
    return _at(ends_ms or due_ms, zone)


def _at(ms: int, zone: str) -> str:
    return f"{local(ms, zone):%m-%d %H:%M}"
