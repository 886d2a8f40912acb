"""Care as people write it into care.yaml: which occasions, in whose words, at which hours. It sells nothing."""

from collections.abc import Iterator, Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from personas.model import Lines, Style
from scheduler.days import plain_name
from scheduler.media_checks import flaw_of
from scheduler.text_flaws import text_flaws
from scheduler.written import Ident, Span, Window
from texts.catalogue import say
from texts.errors import Mistake
from texts.yaml_reader import Document, read_document

M = TypeVar("M", bound=BaseModel)
BIRTHDAY = "birthday"
DEFAULT = "default"
NAMES = frozenset({"call_me", "me", "position", "shop", "brand", "contact"})
"""What every text of care may use: nothing of it leads to the shop."""
SHARE_CODE = "share_code"
BY_THE_MOON = frozenset({"春节", "元宵节", "端午节", "七夕", "中秋节", "重阳节", "腊八节", "小年", "除夕"})
"""Festivals that may come twice in a year of the sun, and never in one of the moon."""


def _as_words(value: object) -> object:
    return value if isinstance(value, dict) else {DEFAULT: value}


def _as_festival(value: str) -> str:
    name = plain_name(value.strip())
    if name is None:
        raise ValueError("scheduler.care.no_festival")
    return name


Words = Annotated[
    dict[str, Lines],
    BeforeValidator(_as_words, json_schema_input_type=str | list[str] | dict[str, str | list[str]]),
    Field(min_length=1),
]
Festival = Annotated[str, AfterValidator(_as_festival)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BirthdayCare(_Part):
    """生日"""

    words: dict[str, Lines] = Field(
        default_factory=dict,
        description="祝福的话，按人设编号写，default 给其余的号；不写就用各人设自己的 templates.birthday",
    )


class HolidayCare(_Part):
    """One festival."""

    name: Ident = Field(description="名字（英文小写），一年一次就是按它算的")
    day: Festival = Field(description="哪个节：春节、中秋节、冬至、母亲节……（农历节日自动换算）")
    words: Words = Field(description="祝福的话；可以写几种说法，也可以按人设编号分开写，default 给其余的号")
    levels: tuple[str, ...] = Field(default=(), description="只给哪些等级；不写就是所有买过的老客")


class AfterPurchase(_Part):
    """Some days after an order was completed."""

    name: Ident = Field(description="名字（英文小写）")
    days: int = Field(ge=1, le=90, description="交易成功之后第几天")
    words: Words = Field(description="关心的话，不带任何推销")
    picture: str | None = Field(default=None, description="一起发的图，media/ 里的文件名")


class WordOfMouth(AfterPurchase):
    """What a trade without repurchase does instead of pushes (`shop.goal: word_of_mouth`)."""

    kind: Literal["tip", "share_card", "buyer_show", "referral"] = Field(
        description="tip 使用小贴士，share_card 可以转给朋友的卡片，buyer_show 邀请晒图，referral 请老客介绍朋友；"
        "share_card 和 referral 里可用 {{ share_code }}"
    )


class CareFile(_Part):
    """The whole of care.yaml; empty is no care."""

    window: Window = Field(
        default=Span(start=time(9, 30), end=time(20, 30)),
        description="关怀在几点到几点之间发，按号所在的时区；当天发不出去就不补了",
        json_schema_extra={"default": "09:30-20:30"},
    )
    birthday: BirthdayCare | None = Field(default=None, description="生日祝福；写一个空的 {} 就是用人设自己的话")
    holidays: tuple[HolidayCare, ...] = Field(default=(), description="过节问候")
    after_purchase: tuple[AfterPurchase, ...] = Field(default=(), description="交易成功后的关心")
    word_of_mouth: tuple[WordOfMouth, ...] = Field(
        default=(), description="shop.goal 是 word_of_mouth 时代替推送的：小贴士、分享卡、晒图邀请、老带新"
    )

    def texts(self) -> Iterator[tuple[tuple[str | int, ...], str, frozenset[str]]]:
        """Every text with its place and the names it may use."""
        if self.birthday is not None:
            yield from _placed(("birthday", "words"), self.birthday.words, NAMES)
        for number, holiday in enumerate(self.holidays):
            yield from _placed(("holidays", number, "words"), holiday.words, NAMES)
        for key in ("after_purchase", "word_of_mouth"):
            for number, after in enumerate(getattr(self, key)):
                shares = getattr(after, "kind", "") in ("share_card", "referral")
                yield from _placed((key, number, "words"), after.words, NAMES | {SHARE_CODE} if shares else NAMES)


def _placed(
    place: tuple[str | int, ...], words: Mapping[str, tuple[str, ...]], names: frozenset[str]
) -> Iterator[tuple[tuple[str | int, ...], str, frozenset[str]]]:
    for persona, variants in words.items():
        for text in variants:
            yield (*place, persona), text, names


def load_care(
    path: Path, *, style: Style | None = None, media: Path | None = None, levels: set[str] | None = None
) -> tuple[CareFile, list[Mistake]]:
    """care.yaml at `path` (none is no care), and every mistake with its place. Raises nothing.

    With `media`, a picture that can't be sent from that folder is a mistake too; with `levels`, one that is no level.
    """
    if not path.exists():
        return CareFile(), []
    document = read_document(path, CareFile)
    mistakes = list(document.mistakes)
    care = document.value
    if care is None:
        return CareFile(), mistakes
    mistakes += _twice(document, care)
    for place, text, names in care.texts():
        mistakes += text_flaws(document, place, text, names, style or Style())
    for key in ("after_purchase", "word_of_mouth"):
        for number, after in enumerate(getattr(care, key)):
            if media is not None and after.picture and (flaw := flaw_of(media, after.picture)) is not None:
                mistakes.append(document.mistake((key, number, "picture"), flaw.words))
    for number, holiday in enumerate(care.holidays):
        for place_, level in enumerate(holiday.levels):
            if levels is not None and level not in levels:
                allowed = say("texts.comma").join(sorted(levels))
                reason = say("scheduler.care.no_level", level=level, levels=allowed)
                mistakes.append(document.mistake(("holidays", number, "levels", place_), reason))
    return care, sorted(mistakes)


def _twice(document: Document[CareFile], care: CareFile) -> Iterator[Mistake]:
    seen = {BIRTHDAY}
    for key in ("holidays", "after_purchase", "word_of_mouth"):
        for number, occasion in enumerate(getattr(care, key)):
            if occasion.name in seen:
                yield document.mistake((key, number, "name"), say("scheduler.care.twice", name=occasion.name))
            seen.add(occasion.name)
