"""What no log and no bundle may show: tokens, passwords, phone numbers."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from texts.masking import masked

_SHORTEST = 4
"""Shorter words are no secrets, and blotting them out would eat whole logs."""
_URL_PASSWORD = re.compile(r"(?i)([a-z][a-z0-9+.-]{1,20}://[^\s:/@]{0,200}):[^\s/]{1,200}@")
"""Bounded, so that half a megabyte of one letter is looked through once and not once for each letter."""
_NAMED = re.compile(
    r"(?i)((?:token|secret|passw(?:or)?d|authorization|api[_-]?key)[\"']?\s*[=:]\s*[\"']?)(wechaty\s+|bearer\s+)?"
    r"[^\s\"',;}{)]{6,}"
)
_SCHEME = re.compile(r"(?i)\b((?:wechaty|bearer) +)[\w.~+/=-]{6,}", re.ASCII)
"""As in the header that carries the token; our own sentences about Wechaty go on in Chinese, or in short words."""
_SECRET_NAME = re.compile(r"(?i)(token|secret|passw(or)?d|authorization|api_?key)$")


class Mask:
    """Blots out the secrets it was made with, and whatever looks like a token, a password or a mobile number."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms_of(secret)}
        self._secrets = sorted(forms, key=len, reverse=True)  # one may begin with another

    def text(self, text: str) -> str:
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, "***")
        text = _URL_PASSWORD.sub(r"\1:***@", text)
        text = _SCHEME.sub(r"\1***", _NAMED.sub(r"\1\2***", text))
        return masked(text)

    def value(self, name: str, value: Any) -> Any:
        """A value under its name, at any depth; what is neither text nor number is shown by its `str`."""
        if _SECRET_NAME.search(name) and value:
            return "***"
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bool | float | None):
            return value
        if isinstance(value, int):
            shown = self.text(str(value))
            return shown if "*" in shown else value
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(str(key), inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value("", inner) for inner in value]
        return self.text(str(value))


def _forms_of(secret: str) -> set[str]:
    """The ways in which a text may hold it: as it is, in a URL, in JSON, in Python's own quoting."""
    return {
        secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1],
    }  # fmt: skip
