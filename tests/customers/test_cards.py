"""Cards and SMS texts are ready to use: size, code, words, and what can't be done said plainly."""

import io
import re
import zlib
from pathlib import Path

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFont

from customers.channels.cards import BLEED_MM, SMALLEST_QR_MM, CardWords, draw_card, plain, save_png, wrapped
from customers.channels.fonts import Font, chinese_font
from customers.channels.print_pdf import pdf_of
from customers.channels.sms import LONGEST, length_of, sms_texts
from customers.errors import NoChineseFont

WORDS = CardWords("XL", "I am Yu", "10 yuan off", "scan, and write: parcel-card", "400-000-0000", "scan")


class LatinFont(Font):
    """The font that Pillow brings: it has no Chinese, but is on every machine."""

    def __init__(self) -> None:
        self._known: dict[int, ImageFont.FreeTypeFont] = {}

    def sized(self, pixels: int) -> ImageFont.FreeTypeFont:
        if pixels not in self._known:
            font = ImageFont.load_default(pixels)
            assert isinstance(font, ImageFont.FreeTypeFont)
            self._known[pixels] = font
        return self._known[pixels]


FONT = LatinFont()


def _code_in(image: Image.Image) -> tuple[list[list[bool]], int]:
    """The modules of the QR code on a card, and its width in pixels: the black in it, which words are not."""
    black = image.convert("RGB").point(lambda value: 255 if value == 0 else 0).convert("L").point(lambda v: v > 250)
    left, top, right, _ = black.getbbox() or (0, 0, 0, 0)
    row = [image.getpixel((x, top)) == (0, 0, 0) for x in range(left, right)]
    module = row.index(False) // 7  # the finder pattern is seven modules wide
    number = (right - left) // module
    at = [
        [(left + x * module + module // 2, top + y * module + module // 2) for x in range(number)]
        for y in range(number)
    ]
    return [[image.getpixel(place) == (0, 0, 0) for place in line] for line in at], right - left


@settings(max_examples=12, deadline=None)
@given(st.integers(8, 300), st.sampled_from([300, 600]), st.booleans())
def test_the_code_on_a_card_is_the_one_asked_for_and_20_mm_wide(length: int, dpi: int, bleed: bool) -> None:
    text = ("https://u.wechat.com/" + "MBcdefgh1234" * 30)[:length]
    image = draw_card(WORDS, text, FONT, dpi=dpi, bleed=bleed)
    modules, pixels = _code_in(image)
    code = segno.make_qr(text, error="m")
    assert modules == [[bool(module) for module in row] for row in code.matrix]
    assert code.error in ("M", "Q", "H")
    assert pixels * 25.4 / dpi >= SMALLEST_QR_MM
    edges = 2 * BLEED_MM if bleed else 0
    assert image.size == tuple(round((mm + edges) * dpi / 25.4) for mm in (90, 54))


def test_the_pdf_is_one_page_in_true_size_with_the_picture_without_loss() -> None:
    image = draw_card(WORDS, "https://u.wechat.com/MB", FONT, dpi=300)
    pdf = pdf_of(image, dpi=300, bleed_mm=BLEED_MM)
    boxes = {name.decode(): [float(n) for n in box.split()] for name, box in re.findall(rb"/(\w+Box) \[([^]]+)\]", pdf)}
    assert boxes["TrimBox"][2] - boxes["TrimBox"][0] == pytest.approx(90 / 25.4 * 72, abs=0.1)
    assert boxes["TrimBox"][3] - boxes["TrimBox"][1] == pytest.approx(54 / 25.4 * 72, abs=0.1)
    assert boxes["BleedBox"] == boxes["MediaBox"]
    begin = pdf.index(b"stream\n", pdf.index(b"/Subtype /Image")) + 7
    assert zlib.decompressobj().decompress(pdf[begin:]) == image.tobytes()
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n", pdf), 1):
        assert pdf[int(place) :].startswith(f"{number} 0 obj".encode())


def test_a_png_says_its_size_in_print(tmp_path: Path) -> None:
    save_png(draw_card(WORDS, "https://u.wechat.com/MB", FONT), tmp_path / "card.png")
    with Image.open(io.BytesIO((tmp_path / "card.png").read_bytes())) as image:
        assert [round(dpi) for dpi in image.info["dpi"]] == [300, 300]


def test_without_a_chinese_font_the_cure_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoChineseFont, match="没有找到能写中文的字体") as raised:
        chinese_font(None, [tmp_path])
    assert "fonts-noto-cjk" in raised.value.hint
    (tmp_path / "msyh.ttc").write_bytes(b"no font")
    with pytest.raises(NoChineseFont):
        chinese_font(None, [tmp_path])
    with pytest.raises(NoChineseFont, match="不是字体文件"):
        chinese_font(tmp_path / "msyh.ttc")


def test_words_that_no_chinese_font_has_are_left_out() -> None:
    assert plain("阿花🌸 ❤️") == "阿花"


def test_a_font_says_which_signs_it_would_draw_as_boxes() -> None:
    assert (FONT.lacks("Anna 我爱 Yu 我"), FONT.knows("Anna Yu")) == ("我爱", True)


def test_a_line_that_is_too_long_breaks_at_a_pause_where_both_halves_fit() -> None:
    font, width = FONT.sized(20), 200
    text = "ten yuan off, a silk scarf"
    assert font.getlength(text) > width
    assert wrapped(text, FONT, 20, width) == ["ten yuan off,", "a silk scarf"]
    assert wrapped("ten yuan off and silk scarves", FONT, 20, width) == ["ten yuan off and silk", "scarves"]
    assert wrapped("parcel-card", FONT, 20, width) == ["parcel-card"]


def test_every_text_is_signed_can_be_refused_and_leads_somewhere() -> None:
    texts = sms_texts(shop="小林的衣橱", benefit="加我领 10 元新人券", code="parcel-card", wechat="xiaoyu_xl")
    assert len(texts) >= 3
    for text in texts:
        assert text.text.startswith("【小林的衣橱】") and text.text.endswith("拒收请回复R")
        assert "xiaoyu_xl" in text.text and "parcel-card" in text.text
        assert text.fits and text.length == len(text.text) <= LONGEST
    by_link = sms_texts(shop="小林的衣橱", benefit="", code="sms", wechat="xiaoyu_xl", link="t.cn/A6abc")
    assert all("t.cn/A6abc" in text.text and "xiaoyu_xl" not in text.text for text in by_link)
    assert not any(text.fits for text in sms_texts(shop="店" * 20, benefit="礼" * 24, code="c" * 40, wechat="w" * 20))
    assert length_of("🌸") == 2
