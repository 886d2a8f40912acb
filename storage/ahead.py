"""Many do the same at once: what each would ask was read for all of them, and what each writes is written for all.

`Ahead` stands where a transaction stands. It answers what was read ahead, looks up once for all what nobody here
changes, notes what may be written later, and raises `AsksMore` at everything else: whoever handles a thing with it
finds the very same as with the tables, or learns that the tables must be asked. So nothing needs to know beforehand
which things are simple.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, TypeVarTuple, cast

from sqlalchemy import Connection, Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

Rows = Sequence[Sequence[Any]]
T = TypeVar("T")
Asked = TypeVarTuple("Asked")
Writer = Callable[[AsyncConnection, list[Any]], Awaitable[None]]
"""Writes all that was noted for it, in the order in which it was noted."""


class AsksMore(Exception):
    """Something was asked that was not read ahead. Nothing is written, nothing stays noted: ask the tables."""


class Ahead(AsyncConnection):
    """What was read with `tx` for many, and what they note. Of no use once `tx` has written anything else."""

    __slots__ = ("_found", "_kept", "_noted", "_once", "_real")

    def __init__(self, tx: AsyncConnection) -> None:
        super().__init__(tx.engine)
        self._real = tx
        self._kept: dict[Any, Rows] = {}
        self._once: dict[Any, Rows] = {}
        self._found: dict[Any, Any] = {}
        self._noted: list[tuple[Writer, Any]] = []

    def tell(self, words: str, parameters: Mapping[str, Any], rows: Rows, *, once: bool = False) -> None:
        """`words` with `parameters` would bring `rows`. `once`: only to the first who asks, as they change them."""
        (self._once if once else self._kept)[_key(words, parameters)] = rows

    def rows(self, words: str, parameters: Mapping[str, Any]) -> Rows:
        """What was told. Raises AsksMore."""
        key = _key(words, parameters)
        found = self._once.pop(key, None)
        if found is None:
            found = self._kept.get(key)
        if found is None:
            raise AsksMore
        return found

    def note(self, writer: Writer, value: Any) -> None:
        """`writer` is to write `value`, together with all others; nobody here reads it but by `noted`."""
        self._noted.append((writer, value))

    def noted(self, writer: Writer) -> list[Any]:
        """What `writer` is to write so far."""
        return [value for one, value in self._noted if one == writer]

    async def look_up(self, read: Callable[..., Awaitable[Any]], asked: tuple[Any, ...]) -> Any:
        """What `read` finds in the tables: read once, for all who ask the same."""
        if (read, asked) not in self._found:
            self._found[read, asked] = await read(self._real, *asked)
        return self._found[read, asked]

    async def attempt(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do it, and forget what it noted should it raise."""
        before = len(self._noted)
        try:
            return await act()
        except BaseException:
            del self._noted[before:]
            raise

    async def write(self) -> None:
        """Write what was noted, each writer once, with the transaction that was read with."""
        by_writer: dict[Writer, list[Any]] = {}
        for writer, value in self._noted:
            by_writer.setdefault(writer, []).append(value)
        self._noted.clear()
        for writer, values in by_writer.items():
            await writer(self._real, values)

    @property
    def _proxied(self) -> Connection:
        """SQLAlchemy looks here for the connection behind whatever is asked of it."""
        raise AsksMore

    @property  # type: ignore[misc]  # nobody sets it
    def dialect(self) -> Dialect:
        return self._real.dialect


async def looked_up(tx: AsyncConnection, read: Callable[[AsyncConnection, *Asked], Awaitable[T]], *asked: *Asked) -> T:
    """`read(tx, *asked)`, for what nobody writes who is handled at once with others: there it is read once for all."""
    if isinstance(tx, Ahead):
        return cast(T, await tx.look_up(read, asked))
    return await read(tx, *asked)


def _key(words: str, parameters: Mapping[str, Any]) -> tuple[str, tuple[tuple[str, Any], ...]]:
    return words, tuple(sorted(parameters.items()))
