"""What somebody wants from us, as far as their consent goes: to be left alone, to be back, or nothing of the kind.

An opt-out that is missed annoys somebody for ever; one that is imagined loses a customer who only spoke of a parcel.
So what is clear is acted upon, what is not stops the pushes and goes to a person. Source of the words: the house rules.
"""

import re
from enum import StrEnum

from conversations.wording import bare, clauses, folded


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
    "不要再发了", "别再发了", "optout", "勿发", "勿再发", "推订", "tui订", "退ding", "tuiding", "褪订",
})  # fmt: skip
_BACK = frozenset({
    "订阅", "重新订阅", "恢复订阅", "我要订阅", "恢复接收", "重新接收", "subscribe", "取消退订", "撤销退订",
    "不退订了", "恢复推送", "把我加回来", "加回来",
})  # fmt: skip
_WANT_AGAIN = re.compile(
    r"^(?:我|你们?|以后|现在|还是|又|可以|那|再|麻烦)*(?:想|要|请|可以|继续|恢复|重新|还是|再)+(?:想|要|可以|继续|恢复|重新|再)*(?:给我)?(?:接着)?(?:发|推|收|收到|接收|推送|看)(?:到|一下)?(?:你们?的|店里的|一些|那些|老客)*(?:福利|优惠|活动|消息|上新|通知|推送)(?:消息|通知)?(?:给我)?$"
    r"|^(?:福利|优惠|活动|上新|消息|推送)(?:消息|通知)?(?:以后)?(?:还是|可以|继续|又)+(?:想|要|再|接着|继续)*(?:发|推)(?:给)?我$"
)
_TAKES_IT_BACK = re.compile(
    r"退订.{0,4}(?:取消|撤销|撤回|收回)(?:了|吧|掉|一下)*$|退订了?.{0,3}(?:想|要|帮我|给我|请)(?:再|又|重新)?(?:恢复|订阅|加)"
)
_KEEP = re.compile(
    r"(?:不是|没有?|不想|不要|不会|别|不)(?:要|想|说|说要|说过|说过要|让你们?|给我|打算|真)*退订"
    r"|(?:点|按|打|发|回)错了?.{0,6}(?:不是|没有?|不)(?:要|想)*退订"
)

_OVER_AND_OVER = re.compile(r"(?:退订|td|(?:别|不要|莫|勿)再?发[了啦喽]?|取消订阅){2,}")
_BEFORE = re.compile(
    r"^(?:请|麻烦|帮我|帮忙|给我|我要|我想|我|要|想|那就|那|直接|赶紧|快|不好意思|抱歉|对不起|行了|求求?你们?|please|pls)+"
)
_AFTER = re.compile(
    r"(?:一下|谢谢|多谢|吧|了|哦|喔|哈|呀|啊|呢|嘛|啦|喽|咯|嘞|哒|呗|噻|撒|唔该|不好意思|抱歉|对不起|辛苦|亲|行不行|行吗|好不好|好吗"
    r"|可以吗|烦死(?:个?人|我)?了?|(?:看到|看着)就烦|thanks|thx|please|pls)+$"
)

_ADS = r"(?:广告|消息|信息|短信|推送|群发|活动|福利|优惠|促销|营销|链接|微信|通知|乱七八糟|这些|这种|这类|这玩意)"
_ORDER = (
    r"(?:货|顺丰|圆通|中通|申通|韵达|邮政|ems|京东|极兔|德邦|快递|物流|错|件|单|票|码|色|款|包裹|地址|尺|大|小|长|短|厚|薄"
    r"|[红橙黄绿青蓝紫黑白灰粉米杏卡棕断脏旧破坏假空]|次品|瑕疵|残|二手|样品|过期|到付)"
)
_AGAIN = r"(?:再|老是|老|总是|总|一直|天天|整天)*"
_DONT = (
    rf"(?:别|不要|不用|不许|不准|不想让你们|甭|勿|莫要?|咪|唔好|唔要|唔使|停止){_AGAIN}"
    rf"(?:(?:给|跟|向|对|俾|畀)(?:我|俺)|往我这)?{_AGAIN}"
)
_TO_ME = re.compile(r"^给?我(?=了|啦|吧|哈|$)")
_DONT_SEND = re.compile(rf"(?P<dont>{_DONT})(?:群发|发送|发|send)(?P<rest>.*)")
_DONT_PUSH = re.compile(
    rf"(?:别|不要|不用|不许)再(?:来|跟我|和我)?(?:联系|打扰|找|烦)我|{_DONT}(?:推送|推销|打广告|营销|推了|推$)|拒收.{{0,3}}{_ADS}|(?:广告|消息|信息|短信|推送|群发|福利|通知|这些|这种|这类).{{0,6}}(?:不用|别|不要|不必)(?:再|给我)*(?:发|推)(?:给)?我?了?$"
)
_OFF_THE_LIST = re.compile(
    r"(?:群发|推送|广告|消息|短信|通知|发送|营销|你们?的?)名单.{0,3}(?:删|移|去|踢|拿|划)(?:掉|除|出|走|了)?"
    r"|(?:移出|踢出|删出|退出)(?:你们?的?|群发|推送)*名单(?!.{0,4}抽奖)"
)
_OUT_OF_ADS = (
    r"(?:取消|关掉|关闭|关了|停掉|停了|屏蔽)(?:你们?的?|所有的?|全部的?|这个|这些|一切)*"
    r"(?:消息|广告|营销|活动|短信|微信|福利)*(?:推送|群发)"
)
_SWITCH_OFF = re.compile(
    rf"(?<!不要)(?<!不想)(?<!别)(?<!不)(?<!没)(?:{_OUT_OF_ADS}|(?:推送|群发|广告)(?:给我|都|全|全部)*(?:取消|关掉|关闭|关了|停掉|停了))"
)
_HOW = re.compile(r"怎么|怎样|如何|咋|在哪|哪里")
_WONDERS = re.compile(r"会不会|是不是|为什么|为啥|被")
_DONT_NEED = re.compile(
    r"(?:不需要|不想要|用不着|不要)(?:再|你们?的?|这些|这种|这类|那些|任何|收到|什么)*(?:广告|推送|群发|营销|推销|(?<=这些)消息|(?<=这种)消息|(?<=这类)消息"
    r"|(?<=你们)消息|(?<=的)消息|(?<=任何)消息|(?<=这些)短信|(?<=这种)短信|(?<=的)短信|(?<=这些)信息|(?<=这种)信息)"
)
_DONT_TELL = re.compile(rf"{_DONT}(?:通知|告诉|提醒|叫|喊|推荐)(?:给)?(?:我|俺)?(?:了|$)")
_OF_ADS = re.compile(r"以后|活动|上新|福利|优惠|促销|广告")
_DONT_RECEIVE = re.compile(rf"(?:不想|不要|不愿意|不愿|别让我)(?:再)?(?:收到|接收|看到|看见)(?:.{{0,8}}?){_ADS}")
_DONT_RECEIVE_AT_ALL = re.compile(r"(?:不想|不要|不愿意|不愿|别让我)再(?:收到|接收|看到|看见)")
_LEAVE = re.compile(r"退订(?!单|金|款|费|货|商|这|那|一|两|几|[0-9]|房|票|酒店|机|的|件)")
_LEAVE_ADS = re.compile(
    rf"退订(?:你们|你|贵店|店里|所有|全部|这个|这些)*(?:的)?{_ADS}|td退订|退订td|[说回发][了过]?.{{0,3}}退订了?.{{0,4}}[还又]在?发"
)
_CANCEL = re.compile(r"(?<!不要)(?<!不想)(?<!不会)(?<!不用)(?<!没有)(?<!别)(?<!不)(?<!没)取消订阅(?!号|单)")
_DONT_LOOK = re.compile(
    r"(?:不想|不要|不愿意|不愿|别让我)再?[收看](?:你们?的?|这些|这种|店里的?|任何|那些|什么)*(?:广告|推送|群发|短信|消息)"
)
_CLEARLY_OUT = (_DONT_LOOK, _LEAVE_ADS, _CANCEL, _DONT_PUSH, _DONT_RECEIVE, _OFF_THE_LIST, _DONT_NEED)
_ENGLISH_OUT = re.compile(
    r"\bunsubscribe\b|\bstop\s+(?:sending|messaging|texting|spamming|contacting)\b"
    r"|\b(?:don'?t|do\s+not)\s+(?:send|message|text|contact)\s+me\b(?!\s+(?:the|a|that|this)\s+(?:parcel|package|order|red|blue|wrong))"
    r"|\bno\s+more\s+(?:messages?|ads?|spam)\b|\bopt(?:-|\s)?out\b"
    r"|\b(?:remove|take|delete)\s+me\s+(?:from|off)\b(?!.{0,20}\b(?:draw|waiting|waitlist|raffle)\b)"
)
_ENGLISH_KEEP = re.compile(r"\b(?:don'?t|do\s+not|never|didn'?t)\s+(?:want\s+to\s+)?unsubscribe\b")
_TIRED = re.compile(
    r"^(?:真|好|太)?烦$|^(?:真的|你们?)?(?:很|太|好|真)吵了?$|吵死|^.{0,3}太频繁|骚扰|拉黑|举报|别烦|烦死|烦不烦|好烦|太烦|删了你|删掉你|把你删|屏蔽你|打扰我|不要打扰|别打扰|勿扰|别来烦"
    r"|不感兴趣|取消关注|取关|删了算|删了吧|删好友|把你们?删|少发(?:点|一点|些)|没完没了|消停|烦人"
    r"|(?:消息|广告|推送|短信|信息).{0,4}(?:太多|好多|太频繁)(?!了?.{0,4}(?:[刚才没]看|漏|沉|找不|回))|(?:太多|太频繁)了?.{0,3}(?:消息|广告|推送|短信)"
)
_TALKS_OF_AN_ORDER = re.compile(
    r"地址|发货|订单|快递|顺丰|物流|包裹|退款|退货|换货|尺码|颜色|收到了|收到货|这件|那件|拍错|拍下|买错|下单|衣服"
    r"|裙|裤|衫"
)
_SOON = re.compile(r"先(?:别|不要?|不用)|等等再|暂时|暂缓")
_CHANGES_AN_ORDER = re.compile(
    r"[改换](?:个|一?下|成|我的)?.{0,4}(?:地址|颜色|尺码|码|款|电话)|拍错|下错|买错|加一件|再拍|一起发|不在家"
)
_NAMES_ADS = re.compile(r"广告|推送|群发|订阅|营销|促销|推销|unsubscribe|消息|短信|td")


def wish_of(text: str, *, choice_open: bool = False) -> Wish:
    """What `text` says about consent.

    `choice_open`: a vote or a question of size is open, so a lone "T" is an answer to it. Never raises.
    """
    plain = folded(text)
    core = _core(plain)
    if core in _BACK or _WANT_AGAIN.match(core) or _TAKES_IT_BACK.search(core):
        return Wish.OPT_IN
    if core in _WHOLE:
        return Wish.NONE if core == "t" and choice_open else Wish.OPT_OUT
    wishes = [_wish_of_clause(clause) for clause in clauses(plain)]
    if Wish.OPT_OUT in wishes:
        # "别发了，地址写错了" speaks of a parcel: a person decides.
        doubtful = len(wishes) > 1 and _TALKS_OF_AN_ORDER.search(plain) and not _NAMES_ADS.search(plain)
        return Wish.UNCLEAR if doubtful else Wish.OPT_OUT
    if Wish.UNCLEAR not in wishes:
        return Wish.OPT_IN if any(_core(clause) in _BACK for clause in clauses(plain)) else Wish.NONE
    # "先不要发，等我改个颜色" can only be the parcel.
    waits = _SOON.search(plain) and _CHANGES_AN_ORDER.search(plain) and not _NAMES_ADS.search(plain)
    return Wish.NONE if waits and wishes.count(Wish.UNCLEAR) == 1 and not _TIRED.search(plain) else Wish.UNCLEAR


def _core(plain: str) -> str:
    """The words alone: no punctuation, no politeness around them."""
    letters = bare(plain)
    if letters in _WHOLE or letters in _BACK:
        return letters
    return _AFTER.sub("", _BEFORE.sub("", letters))


def _wish_of_clause(clause: str) -> Wish:
    core = _core(clause)
    if (core in _WHOLE and len(core) > 1 and core != "stop") or _OVER_AND_OVER.fullmatch(core):
        return Wish.OPT_OUT
    if _ENGLISH_OUT.search(clause):
        return Wish.NONE if _ENGLISH_KEEP.search(clause) else Wish.OPT_OUT
    words = bare(clause)
    if _KEEP.search(words):
        return Wish.NONE
    if any(pattern.search(words) for pattern in _CLEARLY_OUT):
        return Wish.OPT_OUT
    if _SWITCH_OFF.search(words) and not _WONDERS.search(words):
        return Wish.UNCLEAR if _HOW.search(words) else Wish.OPT_OUT
    if _DONT_TELL.search(words) and not _TALKS_OF_AN_ORDER.search(words):
        return Wish.OPT_OUT if _OF_ADS.search(words) else Wish.UNCLEAR if "再" in words else Wish.NONE
    sending = _DONT_SEND.search(words)
    if sending:
        return _wish_about_sending(words, sending)
    if any(pattern.search(words) for pattern in (_LEAVE, _DONT_RECEIVE_AT_ALL, _TIRED)):
        return Wish.UNCLEAR
    return Wish.NONE


def _wish_about_sending(clause: str, found: re.Match[str]) -> Wish:
    """ "别…发…": the word that follows says whether it is advertising or a parcel."""
    dont, rest = found["dont"], _TO_ME.sub("", found["rest"])
    if re.match(rf"(?:了|啦|过来|来)?{_ADS}", rest):
        return Wish.OPT_OUT
    if re.match(rf"(?:了|过来|来|太|成)*{_ORDER}", rest):
        return Wish.NONE
    ended = _AFTER.sub("", rest) in ("", "过来", "来")
    soon = clause[: found.start()].endswith(("先", "暂时", "等等", "等下")) or dont.startswith("不用")
    if ended:
        firm = "再" in dont or "老" in dont or "总" in dont or rest.startswith(("了", "啦", "喽", "咯"))
        return Wish.OPT_OUT if firm and not soon else Wish.UNCLEAR
    return Wish.UNCLEAR if "给我" in dont or "再" in dont else Wish.NONE
