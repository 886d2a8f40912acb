"""config.yaml as text: something is put in, and every character that was there stays."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from texts.catalogue import say
from texts.yaml_tree import Branch, Row, TooMuch, build, plain, plain_value
from wxfleet.errors import OddLayout

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class ConfigText:
    """A config.yaml that is known to be valid."""

    path: Path
    text: str
    accounts: list[Any]
    """As written: `${NAME}` stays `${NAME}`."""

    @classmethod
    def read(cls, path: Path) -> "ConfigText":
        """Raises OSError, yaml.YAMLError; not for a file that was examined just before."""
        text = path.read_bytes().decode()
        return cls(path, text, _data(text)["accounts"])

    def with_account_after(self, number: int, entry: Mapping[str, Any], *, like: str) -> str:
        """The text with `entry` put in after the account of that index, in the same layout.

        Raises OddLayout, with the block to insert by hand, when the file's layout allows no safe place.
        """
        newline = "\r\n" if "\r\n" in self.text else "\n"
        lines = self.text.split(newline)
        first, indent = self._item(number)
        if not lines[first][indent:].startswith("-"):
            raise OddLayout(self.path, "\n".join(_block(entry, 2, like)))
        block = _block(entry, indent, like)
        at = _end_of_item(lines, first, indent)
        changed = newline.join([*lines[:at], "", *block, *lines[at:]])
        expected = _data(self.text)
        expected["accounts"].insert(number + 1, dict(entry))
        if not _is_same(changed, expected):
            raise OddLayout(self.path, "\n".join(block))
        return changed

    def _item(self, number: int) -> tuple[int, int]:
        """The line (from 0) where the account of that index begins, and the column of its dash."""
        root, _ = build(self.text.removeprefix(_BOM))
        accounts = root.entries["accounts"].node if isinstance(root, Branch) else None
        assert isinstance(accounts, Row)  # noqa: S101  # it was valid a moment ago
        line = accounts.items[number].mark.line - 1
        written = self.text.split("\n")[line]
        return line, len(written) - len(written.lstrip(" "))


def _data(text: str) -> Any:
    return plain(build(text.removeprefix(_BOM))[0])


def _is_same(text: str, expected: Any) -> bool:
    try:
        root, flaws = build(text.removeprefix(_BOM))
    except (yaml.YAMLError, TooMuch):
        return False
    return not flaws and bool(plain(root) == expected)


def _end_of_item(lines: list[str], first: int, indent: int) -> int:
    """The line behind the last one of the list item that begins at `first`."""
    end = first + 1
    for number in range(first + 1, len(lines)):
        content = lines[number].strip()
        if not content or content.startswith("#"):
            continue
        if len(lines[number]) - len(lines[number].lstrip(" ")) <= indent:
            break
        end = number + 1
    return end


def _block(entry: Mapping[str, Any], indent: int, like: str) -> list[str]:
    dash = " " * indent + "- "
    inner = " " * (indent + 2)
    lines = [f"{inner}{key}: {_inline(value)}" for key, value in entry.items()]
    lines[0] = f"{dash}{lines[0].lstrip()}    # {say('init.account.comment', like=like)}"
    at = next(n for n, line in enumerate(lines) if line.startswith(f"{inner}armed:"))
    return [*lines[:at], inner + say("init.account.opened"), *lines[at:]]


def _inline(value: Any) -> str:
    """The value on one line, so that YAML 1.2 reads it back as it is."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(inner) for inner in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return value if _is_plain(value) else _quoted(value)


def _is_plain(text: str) -> bool:
    return all(c.isalnum() or c in "-_./" for c in text) and text[:1].isalnum() and plain_value(text) == text


def _quoted(text: str) -> str:
    return str(yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**9)).strip()
