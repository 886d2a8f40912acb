"""The Moments calendar: what people write into moments/*.yaml, and what it says for one account on one day."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from rules.limits import Limits, TimeOfDay
from rules.quiet_hours import at, zone
from rules.roles import PostKind
from scheduler.rhythm import Planned, advise
from scheduler.seeds import drawn
from texts.catalogue import say
from texts.errors import Mistake, Severity
from texts.yaml_reader import Document, read_document

T = TypeVar("T")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_IMAGES = 9
_FORBIDDEN = re.compile(r"[￥$€₤₳][0-9A-Za-z]{8,}[￥$€₤₳]|淘口令|转发(有|得|送|领)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _as_day(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    text = str(value).strip().lower()
    if text == "daily" or text in WEEKDAYS:
        return text
    try:
        return date.fromisoformat(text if _DATE.fullmatch(text) else "").isoformat()
    except ValueError as error:
        raise ValueError("scheduler.moments.day") from error  # 2026-02-30, too


def as_span(value: object) -> object:
    """`10:40-10:55` as the two ends of a `Span`; anything else as it is, for pydantic to judge."""
    if not isinstance(value, str):
        return value
    plain = unicodedata.normalize("NFKC", value)
    start, dash, end = plain.replace("–", "-").replace("~", "-").partition("-")
    if not dash:
        raise ValueError("scheduler.moments.window")
    return {"start": start.strip(), "end": end.strip()}


class Span(BaseModel):
    """From `start` to `end` on one day, written `10:40-10:55`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: TimeOfDay
    end: TimeOfDay

    @model_validator(mode="after")
    def _forward(self) -> "Span":
        if self.start >= self.end:
            raise ValueError("scheduler.moments.window_order")
        return self


def not_empty(value: tuple[T, ...]) -> tuple[T, ...]:
    """For lists that must have something in them. Pydantic's own `min_length` complains about a bad item as well."""
    if not value:
        raise ValueError("scheduler.empty")
    return value


Window = Annotated[Span, BeforeValidator(as_span, json_schema_input_type=str)]
Day = Annotated[str, BeforeValidator(_as_day)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class PostLink(BaseModel):
    """A link under a post."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://\S+$", description="链接地址")
    title: str = Field(default="", max_length=60, description="链接标题")


def _as_link(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


class Entry(BaseModel):
    """One post of the calendar."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = Field(description="这条的名字（英文小写），同一个文件里不重复")
    kind: PostKind = Field(
        description="内容类型：life 生活，opinion 观点，customer_show 买家秀，product 产品，benefit 福利，proof 截图"
    )
    at: TimeOfDay | None = Field(default=None, description="准点时间，例如 10:20；和 window 二选一")
    window: Window | None = Field(default=None, description="时间段，例如 10:40-10:55；每个号在里面有自己的分钟")
    days: Annotated[tuple[Day, ...], AfterValidator(not_empty)] = Field(
        default=("daily",), description="哪些天：daily、mon…sun，或日期 2026-11-21"
    )
    text: str = Field(min_length=1, max_length=2000, description="正文，最多 2000 字，110 字左右会折叠")
    media: tuple[str, ...] = Field(default=(), max_length=MAX_IMAGES, description="图片文件名（media/ 里），最多 9 张")
    link: Annotated[PostLink | None, BeforeValidator(_as_link)] = Field(
        default=None, description="链接；有链接就不能有图片"
    )

    @model_validator(mode="after")
    def _fits(self) -> "Entry":
        if (self.at is None) == (self.window is None):
            raise ValueError("scheduler.moments.at_or_window")
        if self.link and self.media:
            raise ValueError("scheduler.moments.link_or_media")
        if _FORBIDDEN.search(self.text):
            raise ValueError("scheduler.moments.forbidden")
        return self

    def on(self, day: date) -> bool:
        """Does it appear on that day?"""
        return bool({"daily", WEEKDAYS[day.weekday()], day.isoformat()}.intersection(self.days))

    @property
    def earliest(self) -> time:
        """The first moment it may appear at."""
        return self.at if self.at is not None else self.window.start  # type: ignore[union-attr]

    def due_ms(self, account: str, day: date, zone_name: str) -> int:
        """When it is due for that account: in its own minute of the window, the same one whenever asked."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone(zone_name))
        start_ms = at(midnight, self.earliest)
        if self.window is None:
            return start_ms
        span_s = max(1, (at(midnight, self.window.end) - start_ms) // 1000)
        return start_ms + drawn(account, day, self.name, below=span_s) * 1000


class CalendarFile(BaseModel):
    """One file of the calendar: what one persona, or some accounts, post."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    persona: str | None = Field(default=None, description="哪个人设发；分身自动跟着，不用写")
    accounts: tuple[str, ...] = Field(default=(), description="或者：哪些账号发")
    posts: Annotated[tuple[Entry, ...], AfterValidator(not_empty)] = Field(description="这个月的内容")

    @model_validator(mode="after")
    def _whose(self) -> "CalendarFile":
        if (self.persona is None) == (not self.accounts):
            raise ValueError("scheduler.moments.whose")
        return self


@dataclass(frozen=True, slots=True)
class Calendar:
    """All files together."""

    files: tuple[CalendarFile, ...] = ()

    def entries(self, account: str, persona: str, day: date) -> list[Entry]:
        """What that account posts on that day, in the order of the day."""
        found = [
            entry
            for file in self.files
            if file.persona == persona or account in file.accounts
            for entry in file.posts
            if entry.on(day)
        ]
        return sorted(found, key=lambda entry: (entry.earliest, entry.name))

    @property
    def personas(self) -> set[str]:
        """The personas that have posts of their own."""
        return {file.persona for file in self.files if file.persona}


@dataclass(slots=True)
class _Names:
    """Names seen so far, by whose they are: a post's name is its identity."""

    seen: dict[tuple[str, str], str] = field(default_factory=dict)

    def repeated(self, document: Document[CalendarFile], file: CalendarFile) -> Iterator[Mistake]:
        for number, entry in enumerate(file.posts):
            for whose in (file.persona, *file.accounts):
                if whose is None:
                    continue
                first = self.seen.setdefault((whose, entry.name), document.file)
                if first != document.file or entry.name in [other.name for other in file.posts[:number]]:
                    reason = say("scheduler.moments.twice", name=entry.name, file=first)
                    yield document.mistake(("posts", number, "name"), reason)


def load_calendar(folder: Path, *, media: Path | None = None) -> tuple[Calendar, list[Mistake]]:
    """All `*.yaml` of `folder` (none is a calendar without posts), and every mistake with its place.

    With `media`, a picture that is not in that folder is a mistake too. Raises nothing.
    """
    documents = [read_document(path, CalendarFile) for path in sorted(folder.glob("*.yaml"))]
    mistakes = [mistake for document in documents for mistake in document.mistakes]
    names = _Names()
    files: list[CalendarFile] = []
    for document in documents:
        if (file := document.value) is None:
            continue
        files.append(file)
        mistakes += names.repeated(document, file)
        mistakes += _missing_media(document, file, media)
        mistakes += _crowded(document, file)
    return Calendar(tuple(files)), sorted(mistakes)


def _missing_media(document: Document[CalendarFile], file: CalendarFile, media: Path | None) -> Iterator[Mistake]:
    if media is None:
        return
    for number, entry in enumerate(file.posts):
        for place, name in enumerate(entry.media):
            if not (media / name).is_file():
                reason = say("scheduler.moments.no_media", name=name, folder=media.name)
                yield document.mistake(("posts", number, "media", place), reason)


def _crowded(document: Document[CalendarFile], file: CalendarFile) -> Iterator[Mistake]:
    """Days that the caps will not let happen as written: warnings, once for each post and reason."""
    told: set[tuple[str, str]] = set()
    for day in _sample_days(file):
        entries = Calendar((file,)).entries(file.accounts[0] if file.accounts else "", file.persona or "", day)
        planned = [Planned(entry.name, entry.kind, entry.due_ms("", day, "UTC")) for entry in entries]
        for advice in advise(planned, Limits(), "UTC"):
            if (advice.name, advice.reason) in told:
                continue
            told.add((advice.name, advice.reason))
            number = next(n for n, entry in enumerate(file.posts) if entry.name == advice.name)
            reason = say(f"reason.{advice.reason}")
            yield document.mistake(
                ("posts", number), say("scheduler.moments.crowded", day=day, reason=reason), severity=Severity.WARNING
            )


def _sample_days(file: CalendarFile) -> list[date]:
    """A week, and each date that is named."""
    monday = date(2026, 11, 16)
    named = {day for entry in file.posts for day in entry.days if _DATE.fullmatch(day)}
    return [monday + timedelta(days=n) for n in range(7)] + sorted(map(date.fromisoformat, named))
