"""One log for everything, ours and wechaty's: JSON lines in a file, warnings on the screen, no secrets, no phones."""

import logging
import re
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog

from storage.errors import DatabaseUnavailable
from texts.catalogue import say
from texts.os_words import os_reason

_FILE_BYTES = 10_000_000
_FILES_KEPT = 5
_PHONE = re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)")
_TOKEN = re.compile(
    r"(?i)((?:token|secret|password|authorization|wechaty)[\"'=: ]+)(wechaty )?[\w.~+/=-]{6,}", re.ASCII
)


def set_up(folder: Path | None, *, verbose: bool = False, secrets: tuple[str, ...] = ()) -> None:
    """Send all logging to `folder`/wxfleet.log and, when `verbose`, to stderr. `secrets` never appear anywhere.

    Raises DatabaseUnavailable when nothing can be written there.
    """

    def mask(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {key: masked(value, secrets) if isinstance(value, str) else value for key, value in event.items()}

    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # A disk that is full is reported by the database; a log that can't be written must not shout on the screen.
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.handlers.clear()
    root.setLevel(logging.INFO)
    for noisy in ("apscheduler", "httpx", "httpx2", "aiosqlite", "alembic", "hpack", "grpclib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if folder is not None:
        file = _file_in(folder)
        file.setFormatter(_formatter(shared, structlog.processors.JSONRenderer(ensure_ascii=False)))
        root.addHandler(file)
    if verbose or folder is None:
        screen = logging.StreamHandler(sys.stderr)
        screen.setLevel(logging.INFO if verbose else logging.ERROR)
        screen.setFormatter(_formatter(shared, structlog.dev.ConsoleRenderer(colors=False)))
        root.addHandler(screen)


def written_to() -> str:
    """The file that the log goes to, '' when there is none."""
    files = (handler for handler in logging.getLogger().handlers if isinstance(handler, RotatingFileHandler))
    return next((file.baseFilename for file in files), "")


def _file_in(folder: Path) -> RotatingFileHandler:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return RotatingFileHandler(
            folder / "wxfleet.log", maxBytes=_FILE_BYTES, backupCount=_FILES_KEPT, encoding="utf-8"
        )
    except OSError as error:
        raise DatabaseUnavailable(
            say("storage.folder_unusable", path=folder, error=os_reason(error)),
            hint=say("storage.folder_unusable.hint"),
        ) from error


def masked(text: str, secrets: tuple[str, ...] = ()) -> str:
    """The text without secrets and with the middle of phone numbers blotted out."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return _PHONE.sub(r"\1****\2", _TOKEN.sub(r"\1\2***", text))


def _formatter(
    shared: list[structlog.typing.Processor], renderer: structlog.typing.Processor
) -> structlog.stdlib.ProcessorFormatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
