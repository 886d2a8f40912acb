"""Offers too small to be worth a message: either do it properly or not at all (要么不做，要么给足)."""

import re
from collections.abc import Iterable, Iterator

from personas.copy_check import Fault, Finding

LEAST_SHARE = 0.1
"""A cut below this share of the price moves nobody. Ours."""
LEAST_FEN = 500
"""Neither does a coupon or a red packet of less. Ours."""

_NUMERALS = {sign: number for number, sign in enumerate("零一二三四五六七八九")}
_FOLD = re.compile(r"(?<![\d.])(\d{1,2}(?:\.\d)?|[一二三四五六七八九]{1,2})\s?折(?!叠|痕|腰|返|回|服)")
_OFF = re.compile(r"满\s?(\d{1,6})\s?(?:元|块)?\s?(?:立?减|省|返)\s?(\d{1,6})")
_COUPON = re.compile(
    r"(?:立减|直减|减免|返现?|抵|省)\s?(\d{1,5}(?:\.\d{1,2})?)\s?[元块]"
    r"|(\d{1,5}(?:\.\d{1,2})?)\s?[元块]钱?\s?(?:无门槛)?(?:的)?(?:优惠券|抵用券|代金券|红包|券)"
)
_VAGUE = re.compile(
    r"(?:神秘|精美|惊喜|意外|超值)\s?(?:小?(?:礼物|礼品|好礼|大礼|赠品|福利|惊喜))|好礼(?:相送|不断)|多重惊喜|限时福利"
)
_GIVES = re.compile(
    r"[折减券送礼免赠返半省]|红包|第二件|买一|一口价|元|块钱|优先|先挑|先选|留了|留给|多给|加送|包邮|试穿|新品|上新|投票|选款|口令|暗号"
)


def weak_offers(text: str) -> Iterator[Finding]:
    """Every offer in `text` that is too small or says nothing. Raises nothing."""
    for pattern, is_weak in ((_FOLD, _weak_fold), (_OFF, _weak_off), (_COUPON, _weak_coupon), (_VAGUE, _always)):
        for match in pattern.finditer(text):
            if is_weak(match):
                yield Finding(Fault.WEAK, match[0], match.start())


def gives_something(texts: Iterable[str]) -> bool:
    """Does any of these words name what somebody gets?"""
    return any(_GIVES.search(text) for text in texts)


def _weak_fold(match: re.Match[str]) -> bool:
    """九五折, 9.8 折, 95 折: what is left of the price is above nine tenths."""
    written = match[1]
    if written[0] in _NUMERALS:
        left = sum(_NUMERALS[sign] / 10 ** (place + 1) for place, sign in enumerate(written))
    else:
        number = float(written)
        left = number / 100 if number >= 10 else number / 10
    return bool(left > 1 - LEAST_SHARE + 1e-9)


def _weak_off(match: re.Match[str]) -> bool:
    whole, off = int(match[1]), int(match[2])
    return whole > 0 and off / whole < LEAST_SHARE


def _weak_coupon(match: re.Match[str]) -> bool:
    return round(float(match[1] or match[2]) * 100) < LEAST_FEN


def _always(match: re.Match[str]) -> bool:
    return True
