"""What somebody wants from us, as far as their consent goes: to be left alone, to be back, or nothing of the kind.

An opt-out that is missed annoys somebody for ever; one that is imagined loses a customer who only spoke of a parcel.
So what is clear is acted upon, what is not stops the pushes and goes to a person. Source of the words: the house rules.
"""

import re
import unicodedata
from enum import StrEnum

LONGEST = 500
"""Characters that are looked at; nobody hides an opt-out behind more."""
_SIMPLIFIED = str.maketrans(
    "訂閱別發廣給對這總許準們銷營鏈訊擾煩舉貨順豐遞單錯費",
    "订阅别发广给对这总许准们销营链讯扰烦举货顺丰递单错费",
)
"""The words below as people in Hong Kong and Taiwan write them."""


class Wish(StrEnum):
    OPT_OUT = "opt_out"
    """No more marketing, for ever."""
    OPT_IN = "opt_in"
    """They want it again, in their own words."""
    UNCLEAR = "unclear"
    """It may be an opt-out: pushes stop first, a person looks."""
    NONE = "none"


_WHOLE = frozenset({
    "退订", "td", "t", "stop", "unsubscribe", "取消订阅", "退订td", "td退订", "回复td", "别发了", "不要再发", "别再发",
    "不要再发了", "别再发了", "optout",
})  # fmt: skip
_BACK = frozenset({"订阅", "重新订阅", "恢复订阅", "我要订阅", "恢复接收", "重新接收", "subscribe"})

_BEFORE = re.compile(r"^(?:请|麻烦|帮我|帮忙|给我|我要|我想|我|要|想|那就|那|直接|赶紧|快|please|pls)+")
_AFTER = re.compile(r"(?:一下|谢谢|多谢|吧|了|哦|喔|哈|呀|啊|呢|嘛|thanks|thx|please|pls)+$")

_CLAUSES = re.compile(r"[,。.!?;:、~…\n\r]+|\s{2,}")
_BARE = re.compile(r"[^0-9a-z\u3400-\u9fff]+")

_ADS = r"(?:广告|消息|信息|短信|推送|群发|活动|福利|优惠|促销|营销|链接|微信|通知|乱七八糟|这些|这种|这类|这玩意)"
_ORDER = (
    r"(?:货|顺丰|圆通|中通|申通|韵达|邮政|ems|京东|极兔|德邦|快递|物流|错|件|单|票|码|色|款|包裹|地址|尺|大|小|长|短|厚|薄"
    r"|[红橙黄绿青蓝紫黑白灰粉米杏卡棕])"
)
_DONT = (
    r"(?:别|不要|不用|不许|不准|不想让你们|甭|勿|莫|停止)(?:再|老是|老|总是|总|一直|天天|整天)*"
    r"(?:给我|跟我|向我|往我这|对我|给俺)?(?:再|老是|老|总是|总|一直|天天|整天)*"
)
_DONT_SEND = re.compile(rf"(?P<dont>{_DONT})(?:群发|发送|发)(?P<rest>.*)")
_DONT_PUSH = re.compile(rf"{_DONT}(?:推送|推销|打广告|营销)")
_DONT_RECEIVE = re.compile(rf"(?:不想|不要|不愿意|不愿|别让我)(?:再)?(?:收到|接收|看到|看见)(?:.{{0,8}}?){_ADS}")
_DONT_RECEIVE_AT_ALL = re.compile(r"(?:不想|不要|不愿意|不愿|别让我)再(?:收到|接收|看到|看见)")
_LEAVE = re.compile(r"退订(?!单|金|款|费|货|商|这|那|一|两|几|[0-9]|房|票|酒店|机|的|件)")
_LEAVE_ADS = re.compile(rf"退订(?:你们|你|贵店|店里|所有|全部|这个|这些)*(?:的)?{_ADS}|td退订|退订td")
_CANCEL = re.compile(r"(?<!不要)(?<!不想)(?<!不会)(?<!不用)(?<!没有)(?<!别)(?<!不)(?<!没)取消订阅(?!号|单)")
_ENGLISH_OUT = re.compile(
    r"\bunsubscribe\b|\bstop\s+(?:sending|messaging|texting|spamming|contacting)\b"
    r"|\b(?:don'?t|do\s+not)\s+(?:send|message|text|contact)\s+me\b(?!\s+(?:the|a|that|this)\s+(?:parcel|package|order|red|blue|wrong))"
    r"|\bno\s+more\s+(?:messages?|ads?|spam)\b|\bopt(?:-|\s)?out\b"
)
_ENGLISH_KEEP = re.compile(r"\b(?:don'?t|do\s+not|never|didn'?t)\s+(?:want\s+to\s+)?unsubscribe\b")
_TIRED = re.compile(
    r"骚扰|拉黑|举报|别烦|烦死|烦不烦|好烦|太烦|删了你|删掉你|把你删|屏蔽你|打扰我|不要打扰|别打扰|勿扰|别来烦|不感兴趣|取消关注"
)
_TALKS_OF_AN_ORDER = re.compile(
    r"地址|发货|订单|快递|顺丰|物流|包裹|退款|退货|换货|尺码|颜色|收到了|收到货|这件|那件|拍错|拍下|买错|下单|衣服|裙|裤|衫"
)
_NAMES_ADS = re.compile(r"广告|推送|群发|订阅|营销|促销|推销|unsubscribe|消息|短信|td")


def wish_of(text: str, *, choice_open: bool = False) -> Wish:
    """What `text` says about consent.

    `choice_open`: a vote or a question of size is open, so a lone "T" is an answer to it. Never raises.
    """
    plain = _plain(text)
    core = _core(plain)
    if core in _BACK:
        return Wish.OPT_IN
    if core in _WHOLE:
        return Wish.NONE if core == "t" and choice_open else Wish.OPT_OUT
    wishes = [_wish_of_clause(clause) for clause in _CLAUSES.split(plain) if clause.strip()]
    if Wish.OPT_OUT in wishes:
        # "别发了，地址写错了" speaks of a parcel: a person decides.
        doubtful = len(wishes) > 1 and _TALKS_OF_AN_ORDER.search(plain) and not _NAMES_ADS.search(plain)
        return Wish.UNCLEAR if doubtful else Wish.OPT_OUT
    return Wish.UNCLEAR if Wish.UNCLEAR in wishes else Wish.NONE


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text[:LONGEST]).casefold().replace("’", "'")
    return folded.translate(_SIMPLIFIED).strip()


def _core(plain: str) -> str:
    """The words alone: no punctuation, no politeness around them."""
    bare = _BARE.sub("", plain)
    if bare in _WHOLE or bare in _BACK:
        return bare
    return _AFTER.sub("", _BEFORE.sub("", bare))


def _wish_of_clause(clause: str) -> Wish:
    core = _core(clause)
    if core in _WHOLE and len(core) > 1 and core != "stop":
        return Wish.OPT_OUT
    if _ENGLISH_OUT.search(clause):
        return Wish.NONE if _ENGLISH_KEEP.search(clause) else Wish.OPT_OUT
    bare = _BARE.sub("", clause)
    if _LEAVE_ADS.search(bare) or _CANCEL.search(bare) or _DONT_PUSH.search(bare) or _DONT_RECEIVE.search(bare):
        return Wish.OPT_OUT
    sending = _DONT_SEND.search(bare)
    if sending:
        return _wish_about_sending(bare, sending)
    if _LEAVE.search(bare) or _DONT_RECEIVE_AT_ALL.search(bare) or _TIRED.search(bare):
        return Wish.UNCLEAR
    return Wish.NONE


def _wish_about_sending(clause: str, found: re.Match[str]) -> Wish:
    """ "别…发…": the word that follows says whether it is advertising or a parcel."""
    dont, rest = found["dont"], found["rest"]
    if re.match(rf"(?:了|过来|来)?{_ADS}", rest):
        return Wish.OPT_OUT
    if re.match(rf"(?:了|过来|来|太|成)*{_ORDER}", rest):
        return Wish.NONE
    ended = _AFTER.sub("", rest) in ("", "过来", "来")
    soon = clause[: found.start()].endswith(("先", "暂时", "等等", "等下")) or dont.startswith("不用")
    if ended:
        firm = "再" in dont or "老" in dont or "总" in dont or rest.startswith("了")
        return Wish.OPT_OUT if firm and not soon else Wish.UNCLEAR
    return Wish.UNCLEAR if "给我" in dont or "再" in dont else Wish.NONE
