"""A page for the printer: one picture, without loss, with the boxes that say where to cut and how far colour runs."""

import zlib
from pathlib import Path

from PIL import Image

_POINTS_A_MM = 72 / 25.4


def save_pdf(image: Image.Image, file: Path, *, dpi: int, bleed_mm: float) -> None:
    """`image` (RGB, bleed included) as a PDF of one page in its true size. Raises OSError."""
    file.write_bytes(pdf_of(image, dpi=dpi, bleed_mm=bleed_mm))


def pdf_of(image: Image.Image, *, dpi: int, bleed_mm: float) -> bytes:
    """The bytes of such a page: the same picture gives the same bytes."""
    width, height = (pixels * 72 / dpi for pixels in image.size)
    bleed = bleed_mm * _POINTS_A_MM
    whole = f"[0 0 {width:.3f} {height:.3f}]"
    trim = f"[{bleed:.3f} {bleed:.3f} {width - bleed:.3f} {height - bleed:.3f}]"
    pixels = zlib.compress(image.convert("RGB").tobytes(), 9)
    drawing = f"q {width:.3f} 0 0 {height:.3f} 0 0 cm /Card Do Q".encode()
    return _file([
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox {whole} /BleedBox {whole} /TrimBox {trim}"
        " /Resources << /XObject << /Card 4 0 R >> >> /Contents 5 0 R >>".encode(),
        _stream(
            f"/Type /XObject /Subtype /Image /Width {image.width} /Height {image.height} /ColorSpace /DeviceRGB"
            " /BitsPerComponent 8 /Filter /FlateDecode",
            pixels,
        ),
        _stream("", drawing),
    ])  # fmt: skip


def _stream(entries: str, content: bytes) -> bytes:
    return f"<< {entries} /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream"


def _file(objects: list[bytes]) -> bytes:
    """The objects, numbered from 1, with the table of where each begins."""
    out = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    begins = []
    for number, body in enumerate(objects, 1):
        begins.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in begins)
    size = len(objects) + 1
    end = (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n"
    )
    return out + end.encode() + b"%%EOF\n"
