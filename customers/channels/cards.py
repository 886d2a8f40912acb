"""Cards with a QR code: the one in the parcel (包裹卡), ready for the printer, and the one members send to friends.

90 × 54 mm, the size of a visiting card, with 3 mm of bleed around it for the print; the QR code is at least 20 mm wide,
its modules whole pixels, with error correction M or better and four modules of quiet around it.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import segno
from PIL import Image, ImageDraw

from customers.channels.fonts import Font

WIDTH_MM, HEIGHT_MM, BLEED_MM = 90.0, 54.0, 3.0
SCREEN_DPI = 300
PRINT_DPI = 600
SMALLEST_QR_MM, _QR_MM = 20.0, 24.0
_MARGIN_MM = 5.0
_QUIET = 4  # modules, by the standard
_PAPER, _INK, _ACCENT, _FAINT = (253, 248, 240), (51, 43, 38), (176, 74, 58), (140, 128, 120)
_NO_PICTURE = frozenset({"So", "Cs", "Co", "Cn", "Sk", "Mn", "Cf"})
"""Categories of emoji and what belongs to them: fonts for Chinese have no shapes for these."""


_PAUSES = ("，。！？、；：,;", " ")
"""The better ones first."""
_PARTS = re.compile(r"[!-~]+|.")


@dataclass(frozen=True, slots=True)
class CardWords:
    """What stands on a card, from top to bottom; an empty line is left out. `under_qr` stands below the code."""

    head: str
    name: str
    benefit: str
    how: str
    foot: str
    under_qr: str


@dataclass(slots=True)
class _Sheet:
    """A card under way. Places are pixels from the sheet's upper left corner, bleed included."""

    font: Font
    dpi: int
    bleed: int
    image: Image.Image
    draw: ImageDraw.ImageDraw = field(init=False)

    def __post_init__(self) -> None:
        self.draw = ImageDraw.Draw(self.image)

    def px(self, mm: float) -> int:
        return round(mm * self.dpi / 25.4)

    def fitted(self, text: str, mm: float, width: int, lines: int) -> tuple[list[str], int]:
        """The lines of `text`, at most `lines`, and how high their letters are: `mm`, smaller where they must."""
        size = self.px(mm)
        parts = wrapped(text, self.font, size, width)
        while len(parts) > lines and size > self.px(mm) // 2:
            size = size * 9 // 10
            parts = wrapped(text, self.font, size, width)
        return parts[:lines], size

    def line(self, text: str, mm: float, colour: tuple[int, int, int], x: int, y: int, width: int, lines: int) -> int:
        """Write `text` so; returns where the next begins."""
        parts, size = self.fitted(text, mm, width, lines)
        for part in parts:
            self.draw.text((x, y), part, fill=colour, font=self.font.sized(size))
            y += size * 4 // 3
        return y


def draw_card(words: CardWords, qr: str, font: Font, *, dpi: int = SCREEN_DPI, bleed: bool = True) -> Image.Image:
    """The card as a picture. `qr` is what its code says (ASCII)."""
    edge_mm = BLEED_MM if bleed else 0.0
    size = tuple(round((mm + 2 * edge_mm) * dpi / 25.4) for mm in (WIDTH_MM, HEIGHT_MM))
    image = Image.new("RGB", (size[0], size[1]), _PAPER)
    sheet = _Sheet(font, dpi, round(edge_mm * dpi / 25.4), image)
    left = _draw_code(sheet, words, qr)
    _draw_words(sheet, words, left - sheet.px(3))
    return image


def save_png(image: Image.Image, file: Path, dpi: int = SCREEN_DPI) -> None:
    """Raises OSError."""
    image.save(file, "PNG", dpi=(dpi, dpi), optimize=True)


def plain(text: str) -> str:
    """`text` without emoji, which a font for Chinese can't draw."""
    return "".join(sign for sign in text if unicodedata.category(sign) not in _NO_PICTURE).strip()


def _draw_code(sheet: _Sheet, words: CardWords, qr: str) -> int:
    """The QR code at the right, in the middle of the height; returns where its white field begins."""
    modules = [[bool(module) for module in row] for row in segno.make_qr(qr, error="m").matrix]
    number = len(modules)
    module = max(sheet.px(_QR_MM) // number, -(-sheet.px(SMALLEST_QR_MM) // number))
    code = Image.new("1", (number, number), 1)
    code.putdata([0 if dark else 1 for row in modules for dark in row])
    side, quiet = module * number, module * _QUIET
    right = sheet.image.width - sheet.bleed - sheet.px(_MARGIN_MM)
    caption = sheet.px(3) if words.under_qr else 0
    x, y = right - quiet - side, (sheet.image.height - side - caption) // 2
    frame = (x - quiet, y - quiet, right, y + side + quiet)
    sheet.draw.rounded_rectangle(frame, radius=sheet.px(1.5), fill=(255, 255, 255))
    sheet.image.paste(code.resize((side, side), Image.Resampling.NEAREST), (x, y))
    if words.under_qr:
        size = sheet.px(2.6)
        text = plain(words.under_qr)
        wide = sheet.font.sized(size).getlength(text)
        middle = (frame[0] + frame[2]) / 2
        sheet.draw.text((middle - wide / 2, frame[3] + sheet.px(1)), text, fill=_FAINT, font=sheet.font.sized(size))
    return frame[0]


def _draw_words(sheet: _Sheet, words: CardWords, right: int) -> None:
    x = sheet.bleed + sheet.px(_MARGIN_MM)
    y, width = x, right - x
    y = sheet.line(plain(words.head), 5.0, _INK, x, y, width, 1) + sheet.px(1)
    sheet.draw.rectangle((x, y, x + sheet.px(8), y + sheet.px(0.6)), fill=_ACCENT)
    y += sheet.px(2.4)
    bottom = sheet.image.height - sheet.bleed - sheet.px(_MARGIN_MM) - sheet.px(2.8 if words.foot else 0)
    body = [
        (plain(text), mm, colour, lines)
        for text, mm, colour, lines in (
            (words.name, 3.6, _INK, 2), (words.benefit, 4.4, _ACCENT, 2), (words.how, 3.2, _INK, 3),
        )
        if text
    ]  # fmt: skip
    high = 0
    for text, mm, _, lines in body:
        parts, size = sheet.fitted(text, mm, width, lines)
        high += len(parts) * (size * 4 // 3) + sheet.px(1)
    y += max(0, (bottom - y - high) // 3)  # few words stand a little lower, not all at the top
    for text, mm, colour, lines in body:
        y = sheet.line(text, mm, colour, x, y, width, lines) + sheet.px(1)
    if words.foot:
        sheet.line(plain(words.foot), 2.6, _FAINT, x, max(y, bottom), width, 1)


def wrapped(text: str, font: Font, size: int, width: int) -> list[str]:
    """The lines of a text that may be `width` pixels wide.

    Where two are enough and there is a pause to break at, there; else anywhere but before punctuation.

    A code or a number breaks only where it is too long.
    """
    drawn = font.sized(size)
    pauses = [place for signs in _PAUSES for place in range(len(text) - 1, 0, -1) if text[place - 1] in signs]
    for place in pauses:
        both = text[:place].strip(), text[place:].strip()
        if drawn.getlength(text) > width and all(drawn.getlength(part) <= width for part in both):
            return list(both)
    lines = [""]
    for part in _PARTS.findall(text):
        fits = drawn.getlength(lines[-1] + part) <= width
        if fits or (part in "，。！？、；：”」』）" and lines[-1]):
            lines[-1] += part
        elif drawn.getlength(part) <= width:
            lines.append(part)
        else:
            for sign in part:
                if drawn.getlength(lines[-1] + sign) > width:
                    lines.append("")
                lines[-1] += sign
    return [line.strip() for line in lines]
