"""The Moments calendar: what people write into moments/*.yaml, and what it says for one account on one day."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from personas.model import MomentsPlan
from rules.post_media import MOST_CHARACTERS, MOST_PICTURES, is_video
from rules.quiet_hours import at, zone
from rules.roles import PostKind
from scheduler.day_words import means
from scheduler.seeds import drawn
from scheduler.written import Days, Ident, Window, as_list, not_empty

FREE = "free"
_BLOCK_DAYS = 84
"""Twelve weeks: variants of a weekly post go round without a seam. Ours."""


def _as_at(value: object) -> object:
    """`10:20` as a time, `free` as it is."""
    plain = unicodedata.normalize("NFKC", str(value)).strip().lower()
    hours, _, minutes = plain.partition(":")
    if plain in (FREE, "空档"):
        return FREE
    if value is None or (hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60):
        return None if value is None else time(int(hours), int(minutes))
    raise ValueError("scheduler.moments.at")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


At = Annotated[time | Literal["free"], BeforeValidator(_as_at, json_schema_input_type=str)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_CHARACTERS)]


class PostLink(_Part):
    """A link under a post."""

    url: str = Field(pattern=r"^https?://\S+$", description="链接地址")
    title: str = Field(default="", max_length=60, description="链接标题")


def _as_link(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


class Entry(_Part):
    """One post of the calendar."""

    name: Ident = Field(description="这条的名字（英文小写），同一个文件里不重复；改名等于换一条")
    kind: PostKind = Field(
        description="内容类型：life 生活，opinion 观点，customer_show 买家秀，product 产品，benefit 福利，proof 截图"
    )
    at: At | None = Field(
        default=None,
        description="准点时间，例如 10:20；或 free：自动找空档（间隔、条数、三条里最多一条卖货都满足的第一分钟）",
    )
    window: Window | None = Field(
        default=None,
        description="时间段，例如 10:40-10:55，每个号在里面有自己的分钟，可以跨零点；"
        "和 at: free 一起写就是在这段里找空档",
    )
    days: Annotated[Days, AfterValidator(not_empty)] = Field(
        default=("daily",),
        description="哪些天，可以写几个：daily、mon 或周一、weekend、日期 2026-11-21、一段 2026-11-01~2026-11-11、"
        "每年 11-11、每月15日、农历八月十五、农历初一、节日 中秋节（前后几天：中秋节前3天）、节气 冬至、"
        "工作日（含调休补班）、休息日、节假日、补班",
    )
    except_: Days = Field(default=(), alias="except", description="哪些天不发，写法和 days 一样")
    since: date | None = Field(default=None, description="从哪天起才发")
    until: date | None = Field(default=None, description="发到哪天为止（含）")
    text: Annotated[
        tuple[Words, ...],
        BeforeValidator(as_list, json_schema_input_type=str | list[str]),
        AfterValidator(not_empty),
    ] = Field(description="正文，最多 2000 字，110 字左右会折叠；写成几条就轮着用")
    topic: str = Field(default="", max_length=20, description="聊的是什么，例如 咖啡；要在人设的 moments.topics 里")
    item: str = Field(default="", max_length=60, description="说的是哪件宝贝；一个月里一件超过产品内容的 40% 会提醒")
    media: Annotated[tuple[str, ...], BeforeValidator(as_list)] = Field(
        default=(), max_length=MOST_PICTURES, description="图片文件名（media/ 里），最多 9 张；或者一个视频"
    )
    material: Annotated[tuple[int, ...], BeforeValidator(as_list, json_schema_input_type=int | list[int])] = Field(
        default=(), max_length=MOST_PICTURES, description="素材库里的图，写 /素材 里的编号；本人同意了才发"
    )
    link: Annotated[PostLink | None, BeforeValidator(_as_link)] = Field(
        default=None, description="链接；有链接就不能有图片"
    )

    @model_validator(mode="after")
    def _fits(self) -> "Entry":
        if (self.at is None and self.window is None) or (self.window is not None and self.at not in (None, FREE)):
            raise ValueError("scheduler.moments.at_or_window")
        if self.link and (self.media or self.material):
            raise ValueError("scheduler.moments.link_or_media")
        if len(self.media) + len(self.material) > (1 if any(map(is_video, self.media)) else MOST_PICTURES):
            raise ValueError("scheduler.moments.one_video")
        if self.since and self.until and self.since > self.until:
            raise ValueError("scheduler.moments.since_until")
        return self

    def on(self, day: date) -> bool:
        """Does it appear on that day? What only an unknown notice of days off could say is no."""
        return self.bounds(day) and self._repeats(day) is True

    def undecided(self, day: date) -> bool:
        """Is it left out on that day only because the notice of that year's days off is not known here?"""
        return self.bounds(day) and self._repeats(day) is None

    def bounds(self, day: date) -> bool:
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)

    def _repeats(self, day: date) -> bool | None:
        wanted = _any(self.days, day)
        if wanted is False:
            return False
        unwanted = _any(self.except_, day)
        if unwanted:
            return False
        return None if wanted is None or unwanted is None else True

    def words_on(self, day: date) -> str:
        """The text of that day: several take turns, from one appearance to the next."""
        if len(self.text) == 1:
            return self.text[0]
        first = date.fromordinal(day.toordinal() - (day.toordinal() - 1) % _BLOCK_DAYS)
        earlier = (first + timedelta(days=n) for n in range((day - first).days))
        before = sum(_any(self.days, one) is True for one in earlier)  # a day left out must not shift the others
        return self.text[before % len(self.text)]

    @property
    def free(self) -> bool:
        """Does it look for a free minute of the day?"""
        return self.at == FREE

    @property
    def earliest(self) -> time | None:
        """The first moment it may appear at; None: whenever the account may post."""
        if isinstance(self.at, time):
            return self.at
        return self.window.start if self.window is not None else None

    @property
    def latest(self) -> time | None:
        """The last one."""
        if isinstance(self.at, time):
            return self.at
        return self.window.end if self.window is not None else None

    def due_ms(self, account: str, day: date, zone_name: str) -> int:
        """When it is due for that account: in its own minute of the window, the same one whenever asked.

        Raises ValueError for one that looks for a free minute.
        """
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone(zone_name))
        if isinstance(self.at, time):
            return at(midnight, self.at)
        if self.free or self.window is None:
            raise ValueError(f"{self.name} has no minute of its own")
        start_ms, end_ms = ends_of(self.window.start, self.window.end, day, zone_name)
        span_s = max(1, (end_ms - start_ms) // 1000)
        return start_ms + drawn(account, day, self.name, below=span_s) * 1000


def ends_of(start: time, end: time, day: date, zone_name: str) -> tuple[int, int]:
    """Epoch ms of both ends of a stretch that begins on the local `day`, perhaps over midnight."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone(zone_name))
    return at(midnight, start), at(midnight + timedelta(days=1 if end <= start else 0), end)


def _any(words: tuple[str, ...], day: date) -> bool | None:
    answers = [means(word, day) for word in words]
    if any(answers):
        return True
    return None if None in answers else False


class CalendarFile(_Part):
    """One file of the calendar: what one persona, or some accounts, post."""

    persona: str | None = Field(default=None, description="哪个人设发；分身自动跟着，不用写")
    accounts: tuple[str, ...] = Field(default=(), description="或者：哪些账号发")
    posts: Annotated[tuple[Entry, ...], AfterValidator(not_empty)] = Field(description="这个月的内容")

    @model_validator(mode="after")
    def _whose(self) -> "CalendarFile":
        if (self.persona is None) == (not self.accounts):
            raise ValueError("scheduler.moments.whose")
        return self

    def __hash__(self) -> int:
        return id(self)


@lru_cache(maxsize=4096)
def _on(file: CalendarFile, day: date) -> tuple[Entry, ...]:
    """Asked again for each account of a persona."""
    return tuple(entry for entry in file.posts if entry.on(day))


@dataclass(frozen=True, slots=True)
class Calendar:
    """All files together. `plans`: mix and usual times of the personas."""

    files: tuple[CalendarFile, ...] = ()
    plans: Mapping[str, MomentsPlan] = field(default_factory=dict)

    def entries(self, account: str, persona: str, day: date) -> list[Entry]:
        """What that account posts on that day, in the order of the day; what looks for a free minute comes last."""
        found = [
            entry
            for file in self.files
            if file.persona == persona or account in file.accounts
            for entry in _on(file, day)
        ]
        return sorted(found, key=lambda entry: (entry.free, entry.earliest or time(), entry.name))

    def plan_of(self, persona: str) -> MomentsPlan:
        """Mix and usual times of that persona; empty for one that has none."""
        return self.plans.get(persona, _NO_PLAN)

    @property
    def materials(self) -> set[int]:
        """Numbers of all photos of the library that posts ask for."""
        return {number for file in self.files for entry in file.posts for number in entry.material}

    @property
    def personas(self) -> set[str]:
        """The personas that have posts of their own."""
        return {file.persona for file in self.files if file.persona}


_NO_PLAN = MomentsPlan()
