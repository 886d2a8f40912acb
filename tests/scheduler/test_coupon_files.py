"""Files of coupon codes as they come: what is no code is refused at its row with the cure, whatever it looks like."""

from pathlib import Path

import pytest

from rules.pacing import DAY_MS
from scheduler.benefits.coupon_files import code_rows
from scheduler.benefits.coupons import NEVER_MS


def _read(tmp_path: Path, text: str, encoding: str = "utf-8") -> dict[str, str]:
    """By code as it would be given: why it is refused; refused ones by their row."""
    path = tmp_path / "codes.csv"
    path.write_bytes(text.encode(encoding))
    return {row.code or f"row {row.row}": row.refused for row in code_rows(path)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_code_is_the_same_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    text = '优惠码,到期时间\nＡＢ12,2027-01-01\n="0012",2027年1月1日\n双十一快乐,2027-01-01\n'
    assert _read(tmp_path, text, encoding) == {"AB12": "", "0012": "", "双十一快乐": ""}


@pytest.mark.parametrize("written", ['"=HYPERLINK(""http://x"",""A"")"', "+cmd|calc", "@SUM(1)", "-1+1", "=1+1"])
def test_a_formula_is_no_code(tmp_path: Path, written: str) -> None:
    [reason] = _read(tmp_path, f"优惠码\n{written}\n").values()
    assert "是公式，不是码" in reason


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\ufeff", "\u2066"])
def test_what_nobody_can_see_is_not_part_of_a_code(tmp_path: Path, character: str) -> None:
    assert ["看不见的字符" in reason for reason in _read(tmp_path, f"优惠码\nAB{character}CD\n").values()] == [True]


def test_what_does_not_end_says_so_in_the_words_of_exports(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("优惠码,到期时间\nA1,长期有效\nA2,9999-12-31\nA3,永久\nA4,2027-02-30\nA5,2027-03-01\n", "utf-8")
    rows = {row.row: row for row in code_rows(path)}
    assert [rows[number].expires_ms for number in (2, 3, 4)] == [NEVER_MS] * 3
    assert "2027-02-30" in rows[5].refused
    assert (rows[6].expires_ms or 0) % DAY_MS == 16 * 3_600_000, "a day counts to its end in Beijing"
