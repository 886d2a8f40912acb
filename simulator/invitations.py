"""What a message invites to, as its reader understands it: a word, a size, a number or a photo sent back."""

import re
from dataclasses import dataclass
from enum import StrEnum

from simulator import lines
from simulator.messages import Kind


class Step(StrEnum):
    """What an answer to somebody who wants to take part may still ask for."""

    AGREE = "agree"
    PHOTO = "photo"
    SIZE = "size"
    VOTE = "vote"
    """The number of one of several: after a look at their pictures."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Something that a person may send back."""

    text: str
    kind: Kind = Kind.TEXT


_BACK = r"(?<![退收找返撤召来带买寄])回复?(?:我|个|一?声|一个|数字|字母)?\s*"
_NO_COUNT = r"(?![0-9A-Za-z]|\s*[件天条元块次个点折小分人])"
_ONE = rf"([A-Ha-h]|[1-9]){_NO_COUNT}"
_QUOTED = re.compile(_BACK + r"[“\"「『‘]\s*([^”\"」』’]{1,8}?)\s*[”\"」』’]")
_NAMED = re.compile(rf"{_BACK}{_ONE}(?:\s*(?:或者?|还是|/|、)\s*{_ONE})?")
_BY_NUMBER = re.compile(r"回复?(?!.{0,4}(?:订单|手机|电话|单号))[^，。；！～\n]{0,6}(?:号码|序号|编号|数字|几号)")
_LISTED = re.compile(r"(?<!\d)(?<!\d[.:：-])([1-9])(?:\s*(?:[.．、)）](?!\d)|号)|" + _NO_COUNT + r" [\u3400-\u9fff])")
_SIZE = re.compile(r"回[^。！～\n]{0,8}尺码|尺码[^。！～\n]{0,12}回")
_PHOTO = re.compile(
    r"(?:照片|截图|图片?)[^，。；！～\n]{0,4}发(?:我|到|来|过来|给)|截个?图发|拍一?张|发(?:一?张|个)?(?:照片|截图)"
)
_NOT_TO_JOIN = frozenset({"退订", "TD", "td", "算了", "不同意", "不要", "不来", "取消"})
_AGREE = "同意"


def replies_to(text: str) -> tuple[Reply, ...]:
    """What readers of this send back who want what it offers, each as likely; empty where it asks for nothing."""
    if lines.ASKS_TO_JOIN in text:
        return tuple(map(Reply, lines.JOINS))
    words = [word for word in _QUOTED.findall(text) if word not in _NOT_TO_JOIN]
    words += [word for pair in _NAMED.findall(text) for word in pair if word]
    if _BY_NUMBER.search(text):
        words += _numbers(text) or lines.NUMBERS
    if _SIZE.search(text):
        words = [form.format(word=word, size=size).strip() for word in words or [""] for size in lines.SIZES
                 for form in lines.WITH_SIZE] + words  # fmt: skip
    photo = (Reply(lines.PICTURE, Kind.IMAGE),) * max(1, len(words)) if _PHOTO.search(text) else ()
    return tuple(map(Reply, dict.fromkeys(words))) + photo


def next_step(text: str) -> Step | None:
    """What the answer to somebody who wants to take part asks of them."""
    if _AGREE in _QUOTED.findall(text):
        return Step.AGREE
    if _PHOTO.search(text):
        return Step.PHOTO
    if _SIZE.search(text):
        return Step.SIZE
    return Step.VOTE if _BY_NUMBER.search(text) and len(_numbers(text)) > 1 else None


def replies_for(step: Step, text: str) -> tuple[Reply, ...]:
    """What people send who do what `text` asks of them."""
    match step:
        case Step.AGREE:
            return (Reply(_AGREE), Reply(f"{_AGREE}～"))
        case Step.PHOTO:
            return (Reply(lines.PICTURE, Kind.IMAGE),)
        case Step.SIZE:
            return tuple(map(Reply, lines.SIZES))
        case Step.VOTE:
            return tuple(map(Reply, _numbers(text)))


def _numbers(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_LISTED.findall(text)))
