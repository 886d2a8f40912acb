"""What the tests of the voices share: the committed book, the shop, and a folder to write persona files into."""

from collections.abc import Callable
from pathlib import Path

import pytest

from personas.book import Book, load_book
from personas.model import Shop, Style

ROOT = Path(__file__).parents[2]
STYLE = Style(taste=("法式", "松弛"), topics=("穿搭", "咖啡"), never=("亲们",))

WHOLE = """\
id: {id}
kind: {kind}
audience: 新朋友
name: 小鱼
portrait: 打包的
position: 店长助理
voice:
  samples: [一, 二, 三, 四, 五]
profile: {{nickname: 小鱼}}
welcome: "{{{{ call_me }}}}你好，{{{{ disclosure }}}}"
disclosure: "我是{{{{ shop }}}}的{{{{ me }}}}，回“退订”就不再发"
replies:
  - {{name: hello, keywords: [你好], answers: [在的]}}
"""


@pytest.fixture
def shop() -> Shop:
    return Shop(name="小林的衣橱", brand="XL", contact="400-000-0000", style=STYLE)


@pytest.fixture(scope="session")
def book() -> Book:
    """The committed personas."""
    return load_book(ROOT / "personas", STYLE)[0]


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a persona file; returns its folder. `changes` are replaced in the text of a whole persona."""

    def write_file(
        name: str, text: str | None = None, *, kind: str = "assistant", changes: dict[str, str] | None = None
    ) -> Path:
        content = text if text is not None else WHOLE.format(id=name, kind=kind)
        for old, new in (changes or {}).items():
            assert old in content, old
            content = content.replace(old, new, 1)
        (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
        return tmp_path

    return write_file
