"""The way back to the shop that a message, a post or an answer carries, and what each of them can carry."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from texts.catalogue import say

_BLOCKED = re.compile(r"^https?://([^/]*\.)?(taobao|tmall|tb)\.(com|cn)(/|$)", re.IGNORECASE)
_TOKEN = re.compile(r"[￥¥$€₤₳¢][0-9A-Za-z]{8,14}[￥¥$€₤₳¢]|淘口令")


class Carrier(StrEnum):
    """What a landing goes with."""

    MESSAGE = "message"
    """One text to one person."""
    MOMENT = "moment"
    """A Moments post."""
    ANSWER = "answer"
    """A reply, which may be several messages."""


_CARRIES: Mapping[Carrier, frozenset[str]] = {
    Carrier.MESSAGE: frozenset({"search", "code", "coupon", "link", "text"}),
    # In the text of a post nobody can tap a link, and there are no cards.
    Carrier.MOMENT: frozenset({"search", "code", "coupon", "picture", "text"}),
    Carrier.ANSWER: frozenset({"search", "code", "coupon", "link", "picture", "text"}),
}
"""Source: the platform as it is, and its gateways: none here sends a mini-program card with a push."""


class Landing(BaseModel):
    """How somebody finds the shop from a chat. What is given is said; a text may say it all by itself, too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    search: str | None = Field(default=None, min_length=1, max_length=40, description="在淘宝搜什么")
    code: str | None = Field(default=None, min_length=1, max_length=40, description="优惠码或暗号")
    coupon: str | None = Field(default=None, min_length=1, max_length=60, description="领哪张券，说给客户听")
    link: str | None = Field(
        default=None, pattern=r"^https?://\S+$", description="链接（淘宝、天猫的链接在微信里打不开）"
    )
    picture: str | None = Field(
        default=None, min_length=1, max_length=200, description="带二维码的图片（media/ 里的文件名）"
    )
    mini_program: str | None = Field(default=None, min_length=1, max_length=200, description="小程序页面路径")
    text: str | None = Field(default=None, min_length=1, max_length=200, description="整句自己写，就用这句")

    def words(self) -> str:
        """One sentence for a message, in the shop's language."""
        if self.text:
            return self.text
        parts = [
            say(f"scheduler.landing.{name}", value=value)
            for name in ("search", "code", "coupon", "link")
            if (value := getattr(self, name))
        ]
        return say("scheduler.landing.join").join(parts)

    def unfit(self, carrier: Carrier) -> Iterator[tuple[str, str]]:
        """(field, why) for all that does not arrive that way: what it can't carry, and what WeChat would not open."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is None:
                continue
            if name not in _CARRIES[carrier]:
                yield name, say(f"scheduler.landing.unfit.{carrier.value}.{name}")
            elif "{{" in value and carrier is not Carrier.MESSAGE:
                yield name, say("scheduler.landing.own_value")
            elif name == "link" and _BLOCKED.match(value):
                yield name, say("scheduler.landing.blocked")
            elif _TOKEN.search(value):
                yield name, say("scheduler.landing.token")
