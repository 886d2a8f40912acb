"""What a phone number and an address look like once they are masked: on screens, in messages to staff, sheets and logs.

People write their numbers into nicknames, remarks and messages; a shop's table carries them in the wrong column. So
whatever is shown goes through `masked` where it leaves the house: `wxfleet.terminal` and its console, the desk's
answers, notices to staff, workbooks, the report of refused rows, the log. Who may see a number whole asks for it by
name, and it is written down (`operations.personal_data`).
"""

import re
from collections.abc import Mapping
from typing import Any

_AHEAD, _BEHIND, _HIDDEN = 3, 4, 4
_DIGIT = "[0-9０-９]"
_BETWEEN = r"[-\s.·]?"
_MOBILE = re.compile(
    rf"(?<![\d.])((?:[+＋]?(?:86|８６)[-\s]?)?[1１][3-9３-９]{_DIGIT})({_BETWEEN}){_DIGIT}{{4}}({_BETWEEN})({_DIGIT}{{4}})(?!\d)"
)
"""A mobile number of the mainland, with or without 86, in one piece or in the three that people write."""
_PART = r"[0-9０-９A-Za-z零一二三四五六七八九十东南西北-]{1,6}\s*(?:号楼|号院|号|弄|栋|幢|座|单元|楼|层|室|户)"
_HOUSE = re.compile(
    rf"((?:路|街|大道|巷|胡同|弄|小区|新村|公寓|大厦)\s*)[0-9０-９]{{1,5}}\s*(?:号|弄|栋|幢|座|单元|室)(?:\s*{_PART})*"
)
"""Where in its street somebody lives: town and street tell people apart, the rest nobody needs on a screen."""
_CONTACT = re.compile(r"\bwxid_[\w-]+", re.ASCII)


def masked(text: str) -> str:
    """`text` without the middle of mobile numbers and without the house in addresses. Masked twice is masked once."""
    return _HOUSE.sub(r"\1***", _MOBILE.sub(r"\1\2****\3\4", text))


def masked_phone(phone: str | None) -> str:
    """A field that holds a phone, whatever kind: `138****1234`, `057****1234`; '' for none.

    Of a short one less stays in front, so that four signs at least are hidden; a very short one is hidden whole.
    """
    if not phone:
        return ""
    if "*" in phone:
        return phone
    if len(phone) <= _AHEAD + _BEHIND:
        return "*" * len(phone)
    ahead = max(0, min(_AHEAD, len(phone) - _HIDDEN - _BEHIND))
    return phone[:ahead] + "****" + phone[-_BEHIND:]


def masked_name(name: str | None) -> str:
    """A receiver as the shop's own back office shows them: the first character, `小**`."""
    return name[0] + "**" if name else ""


def without_ids(text: str, *ids: str) -> str:
    """What a gateway said, with nobody's id in it: WeChat's own kind, and those that are given, become `***`."""
    for id in filter(None, ids):
        text = text.replace(id, "***")
    return _CONTACT.sub("***", text)


def masked_document(value: Any) -> Any:
    """The same of every text in a JSON document, at any depth. Keys and numbers are ours and stay."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {key: masked_document(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked_document(inner) for inner in value]
    return value
