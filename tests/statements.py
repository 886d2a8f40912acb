"""Compiled statements that outlive an engine: each test opens one of its own, and asks what others asked before."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

_MOST = 4000
"""Compiled statements kept, of some ten kilobytes each; the house has about half as many."""


class _OfAnyEngine(dict[Any, Any]):
    """SQLAlchemy's keys begin with the dialect of one engine; for us those of one kind are alike."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(self._ours(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        if len(self) >= _MOST:
            self.clear()
        super().__setitem__(self._ours(key), compiled)

    def _ours(self, key: Any) -> Any:
        dialect, *rest = key
        return (type(dialect), *rest)


def keep_compiled() -> None:
    """From now on what one engine compiled, the others of this process know."""
    kept = _OfAnyEngine()

    @event.listens_for(Engine, "engine_connect")
    def share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=kept)
