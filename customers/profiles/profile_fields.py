"""What a profile (客户画像) holds, how staff call each field, and how the words for it are read. Pure."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from customers.errors import NoSuchField, ValueRefused
from customers.profiles.birthday_words import NoBirthday, birthday_of, stored_birthday
from texts.catalogue import say
from texts.nearest import nearest

Value = str | int | float | list[str]
"""What a field holds, plain enough for JSON: a birthday as `customers.profiles.birthday_words.Birthday.stored`."""

LONGEST_NAME = 12
"""Characters by which somebody is addressed."""
_CLOSE = 50.0
"""Percent: one of two characters, as Chinese keys are short."""
_CLEAR = frozenset({"", "-", "无", "清空", "none"})
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn")
"""Categories of signs that steer a screen, turn a line around or are none; the joiner of emoji is among them."""
_LIST = re.compile(r"[,、;/|\s]+")
_NO_NAME = re.compile(r"\d{5,}|https?:|www\.|\.(?:com|cn|net)\b|wxid_|[{}<>]", re.IGNORECASE)
"""Numbers, addresses and places to fill in: nobody is addressed by them."""
_HEIGHT = re.compile(r"(\d+(?:\.\d+)?)(cm|厘米|公分|m|米)?")
_WEIGHT = re.compile(r"(\d+(?:\.\d+)?)(kg|公斤|千克|斤)?")
_TALLEST_IN_METRES = 3

Word = Annotated[str, Field(min_length=1, max_length=20)]
Size = Annotated[str, Field(min_length=1, max_length=12)]


class Profile(BaseModel):
    """The part of a profile that no query reads: a JSON document in `people.profile`. Lengths in characters."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    size: Size | None = None
    pants_size: Size | None = None
    shoe_size: Size | None = None
    height_cm: Annotated[int, Field(ge=40, le=250)] | None = None
    weight_kg: Annotated[float, Field(ge=2, le=400)] | None = None
    taste: Annotated[list[Word], Field(min_length=1, max_length=12)] | None = None
    city: Word | None = None


@dataclass(frozen=True, slots=True)
class ProfileField:
    """One field. `names`: how staff and sheets call it, the Chinese name first."""

    key: str
    names: tuple[str, ...]
    read: Callable[[str, date], Value]
    """Reads what was written, today given. Raises ValueError with the reason: a code of the catalogue."""


def _name(text: str, today: date) -> Value:
    if len(text) > LONGEST_NAME:
        raise ValueError("long")
    if _NO_NAME.search(text):
        raise ValueError("name")
    return text


def _birthday(text: str, today: date) -> Value:
    try:
        return birthday_of(text, today).stored
    except NoBirthday as error:
        raise ValueError(f"birthday_{error.why}") from error


def _size(text: str, today: date) -> Value:
    return text.upper().removesuffix("码").strip() or text


def _height(text: str, today: date) -> Value:
    found = _HEIGHT.fullmatch(text.casefold().replace(" ", ""))
    if not found:
        raise ValueError("height")
    metres = found[2] in ("m", "米") or (found[2] is None and float(found[1]) < _TALLEST_IN_METRES)
    return round(float(found[1]) * (100 if metres else 1))


def _weight(text: str, today: date) -> Value:
    found = _WEIGHT.fullmatch(text.casefold().replace(" ", ""))
    if not found:
        raise ValueError("weight")
    return round(float(found[1]) / (2 if found[2] == "斤" else 1), 1)


def _list(text: str, today: date) -> Value:
    return list(dict.fromkeys(word for word in _LIST.split(text) if word))


def _word(text: str, today: date) -> Value:
    return text


FIELDS: Mapping[str, ProfileField] = {
    field.key: field
    for field in (
        ProfileField("call_me", ("称呼", "call_me", "call", "怎么称呼"), _name),
        ProfileField("birthday", ("生日", "birthday", "出生日期"), _birthday),
        ProfileField("size", ("尺码", "size", "衣码", "上衣尺码"), _size),
        ProfileField("pants_size", ("裤码", "pants_size", "pants", "裤子尺码", "下装尺码"), _size),
        ProfileField("shoe_size", ("鞋码", "shoe_size", "shoes", "鞋子尺码"), _size),
        ProfileField("height_cm", ("身高", "height_cm", "height"), _height),
        ProfileField("weight_kg", ("体重", "weight_kg", "weight"), _weight),
        ProfileField("taste", ("喜好", "taste", "风格", "偏好"), _list),
        ProfileField("city", ("城市", "city", "地区", "所在地"), _word),
        ProfileField("preferred_persona", ("人设", "preferred_persona", "persona", "喜欢的人设"), _word),
    )
}
_BY_NAME = {name: field for field in FIELDS.values() for name in field.names}


def field_named(name: str) -> ProfileField:
    """The field that staff call so. Raises NoSuchField with the nearest one."""
    plain = unicodedata.normalize("NFKC", name).strip().casefold()
    if plain in _BY_NAME:
        return _BY_NAME[plain]
    raise NoSuchField(name.strip()[:20], nearest(plain, _BY_NAME, close=_CLOSE), list(_names()))


def read_value(field: ProfileField, text: str, today: date) -> Value | None:
    """What `text` says of the field; None where it says that nothing is known (any more). Raises ValueRefused.

    `today`: in the shop; nobody is born later. A persona is read as it is written: who knows which there are, looks.
    """
    plain = one_line(unicodedata.normalize("NFKC", text))
    if plain.casefold() in _CLEAR:
        return None
    try:
        value = field.read(plain, today)
        if field.key in Profile.model_fields:
            Profile.model_validate({field.key: value})
    except ValidationError as error:
        raise ValueRefused(shown_name(field.key), plain[:40], _reason_of(field.key)) from error
    except ValueError as error:
        raise ValueRefused(shown_name(field.key), plain[:40], str(error)) from error
    return value


def one_line(text: str) -> str:
    """Without what no screen should carry out, in one line."""
    return " ".join("".join(sign if _is_seen(sign) else " " if sign in "\n\t" else "" for sign in text).split())


def shown_name(field: str) -> str:
    """What people call a field of the history, in the language of the screen; those of other versions as they are."""
    known = field in FIELDS or field in ("phone", "tag", "member_name", "name")
    return say(f"profile.field.{field}") if known else field


def shown_value(field: str, value: Any) -> str:
    """A value for people; '—' for none."""
    if value is None:
        return "—"
    if field == "birthday":
        return stored_birthday(str(value)).words
    if field in ("height_cm", "weight_kg"):
        return f"{value:g} {field.rpartition('_')[2]}"
    if isinstance(value, list):
        return say("texts.comma").join(one_line(str(one)) for one in value)
    return one_line(str(value))


def _is_seen(sign: str) -> bool:
    return unicodedata.category(sign) not in _UNSEEN


def _reason_of(field: str) -> str:
    return {"height_cm": "height", "weight_kg": "weight", "taste": "list"}.get(field, "long")


def _names() -> list[str]:
    """The first name of each field in the language of the screen."""
    return [shown_name(key) for key in FIELDS]
