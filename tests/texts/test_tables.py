"""Tables are read whatever program saved them, and what is no table is refused in plain words."""

import codecs
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.texts.old_workbooks import write_encrypted, write_xls
from tests.texts.workbooks import write_workbook
from texts import table_kinds, workbook_size
from texts.errors import TableUnreadable
from texts.table_columns import Columns
from texts.table_files import REPORT_MARK, tables_in
from texts.tables import Row, read_table

WANTED: Columns = {"订单编号": ("订单号",), "买家会员名": ("旺旺",), "买家实际支付金额": (), "收货地址": ()}
EXPORT = '订单编号,买家会员名,收货地址 ,\t买家实际支付金额\n="1234567890123456789", 花花 ,杭州,12.50\n'


def rows_of(path: Path) -> list[Row]:
    return list(read_table(path, WANTED).rows())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_a_csv_is_read_in_every_encoding_shops_export(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(EXPORT.encode(encoding))
    table = read_table(path, WANTED)
    assert table.headers == ("订单编号", "买家会员名", "收货地址", "买家实际支付金额")
    assert list(table.rows()) == [
        Row(
            2,
            {
                "订单编号": "1234567890123456789",
                "买家会员名": "花花",
                "收货地址": "杭州",
                "买家实际支付金额": "12.50",
            },
        )
    ]


def test_a_short_gbk_file_is_not_taken_for_something_else(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_bytes("订单编号,买家会员名\n1,小一\n".encode("gbk"))
    assert rows_of(path)[0].cells["买家会员名"] == "小一"


def test_rare_characters_of_gb18030_are_read(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_bytes("订单编号,买家会员名\n1,㐂𠮷🌸\n".encode("gb18030"))
    assert rows_of(path)[0].cells["买家会员名"] == "㐂𠮷🌸"


def test_the_header_is_found_below_titles_and_rows_keep_the_sheets_numbers(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_text("小林的衣橱\n导出时间,2026-11-21\n\n订单编号,买家会员名\n1,a\n\n2,b\n", encoding="utf-8")
    assert [(row.number, row.cells["买家会员名"]) for row in rows_of(path)] == [(5, "a"), (7, "b")]


@pytest.mark.parametrize("delimiter", ["\t", ";", ","])
def test_tabs_and_semicolons_separate_too(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "o.csv"
    path.write_text(f"订单编号{delimiter}买家会员名\n1{delimiter}花花\n", encoding="utf-8")
    assert rows_of(path)[0].cells == {"订单编号": "1", "买家会员名": "花花"}


def test_short_rows_are_filled_long_ones_cut_and_a_repeated_column_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_text("订单编号,买家会员名,订单编号\n1\n2,b,c,d,e\n", encoding="utf-8")
    assert [row.cells for row in rows_of(path)] == [
        {"订单编号": "1", "买家会员名": None},
        {"订单编号": "2", "买家会员名": "b"},
    ]


def test_a_line_break_inside_quotes_belongs_to_its_cell(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_text('订单编号,买家会员名\n1,"花\n花"\n2,b\n', encoding="utf-8")
    assert [(r.number, r.cells["买家会员名"]) for r in rows_of(path)] == [(2, "花\n花"), (3, "b")]


def test_a_workbook_keeps_text_as_text_and_numbers_as_rounded_floats(tmp_path: Path) -> None:
    rows = [["订单编号 ", "买家会员名", "买家实际支付金额"], ["1234567890123456789", "花花", 12.5]]
    rows.append([1234567890123456789, "草草", None])
    found = rows_of(write_workbook(tmp_path / "o.xlsx", rows))
    assert found[0] == Row(2, {"订单编号": "1234567890123456789", "买家会员名": "花花", "买家实际支付金额": 12.5})
    assert isinstance(found[1].cells["订单编号"], float)
    assert found[1].cells["买家实际支付金额"] is None


def test_the_sheet_with_the_header_is_found_and_its_first_rows_may_be_empty(tmp_path: Path) -> None:
    cover: list[list[object]] = [["说明"], ["导出于今天"]]
    orders: list[list[object]] = [[], [], ["订单编号", "买家会员名"], ["1", "花花"]]
    found = rows_of(write_workbook(tmp_path / "o.xlsx", cover, orders))
    assert found == [Row(4, {"订单编号": "1", "买家会员名": "花花"})]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"%PDF-1.7\n...", "PDF"),
        (b"\x89PNG\r\n\x1a\n....", "图片"),
        (b"", "空的"),
        (b" \r\n \n", "空的"),
        (b"<html><table><tr><td>", "网页"),
        (codecs.BOM_UTF8 + b"<!DOCTYPE html>", "网页"),
        (b"SQLite format 3\0", "数据库"),
        (b"a\0b\0c,\0", "二进制"),
        (b"PK\x03\x04 cut off", "打不开"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 cut off", "打不开"),
        ("商品,数量\n裙子,1\n".encode(), "找不到表头"),
        (b"\xff\xff\xff,\xff\n", "编码"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    with pytest.raises(TableUnreadable) as caught:
        rows_of(path)
    assert says in caught.value.message
    assert "orders.csv" in caught.value.message
    assert caught.value.hint


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableUnreadable, match="文件夹"):
        read_table(tmp_path, WANTED)
    with pytest.raises(TableUnreadable, match="找不到"):
        read_table(tmp_path / "none.csv", WANTED)


def test_a_quote_that_never_closes_is_refused_not_swallowed(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_text('订单编号,买家会员名\n1,"花' + "花\n" * 200_000, encoding="utf-8")
    with pytest.raises(TableUnreadable, match="10 万字"):
        rows_of(path)


@given(
    st.lists(
        st.tuples(st.from_regex(r"[0-9]{18,19}", fullmatch=True), st.text("花草abc,\"'月 ", min_size=1)),
        min_size=1,
        max_size=8,
    )
)
def test_order_numbers_written_as_text_come_back_digit_by_digit(
    tmp_path_factory: pytest.TempPathFactory, orders: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "o.csv"
    quoted = [f'"=""{number}""","{name.replace(chr(34), chr(34) * 2)}"' for number, name in orders]
    path.write_text("订单编号,买家会员名\n" + "\n".join(quoted) + "\n", encoding="gb18030")
    assert [(r.cells["订单编号"], r.cells["买家会员名"]) for r in rows_of(path)] == [
        (number, name.strip() or None) for number, name in orders
    ]


def test_columns_are_known_by_other_names_and_by_somebodys_own_word(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_text(" 订单号* ,旺 旺,我的钱,订单编号（旧）,旺旺\n1,花花,5,x,别人\n", encoding="utf-8")
    table = read_table(path, WANTED, {"我的钱": "买家实际支付金额", "没有的列": "收货地址"})
    assert table.found == {"订单编号": "订单号*", "买家会员名": "旺 旺", "买家实际支付金额": "我的钱"}
    assert [row.cells for row in table.rows()] == [{"订单编号": "1", "买家会员名": "花花", "买家实际支付金额": "5"}]


def test_a_column_of_our_own_name_is_believed_before_another_and_a_mapping_before_both(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_text("订单号,订单编号,买家会员名,编码\na,b,花花,c\n", encoding="utf-8")
    assert rows_of(path)[0].cells["订单编号"] == "b"
    mapped = read_table(path, WANTED, {"编码": "订单编号"})
    assert [row.cells["订单编号"] for row in mapped.rows()] == ["c"]


def test_an_old_workbook_is_read_and_rows_may_be_read_again(tmp_path: Path) -> None:
    rows = [["导出"], ["订单编号", "买家会员名"], ["1234567890123456789", "花花"], [1234567890123456789, "草草"]]
    table = read_table(write_xls(tmp_path / "o.xls", rows), WANTED)
    found = [list(table.rows()), list(table.rows())]
    assert found[0] == found[1]
    assert [row.number for row in found[0]] == [3, 4]
    assert found[0][0].cells["订单编号"] == "1234567890123456789"
    assert isinstance(found[0][1].cells["订单编号"], float)


def test_a_workbook_with_a_password_says_how_to_take_it_off(tmp_path: Path) -> None:
    with pytest.raises(TableUnreadable, match="密码") as caught:
        read_table(write_encrypted(tmp_path / "o.xlsx"), WANTED)
    assert "保护工作簿" in caught.value.hint


def test_a_sheet_that_is_too_long_is_refused_before_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook_size, "MAX_ROWS", 100)
    rows: list[list[object]] = [["订单编号", "买家会员名"], *([str(n), "花花"] for n in range(200))]
    read_table(write_workbook(tmp_path / "short.xlsx", rows[:100]), WANTED)
    with pytest.raises(TableUnreadable, match="100 行") as caught:
        read_table(write_workbook(tmp_path / "o.xlsx", rows), WANTED)
    assert "CSV" in caught.value.hint


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_kinds, "MAX_BYTES", 10)
    path = tmp_path / "o.csv"
    path.write_text(EXPORT, encoding="utf-8")
    with pytest.raises(TableUnreadable, match="太大"):
        read_table(path, WANTED)


def test_of_a_folder_every_table_is_meant_and_what_else_lies_there_is_told(tmp_path: Path) -> None:
    names = ("b.csv", "a.XLSX", "c.xls", "~$a.XLSX", ".DS_Store", "photo.png", f"b{REPORT_MARK}.csv")
    for name in names:
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "inner").mkdir()
    chosen = tables_in([tmp_path, tmp_path / "b.csv"])
    assert [path.name for path in chosen.files] == ["a.XLSX", "b.csv", "c.xls"]
    assert {path.name for path in chosen.optional} == {"a.XLSX", "c.xls"}  # b.csv was named
    told = {Path(one.file).name: one.reason for one in chosen.left_out}
    assert set(told) == {"~$a.XLSX", ".DS_Store", "photo.png", "inner"}
    assert ("Excel" in told["~$a.XLSX"], "不是表格" in told["photo.png"]) == (True, True)
    with pytest.raises(TableUnreadable, match="没有表格"):
        tables_in([tmp_path / "inner"])


def test_stray_zero_bytes_do_not_reach_the_database(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_bytes(EXPORT.encode() + b"x" * 5000 + ",花\0花\0,,1\n".encode())
    assert rows_of(path)[-1].cells["买家会员名"] == "花花"


def test_one_forgotten_cell_far_out_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "o.xlsx", [["订单编号", "买家会员名"], ["1", "花花"]])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = next(name for name in parts if "sheet1" in name)
    for row, refused in (
        (b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', True),
        (b'<x:row xmlns:x="u" r="1048576"><x:c s="1" r="XFD1048576"><x:v>1</x:v></x:c></x:row>', True),
        (b'<row r="1048576"><c r="XFD1048576" s="1"/></row>', False),  # a colour only
        (b'<row r="9000"><c r="AB9000"><v>1</v></c></row>', False),
    ):
        with zipfile.ZipFile(tmp_path / "far.xlsx", "w") as archive:
            for name, content in parts.items():
                far = content.replace(b"</sheetData>", row + b"</sheetData>") if name == sheet else content
                archive.writestr(name, far)
        if refused:
            with pytest.raises(TableUnreadable, match="XFD1048576") as caught:
                read_table(tmp_path / "far.xlsx", WANTED)
            assert "Ctrl+End" in caught.value.hint
        else:
            assert next(read_table(tmp_path / "far.xlsx", WANTED).rows()).cells["买家会员名"] == "花花"


def test_a_line_without_end_is_refused_before_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_kinds, "_LONGEST_LINE", 5_000)
    path = tmp_path / "o.csv"
    for line_end in ("\n", "\r"):
        path.write_text(EXPORT.replace("\r\n", "\n").replace("\n", line_end) * 100, encoding="utf-8", newline="")
        read_table(path, WANTED)
    path.write_text(EXPORT + '"' + "x" * 6_000, encoding="utf-8")
    with pytest.raises(TableUnreadable, match="10 万字"):
        read_table(path, WANTED)
