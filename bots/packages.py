"""What a person is asked to do on a phone: tasks, and the messages that say what, with all that goes into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.staff_line import Road, road_to_holder
from rules.kinds import Kind
from storage.outbox import Content, DeliveryState, NewDelivery, insert_ignoring, plan
from storage.tables import Delivery
from storage.task_tables import Task
from texts.catalogue import say

_MOST_MESSAGES = 12
"""Of one package: what to do, words to copy, pictures."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be done with one account. `delivery`: the row of the outbox that a person carries out; `title` '':
    that of the package.
    """

    account: str
    delivery: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """Things that one person does in one go.

    `key` is the package's name in `tasks`; `words` is the catalogue's key of what to do, given `accounts` and `values`;
    `copies` are texts to be copied in one touch, `pictures` file names below media/.
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
    mentions: tuple[str, ...] = ()
    """Accounts whose parts follow shortly: the message speaks of them, too, and they need none of their own."""


async def hand_over_package(tx: AsyncConnection, package: Package, now_ms: int, expires_ms: int) -> list[int]:
    """Open its tasks, and write to whoever holds the phone; a part that is there is left alone. Returns new tasks.

    Who joins a package that is still open was spoken of in its message.
    """
    known = select(Task.account, Task.state).where(Task.package == package.key)
    there = {row.account: row.state for row in await tx.execute(known)}
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
                title=part.title or package.title,
                detail=dict(part.detail),
                state="open",
                created_ms=now_ms,
                expires_ms=expires_ms,
            )
            .returning(Task.id)
        )
        if id is not None:
            ids.append((int(id), part.account))
    if ids and "open" not in there.values():
        await _write_to_holder(tx, package, ids, now_ms, expires_ms)
    return [id for id, _ in ids]


async def _write_to_holder(
    tx: AsyncConnection, package: Package, tasks: Sequence[tuple[int, str]], now_ms: int, expires_ms: int
) -> None:
    head = say(
        package.words,
        accounts="、".join(sorted({account for _, account in tasks} | set(package.mentions))),
        **package.values,
    )
    contents = [Content(text=head), *(Content(text=words) for words in package.copies)]
    contents += [Content(image=name) for name in package.pictures]
    road = await road_to_holder(tx, tasks[0][1], package.holder or None)
    rows = notices(road, f"task:{package.key}:{tasks[0][0]}", contents, now_ms, expires_ms)
    await plan(tx, rows, now_ms=now_ms)


async def withdraw(tx: AsyncConnection, package: str, task: int, now_ms: int) -> None:
    """What was to be said of a package with this first task is not said, as far as it has not left."""
    keys = [f"task:{package}:{task}:{number}" for number in range(_MOST_MESSAGES)]
    await tx.execute(
        update(Delivery)
        .where(Delivery.key.in_(keys), Delivery.state == DeliveryState.PENDING.value)
        .values(state=DeliveryState.SKIPPED.value, reason="cancelled", settled_ms=now_ms)
    )


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
