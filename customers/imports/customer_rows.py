"""One row of a table of customers, read with suspicion: whom it speaks of and what it says, or why not."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from customers.do_not_contact import phone_sign
from customers.errors import TextRefused, ValueRefused
from customers.imports.cells import RowRefused, text_of, unquoted
from customers.imports.customer_columns import (
    ACCOUNT,
    CHANNEL,
    CONTACT,
    ENTRY,
    LUNAR,
    MEMBER,
    MORE_TAGS,
    NAME,
    NICKNAME,
    OPTED_OUT,
    PHONE,
    PROFILE,
    REMARK,
    TAGS,
    WECHAT,
)
from customers.merging.linking import PHONE as WHOLE_PHONE
from customers.merging.merging import member_name_from_alias
from customers.profiles.profile_fields import FIELDS, Value, one_line, read_value
from customers.profiles.tags import read_tag
from texts.catalogue import say
from texts.problem import Problem
from texts.tables import Cell

_LONGEST = 100  # characters of a name
_NOTHING = frozenset({"null", "none", "无", "-", "--", "/", "未设置", "未填写"})
_NOT_OPTED_OUT = frozenset(
    {"否", "没有", "未退订", "未拉黑", "正常", "不是", "0", "false", "no", "n", "×", "x", "✗", "未", "接收", *_NOTHING}
)
_BETWEEN = re.compile(r"[,，、;；|/\n]+")
_ENTRY = re.compile(r"#?(\d{1,15})", re.ASCII)
_BIRTHDAY = "birthday"


@dataclass(slots=True)
class CustomerRow:
    """What a row says. Texts are '' where it says nothing; `number` is the row a spreadsheet program shows.

    `contact` is the gateway's id of them, `contacts` are all that may be it. `opted_out`: what stands in the column of
    opt-outs when it says yes. `mistakes`: every cell that can't be believed. `nobody`: it does
    not say who it is.
    """

    number: int
    entry: int | None = None
    contact: str = ""
    contacts: tuple[str, ...] = ()
    account: str = ""
    nickname: str = ""
    remark: str = ""
    name: str = ""
    member: str = ""
    phone: str = ""
    channel: str = ""
    tags: tuple[str, ...] = ()
    opted_out: str = ""
    profile: dict[str, Value] = field(default_factory=dict)
    mistakes: list[RowRefused] = field(default_factory=list)
    nobody: bool = False

    @property
    def names(self) -> set[str]:
        """Everything it calls the person."""
        return {name for name in (self.name, self.nickname, self.remark, str(self.profile.get("call_me", ""))) if name}


class CellRefused(RowRefused):
    """A cell of a table of customers that can't be believed; `reason` is for people."""

    def __init__(self, column: str, code: str, **values: Any) -> None:
        Exception.__init__(self, code)
        self.column = column
        self.reason = say(f"customers.people.{code}", column=column, **values)


def read_customer(number: int, cells: Mapping[str, Cell], today: date, *, account: str = "") -> CustomerRow:
    """The customer of one row. `account` is whose friends the whole table holds, where the row does not say.

    Every cell is looked at, whatever is wrong with others. A row with mistakes is not to be believed, but for a wish
    not to be written to (`opted_out`): that is not lost over another cell.
    """
    row = CustomerRow(number)
    row.opted_out = _wish(_text(cells, OPTED_OUT))
    row.contact = _text(cells, CONTACT)
    row.contacts = tuple(dict.fromkeys(filter(None, (row.contact, _text(cells, WECHAT)))))
    row.account = _text(cells, ACCOUNT) or account
    row.nickname, row.remark, row.name = (_text(cells, column) for column in (NICKNAME, REMARK, NAME))
    row.channel = _text(cells, CHANNEL)[:20]
    member = _text(cells, MEMBER)
    row.member = member if member and "*" not in member else member_name_from_alias(row.remark) or ""
    _read_entry(row, cells)
    _read_phone(row, cells)
    _read_tags(row, cells)
    for column, key in PROFILE.items():
        _read_profile(row, column, key, cells, today)
    _read_profile(row, LUNAR, _BIRTHDAY, cells, today)
    _require_somebody(row, cells)
    return row


def _require_somebody(row: CustomerRow, cells: Mapping[str, Cell]) -> None:
    """One of its words says who it is; a mistake in such a word has been told already."""
    if row.entry or row.contacts or row.member or row.phone or (row.remark and row.account):
        return
    if {ENTRY, PHONE}.isdisjoint(mistake.column for mistake in row.mistakes):
        masked = MEMBER if _text(cells, MEMBER) else PHONE if cells.get(PHONE) else ""
        row.mistakes.append(CellRefused(masked or NICKNAME, "masked" if masked else "nobody"))
    row.nobody = True


def _text(cells: Mapping[str, Cell], column: str) -> str:
    text = one_line(unquoted(text_of(cells.get(column))))[:_LONGEST]
    return "" if text.casefold() in _NOTHING else text


def _wish(text: str) -> str:
    """What can't be read as a no is a yes: who may have said no is not written to."""
    return "" if not text or unicodedata.normalize("NFKC", text).casefold() in _NOT_OPTED_OUT else text


def _read_entry(row: CustomerRow, cells: Mapping[str, Cell]) -> None:
    text = _text(cells, ENTRY)
    if text:
        found = _ENTRY.fullmatch(text)
        if found:
            row.entry = int(found[1])
        else:
            row.mistakes.append(CellRefused(ENTRY, "not_an_entry", value=text[:40]))


def _read_phone(row: CustomerRow, cells: Mapping[str, Cell]) -> None:
    """The first whole mobile number; a masked one is no evidence of anything and is left out."""
    text = unicodedata.normalize("NFKC", _text(cells, PHONE))
    written = [part for part in _BETWEEN.split(text) if part.strip() and "*" not in part]
    signs = [sign.value for part in written if (sign := phone_sign(part))]
    row.phone = next((sign for sign in signs if WHOLE_PHONE.fullmatch(sign)), "")
    if written and not row.phone:
        row.mistakes.append(CellRefused(PHONE, "not_a_phone", value=text[:40]))


def _read_tags(row: CustomerRow, cells: Mapping[str, Cell]) -> None:
    found: list[str] = []
    for column in (TAGS, MORE_TAGS):
        for part in _BETWEEN.split(unquoted(text_of(cells.get(column)))):
            if part.strip() and part.strip().casefold() not in _NOTHING:
                try:
                    found.append(read_tag(part))
                except TextRefused as problem:
                    row.mistakes.append(_because(column, problem))
    row.tags = tuple(dict.fromkeys(found))


def _read_profile(row: CustomerRow, column: str, key: str, cells: Mapping[str, Cell], today: date) -> None:
    text = _text(cells, column)
    if not text:
        return
    try:
        value = read_value(FIELDS[key], f"农历{text}" if column == LUNAR else text, today)
    except ValueRefused as problem:
        row.mistakes.append(_because(column, problem))
        return
    if value is not None:
        row.profile.setdefault(key, value)


def _because(column: str, problem: Problem) -> CellRefused:
    return CellRefused(column, "because", why=problem.message, cure=problem.hint)
