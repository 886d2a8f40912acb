"""The text message that leads a buyer to an account: one SMS of 70 characters, signed, with the way to refuse."""

from dataclasses import dataclass

from texts.catalogue import catalogue, say

LONGEST = 70
"""Characters of one SMS in Chinese; a longer one is charged as two. Official."""
_VARIANT = "customers.sms.variant."


@dataclass(frozen=True, slots=True)
class SmsText:
    """One way to say it. `length`: as the network counts."""

    text: str
    length: int

    @property
    def fits(self) -> bool:
        return self.length <= LONGEST


def sms_texts(*, shop: str, benefit: str, code: str, wechat: str = "", link: str = "") -> list[SmsText]:
    """Every variant for these values, the too long ones too: 【shop】 first, 拒收请回复R last, in Chinese.

    `link` goes before `wechat`, the WeChat id; one of them there must be.
    """
    if link:
        way = say("customers.sms.by_link", lang="zh", link=link)
    else:
        way = say("customers.sms.by_wechat", lang="zh", wechat=wechat, code=code)
    gift = benefit or say("customers.sms.no_benefit", lang="zh")
    variants = sorted(key for key in catalogue() if key.startswith(_VARIANT))
    texts = (
        say("customers.sms.whole", lang="zh", shop=shop, body=say(v, lang="zh", way=way, gift=gift)) for v in variants
    )
    return [SmsText(text, length_of(text)) for text in texts]


def length_of(text: str) -> int:
    """As the network counts: an emoji is two."""
    return len(text.encode("utf-16-le")) // 2
