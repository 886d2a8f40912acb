"""The text message that leads a buyer to an account: one SMS of 70 characters, signed, with the way to refuse."""

from dataclasses import dataclass

from texts.catalogue import catalogue, say

LONGEST = 70
"""Characters of one SMS in Chinese; a longer one is charged as two. Official."""
_VARIANT = "customers.sms.variant."
_MOVED = "customers.sms.moved."


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
    gift = benefit or say("customers.sms.no_benefit", lang="zh")
    return _texts(_VARIANT, shop, gift=gift, way=_way(wechat, link, code))


def moved_text(*, shop: str, wechat: str = "", link: str = "") -> str:
    """To a friend of an account that was lost: where the shop is now. '' where no variant fits into one SMS."""
    code = say("customers.sms.moved_code", lang="zh")
    ways = [_way(wechat, given, code) for given in dict.fromkeys((link, "")) if given or wechat]
    fitting = (text.text for way in ways for text in _texts(_MOVED, shop, way=way) if text.fits)
    return next(fitting, "")


def _way(wechat: str, link: str, code: str) -> str:
    if link:
        return say("customers.sms.by_link", lang="zh", link=link)
    return say("customers.sms.by_wechat", lang="zh", wechat=wechat, code=code)


def _texts(kind: str, shop: str, **values: str) -> list[SmsText]:
    variants = sorted(key for key in catalogue() if key.startswith(kind))
    texts = (say("customers.sms.whole", lang="zh", shop=shop, body=say(v, lang="zh", **values)) for v in variants)
    return [SmsText(text, length_of(text)) for text in texts]


def length_of(text: str) -> int:
    """As the network counts: an emoji is two."""
    return len(text.encode("utf-16-le")) // 2
