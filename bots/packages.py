"""What a person is asked to do on a phone: tasks, and the messages that say what, with all that goes into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.staff_line import Road, road_to_holder
from rules.kinds import Kind
from storage.outbox import Content, NewDelivery, insert_ignoring, plan
from storage.tables import Task
from texts.catalogue import say


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be done with one account. `delivery`: the row of the outbox that a person carries out."""

    account: str
    delivery: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Package:
    """Things that one person does in one go.

    `key` is the package's name in `tasks`; `words` is the catalogue's key of what to do, given `accounts`, `numbers`
    and `values`; `copies` are texts to be copied in one touch, `pictures` file names below media/.
    """

    key: str
    kind: str
    holder: str
    title: str
    words: str
    parts: tuple[Part, ...]
    values: Mapping[str, Any] = field(default_factory=dict)
    copies: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()


async def hand_over_package(tx: AsyncConnection, package: Package, now_ms: int, expires_ms: int) -> list[int]:
    """Open its tasks, and write to whoever holds the phone; nothing for a package that is there. Returns new tasks."""
    known = select(Task.account).where(Task.package == package.key)
    there = set((await tx.scalars(known)).all())
    ids = []
    for part in package.parts:
        if part.account in there:
            continue
        id = await tx.scalar(
            insert_ignoring(tx, Task)
            .values(
                package=package.key,
                kind=package.kind,
                account=part.account,
                holder=package.holder,
                delivery=part.delivery,
                title=package.title,
                detail=dict(part.detail),
                state="open",
                created_ms=now_ms,
                expires_ms=expires_ms,
            )
            .returning(Task.id)
        )
        if id is not None:
            ids.append((int(id), part.account))
    if ids:
        await _write_to_holder(tx, package, ids, now_ms, expires_ms)
    return [id for id, _ in ids]


async def _write_to_holder(
    tx: AsyncConnection, package: Package, tasks: Sequence[tuple[int, str]], now_ms: int, expires_ms: int
) -> None:
    head = say(
        package.words,
        accounts="、".join(account for _, account in tasks),
        numbers=" ".join(str(id) for id, _ in tasks),
        **package.values,
    )
    contents = [Content(text=head), *(Content(text=words) for words in package.copies)]
    contents += [Content(image=name) for name in package.pictures]
    road = await road_to_holder(tx, tasks[0][1], package.holder or None)
    rows = notices(road, f"task:{package.key}:{tasks[0][0]}", contents, now_ms, expires_ms)
    await plan(tx, rows, now_ms=now_ms)


def notices(road: Road, key: str, contents: Sequence[Content], now_ms: int, valid_until_ms: int) -> list[NewDelivery]:
    """Rows of one package, in this order; empty texts are left out."""
    return [
        NewDelivery(
            kind=Kind.STAFF_NOTICE,
            account=road.account,
            to=road.to,
            content=content,
            key=f"{key}:{number}",
            due_ms=now_ms + number,
            valid_until_ms=valid_until_ms,
            source="assisted",
        )
        for number, content in enumerate(contents)
        if content.text != ""
    ]
