"""Words that do harm: superlatives the advertising law forbids, our own jargon, the tone of an office.

A thin net over everything a customer can read. What it refuses (errors) is forbidden by law or by the shop; what it
only doubts (warnings) is a matter of taste.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from personas.model import Style
from rules.post_media import FOLDS_AT
from texts.catalogue import say
from texts.errors import Mistake, Severity
from texts.yaml_reader import Document


class Fault(StrEnum):
    SUPERLATIVE = "superlative"
    """The advertising law forbids claims nobody can prove."""
    INTERNAL = "internal"
    """Our own word for something; a customer who reads it feels like fish."""
    NEVER = "never"
    """The shop never says this (`shop.style.never`)."""
    BAIT = "bait"
    """Something for forwarding, for collecting likes or for a good review: platform and law punish it."""
    SHARE_CODE = "share_code"
    """A 淘口令: WeChat blocks it, and the account that sends it is noticed."""
    FOLDED = "folded"
    """Longer than a post shows before it folds; few tap on. Moments only."""
    DRIFT = "drift"
    """Another taste than the shop's (`shop.style`), or shouted where the shop speaks."""
    WEAK = "weak"
    """An offer too small to be worth a message: 要么不做，要么给足."""
    BORROWED = "borrowed"
    """What only another persona says."""
    OFFICIAL = "official"
    """Sounds like an office; playful beats official."""
    LONG = "long"
    """Longer than this voice talks."""
    SELLING = "selling"
    """Offers, prices or leads to the shop, where nothing may be sold: a lesson, a greeting."""

    @property
    def severity(self) -> Severity:
        return Severity.WARNING if self in _MATTERS_OF_TASTE else Severity.ERROR


_MATTERS_OF_TASTE = frozenset({Fault.OFFICIAL, Fault.LONG, Fault.FOLDED, Fault.DRIFT, Fault.WEAK, Fault.BORROWED})


@dataclass(frozen=True, slots=True)
class Finding:
    """One doubtful place in one text. `start` counts characters from 0."""

    fault: Fault
    word: str
    start: int

    @property
    def reason(self) -> str:
        """What is wrong and what to do, in the reader's language."""
        return say(f"personas.copy.{self.fault}", word=self.word)

    def at(self, document: Document[Any], place: Sequence[str | int]) -> Mistake:
        """What is said of it at that place of the file."""
        return document.mistake(place, self.reason, severity=self.fault.severity)


# What may follow 最 and 第一 without praising goods: time, order, quantity, feelings.
_PLAIN_AFTER_MOST = "近|后|终|多|少|早|晚|爱|喜欢|想|怕|烦|舍不得|难|忙|累|困|初|先|开始"
_PRAISE = (
    "好[看听吃喝用玩穿闻]|新款|潮款|低价|高级|大牌|便宜|划算|优惠|实惠|流行|时尚|时髦|漂亮|舒服|热门|火爆|畅销|专业|先进"
    "|权威"
)
"""Words of two signs after 最: the place that is quoted ends where the praise does. After others it is one sign."""
_PLAIN_AFTER_FIRST = (
    "次|天|时间|批|眼|件|套|双|只|封|杯|单|口|个|步|页|条|句|回|周|排|遍|场|节|课|位|张|颗|行|篇"
    "|反应|感觉|季|年|学期|轮|人称"
)
_SUPERLATIVE = re.compile(
    rf"最(?!{_PLAIN_AFTER_MOST})(?:{_PRAISE}|\w)?"
    # "1. 第一名一条围巾" of a contest is a prize; 行业第一名 is a claim.
    rf"|(?<!票数)(?<!得票)第一(?!名|{_PLAIN_AFTER_FIRST})|(?<![\s。，、：；.;:])第一名|[Nn][Oo]\.?\s?1|[Tt][Oo][Pp]\s?1(?!\d)"
    r"|国家级|世界级|全球级|顶级|顶尖|极致|极品|绝无仅有|独一无二|史无前例|前无古人|空前绝后|无与伦比|完美无瑕"
    r"|首选|之王|王牌|冠军品牌|全网低价|全网独家|独家首发|遥遥领先|万能|永久|百分之百|100\s?[%％]|零风险"
)
_ALLOWED = ("最美梳妆台",)  # the name of a contest, not a claim
_INTERNAL = re.compile(
    r"鱼塘|低价值|引流|狙击枪|私域|养号|客户分层|高价值客户|转化率|收割|韭菜|同步号|矩阵号|个人号矩阵|话术|拉新"
)
_OFFICIAL = re.compile(
    r"尊敬的|贵客|贵宾|亲爱的(?:客户|顾客|用户|会员)|广大(?:新老)?(?:客户|顾客|用户|会员|朋友|消费者)|(?<!广大)新老(?:客户|顾客|用户|会员)"
    r"|隆重(?:推出|上市|上线|登场|开业|开幕|举行)|敬请|特此|恭候|莅临|惠顾|诚挚|谨此"
    r"|为您服务|竭诚|祝您(?:生活愉快|购物愉快)|感谢您的(?:支持|信任|理解)|您好[，,]?欢迎光临|如有疑问"
)
_SHARE_CODE = re.compile(r"[￥$€₤¥₳¢][0-9A-Za-z]{8,14}[￥$€₤¥₳¢/]|淘口令|[（(][0-9A-Za-z]{8,14}[）)]\s?(?:打开|复制)")
_REWARD = (
    r"(?:[就即可再还都能]送|送(?:你|一|两|个|条|券|红包|好礼|礼品|福利|优惠)|抽(?:奖|一|\d)|领(?:取|券|红包|奖|一|\d)"
    r"|(?:免费|可|来)领|免单|返(?:现|利|\d|红包|券)|红包|有奖|有礼|得(?:红包|奖|\d)|优惠券|减\d)"
)
_BAIT = re.compile(
    rf"(?:转发|分享(?!给你)|发(?:到|个|条)?朋友圈)[^。！？\n]{{0,14}}{_REWARD}"
    r"|集(?:赞|齐?\s?\d+\s?个?赞)|(?:满|够)\s?\d+\s?个?赞"
    rf"|(?:好评|五星|晒图)[^。！？\n]{{0,10}}(?:返(?:现|\d|红包|券)|红包|送(?:你|一|两|券|红包)|\d+\s?元)"
)
_SELLING = re.compile(
    r"[¥￥]\s?\d|\d+(?:\.\d+)?\s?(?:元|块钱)|\d(?:\.\d)?\s?折|[半对]折|打折|折扣|满减|立减|秒杀|特价|原价|到手价|券后|优惠|福利价|包邮"
    r"|下单|加购|拍下|抢购|清仓|预售|现货|上新|新款|爆款|库存|付款|淘宝搜|进店|店铺链接|小程序下单"
    r"|(?:taobao|tmall|tb|1688|jd|pinduoduo|yangkeduo|m\.tb)\.(?:com|cn)|[￥$€₤¥][0-9A-Za-z]{8,14}[￥$€₤¥/]"
    r"|\{\{\s*(?:landing|search)\b",
    re.IGNORECASE,
)
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_TAG_STANDS_FOR = "口口口口"  # a name is about this long
_TASTES = (
    "法式", "日系", "韩系", "韩式", "英伦", "美式", "欧美", "国风", "新中式", "港风", "甜美", "甜酷", "辣妹",
    "御姐", "名媛", "洛丽塔", "朋克", "街头", "学院", "极简", "轻奢", "土酷", "萝莉", "ins风",
)  # fmt: skip
"""Tastes that a shop of clothes names. A shop that has several says so in `shop.style.taste` or `.topics`. Ours."""
_CALM = frozenset({"松弛", "安静", "温柔", "极简", "慢", "治愈", "克制", "知性", "文艺"})
"""Tastes that nobody shouts. Ours."""
_SHOUTED = re.compile(r"[!！]{3,}|冲冲冲|冲鸭|速抢|快抢|手慢无|抢疯|炸裂|亏本|甩卖|跳楼价|最后一波啦|错过再等一年")


def findings(text: str, style: Style, *, length: int | None = None, moments: bool = False) -> Iterator[Finding]:
    """Every doubtful place of one text that customers can read.

    `length` is how many characters this voice takes at most; in `moments` a text folds. Template tags count as a short
    name.
    """
    plain = _TAG.sub(lambda tag: _TAG_STANDS_FOR.ljust(len(tag[0]), "\u200b"), text)
    allowed = [span for word in (*_ALLOWED, *style.allow) for span in _spans(re.escape(word), plain)]
    for fault, pattern in (
        (Fault.SUPERLATIVE, _SUPERLATIVE),
        (Fault.INTERNAL, _INTERNAL),
        (Fault.OFFICIAL, _OFFICIAL),
    ):
        yield from _found(fault, pattern, plain, allowed)
    for word in style.never:
        yield from _found(Fault.NEVER, re.compile(re.escape(word)), plain, [])
    yield from _found(Fault.BAIT, _BAIT, plain, [])
    yield from _found(Fault.SHARE_CODE, _SHARE_CODE, plain, [])
    yield from _drift(plain, style)
    if moments and (shown := len(plain.replace("\u200b", ""))) > FOLDS_AT:
        yield Finding(Fault.FOLDED, f"{shown} > {FOLDS_AT}", 0)
    if length is not None and (real := len(plain.replace("\u200b", ""))) > length:
        yield Finding(Fault.LONG, f"{real} > {length}", 0)


def selling(text: str) -> Iterator[Finding]:
    """Every place of a text that sells: for what must not, a lesson or a greeting."""
    for match in _SELLING.finditer(text):
        yield Finding(Fault.SELLING, match[0], match.start())


def is_clean(text: str, style: Style) -> bool:
    """May this text reach a customer at all? Warnings pass."""
    return all(found.fault.severity is not Severity.ERROR for found in findings(text, style))


def _drift(text: str, style: Style) -> Iterator[Finding]:
    """A taste that is not the shop's, where it says which are; and shouting, where it says that it is calm."""
    ours = (*style.taste, *style.topics)
    if style.taste:
        for taste in _TASTES:
            if not any(taste in own or own in taste for own in ours):
                yield from _found(Fault.DRIFT, re.compile(re.escape(taste), re.IGNORECASE), text, [])
    if any(own in _CALM for own in style.taste):
        yield from _found(Fault.DRIFT, _SHOUTED, text, [])


def _found(fault: Fault, pattern: re.Pattern[str], text: str, allowed: Iterable[tuple[int, int]]) -> Iterator[Finding]:
    for match in pattern.finditer(text):
        if not any(start <= match.start() and match.start() < end for start, end in allowed):
            yield Finding(fault, match[0].replace("\u200b", ""), match.start())


def _spans(pattern: str, text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(pattern, text)]
