"""One log for everything, ours and the libraries': lines of JSON in a file, errors on the screen, no secrets."""

import logging
import sys
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog

from storage.errors import DatabaseUnavailable
from texts.catalogue import say
from texts.os_words import os_reason
from wxfleet.reading.observation import LogConfig
from wxfleet.running.masking import Mask

FILE_NAME = "wxfleet.log"
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_NOISY = ("apscheduler", "httpx", "httpx2", "httpcore", "aiosqlite", "alembic", "hpack", "grpclib", "procrastinate",
          "psycopg", "asyncio", "sqlalchemy")  # fmt: skip
"""Libraries whose chatter is left out; what they warn of is in our stream. hpack's debug log would name tokens."""


def set_up(
    folder: Path | None,
    *,
    verbose: bool = False,
    secrets: tuple[str, ...] = (),
    config: LogConfig | None = None,
    name: str = FILE_NAME,
) -> None:
    """Send all logging to `folder`/`name` and, when `verbose`, to stderr. `secrets` never appear anywhere.

    Two processes must not share one file: each turns it over when it is full. Raises DatabaseUnavailable when nothing
    can be written there.
    """
    config = config or LogConfig()
    level = _LEVELS[config.level]
    chain = _chain(Mask(secrets))
    structlog.configure(
        processors=[*chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # A disk that is full is reported by the database; a log that can't be written must not shout on the screen.
    logging.raiseExceptions = False
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        if isinstance(handler, RotatingFileHandler):
            handler.close()
    root.setLevel(level)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    if folder is not None:
        file = _file_in(folder, name, config)
        file.setFormatter(_formatter(chain, config.file))
        root.addHandler(file)
    if verbose or folder is None:
        screen = logging.StreamHandler(sys.stderr)
        screen.setLevel(level if verbose else logging.ERROR)
        screen.setFormatter(_formatter(chain, config.screen))
        root.addHandler(screen)


def written_to() -> str:
    """The file that the log goes to, '' when there is none."""
    files = (handler for handler in logging.getLogger().handlers if isinstance(handler, RotatingFileHandler))
    return next((file.baseFilename for file in files), "")


def _chain(mask: Mask) -> list[structlog.typing.Processor]:
    """What happens to a line before it is rendered; the mask comes last, when all words are there."""

    def masked(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        inner = {key: value for key, value in event.items() if key in ("_record", "_from_structlog")}
        shown = {key: mask.value(key, value) for key, value in event.items() if key not in inner}
        return {**shown, **inner}

    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        masked,
    ]


def _file_in(folder: Path, name: str, config: LogConfig) -> RotatingFileHandler:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return RotatingFileHandler(
            folder / name, maxBytes=config.megabytes * 1_000_000, backupCount=config.kept, encoding="utf-8"
        )
    except OSError as error:
        raise DatabaseUnavailable(
            say("storage.folder_unusable", path=folder, error=os_reason(error)),
            hint=say("storage.folder_unusable.hint"),
        ) from error


_RENDERERS: dict[str, Callable[[], structlog.typing.Processor]] = {
    "json": lambda: structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
    "console": lambda: structlog.dev.ConsoleRenderer(colors=False),
}


def _formatter(chain: list[structlog.typing.Processor], kind: str) -> structlog.stdlib.ProcessorFormatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=chain,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _RENDERERS[kind]()],
    )
