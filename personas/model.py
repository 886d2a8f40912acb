"""What a persona file says: who speaks, to whom, in which voice, and with which words.

Every text a customer can get is a list of variants; a single string in the YAML is a list of one. Templates
know only flat names (`{{ call_me }}`, `{{ shop }}` …): `ALWAYS` and `EXTRA` below, checked by `personas.book`.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from rules.limits import TimeOfDay
from rules.roles import PersonaKind, PostKind, Role

ROLES_BY_KIND: dict[PersonaKind, frozenset[Role]] = {
    PersonaKind.ASSISTANT: frozenset({Role.ACQUISITION, Role.SALES}),
    PersonaKind.ORDINARY: frozenset({Role.ACQUISITION, Role.SALES}),
    PersonaKind.DESIGNER: frozenset({Role.SALES}),
    PersonaKind.INFLUENCER: frozenset({Role.SALES}),
    PersonaKind.MENTOR: frozenset({Role.TRAINING}),
    PersonaKind.MIRROR: frozenset(),  # plays the role of its source
}
"""Which roles a kind of persona can play, and plays unless its file says fewer."""

NEEDED = ("audience", "name", "portrait", "position", "voice", "profile", "welcome", "replies", "disclosure")
"""What a persona must say itself; a mirror may leave all of it to its source."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Ident = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Lines = Annotated[tuple[Line, ...], BeforeValidator(_as_list, json_schema_input_type=str | list[str])]
"""One text or several variants of it."""
Words = Annotated[tuple[Word, ...], BeforeValidator(_as_list, json_schema_input_type=str | list[str])]


Place = tuple[str | int, ...]
"""Where a text stands in its file: keys and positions from the top."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_P = TypeVar("_P", bound=_Part)


class Stage(StrEnum):
    """How far the person who writes has come with us."""

    FRIEND = "friend"
    """新朋友: has not bought, as far as we know."""
    CLAIMED = "claimed"
    """已认领: their first order is known."""
    REPEAT = "repeat"
    """复购: came again."""
    MEMBER = "member"
    """会员: stands above the ladder's first level of buyers."""
    PARTNER = "partner"
    """合伙人."""
    CUSTOMER = "customer"
    """Whoever bought, short of a partner: in a file it means claimed, repeat and member."""

    def includes(self, other: "Stage") -> bool:
        """Is a text for `self` also one for `other`?"""
        return self is other or (self is Stage.CUSTOMER and other in (Stage.CLAIMED, Stage.REPEAT, Stage.MEMBER))


class Visibility(StrEnum):
    """How far back friends may look in the Moments."""

    ALL = "all"
    HALF_YEAR = "half_year"
    MONTH = "month"
    THREE_DAYS = "three_days"


class Occasion(StrEnum):
    """Moments of a conversation where every persona needs words of its own."""

    UNKNOWN = "unknown"
    """A question nobody prepared: a person will look."""
    HAND_OVER = "hand_over"
    """A person takes over now."""
    MEDIA = "media"
    """A picture or a video came."""
    VOICE = "voice"
    """A voice message: nobody here can hear it."""
    RECEIVED = "received"
    """A file, a place, a mini-program, a chat's history: a person looks."""
    CARD = "card"
    """Somebody's name card."""
    MONEY = "money"
    """A red packet or a transfer: never taken."""
    SHARED = "shared"
    """A link to goods of the shop, without a question."""
    PRODUCT = "product"
    """What is known of goods they ask about."""
    CAMPAIGN = "campaign"
    """What is on for them now."""
    ORDER_UNPAID = "order_unpaid"
    """Their order waits for their payment."""
    ORDER_PAID = "order_paid"
    """It is paid and not yet sent."""
    ORDER_SHIPPED = "order_shipped"
    """It is on its way."""
    ORDER_DONE = "order_done"
    """It arrived, says the list."""
    LANDING = "landing"
    """The way to the shop, at the end of an answer."""
    CLAIMED = "claimed"
    """An order number was found and bound."""
    CLAIM_UNKNOWN = "claim_unknown"
    """An order number that is not (yet) in our list."""
    OPTED_OUT = "opted_out"
    """Confirms that no more marketing will come."""
    INTRODUCE = "introduce"
    """Goes with the name card of a sibling who has room."""
    HAND_ON = "hand_on"
    """Goes with the name card of who serves them from now on."""
    HAND_ON_AGAIN = "hand_on_again"
    """Mentions that card once more, some days later."""
    SUITS = "suits"
    """Goes with the name card of a colleague they will get on with."""
    TAKEN_ON = "taken_on"
    """Follows the welcome of somebody whom a colleague sent by name card."""
    THANKS = "thanks"
    """Somebody took part or helped."""
    BIRTHDAY = "birthday"
    """A greeting that sells nothing."""
    LEVEL_UP = "level_up"
    """The person reached the next level of the ladder."""


class Style(_Part):
    """The one taste of the shop that every persona shares."""

    taste: Words = Field(default=(), description="店铺的品味，例如 法式、松弛")
    topics: Words = Field(default=(), description="平时聊什么，例如 穿搭、咖啡")
    never: Words = Field(default=(), description="绝不使用的词，任何人设都不说")
    allow: Words = Field(default=(), description="看起来像极限词、其实没问题的固定说法，例如 最美梳妆台")


class Goal(StrEnum):
    """What the fleet works for."""

    REPURCHASE = "repurchase"
    WORD_OF_MOUTH = "word_of_mouth"


class Shop(_Part):
    """The shop behind all accounts."""

    name: Word = Field(description="店铺名，客户在淘宝能搜到的那个")
    brand: Word | None = Field(default=None, description="品牌名")
    contact: Word = Field(description="客服电话或其他真实联系方式，会写进身份说明")
    search: Word | None = Field(default=None, description="在淘宝搜什么能找到店铺；不写就用店铺名")
    time_zone: str = Field(default="Asia/Shanghai", description="店铺所在时区")
    goal: Goal = Field(default=Goal.REPURCHASE, description="经营目标：repurchase 复购，word_of_mouth 口碑")
    style: Style = Field(default_factory=Style, description="店铺风格，所有人设都继承")

    @property
    def search_words(self) -> str:
        """What to type into Taobao's search box to find the shop."""
        return self.search or self.name


class Voice(_Part):
    """How a persona talks."""

    address: Line = Field(default="{{ call_me }}", description="怎么称呼对方（模板，可用 call_me）")
    stranger: Word = Field(default="你", description="昵称不适合当称呼时怎么叫对方")
    fillers: Words = Field(default=(), description="口头禅、语气词")
    emoji: Words = Field(default=(), description="爱用的表情")
    length: int = Field(default=80, ge=10, le=500, description="一条消息大约最多多少字，超过会提醒")
    samples: Lines = Field(default=(), description="示例句，至少 5 句，照着这个味道说话")


class Profile(_Part):
    """The settings of the WeChat profile; mirrors carry the same."""

    nickname: str = Field(default="", max_length=30, description="微信昵称")
    signature: str = Field(default="", max_length=30, description="个性签名，最多 30 字")
    avatar: str | None = Field(default=None, description="头像图片，media/ 里的文件名")
    cover: str | None = Field(default=None, description="朋友圈封面，media/ 里的文件名")
    region: str = Field(default="", max_length=40, description="地区")
    visibility: Visibility = Field(
        default=Visibility.ALL,
        description="朋友圈可见范围：all 全部，half_year 半年，month 一个月，three_days 三天",
    )


class MomentsPlan(_Part):
    """What this persona's Moments are made of, and when they appear."""

    mix: dict[PostKind, Annotated[int, Field(ge=0, le=100)]] = Field(
        default_factory=dict, description="各类内容占比（百分比，合计 100）"
    )
    topics: dict[PostKind, Words] = Field(
        default_factory=dict, description="每类内容聊什么，例如 life: [咖啡, 猫]；日历里的 topic 从这里选"
    )
    times: tuple[TimeOfDay, ...] = Field(default=(), max_length=5, description="常发的时间，例如 10:20")


class About(StrEnum):
    """What an answer can look up, instead of being always the same."""

    ORDER = "order"
    CAMPAIGN = "campaign"
    PRICE = "price"
    SIZE = "size"
    COLOUR = "colour"
    FABRIC = "fabric"
    CARE = "care"


class ReplyEntry(_Part):
    """One thing customers ask, and how this persona answers it. Templates as in `welcome`."""

    name: Ident = Field(description="这条回复的名字（英文小写），出现在试问和报表里")
    keywords: Words = Field(default=(), description="出现这些词就命中；越长越优先；单个字要整句就是它才算")
    questions: Words = Field(default=(), description="客户的典型问法，允许写错一两个字")
    answers: Lines = Field(min_length=1, description="回答，可以写几种说法轮着用")
    stage: tuple[Stage, ...] = Field(
        default=(),
        description="只对哪些阶段的人：friend 新朋友，claimed 已认领，repeat 复购，member 会员，partner 合伙人；"
        "customer 是买过的（claimed、repeat、member）；不写就是都行",
    )
    stage_answers: dict[Stage, Lines] = Field(
        default_factory=dict, description="对某个阶段的人换一种说法，例如 {partner: …}；其余的人用 answers"
    )
    about: About | None = Field(
        default=None,
        description="先查再答：order 查 TA 导入的订单到哪一步，campaign 查对 TA 开着的活动，"
        "price、size、colour、fabric、care 查 products.yaml 里 TA 问的那件；查不到就用 answers",
    )
    small_talk: bool = Field(
        default=False, description="寒暄（打招呼、谢谢、再见）：同一阵消息里还问了正事，就只答正事"
    )
    landing: bool = Field(default=False, description="答完带一句怎么回到店铺；一小时里只带一次")

    def fits(self, stage: Stage | None) -> bool:
        """Is it for somebody at `stage`? One that is not known gets what is for everybody."""
        return not self.stage or (stage is not None and any(given.includes(stage) for given in self.stage))

    def answers_for(self, stage: Stage | None) -> tuple[str, ...]:
        """The wordings for somebody at `stage`; what is for exactly that stage goes first."""
        if stage is None:
            return self.answers
        fitting = [given for given in self.stage_answers if given.includes(stage)]
        return self.stage_answers[min(fitting, key=lambda given: given is not stage)] if fitting else self.answers

    hand_over: bool = Field(default=False, description="回答后交给真人跟进（投诉、改地址之类）")


class Persona(_Part):
    """One persona file (人设)."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "if": {"properties": {"kind": {"const": "mirror"}}},
            "then": {"required": ["mirror_of"]},
            "else": {"required": list(NEEDED)},
        },
    )

    id: Ident = Field(description="人设编号，config.yaml 的 accounts 里用它")
    kind: PersonaKind = Field(
        description="类型：assistant 助理，ordinary 普通人，designer 设计师，influencer 网红，mentor 导师，mirror 分身"
    )
    mirror_of: str | None = Field(default=None, description="分身照着哪个人设（只有 kind: mirror 才写）")
    roles: tuple[Role, ...] = Field(
        default=(),
        description="能担任的功能定位：acquisition 引流，sales 销售，training 培训；不写按类型默认",
    )
    audience: str = Field(default="", max_length=300, description="面向什么样的人")
    name: str = Field(default="", max_length=20, description="名字，自我介绍时用")
    portrait: str = Field(default="", max_length=2000, description="角色画像：生活、性格、经历")
    position: str = Field(default="", max_length=20, description="身份，例如 店长助理、设计师；账号里写了以账号为准")
    voice: Voice = Field(default_factory=Voice, description="说话的样子")
    profile: Profile = Field(default_factory=Profile, description="微信资料")
    moments: MomentsPlan = Field(default_factory=MomentsPlan, description="朋友圈的配比和时间")
    welcome: Lines = Field(
        default=(),
        description="加上好友后的第一句（模板：call_me 称呼，me 自己，position 身份，shop 店名，brand 品牌，"
        "contact 联系方式，search 淘宝搜索词，disclosure 身份说明）",
    )
    replies: tuple[ReplyEntry, ...] = Field(default=(), description="常见问题怎么回")
    templates: dict[Occasion, Lines] = Field(
        default_factory=dict,
        description="各种场合的话：" + "、".join(occasion.value for occasion in Occasion),
    )
    disclosure: str = Field(
        default="", max_length=300, description="身份说明：谁、哪家店、怎么联系、怎么不再收福利消息"
    )

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def playable(self) -> frozenset[Role]:
        """The roles an account with this persona can have."""
        return frozenset(self.roles) or ROLES_BY_KIND[self.kind]

    def customer_texts(self) -> Iterator[tuple[Place, str]]:
        """Every text of this file that can reach a customer, with its place in the file."""
        for field in ("nickname", "signature"):
            yield ("profile", field), getattr(self.profile, field)
        yield ("disclosure",), self.disclosure
        yield from _placed(("voice", "samples"), self.voice.samples)
        yield from _placed(("welcome",), self.welcome)
        for number, entry in enumerate(self.replies):
            yield from _placed(("replies", number, "answers"), entry.answers)
            for stage, lines in entry.stage_answers.items():
                yield from _placed(("replies", number, "stage_answers", stage.value), lines)
        for occasion, variants in self.templates.items():
            yield from _placed(("templates", occasion.value), variants)


def _placed(place: Place, variants: tuple[str, ...]) -> Iterator[tuple[Place, str]]:
    yield from (((*place, number), text) for number, text in enumerate(variants))


def inherit(mirror: Persona, source: Persona) -> Persona:
    """The mirror as it appears: what it gives itself, all else from its source, and the source's roles."""
    return _over(source, mirror).model_copy(update={"roles": tuple(sorted(source.playable))})


def _over(below: _P, above: _P) -> _P:
    given: dict[str, Any] = {}
    for field in above.model_fields_set:
        mine, theirs = getattr(above, field), getattr(below, field)
        given[field] = _over(theirs, mine) if isinstance(mine, _Part) and isinstance(theirs, _Part) else mine
    return below.model_copy(update=given)


ALWAYS = frozenset({"call_me", "me", "position", "shop", "brand", "contact", "search", "disclosure"})
"""The names every template of a persona may use."""
EXTRA: dict[Occasion, frozenset[str]] = {
    Occasion.CLAIMED: frozenset({"level"}),
    Occasion.LEVEL_UP: frozenset({"level"}),
    **dict.fromkeys(
        (Occasion.INTRODUCE, Occasion.HAND_ON, Occasion.HAND_ON_AGAIN, Occasion.SUITS, Occasion.TAKEN_ON),
        frozenset({"sibling"}),
    ),
    Occasion.SHARED: frozenset({"product"}),
    Occasion.PRODUCT: frozenset({"product", "fact"}),
    Occasion.CAMPAIGN: frozenset({"offer", "gift", "join", "ends", "landing"}),
    **dict.fromkeys(
        (Occasion.ORDER_UNPAID, Occasion.ORDER_PAID, Occasion.ORDER_SHIPPED, Occasion.ORDER_DONE),
        frozenset({"day", "items"}),
    ),
}
"""Names that a template may use on its occasion only."""
POINT: dict[Occasion, frozenset[str]] = {
    Occasion.PRODUCT: frozenset({"fact"}),
    Occasion.SHARED: frozenset({"product"}),
    Occasion.CAMPAIGN: frozenset({"offer"}),
    **dict.fromkeys(
        (Occasion.INTRODUCE, Occasion.HAND_ON, Occasion.HAND_ON_AGAIN, Occasion.SUITS, Occasion.TAKEN_ON),
        frozenset({"sibling"}),
    ),
    Occasion.LEVEL_UP: frozenset({"level"}),
    Occasion.LANDING: frozenset({"search", "shop"}),
    **dict.fromkeys(
        (Occasion.ORDER_UNPAID, Occasion.ORDER_PAID, Occasion.ORDER_SHIPPED, Occasion.ORDER_DONE),
        frozenset({"day", "items"}),
    ),
}
"""What a text for the occasion must name, one of these at least: without it, it says nothing."""
