"""How people write which order is theirs: the whole number, or its last digits with a date or an amount. Pure."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from rules.quiet_hours import local

_WHOLE = re.compile(r"(?<!\d)\d{16,21}(?!\d)")
_GROUPED = re.compile(r"(?<!\d)\d{4,}(?:[ -]\d{4,})*(?:[ -]\d{1,4})?(?!\d)")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff]")

_OTHER_NUMBERS = re.compile(
    r"(?:手机|电话|号码|快递|物流|运单|银行|卡|身份证)[^\d,。;]{0,6}(?:尾号|后四位|后4位|末四位|单号)"
)
"""The end of a phone, of a parcel's number or of a bank card is not the end of an order's."""
_END = re.compile(
    r"(?:(?:订单)?(?:尾号|尾数|后四位|后4位|末四位|末4位|最后四位|最后4位|后几位|最后几位|后五位|后六位|结尾)|订单(?:编号|号)?|单号)"
    r"(?:数字)?(?:是|为|[:#=\s])*(?P<end>\d{4,15})(?!\d)"
)
_AMOUNT = re.compile(
    r"(?:¥\s*(?P<before>\d{1,6}(?:\.\d{1,2})?)|(?<![\d.])(?P<after>\d{1,6}(?:\.\d{1,2})?)\s*(?:元|块|rmb|的?那[件条个双款套单笔]))"
)
_DAYS_AGO = {"今天": 0, "今早": 0, "刚刚": 0, "昨天": 1, "昨晚": 1, "昨日": 1, "前天": 2, "前晚": 2, "大前天": 3}
_NAMED_DAY = re.compile("|".join(sorted(_DAYS_AGO, key=len, reverse=True)))
_AGO = re.compile(r"(?P<days>\d{1,2})\s*天前")
_DATE = re.compile(
    r"(?<!\d)(?:(?P<year>20\d\d)\s*[年./-]\s*)?(?P<month>\d{1,2})\s*[月./-]\s*(?P<day>\d{1,2})(?!\d)(?:\s*[日号])?"
)
_ENGLISH_END = re.compile(r"(?:order\s+)?(?:ending|ends)\s+(?:in|with)\s+(?P<end>\d{4,15})(?!\d)")


@dataclass(frozen=True, slots=True)
class Hint:
    """The last digits of an order, with what was said of it. `exact`: the amount was said to the fen."""

    end: str
    amount_fen: int | None = None
    exact: bool = False
    day: date | None = None

    @property
    def enough(self) -> bool:
        """Four digits alone could be anybody's."""
        return self.amount_fen is not None or self.day is not None


def find_order_number(text: str) -> str | None:
    """The first order number (16 to 21 digits) in what somebody wrote; blanks and dashes between groups are fine."""
    plain = _plain(text)
    whole = _WHOLE.search(plain)
    if whole:
        return whole[0]
    for found in _GROUPED.finditer(plain):
        digits = re.sub(r"\D", "", found[0])
        if 16 <= len(digits) <= 21:
            return digits
    return None


def find_hint(text: str, now_ms: int, zone: str) -> Hint | None:
    """The order that is meant by its last digits; None where no such digits are said, or they are of something else.

    Days are counted in `zone`; a date without a year is the last such day.
    """
    plain = _plain(text).casefold()
    if _OTHER_NUMBERS.search(plain):
        return None
    found = _END.search(plain) or _ENGLISH_END.search(plain)
    if found is None:
        return None
    rest = plain[: found.start()] + " " + plain[found.end() :]
    amount = _AMOUNT.search(rest)
    written = (amount["before"] or amount["after"]) if amount else None
    return Hint(
        end=found["end"],
        amount_fen=None if written is None else round(float(written) * 100),
        exact=written is not None and "." in written,
        day=_day(rest, local(now_ms, zone).date()),
    )


def _day(text: str, today: date) -> date | None:
    ways: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], date | None]], ...] = (
        (_NAMED_DAY, lambda found: today - timedelta(days=_DAYS_AGO[found[0]])),
        (_AGO, lambda found: today - timedelta(days=int(found["days"]))),
        (_DATE, lambda found: _dated(found, today)),
    )
    for pattern, day_of in ways:
        found = pattern.search(text)
        if found:
            return day_of(found)
    return None


def _dated(found: re.Match[str], today: date) -> date | None:
    try:
        day = date(int(found["year"] or today.year), int(found["month"]), int(found["day"]))
        return day if found["year"] or day <= today else day.replace(year=today.year - 1)
    except ValueError:  # 13月32日, or the 29th of February of another year
        return None


def _plain(text: str) -> str:
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
