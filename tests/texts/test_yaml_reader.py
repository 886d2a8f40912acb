"""What people write in YAML is read as they meant it, or every mistake is named at its place."""

import re
from pathlib import Path
from typing import Annotated, Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import ErrorDetails, core_schema

from texts import catalogue
from texts.errors import Mistake
from texts.reasons import reason_for
from texts.yaml_reader import read


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Simulated(Part):
    kind: Literal["simulator"]


class Real(Part):
    kind: Literal["wechaty"]
    token: SecretStr = Field(min_length=8)


class Account(Part):
    id: str
    gateway: Annotated[Simulated | Real, Field(discriminator="kind")]
    friends: int = Field(default=5000, ge=1)
    tags: list[str] = []


class Shop(Part):
    accounts: list[Account] = []
    at: str = ""
    on: bool = False
    number: int = 0


def mistakes(tmp_path: Path, text: str | bytes, secrets: dict[str, str] | None = None) -> list[str]:
    """`line:column: reason` of each mistake."""
    path = tmp_path / "shop.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    value, found = read(path, Shop, secrets=secrets)
    assert (value is None) == bool(found)
    return [str(mistake).removeprefix(f"{path}:") for mistake in found]


def shop(tmp_path: Path, text: str, secrets: dict[str, str] | None = None) -> Shop:
    path = tmp_path / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    value, found = read(path, Shop, secrets=secrets)
    assert value is not None, found
    return value


def test_plain_words_mean_what_yaml_1_2_says(tmp_path: Path) -> None:
    read_shop = shop(tmp_path, "at: 22:30\non: on\nnumber: 010\n")
    assert (read_shop.at, read_shop.on, read_shop.number) == ("22:30", True, 10)
    assert shop(tmp_path, "at: on").at == "on"
    assert shop(tmp_path, "number: 0x1F").number == 31
    assert shop(tmp_path, "number: 0o17").number == 15


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_bytes("\ufeffat: 小林\r\nnumber: 3\r\n".encode())
    value, _ = read(tmp_path / "shop.yaml", Shop)
    assert value == Shop(at="小林", number=3)


def test_every_mistake_is_named_at_once_each_at_its_place(tmp_path: Path) -> None:
    text = (
        "accounts:\n"
        "  - {id: a, gateway: {kind: simulater}, freinds: 3}\n"
        "  - id: 5\n"
        "    friends: 0\n"
        "    tags: 3\n"
        "at: x\n"
        "at: y\n"
    )
    assert mistakes(tmp_path, text) == [
        "2:29: kind 只能是 simulator、wechaty（是不是想写 simulator？）",
        "2:41: 不认识 freinds 这一项（是不是想写 friends？）",
        "3:5: 缺少 gateway",
        "3:9: id 应该是文字（数字请加引号）",
        "4:14: friends 不能小于 1",
        "5:11: tags 应该是列表：每项一行，以 - 开头，或写成 [a, b]",
        "7:1: at 写了两次，第一次在第 6 行；请只留一个",
    ]


def test_true_is_no_number(tmp_path: Path) -> None:
    text = "number: true\naccounts: [{id: a, gateway: {kind: simulator}, friends: false}]\n"
    assert mistakes(tmp_path, text) == ["1:9: number 应该是数字", "2:57: friends 应该是数字"]


def test_a_missing_key_is_reported_at_its_parent(tmp_path: Path) -> None:
    text = "accounts:\n  - id: a\n    gateway:\n      kind: wechaty\n"
    assert mistakes(tmp_path, text) == ["3:5: 缺少 token"]


def test_the_same_in_english(tmp_path: Path) -> None:
    catalogue.speak("en")
    assert mistakes(tmp_path, "nubmer: 3\n") == ["1:1: unknown key nubmer (did you mean number?)"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("at: 1\n\ton: x\n", 2, "制表符"),
        ("at:\n  - 1\n - 2\n", 3, "缩进"),
        ("at: 'x\nnumber: 2\n", 1, "引号没有收尾"),
        ("at: [1, 2\nnumber: 3\n", 1, "括号没有收尾"),
        ("accounts:\n  - {id: 叫{{ shop }}}\n", 2, "要用引号括起来"),
        ("at: b: c\n", 1, "冒号"),
        ("at：小林\nnumber: 1\n", 2, "中文冒号"),
        ("accounts:\n  - id：x\n", 2, "中文冒号"),
        ("at: @x\n", 1, "不能以 @ 开头"),
        ('at: "C:\\qq"\n', 1, "反斜杠"),
        ("at: *x\n", 1, "没有叫 &x 的锚点"),
        ("at: &x [*x]\n", 1, "引用了它自己"),
        ("at: 1\n---\nat: 2\n", 2, "只能有一份内容"),
        ("at: !!python/object:os.system {}\n", 1, "不支持"),
        ("? [a]\n: 1\n", 1, "简单的词"),
        ("at: \x01\n", 1, "控制字符"),
        ("- 1\n", 1, "整个文件 应该是"),
        ("# nothing\n", 1, "空的"),
        ("", 1, "空的"),
        ("[" * 100_000, 1, "嵌套太深"),
        ("at: " + "9" * 5000 + "\nnumber: x\n", 2, "整数"),
    ],
)
def test_what_is_no_yaml_is_explained_in_chinese_at_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    found = mistakes(tmp_path, text)
    assert any(m.startswith(f"{line}:") and says in m for m in found), found


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "太大" in mistakes(tmp_path, "\n".join(lines))[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("number: 1\nat: 店铺".encode("gbk"), "2:5: 文件编码是 GBK"),
        ("at: 小林".encode("utf-16"), "UTF-16"),
        (b"at: \xff\xff", "UTF-8"),
        (b"PK\x03\x04", "Office"),
        (b"a" * (4 * 1024 * 1024 + 1), "4 MB"),
    ],
)
def test_a_file_that_is_no_utf_8_text_says_how_to_save_it(tmp_path: Path, content: bytes, says: str) -> None:
    (found,) = mistakes(tmp_path, content)
    assert says in found


def test_folders_and_missing_files_are_mistakes_not_tracebacks(tmp_path: Path) -> None:
    assert "文件夹" in str(read(tmp_path, Shop)[1][0])
    assert "找不到" in str(read(tmp_path / "none.yaml", Shop)[1][0])
    assert read(Path("/dev/null"), Shop)[1]


def test_secrets_come_from_their_names_and_a_missing_one_is_a_mistake_at_its_place(tmp_path: Path) -> None:
    text = 'accounts:\n  - {id: a, gateway: {kind: wechaty, token: "${TOKEN_A}"}}\n'
    gateway = shop(tmp_path, text, {"TOKEN_A": "s3cret-token"}).accounts[0].gateway
    assert isinstance(gateway, Real)
    assert gateway.token.get_secret_value() == "s3cret-token"
    (missing,) = mistakes(tmp_path, text, {"TOKEN_A": ""})
    assert missing.startswith("2:45: 环境变量 TOKEN_A 没有设置")


def test_no_message_shows_a_secret(tmp_path: Path) -> None:
    text = 'at: "${S}"\nnumber: "${S}"\nsecret-${S}: 1\n'
    text += 'accounts:\n  - {id: "${S}", gateway: {kind: "${S}"}, friends: "${S}"}\n'
    text += '  - {id: b, gateway: {kind: wechaty, token: "${S}"}}\n'
    found = mistakes(tmp_path, text, {"S": "hunter2"})
    assert len(found) == 5
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize("kind", get_args(core_schema.ErrorType))
def test_every_kind_of_error_pydantic_knows_has_words_in_chinese(kind: str) -> None:
    context = dict.fromkeys(("gt", "ge", "lt", "le", "min_length", "max_length", "expected", "error"), "3")
    error: ErrorDetails = {"type": kind, "loc": ("x",), "msg": "English words", "input": 1, "ctx": context}
    reason, _ = reason_for(error, Shop, None, error["loc"])
    assert "English" not in reason
    assert re.search(r"[\u4e00-\u9fff]", reason) or kind in ("value_error", "assertion_error")


@given(st.binary(max_size=200))
def test_no_file_whatever_its_bytes_makes_the_reader_fail(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("yaml") / "x.yaml"
    path.write_bytes(content)
    value, found = read(path, Shop)
    assert (value is None) == bool(found)


_yaml_like = st.text(alphabet="ab:：-[]{}'\"&*!|>#%@ \n\t,?0.~", max_size=60)


@given(_yaml_like)
def test_no_text_that_looks_like_yaml_makes_the_reader_fail(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("yaml") / "x.yaml"
    path.write_text(text, encoding="utf-8")
    _, found = read(path, Shop)
    lines = text.count("\n") + 2
    assert all(isinstance(m, Mistake) and 1 <= m.line <= lines and m.column >= 1 for m in found)
