"""Which numbers an answer that nobody wrote may hold: those of the shop's facts, and a measure that the customer said.

A price stands in the facts as a price, or it is not said: what the customer would like to pay is no fact. Pure.
"""

import re

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CHINESE = "零〇一二两俩三四五六七八九十百千万"
_BEFORE = r"(?:[¥￥$]|[价卖收付算]|只[要需]|元|块)[^\d，。；,;！!？?]{0,4}"
_AFTER = r"\s*(?:[¥￥元块折毛]|rmb|yuan|off|[卖成]|[给送]你|就行|就好|拿走|带走|包邮|一件|吧)"
_PRICE = re.compile(rf"{_BEFORE}(?P<before>\d+(?:\.\d+)?)|(?<![\d.])(?P<after>\d+(?:\.\d+)?){_AFTER}", re.IGNORECASE)
_IN_WORDS = re.compile(
    rf"[{_CHINESE}](?:块[钱半{_CHINESE}]|[元毛])|[{_CHINESE}]{{2,}}块|[{_CHINESE}]块(?:就|给|卖|吧|行|包|一)"
    rf"|[二两三四五六七八九{_CHINESE}][百千万](?:[{_CHINESE}]|就|给|卖|吧|行|多|左右)"
)
"""一百九十九块, 九块九, 三百就行: numbers in words can't be compared with the facts. Not 一块去逛, nor 百搭."""
_BARGAINS = re.compile(r"[元块钱价折贵卖¥￥$]|便宜|优惠|少点|rmb|给我|算我|off", re.IGNORECASE)
_OF_A_BODY = re.compile(r"[身穿码高重斤腰胸臀腿脚]|cm|kg|公分|厘米", re.IGNORECASE)
_MEASURES = range(30, 251)
"""Centimetres, kilograms and 斤 of a grown person. Ours."""


def invents(text: str, facts: str, asked: str) -> bool:
    """Does `text` say a price that is none of `facts`, or a number from nowhere? `asked`: the customer's words."""
    if _IN_WORDS.search(text) or _prices(text) - _prices(facts):
        return True
    known = set(_NUMBER.findall(facts))
    if _OF_A_BODY.search(asked) and not _BARGAINS.search(asked):
        known |= {number for number in _NUMBER.findall(asked) if number.isdigit() and int(number) in _MEASURES}
    return not set(_NUMBER.findall(text)) <= known


def _prices(text: str) -> set[str]:
    return {found["before"] or found["after"] for found in _PRICE.finditer(text)}
