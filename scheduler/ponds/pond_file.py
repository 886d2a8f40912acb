"""Groups of customers (鱼塘) as people write them into ponds/*.yaml: whose, about what, what is said by itself."""

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from personas.model import Style
from scheduler.media_checks import flaw_of
from scheduler.text_flaws import text_flaws
from scheduler.written import Ident, SpanOfTime, Text, not_empty
from texts.catalogue import say
from texts.errors import Mistake
from texts.nearest import nearest
from texts.yaml_reader import Document, read_folder

NAMES = frozenset({"me", "shop", "brand", "contact", "disclosure", "position", "pond"})
"""What every text said in a group may name; a welcome knows `newcomers`, too."""
WECHAT_MEMBERS = 500
"""Members of a WeChat room at most. Source: the platform's own rule."""
_TITLE = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30)]
_Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
_Picture = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class PondKind(StrEnum):
    """Where it is."""

    WECHAT = "wechat"
    """A room that one of our accounts sits in."""
    TAOBAO = "taobao"
    """A Taobao group: nothing speaks there by itself, texts are made ready to be pasted."""
    OTHER = "other"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PondWelcome(_Part):
    """What newcomers hear, together."""

    text: Text = Field(description="欢迎词；可用 {{ newcomers }}（新人的称呼）{{ pond }} {{ shop }} {{ me }}")
    picture: _Picture | None = Field(default=None, description="一起发的福利图，media/ 里的文件名")
    every: SpanOfTime = Field(
        default=timedelta(minutes=5),
        ge=timedelta(minutes=1),
        le=timedelta(days=1),
        description="多久最多欢迎一次：这段时间里进来的人合在一条里欢迎，5m、1h",
        json_schema_extra={"default": "5m"},
    )


class Question(_Part):
    """Something people ask in the group, and what is said to it."""

    ask: Annotated[tuple[_Word, ...], AfterValidator(not_empty)] = Field(
        description="客户的典型问法或关键词；越长越优先，允许写错一两个字"
    )
    answer: Text = Field(description="怎么答；可用 {{ shop }} {{ brand }} {{ contact }} {{ me }} {{ pond }}")


class PondFile(_Part):
    """One group."""

    name: Ident = Field(description="名字（英文小写），命令里用它：wxfleet ponds show 名字")
    title: _TITLE = Field(description="群名")
    kind: PondKind = Field(
        default=PondKind.WECHAT, description="哪里的群：wechat 微信群，taobao 淘宝群，other 别处的（只登记、备好文案）"
    )
    account: Ident = Field(description="群主是哪个号（config.yaml 里的编号）；只有它在群里发活动")
    room: str | None = Field(
        default=None, min_length=1, max_length=120, description="微信群的编号；不知道就不写，用 wxfleet ponds bind 认"
    )
    theme: str = Field(min_length=1, max_length=60, description="这个群聊什么，给自己人看")
    welcome: PondWelcome | None = Field(default=None, description="有人进群时说什么；不写就不欢迎")
    notice: Text | None = Field(default=None, description="群公告")
    rules: tuple[Text, ...] = Field(default=(), description="群规，一条一条")
    faq: tuple[Question, ...] = Field(default=(), description="群里 @ 到我们的号时，常见问题怎么答")
    avatar: _Picture | None = Field(default=None, description="群头像，media/ 里的文件名（请拿手机的同事换）")
    background: _Picture | None = Field(default=None, description="聊天背景，media/ 里的文件名（请拿手机的同事换）")
    limit: int = Field(default=480, ge=1, le=5000, description="到多少人算满（微信群最多 500 人，留一点余地）")
    overflow: Ident | None = Field(default=None, description="满了以后新人去哪个群（另一个群的名字）")
    campaign_every_days: int = Field(
        default=7, ge=7, le=365, description="两次活动之间至少隔几天；不能少于 7 天（来历：本店规矩）"
    )

    @model_validator(mode="after")
    def _fits(self) -> "PondFile":
        if self.kind is not PondKind.WECHAT and self.room is not None:
            raise ValueError("ponds.room_elsewhere")
        if self.kind is PondKind.WECHAT and self.limit > WECHAT_MEMBERS:
            raise ValueError("ponds.limit_wechat")
        return self

    def looks(self) -> dict[str, str]:
        """What a person sets by hand on the phone: {title, notice, avatar, background}, what is not wished left out."""
        notice = "\n".join(part for part in (self.notice, *self.rules) if part)
        found = {"title": self.title, "notice": notice, "avatar": self.avatar, "background": self.background}
        return {key: value for key, value in found.items() if value}


def pond_spec(pond: PondFile) -> dict[str, Any]:
    """The pond as it stands in its row: complete, plain JSON."""
    return pond.model_dump(mode="json", exclude_none=True)


def pond_of(spec: Mapping[str, Any]) -> PondFile:
    """The pond of its row."""
    return PondFile.model_validate(spec)


def load_ponds(
    folder: Path,
    *,
    accounts: Collection[str] | None = None,
    style: Style | None = None,
    media: Path | None = None,
    staff_room: str = "",
) -> tuple[dict[str, PondFile], list[Mistake]]:
    """All `*.yaml` of `folder` by their names, and every mistake with its place. Raises nothing.

    What is given is checked against: `accounts` that there are, pictures below `media`, the room of the staff.
    """
    documents = read_folder(folder, PondFile)
    ponds: dict[str, PondFile] = {}
    mistakes = [mistake for document in documents for mistake in document.mistakes]
    rooms: set[str] = set()
    for document in documents:
        pond = document.value
        if pond is None:
            continue
        if pond.name in ponds:
            mistakes.append(document.mistake(("name",), say("ponds.twice", name=pond.name)))
        if pond.room is not None and (pond.room in rooms or pond.room == staff_room):
            key = "ponds.staff_room" if pond.room == staff_room else "ponds.room_twice"
            mistakes.append(document.mistake(("room",), say(key)))
        ponds[pond.name] = pond
        rooms.add(pond.room or "")
        mistakes += _in_texts(document, pond, style or Style())
        mistakes += _pictures(document, pond, media)
        if accounts is not None and pond.account not in accounts:
            reason = say("settings.no_account", written=pond.account)
            mistakes.append(document.mistake(("account",), reason, suggestion=nearest(pond.account, list(accounts))))
    for document in documents:
        mistakes += _overflow(document, ponds)
    return ponds, sorted(mistakes)


def _in_texts(document: Document[PondFile], pond: PondFile, style: Style) -> Iterator[Mistake]:
    if pond.welcome is not None:
        yield from text_flaws(
            document, ("welcome", "text"), pond.welcome.text, NAMES | {"newcomers"}, style, may_sell=True
        )
    if pond.notice is not None:
        yield from text_flaws(document, ("notice",), pond.notice, frozenset(), style, may_sell=True)
    for number, rule in enumerate(pond.rules):
        yield from text_flaws(document, ("rules", number), rule, frozenset(), style, may_sell=True)
    for number, question in enumerate(pond.faq):
        yield from text_flaws(document, ("faq", number, "answer"), question.answer, NAMES, style, may_sell=True)


def _pictures(document: Document[PondFile], pond: PondFile, media: Path | None) -> Iterator[Mistake]:
    if media is None:
        return
    named = [(("avatar",), pond.avatar), (("background",), pond.background)]
    welcome = pond.welcome.picture if pond.welcome else None
    for place, name in (*named, (("welcome", "picture"), welcome)):
        if name and (flaw := flaw_of(media, name)) is not None:
            yield document.mistake(place, flaw.words)


def _overflow(document: Document[PondFile], ponds: Mapping[str, PondFile]) -> Iterator[Mistake]:
    pond = document.value
    if pond is None or pond.overflow is None:
        return
    if pond.overflow == pond.name:
        yield document.mistake(("overflow",), say("ponds.overflow_itself"))
    elif pond.overflow not in ponds:
        meant = nearest(pond.overflow, list(ponds)) or ""
        yield document.mistake(("overflow",), say("ponds.no_pond", pond=pond.overflow), suggestion=meant)
