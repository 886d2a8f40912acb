"""Files of coupon codes, as the shop's back office gives them: a table with a header, or a list, one to a line."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from customers.imports.cells import RowRefused, moment_of, text_of, unquoted
from rules.pacing import DAY_MS
from scheduler.benefits.coupons import NEVER_MS
from scheduler.errors import NoCodes
from texts.catalogue import say
from texts.errors import TableMissing, TableUnreadable
from texts.file_text import shown_path
from texts.table_kinds import FileKind, encoding_of, kind_of
from texts.tables import Cell, Table, read_table

LONGEST_CODE = 64
"""Characters. Ours: the longest of the platform's are half of that."""
CODE, EXPIRES = "优惠码", "到期时间"
_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    CODE: ("券码", "兑换码", "优惠券码", "优惠券", "优惠券编码", "卡券码", "核销码", "激活码", "卡密", "码", "号码",
           "code", "coupon", "coupon code", "voucher", "voucher code", "promo code"),
    EXPIRES: ("过期时间", "失效时间", "有效期至", "有效期", "截止时间", "截止日期", "到期日", "到期日期", "过期日期",
              "结束时间", "expires", "expiry", "expiry date", "valid until", "end date"),
})  # fmt: skip
_BLANK = re.compile(r"\s")
_FORMULA = re.compile(r"[=+\-@]")
"""No code begins so; a formula does, and would be sent, and opened in a spreadsheet."""
_FOR_EVER = re.compile(r"长期(?:有效)?|永久(?:有效)?|无限期|不限|9999[-/.年].*")
"""What exports write where a code does not end."""
_SHOWN = 20
_EXACT = 1e15
"""A spreadsheet's number of more digits is not the one that was typed."""


@dataclass(frozen=True, slots=True)
class CodeRow:
    """One code; `expires_ms` None where its row says nothing. Or `refused`: why it is none."""

    row: int
    code: str = ""
    expires_ms: int | None = None
    refused: str = ""


def code_rows(path: Path) -> Iterator[CodeRow]:
    """All of the file. Raises TableUnreadable for one that can't be read, NoCodes for one that has none."""
    table = _table(path)
    if table is None:
        yield from _lines(path)
        return
    for row in table.rows():
        yield _coded(row.number, row.cells.get(CODE), row.cells.get(EXPIRES))


def _table(path: Path) -> Table | None:
    """By its header; None for a plain list of codes."""
    try:
        return read_table(path, _NAMES)
    except TableMissing:
        raise
    except TableUnreadable as problem:
        try:
            return read_table(path, {CODE: _NAMES[CODE]})
        except TableUnreadable:
            if kind_of(path) is FileKind.TEXT and _is_list(path):
                return None
            if problem.hint != say("texts.table.no_header.hint"):
                raise problem from None
            raise NoCodes(shown_path(path)) from None


def _is_list(path: Path) -> bool:
    """One word to a line."""
    with path.open(encoding=encoding_of(path)) as file:
        top = [line.strip() for _, line in zip(range(20), file, strict=False)]
    return bool(any(top)) and not any(_BLANK.search(line) or "," in line for line in top)


def _lines(path: Path) -> Iterator[CodeRow]:
    with path.open(encoding=encoding_of(path)) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _coded(number, line.strip(), None)


def _coded(row: int, code: Cell, expires: Cell) -> CodeRow:
    if isinstance(code, float) and abs(code) >= _EXACT:
        return CodeRow(row, refused=say("coupons.refused.number"))
    text = unicodedata.normalize("NFKC", unquoted(text_of(code)))
    if not text:
        return CodeRow(row, refused=say("coupons.refused.empty"))
    if reason := _no_code(text):
        return CodeRow(row, refused=reason)
    try:
        return CodeRow(row, text, _end_ms(expires) if expires not in (None, "") else None)
    except RowRefused as problem:
        return CodeRow(row, refused=problem.reason)


def _no_code(text: str) -> str:
    """Why this is none; '' where it may be one."""
    if _FORMULA.match(text):
        return say("coupons.refused.formula", written=text[:_SHOWN])
    if len(text) > LONGEST_CODE or _BLANK.search(text):
        return say("coupons.refused.code", longest=LONGEST_CODE)
    return "" if text.isprintable() else say("coupons.refused.unseen")


def _end_ms(expires: Cell) -> int:
    """A day without an hour counts to its end. Raises RowRefused."""
    if _FOR_EVER.fullmatch(text_of(expires).strip()):
        return NEVER_MS
    moment_ms = moment_of(EXPIRES, expires)
    hour_given = ":" in text_of(expires) or (isinstance(expires, float) and not expires.is_integer())
    midnight = not hour_given or text_of(expires).endswith(" 00:00:00")
    return moment_ms + DAY_MS if midnight else moment_ms
