"""What is written about one customer: who they are, what is known of them, what becomes of them."""

import re
from collections.abc import Callable

from commands.errors import NotUnderstood
from commands.grammar import without_first
from commands.said import Said
from commands.times import time_of
from operations.requests.people import Bind, Customer, Give, Mute, Note, SetProfile, Tag, TakeOver, Unmerge
from operations.requests.request import Request
from texts.catalogue import say

SURE = ("确定", "是的", "sure", "yes")
_A_NUMBER = re.compile(r"#?[0-9]{1,15}")
_BETWEEN = re.compile(r"[、,，;；和]")
_PAGE = re.compile(r"第?([0-9]{1,2})页|page([0-9]{1,2})")
_MINE = ("我的", "mine")
_YUAN = re.compile(r"[0-9]{1,5}(\.[0-9]{1,2})?")


def who(kind: Callable[[str], Request]) -> Callable[[Said], Request]:
    """A command about one customer and nothing else."""
    return lambda said: kind(said.word(0))


def customer(said: Said) -> Request:
    """Who that is; with `key=value` behind it, what is to be known of them."""
    return profile(said) if said.line.options else Customer(said.word(0))


def profile(said: Said) -> Request:
    if not said.line.options:
        raise NotUnderstood(say("commands.profile_needs"), hint=say("commands.usage.profile"))
    return SetProfile(who=said.word(0), fields=said.line.options)


def tag(said: Said) -> Request:
    whom, *tags = said.words or ("",)
    return Tag(who=whom, add=(*tags, *said.line.added), remove=said.line.removed)


def note(said: Said) -> Request:
    """The words behind the customer's name, as they were typed."""
    return Note(who=said.word(0), text=without_first(said.line.rest))


def mute(said: Said) -> Request:
    until = " ".join(said.words[1:])
    if not until:
        raise NotUnderstood(say("commands.mute_needs"), hint=say("commands.mute_until.hint"))
    until_ms = time_of(until, said.now_ms, said.zone)
    if until_ms is None or until_ms <= said.now_ms:
        raise NotUnderstood(say("commands.mute_until", until=until), hint=say("commands.mute_until.hint"))
    return Mute(who=said.word(0), until_ms=until_ms)


def bind(said: Said) -> Request:
    sure = len(said.words) == 3 and said.key(2) in SURE
    if len(said.words) < 2 or (len(said.words) == 3 and not sure):
        raise NotUnderstood(say("commands.bind_needs"), hint=say("commands.usage.bind"))
    return Bind(who=said.word(0), what=said.word(1), sure=sure)


def unmerge(said: Said) -> Request:
    """One number or several, as `/绑定` told them: 259、260."""
    numbers = [number for word in said.words for number in _BETWEEN.split(word) if number]
    if not numbers or not all(map(_A_NUMBER.fullmatch, numbers)):
        raise NotUnderstood(say("commands.unmerge_needs"), hint=say("commands.usage.unmerge"))
    return Unmerge(numbers=tuple(int(number.removeprefix("#")) for number in numbers))


def give(kind: str) -> Callable[[Said], Request]:
    """Whom, how many yuan, for which occasion; what follows are the words that go with it."""

    def build(said: Said) -> Request:
        whom, amount, occasion, *words = (*said.words, "", "", "")
        amount = amount.removesuffix("元").removeprefix("¥")
        if not _YUAN.fullmatch(amount) or not occasion:
            raise NotUnderstood(say("commands.gift_needs"), hint=say("commands.usage.gift"))
        return Give(
            who=whom, kind=kind, amount_fen=round(float(amount) * 100), occasion=occasion, note=" ".join(words).strip()
        )

    return build


def take_over(said: Said) -> Request:
    """Somebody; or a page of the list of who waits, perhaps only of one's own."""
    keys = [said.key(place) for place in range(len(said.words))]
    mine = bool(keys) and keys[0] in _MINE
    page = _PAGE.fullmatch(keys[-1]) if keys else None
    if len(keys) > mine + bool(page) and len(keys) > 1:
        surplus = " ".join(said.words[1:])
        raise NotUnderstood(say("commands.too_much", surplus=surplus), hint=say("commands.usage.takeover"))
    if mine or page:
        return TakeOver(mine=mine, page=int(page[1] or page[2]) if page else 1)
    return TakeOver(who=said.word(0))
