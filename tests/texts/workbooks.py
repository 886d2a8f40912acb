"""XLSX files for tests, as small as they can be: a spreadsheet's XML in a zip."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

_TYPES = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>{sheets}</Types>"""
_SHEET_TYPE = """<Override PartName="/xl/worksheets/sheet{n}.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>"""
_RELS = """<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{links}</Relationships>"""
_LINK = '<Relationship Id="rId{n}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" Target="{to}"/>'  # noqa: E501
_BOOK = """<?xml version="1.0" encoding="UTF-8"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>{sheets}</sheets></workbook>"""
_SHEET = """<?xml version="1.0" encoding="UTF-8"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>"""


def write_workbook(path: Path, *sheets: Sequence[Sequence[object]]) -> Path:
    """One sheet per argument; text becomes text, numbers numbers, None stays empty."""
    numbers = range(1, len(sheets) + 1)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", _TYPES.format(sheets="".join(_SHEET_TYPE.format(n=n) for n in numbers)))
        office = _LINK.format(n=1, kind="officeDocument", to="xl/workbook.xml")
        archive.writestr("_rels/.rels", _RELS.format(links=office))
        links = "".join(_LINK.format(n=n, kind="worksheet", to=f"worksheets/sheet{n}.xml") for n in numbers)
        archive.writestr("xl/_rels/workbook.xml.rels", _RELS.format(links=links))
        names = "".join(f'<sheet name="表{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
        archive.writestr("xl/workbook.xml", _BOOK.format(sheets=names))
        for n, rows in zip(numbers, sheets, strict=True):
            archive.writestr(f"xl/worksheets/sheet{n}.xml", _SHEET.format(rows=_rows(rows)))
    return path


def _rows(rows: Sequence[Sequence[object]]) -> str:
    return "".join(
        f'<row r="{r}">{"".join(_cell(value, r, c) for c, value in enumerate(row))}</row>'
        for r, row in enumerate(rows, 1)
    )


def _cell(value: object, row: int, column: int) -> str:
    place = f'r="{chr(65 + column)}{row}"'
    if value is None:
        return ""
    if isinstance(value, int | float):
        return f"<c {place}><v>{value}</v></c>"
    return f'<c {place} t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'
