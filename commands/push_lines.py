"""What is written about pushes and campaigns: to whom, from when on, who came, what is in doubt."""

import re

from commands import moment_lines
from commands.errors import NotUnderstood
from commands.said import Said
from commands.times import passed_today, time_of
from operations.requests.pushes import Came, Doubt, Preview, Push, ResolveDoubt, TryPush
from operations.requests.request import Request
from rules.quiet_hours import local
from texts.catalogue import say

ALL = frozenset({"全部", "所有", "all"})
TRIES = ("试发", "试", "test")
STAYED_AWAY = ("没来", "爽约", "noshow", "no-show")
ENDINGS = {
    "到了": "arrived", "已到": "arrived", "arrived": "arrived", "重发": "release", "release": "release",
    "不明": "unknown", "unknown": "unknown",
}  # fmt: skip
_KEYS = {"人群": "whom", "等级": "whom", "levels": "whom", "时间": "at", "at": "at"}
_BETWEEN = re.compile(r"[、,，;；+]")
_HALF_DAY_MS = 12 * 3_600_000
_NUMBERED = re.compile(r"#[0-9]{1,15}")


def push(said: Said) -> Request:
    """Start it, perhaps only for 人群=VIP2, from 时间=20:00 on; with 试发 behind its name, show its words first."""
    words, options = _parted(said)
    if len(words) > 1:
        if said.key(1) not in TRIES:
            raise NotUnderstood(say("commands.too_much", surplus=words[1]), hint=say("commands.usage.push"))
        return TryPush(push=words[0])
    given = {_KEYS.get(key, ""): value for key, value in options.items()}
    if "" in given:
        surplus = " ".join(f"{key}={value}" for key, value in options.items() if key not in _KEYS)
        raise NotUnderstood(say("commands.too_much", surplus=surplus), hint=say("commands.usage.push"))
    at_ms = time_of(given["at"], said.now_ms, said.zone) if "at" in given else 0
    if at_ms and (passed_ms := passed_today(given["at"], said.now_ms, said.zone)):
        raise _passed(passed_ms, said)
    if at_ms is None:
        raise NotUnderstood(say("commands.push_at", text=given["at"]), hint=say("commands.push_at.hint"))
    whom = tuple(word for word in _BETWEEN.split(given.get("whom", "")) if word)
    return Push(push=words[0] if words else "", levels=whom, at_ms=at_ms)


def _parted(said: Said) -> tuple[tuple[str, ...], dict[str, str]]:
    """The words and the options, where the name and the first option were written as one: laoke-fuli人群=VIP2."""
    options, words = dict(said.line.options), said.words
    for key in said.line.options:
        known = next((one for one in _KEYS if not one.isascii() and key.endswith(one)), key)
        if not words and known != key:
            words, options[known] = (key.removesuffix(known),), options.pop(key)
    return words, options


def _passed(passed_ms: int, said: Said) -> NotUnderstood:
    """Eight is over at noon: perhaps they mean the evening."""
    at, later = local(passed_ms, said.zone), local(passed_ms + _HALF_DAY_MS, said.zone)
    evening = passed_ms + _HALF_DAY_MS > said.now_ms and later.date() == at.date()
    key = "commands.push_passed.hint" if evening else "commands.push_at.hint"
    return NotUnderstood(say("commands.push_passed", at=f"{at:%H:%M}"), hint=say(key, later=f"{later:%H:%M}"))


def preview(said: Said) -> Request:
    """Of a push, or of the calendar."""
    calendar = moment_lines.preview(said.line, said.now_ms, said.zone)
    if calendar is not None:
        return calendar
    if len(said.words) > 1:
        surplus = " ".join(said.words[1:])
        raise NotUnderstood(say("commands.too_much", surplus=surplus), hint=say("commands.usage.preview"))
    return Preview(push=said.word(0))


def came(said: Said) -> Request:
    """Which campaign, who, and perhaps that they did not."""
    if not said.word(1) or (said.word(2) and said.key(2) not in STAYED_AWAY):
        raise NotUnderstood(say("commands.came_needs"), hint=say("commands.usage.came"))
    return Came(campaign=said.word(0), who=said.word(1), came=not said.word(2))


def doubt(said: Said) -> Request:
    """Without an ending it only shows."""
    if said.key(0) in ENDINGS:
        return resolve(said)
    return Doubt(what="" if said.key(0) in ALL else said.word(0))


def resolve(said: Said) -> Request:
    ending = ENDINGS.get(said.key(0))
    of = said.words[1:]
    if ending is None or not of:
        raise NotUnderstood(say("commands.doubt_needs"), hint=say("commands.doubt_needs.hint"))
    ids = tuple(int(word[1:]) for word in of if _NUMBERED.fullmatch(word))
    others = [word for word in of if not _NUMBERED.fullmatch(word) and word not in ALL]
    if len(others) > 1 or (others and ids):
        raise NotUnderstood(say("commands.too_much", surplus=" ".join(others)), hint=say("commands.doubt_needs.hint"))
    return ResolveDoubt(ending=ending, what="".join(others), ids=ids)
