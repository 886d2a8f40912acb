"""Lessons as people write them into lessons/*.yaml: a sequence for partners, day by day. It sells nothing."""

from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from personas.model import Style
from scheduler.care.care_file import NAMES
from scheduler.media_checks import flaw_of
from scheduler.text_flaws import text_flaws
from scheduler.written import Ident, Span, SpanOfTime, Text, Window, not_empty
from texts.catalogue import say
from texts.errors import Mistake
from texts.yaml_reader import Document, read_folder

START_BY_ITSELF = "partner"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LessonLink(_Part):
    """Something to read, as a card."""

    url: str = Field(pattern=r"^https?://\S+$", description="链接地址；不能是商品或店铺")
    title: str = Field(min_length=1, max_length=60, description="卡片标题")
    description: str = Field(default="", max_length=120, description="卡片上的小字")


class Lesson(_Part):
    """One lesson."""

    name: Ident = Field(description="这一课的名字（英文小写），同一门课里不重复；改名等于换一课")
    day: int = Field(ge=1, le=365, description="开课第几天；第 1 天就是开课那天")
    text: Text = Field(description="讲什么；可用 {{ call_me }} {{ me }} {{ shop }}")
    picture: str | None = Field(default=None, description="一起发的图，media/ 里的文件名")
    link: LessonLink | None = Field(default=None, description="一起发的链接卡片")
    answer_within: SpanOfTime = Field(
        default=timedelta(days=2),
        gt=timedelta(0),
        description="多久之内回话算答了这一课：2d、36h；过了没动静算没答",
        json_schema_extra={"default": "2d"},
    )


class LessonFile(_Part):
    """One sequence of lessons."""

    name: Ident = Field(description="这门课的名字（英文小写）")
    title: str = Field(min_length=1, max_length=60, description="课名，给自己人看")
    start: Literal["partner", "staff"] = Field(
        default="partner", description="partner：成了合伙人、又加了培训号就自动开课；staff：等员工 /课程 开始"
    )
    window: Window = Field(
        default=Span(start=time(19, 30), end=time(21, 0)),
        description="几点到几点之间发，按号所在的时区",
        json_schema_extra={"default": "19:30-21:00"},
    )
    stuck_after: int = Field(default=2, ge=1, le=10, description="连着几课没看也没答，就告诉员工卡住了")
    lessons: Annotated[tuple[Lesson, ...], AfterValidator(not_empty)] = Field(description="一课一课，按天数从前往后")

    def after(self, given: int) -> Lesson | None:
        """The lesson that comes when so many were given; None when that was all."""
        return self.lessons[given] if given < len(self.lessons) else None


def load_lessons(
    folder: Path, *, style: Style | None = None, media: Path | None = None
) -> tuple[dict[str, LessonFile], list[Mistake]]:
    """All `*.yaml` of `folder` by their names, and every mistake with its place. Raises nothing.

    With `media`, a picture that can't be sent from that folder is a mistake too.
    """
    sequences: dict[str, LessonFile] = {}
    mistakes: list[Mistake] = []
    for document in read_folder(folder, LessonFile):
        mistakes += document.mistakes
        sequence = document.value
        if sequence is None:
            continue
        if sequence.name in sequences:
            mistakes.append(document.mistake(("name",), say("scheduler.lesson.sequence_twice", name=sequence.name)))
        sequences[sequence.name] = sequence
        mistakes += _flaws(document, sequence, style or Style(), media)
    return sequences, sorted(mistakes)


def _flaws(document: Document[LessonFile], sequence: LessonFile, style: Style, media: Path | None) -> Iterator[Mistake]:
    names: set[str] = set()
    before = 0
    for number, lesson in enumerate(sequence.lessons):
        place = ("lessons", number)
        if lesson.name in names:
            yield document.mistake((*place, "name"), say("scheduler.lesson.twice", name=lesson.name))
        names.add(lesson.name)
        if lesson.day <= before:
            yield document.mistake((*place, "day"), say("scheduler.lesson.day_order", day=lesson.day, before=before))
        before = lesson.day
        yield from text_flaws(document, (*place, "text"), lesson.text, NAMES, style)
        if lesson.link is not None:
            for key in ("url", "title", "description"):
                yield from text_flaws(document, (*place, "link", key), getattr(lesson.link, key), frozenset(), style)
        if media is not None and lesson.picture and (flaw := flaw_of(media, lesson.picture)) is not None:
            yield document.mistake((*place, "picture"), flaw.words)
