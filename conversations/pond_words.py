"""What is said in a group of customers, without what WeChat puts around it; and how newcomers are called there."""

import re
from collections.abc import Collection, Sequence
from hashlib import sha256

from conversations.own_words import own_words
from rules.nicknames import cleaned
from texts.catalogue import say

_MOST_NAMES = 3
_UNSEEN = re.compile(r"[\u200b-\u200f\u2060\ufeff]")
"""Signs without a width that phones put around a mention."""
_MENTION = re.compile(r"@[^@\n\u2005]{1,40}\u2005|(?<!\S)@[^\s，,。：:！!？?]+")
"""Whom a message is put to: WeChat ends a name with a narrow blank, a hand with any."""
_SAME_MOMENT_S = 2


def words_of(text: str) -> str:
    """What somebody typed themselves, in one line: without mentions, quotes and links."""
    return " ".join(own_words(_MENTION.sub(" ", _UNSEEN.sub("", text))).text.split())


def calls(text: str, names: Collection[str | None]) -> bool:
    """Does it mention one of these names? 小林 is not called by whoever calls 小林子."""
    return any(name and re.search(rf"@{re.escape(name)}(?!\w)", text) for name in names)


def digest_of(words: str, sent_ms: int) -> str:
    """What was asked, and in which second: the words themselves are not kept."""
    return f"{sha256(words.encode()).hexdigest()[:16]}:{sent_ms // 1000}"


def same_words(one: str, other: str) -> bool:
    """Of two digests: was the same said?"""
    return one.partition(":")[0] == other.partition(":")[0]


def same_message(one: str, other: str) -> bool:
    """Of two digests: is it one message, that reached two of our accounts? Gateways' clocks differ a little."""
    at = [int(digest.partition(":")[2] or 0) for digest in (one, other)]
    return same_words(one, other) and all(at) and abs(at[0] - at[1]) <= _SAME_MOMENT_S


def newcomers_words(nicknames: Sequence[str], number: int) -> str:
    """花花、小鱼 等 5 位. Who advertises in a nickname, or is known to no account of ours, has no name here."""
    called = [name for name in map(cleaned, nicknames) if name]
    if not called:
        return say("ponds.newcomers.one" if number == 1 else "ponds.newcomers.some", lang="zh", number=number)
    shown = say("ponds.newcomers.join", lang="zh").join(called[:_MOST_NAMES])
    if number == len(called[:_MOST_NAMES]):
        return shown
    return say("ponds.newcomers.more", lang="zh", names=shown, number=number)
