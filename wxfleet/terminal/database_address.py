"""The address of another database as it is written on the command line."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from texts.catalogue import say
from texts.problem import ExitCode, Problem
from wxfleet.reading.environment import read_environment
from wxfleet.reading.settings import Settings

_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SCHEMES = ("sqlite:///", "postgresql://")


class AddressNotUnderstood(Problem):
    """Not an address that config.yaml could have under `database`."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Address:
    """`url` with the password; `shown` without, as it may stand on a screen."""

    url: str
    shown: str


def address_of(given: str, config: Path, home: Path | None, settings: Settings) -> Address:
    """`sqlite:///…` (relative to `home`) or `postgresql://…`; `${NAME}` in it comes from the environment or `.env`.

    Raises AddressNotUnderstood, also for the database that the settings name already.
    """
    secrets, _ = read_environment(config.parent / ".env", os.environ)
    unknown = sorted(name for name in _NAME.findall(given) if name not in secrets)
    if unknown:
        raise _wrong(say("database.address.unset", names=", ".join(unknown)))
    url = _NAME.sub(lambda found: secrets[found[1]], given)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the message may show the password
        parsed = None
    if parsed is None or not url.startswith(_SCHEMES) or not parsed.database:
        raise _wrong(say("database.address.wrong"))
    if parsed.get_backend_name() == "sqlite":
        folder = (home or config.parent).absolute()
        url = f"sqlite:///{folder / parsed.database}"
    shown = given if _NAME.search(given) else make_url(url).render_as_string(hide_password=True)
    if make_url(url) == make_url(settings.database_url):
        raise _wrong(say("database.address.same"))
    return Address(url, shown)


def _wrong(message: str) -> AddressNotUnderstood:
    return AddressNotUnderstood(message, hint=say("database.address.hint"), where="URL")
