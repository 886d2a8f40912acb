"""Moments by command: look at the calendar, post something now, look after the photos of the library."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.asking import Asked, Reply, Shown
from operations.errors import CannotBeUsed
from operations.finding import account_named
from operations.permissions import require_account
from operations.requests.posts import Moment, PreviewMoments
from operations.why import reason_words
from personas.model import Style
from rules.kinds import Kind
from rules.pacing import DAY_MS, MINUTE_MS
from rules.quiet_hours import local
from rules.roles import PostKind
from scheduler.errors import MaterialRefused
from scheduler.moments.calendar_preview import as_text, preview_span
from scheduler.moments.day_plan import posters
from scheduler.moments.materials import files_to_post, found, sent_lately
from scheduler.moments.mirror_gaps import gaps_since
from scheduler.moments.moments import Calendar
from scheduler.moments.posts import skip_planned
from scheduler.moments.staff_posts import Prepared, Wish, main_account, prepare, publish
from storage.outbox import DeliveryState
from storage.tables import Account, Delivery
from texts.catalogue import say

PICTURES_COUNT_MS = 15 * MINUTE_MS
"""Pictures that staff sent this long before /发圈 belong to it. Ours."""
_MOST_ACCOUNTS = 30
"""More accounts than this make a message that nobody reads: then one is to be named. Ours."""
_GAP_SHOWN = 20
"""Characters by which a post is known again."""


class Posting:
    """Knows the calendar, the taste of the shop, and where its pictures are."""

    def __init__(
        self, calendar: Callable[[], Calendar], *, zone: str, style: Style | None = None, media: Path | None = None
    ) -> None:
        self._calendar = calendar
        self._zone = zone
        self._style = style or Style()
        self._media = media

    async def preview(self, tx: AsyncConnection, asked: Asked[PreviewMoments]) -> Reply:
        """The calendar of the days that were asked for."""
        request = asked.request
        account = await account_named(tx, request.account) if request.account else None
        source = await tx.scalar(select(Account.mirror_of).where(Account.id == account)) if account else None
        people = await posters(tx, accounts=None if account is None else [source or account])
        people = [poster for poster in people if asked.staff.looks_after(account or poster.id)]
        if len(people) > _MOST_ACCOUNTS:
            raise CannotBeUsed(
                say("operations.preview.too_many", number=len(people)), hint=say("operations.preview.too_many.hint")
            )
        first = date.fromisoformat(request.first) if request.first else local(asked.now_ms, self._zone).date()
        span = await preview_span(tx, self._calendar(), people, first, request.days, asked.now_ms, media=self._media)
        behind = await _behind(tx, account, source, asked.now_ms) if account and source else []
        return Reply(True, "\n".join([*behind, as_text(span)]), data=span.as_json())

    async def show_moment(self, tx: AsyncConnection, asked: Asked[Moment]) -> Shown:
        """What would appear, where and when. Raises PostRefused, and what says that an account is not theirs."""
        request = asked.request
        if request.account:
            account = await account_named(tx, request.account)
        else:
            account = await main_account(tx, asked.staff.accounts)
        require_account(asked.staff, account)
        materials = request.materials or await self._pictures(tx, asked)
        prepared = await self._prepare(tx, replace(request, account=account, materials=materials), asked.now_ms)
        exact = replace(
            request,
            account=account,
            kind=prepared.kind.value,
            materials=materials,
            at_ms=max(request.at_ms, asked.now_ms),
            name=f"staff-{asked.staff.id}-{asked.now_ms}",
        )
        return Shown(self._shown(prepared, asked.now_ms), exact)

    async def moment(self, tx: AsyncConnection, asked: Asked[Moment]) -> Reply:
        """Plan exactly what was shown; its minute is looked for again, for others may have posted meanwhile."""
        request = asked.request
        require_account(asked.staff, request.account)
        prepared = await self._prepare(tx, request, asked.now_ms)
        await files_to_post(tx, request.materials, asked.now_ms)
        await publish(tx, prepared, name=request.name, by=asked.staff.id, now_ms=asked.now_ms)
        text = say("operations.moment.planned", account=prepared.account, at=self._clock(prepared, asked.now_ms))
        return Reply(True, text, data={"account": prepared.account, "due_ms": prepared.due_ms})

    async def _pictures(self, tx: AsyncConnection, asked: Asked[Moment]) -> tuple[int, ...]:
        """What they sent just before."""
        rows = await sent_lately(tx, f"staff:{asked.staff.id}", asked.now_ms - PICTURES_COUNT_MS)
        return tuple(row.id for row in rows)

    async def _prepare(self, tx: AsyncConnection, request: Moment, now_ms: int) -> Prepared:
        rows = await found(tx, request.materials)
        files = []
        for number in request.materials:
            row = rows.get(number)
            if row is None or not row.usable or row.file is None:
                given = row is not None and row.file is None and row.consent.value == "given"
                raise MaterialRefused(number, "not_fetched" if given else "no_consent")
            files.append(row.file)
        wish = Wish(
            request.account, request.text, request.at_ms, (*request.media, *files),
            PostKind(request.kind) if request.kind else None,
        )  # fmt: skip
        return await prepare(tx, wish, style=self._style, media=self._media, now_ms=now_ms)

    def _shown(self, prepared: Prepared, now_ms: int) -> str:
        comma = say("texts.comma")
        lines = [
            say(
                "operations.moment.shown",
                account=prepared.account,
                kind=say(f"scheduler.post.{prepared.kind}"),
                at=self._clock(prepared, now_ms),
            ),
            prepared.text,
        ]
        if prepared.media:
            lines.append(say("operations.moment.pictures", number=len(prepared.media)))
        if prepared.followers:
            lines.append(say("operations.moment.mirrors", mirrors=comma.join(prepared.followers)))
        lines += [say("operations.moment.doubt", doubt=doubt) for doubt in prepared.doubts]
        return "\n".join(lines)

    def _clock(self, prepared: Prepared, now_ms: int) -> str:
        at = local(prepared.due_ms, prepared.zone)
        if prepared.due_ms - now_ms < MINUTE_MS:
            return say("operations.moment.now")
        today = local(now_ms, prepared.zone).date()
        return f"{at:%H:%M}" if at.date() == today else f"{at:%m-%d %H:%M}"


async def take_back_post(tx: AsyncConnection, staff: str, at_ms: int, now_ms: int) -> str:
    """A post that was confirmed at that moment and has not left does not appear; '' when there is none such."""
    mine = select(Delivery.key).where(
        Delivery.kind == Kind.MOMENT.value,
        Delivery.source == f"staff:{staff}",
        Delivery.created_ms == at_ms,
        Delivery.state == DeliveryState.PENDING.value,
    )
    keys = (await tx.scalars(mine)).all()
    await skip_planned(tx, keys, "cancelled", now_ms)
    return say("operations.undo.moment") if keys else ""


async def _behind(tx: AsyncConnection, mirror: str, source: str, now_ms: int) -> list[str]:
    """Whom a mirror follows, and what it could not follow within the last day, each with the reason."""
    lines = [say("operations.preview.mirror", mirror=mirror, source=source)]
    for gap in await gaps_since(tx, now_ms - DAY_MS):
        if gap.mirror == mirror:
            text = " ".join(gap.text.split())[:_GAP_SHOWN]
            lines.append(say("operations.preview.gap", text=text, reason=reason_words(gap.reason)))
    return lines
