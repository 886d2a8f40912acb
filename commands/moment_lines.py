"""What is written about Moments: which days of the calendar, which post, which photo of the library."""

import re

from commands.errors import NotUnderstood
from commands.grammar import Line, as_key
from commands.spans import Days, days_of
from commands.times import time_of
from operations.requests.posts import Materials, Moment, PreviewMoments
from rules.quiet_hours import local
from rules.roles import PostKind
from texts.catalogue import say
from texts.script import simplified

_CALENDAR = "朋友圈"
_CALENDAR_WORDS = ("", _CALENDAR, "moments", "日历")
_KEYS = {
    "账号": "account", "帐号": "account", "account": "account", "时间": "at", "at": "at", "类型": "kind",
    "kind": "kind", "素材": "material", "material": "material",
}  # fmt: skip
_OPTION = re.compile(
    r"([账帐]号|account|时间|at|类型|kind|素材|material)\s*[=＝]\s*(\"[^\"]*\"|“[^”]*”|\S+)\s*", re.IGNORECASE
)
ACTS = {
    "征求": "ask", "问": "ask", "ask": "ask", "同意": "given", "yes": "given", "拒绝": "refused", "不同意": "refused",
    "no": "refused", "收起": "remove", "删除": "remove", "remove": "remove", "添加": "add", "add": "add",
}  # fmt: skip


def preview(line: Line, now_ms: int, zone: str) -> PreviewMoments | None:
    """`朋友圈 明天 lin-1`; None when it is not about the calendar. Raises NotUnderstood."""
    first = line.key(0)
    if first not in _CALENDAR_WORDS[1:] and not first.startswith(_CALENDAR):
        return None
    today = local(now_ms, zone).date()
    days, account = Days(today, 1), ""
    for word in (first.removeprefix(_CALENDAR), *line.arguments[1:]):
        if word in _CALENDAR_WORDS:
            continue
        meant = days_of(word, today)
        if meant is not None:
            days = meant
        elif account or not word.isascii():
            raise NotUnderstood(say("commands.no_days", text=word), hint=say("commands.no_days.hint"))
        else:
            account = word
    return PreviewMoments(first=days.first.isoformat(), days=days.number, account=account)


def moment(line: Line, now_ms: int, zone: str) -> Moment:
    """The words as they were typed; before them perhaps `账号=lin-1 时间=20:00 类型=生活 素材=12`.

    Raises NotUnderstood.
    """
    text, given = line.rest, {}
    while found := _OPTION.match(simplified(text)):
        given[_KEYS[as_key(found[1])]] = found[2].strip('"“”')
        text = text[found.end() :]
    at_ms = time_of(given["at"], now_ms, zone) if "at" in given else 0
    if at_ms is None:
        raise NotUnderstood(say("commands.moment_at", text=given["at"]), hint=say("commands.moment_at.hint"))
    return Moment(
        text=text.strip(),
        account=given.get("account", ""),
        kind=_kind(given["kind"]) if "kind" in given else "",
        at_ms=at_ms,
        materials=tuple(map(int, re.findall(r"[0-9]{1,15}", given.get("material", "")))),
    )


def material(line: Line) -> Materials:
    """Nothing, a number, what to do with a number, or whose the pictures are that were just sent."""
    words = [word.removeprefix("#") for word in line.arguments]
    if not words:
        return Materials()
    act = ACTS.get(as_key(words[0]))
    if act == "add" and len(words) > 1:
        return Materials(act=act, who=" ".join(words[1:]))
    number = words[-1]
    if (len(words) == 1) == (act is None) and number.isascii() and number.isdigit() and len(number) <= 15:
        return Materials(act=act or "show", number=int(number))
    raise NotUnderstood(say("commands.material_needs"), hint=say("commands.usage.material"))


def _kind(word: str) -> str:
    for kind in PostKind:
        if as_key(word) in (kind.value, *(say(f"scheduler.post.{kind}", lang=lang) for lang in ("zh", "en"))):
            return kind.value
    known = say("texts.comma").join(say(f"scheduler.post.{kind}") for kind in PostKind)
    raise NotUnderstood(say("commands.moment_kind", text=word), hint=known)
