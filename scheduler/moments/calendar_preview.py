"""The calendar of any days as people read it: by day and account, with what is odd about it. Writes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.quiet_hours import local
from rules.roles import PostKind
from scheduler.days import lunar_words
from scheduler.media_checks import flaw_of
from scheduler.moments.calendar_advice import NEAR_DAYS, Note, Said, notes_on, shares, timely
from scheduler.moments.day_changes import KnownPost, known_posts
from scheduler.moments.day_plan import compose_known, held_back, near_days, with_material
from scheduler.moments.day_slots import LATELY, DayPost, Poster
from scheduler.moments.materials import MaterialRow, found
from scheduler.moments.moments import Calendar
from scheduler.moments.posts import CALENDAR
from scheduler.moments.rhythm import Planned
from storage.tables import Account
from texts.catalogue import say


@dataclass(frozen=True, slots=True)
class Line:
    """One post of the preview. `due_ms` in epoch ms; `state` is '' for what is not planned yet."""

    day: date
    account: str
    zone: str
    due_ms: int
    kind: PostKind
    name: str
    text: str
    media: tuple[str, ...]
    skipped: str
    state: str = ""

    @property
    def clock(self) -> str:
        return f"{local(self.due_ms, self.zone):%H:%M}"

    def as_json(self) -> dict[str, Any]:
        return {
            "at": local(self.due_ms, self.zone).isoformat(), "account": self.account, "kind": self.kind.value,
            "name": self.name, "text": self.text, "media": list(self.media), "skipped": self.skipped,
            "state": self.state,
        }  # fmt: skip


@dataclass(slots=True)
class SpanPreview:
    """`days` days from `first` on. `mirrors`: who follows whom, by the source's id."""

    first: date
    days: int
    today: date
    lines: list[Line] = field(default_factory=list)
    notes: list[tuple[str, Note]] = field(default_factory=list)
    """(account, warning)"""
    mirrors: dict[str, list[str]] = field(default_factory=dict)

    @property
    def shown(self) -> list[Line]:
        """All but what nobody planned on a day that is past: of that `past_words` says how much there is."""
        return [line for line in self.lines if not self._missed(line)]

    @property
    def past_words(self) -> str:
        """One sentence for days that went by without a fleet; '' where there are none."""
        days = [line.day for line in self.lines if self._missed(line)]
        if not days:
            return ""
        first, last = f"{min(days):%m-%d}", f"{max(days):%m-%d}"
        span = first if first == last else say("scheduler.preview.span", first=first, last=last)
        return say("scheduler.preview.past", number=len(days), span=span)

    def _missed(self, line: Line) -> bool:
        return line.day < self.today and line.skipped == "too_late" and not line.state

    @property
    def shares(self) -> dict[PostKind, int]:
        """Percent of each kind among what appears."""
        return shares(line.kind for line in self.lines if not line.skipped)

    def as_json(self) -> dict[str, Any]:
        return {
            "from": self.first.isoformat(),
            "days": self.days,
            "posts": [line.as_json() for line in self.lines],
            "mirrors": self.mirrors,
            "shares": {kind.value: percent for kind, percent in self.shares.items()},
            "warnings": [{"account": account, "entry": note.entry, "text": note.words} for account, note in self.notes],
        }


async def preview_span(
    tx: AsyncConnection,
    calendar: Calendar,
    people: Sequence[Poster],
    first: date,
    days: int,
    now_ms: int,
    *,
    media: Path | None = None,
) -> SpanPreview:
    """What these accounts will post from `first` on. What was planned already is shown as it was planned."""
    today = local(now_ms, people[0].zone).date() if people else first
    span = SpanPreview(first, days, today, mirrors=await _mirrors(tx, [poster.id for poster in people]))
    since = [first + timedelta(days=n) for n in range(-NEAR_DAYS, days + 1)]
    known: dict[str, list[KnownPost]] = {}
    for row in await known_posts(tx, [poster.id for poster in people], since):
        known.setdefault(row.account, []).append(row)
    materials = await found(tx, calendar.materials)
    for poster in people:
        _add(span, poster, calendar, known.get(poster.id, []), materials, now_ms)
    span.lines.sort(key=lambda line: (line.due_ms, line.account))
    span.notes += _once_for_all(calendar, people, media, today)
    return span


def _add(
    span: SpanPreview,
    poster: Poster,
    calendar: Calendar,
    known: Sequence[KnownPost],
    materials: Mapping[int, MaterialRow],
    now_ms: int,
) -> None:
    states = {row.key: row.state for row in known}
    composed: list[tuple[date, DayPost]] = []
    before: list[Planned] = []
    for day in (span.first + timedelta(days=n) for n in range(span.days)):
        near = {other.isoformat() for other in near_days(day)}
        mine = [row for row in known if row.day in near]
        composed_now = compose_known(poster, calendar, day, mine, now_ms, before=before)
        posts = [with_material(post, materials) for post in composed_now]
        seen = {row.key for row in mine}
        before = [*before, *(post.planned for post in posts if not post.skipped and post.key not in seen)][-LATELY:]
        composed += [(day, post) for post in posts]
        span.lines += [_line(day, poster, post, states.get(post.key, "")) for post in posts]
        span.lines += [_of_others(day, poster, row) for row in mine if row.day == day.isoformat()
                       and row.source != CALENDAR]  # fmt: skip
        for advice in held_back(poster, posts):
            values = {"account": poster.id, "day": day, "reason": say(f"reason.{advice.reason}")}
            span.notes.append((poster.id, Note("held_back", advice.name, values)))
    said = [Said(date.fromisoformat(row.day), row.entry, row.text) for row in known
            if date.fromisoformat(row.day) < span.first and row.state != "skipped"]  # fmt: skip
    notes = notes_on(composed, calendar.plan_of(poster.persona), said_before=said, days=span.days)
    span.notes += [(poster.id, note) for note in notes]


def _once_for_all(
    calendar: Calendar, people: Iterable[Poster], media: Path | None, today: date
) -> list[tuple[str, Note]]:
    """What is wrong with an entry whatever the day: its days, its pictures."""
    notes: list[tuple[str, Note]] = []
    ids = {poster.id for poster in people}
    personas = {poster.persona for poster in people}
    for file in calendar.files:
        if file.persona not in personas and not ids.intersection(file.accounts):
            continue
        for entry in file.posts:
            note = timely(entry, today)
            notes += [("", note)] if note is not None else []
            flaws = [flaw_of(media, name) for name in entry.media] if media is not None else []
            notes += [("", Note("media", entry.name, {"flaw": flaw.words})) for flaw in flaws if flaw is not None]
    return notes


def _line(day: date, poster: Poster, post: DayPost, state: str) -> Line:
    entry = post.entry
    return Line(
        day, poster.id, poster.zone, post.due_ms, entry.kind, entry.name, post.text, post.media, post.skipped, state
    )


def _of_others(day: date, poster: Poster, row: KnownPost) -> Line:
    """Not of the calendar: staff or a campaign wanted it."""
    skipped = (row.reason or "") if row.state == "skipped" else ""
    return Line(
        day, poster.id, poster.zone, row.due_ms, PostKind(row.kind), row.entry, row.text, row.media, skipped, row.state
    )


async def _mirrors(tx: AsyncConnection, accounts: Sequence[str]) -> dict[str, list[str]]:
    query = select(Account.mirror_of, Account.id).where(Account.mirror_of.in_(accounts), Account.removed.is_(False))
    mirrors: dict[str, list[str]] = {}
    for row in await tx.execute(query.order_by(Account.id)):
        mirrors.setdefault(row.mirror_of, []).append(row.id)
    return mirrors


_SHOWN = 26
"""Characters of a text in a list; the whole of it when one day is asked for."""


def as_text(span: SpanPreview) -> str:
    """The preview for a chat: by day, then by account, shares and warnings at the end."""
    blocks = []
    by_day: dict[date, list[Line]] = {}
    for line in span.shown:
        by_day.setdefault(line.day, []).append(line)
    for day, lines in sorted(by_day.items()):
        weekday = say(f"scheduler.weekday.{day.isoweekday()}")
        rows = [say("scheduler.preview.day", day=f"{day:%m-%d}", weekday=weekday, lunar=lunar_words(day))]
        for account in sorted({line.account for line in lines}):
            rows += _of_account(account, [line for line in lines if line.account == account], span)
        blocks.append("\n".join(rows))
    if span.past_words:
        blocks.insert(0, span.past_words)
    if not blocks:
        blocks.append(say("cli.moments.none"))
    return "\n\n".join([*blocks, *_ending(span)])


def _of_account(account: str, lines: Sequence[Line], span: SpanPreview) -> list[str]:
    mirrors = span.mirrors.get(account, [])
    followed = say("scheduler.preview.mirrors", mirrors=say("texts.comma").join(mirrors)) if mirrors else ""
    return [f"{account}{followed}", *(f"  {_row(line, whole=span.days == 1)}" for line in lines)]


def _row(line: Line, *, whole: bool) -> str:
    text = line.text if whole or len(line.text) <= _SHOWN else f"{line.text[:_SHOWN]}…"
    pictures = say("scheduler.preview.pictures", number=len(line.media)) if line.media else ""
    kind = say(f"scheduler.post.{line.kind}")
    row = f"{line.clock} {kind} {text}{pictures}"
    return say("scheduler.preview.skipped", row=row, reason=say(f"reason.{line.skipped}")) if line.skipped else row


def _ending(span: SpanPreview) -> list[str]:
    parts = []
    if span.shares:
        each = [f"{say(f'scheduler.post.{kind}')} {percent}%" for kind, percent in span.shares.items()]
        parts.append(say("scheduler.preview.shares", shares=say("texts.comma").join(each)))
    words = note_lines(span)
    if words:
        parts.append(
            "\n".join([say("scheduler.preview.warnings", number=len(words)), *(f"· {word}" for word in words)])
        )
    return parts


def note_lines(span: SpanPreview) -> list[str]:
    """The warnings, each said once, with whose they are where it matters."""
    said: dict[str, list[str]] = {}
    for account, note in span.notes:
        said.setdefault(note.words, []).append(account)
    return [_whose(words, accounts) for words, accounts in said.items()]


def _whose(words: str, accounts: Sequence[str]) -> str:
    named = [account for account in dict.fromkeys(accounts) if account and account not in words]
    return f"{say('texts.comma').join(named)}: {words}" if named else words
