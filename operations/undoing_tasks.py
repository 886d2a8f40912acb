"""Taking back that something was done on the phone, as long as nobody acted upon it: mirrors follow what was posted."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.asking import Asked
from operations.errors import Refused
from operations.requests.house import Undo
from storage.outbox import DeliveryState
from storage.tables import Account, Delivery
from storage.task_tables import Gift, Task
from texts.catalogue import say

_POST = "moment:"


async def take_back_done(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any]) -> str:
    """What this very command ticked off is open again. Raises Refused where nothing of it can be."""
    ticked = await tx.execute(
        select(Task.id, Task.account, Task.delivery, Delivery.key)
        .outerjoin(Delivery, Delivery.id == Task.delivery)
        .where(Task.closed_by == asked.staff.id, Task.closed_ms == row.at_ms, Task.state == "done")
        .order_by(Task.id)
    )
    tasks = ticked.all()
    followed = await _followed(tx, [(task.account, task.key) for task in tasks if task.key])
    back = [task for task in tasks if task.key not in followed]
    if not back:
        key = "operations.undo.followed" if tasks else "operations.undo.changed"
        raise Refused(say(key, tasks=_numbers(tasks)), hint=say(f"{key}.hint"))
    await _open_again(tx, back, row.at_ms)
    text = say("operations.undo.done", tasks=_numbers(back))
    stays = [task for task in tasks if task.key in followed]
    return f"{text}\n{say('operations.undo.followed', tasks=_numbers(stays))}" if stays else text


async def _open_again(tx: AsyncConnection, tasks: Sequence[Any], at_ms: int) -> None:
    ids = [task.id for task in tasks]
    await tx.execute(update(Task).where(Task.id.in_(ids)).values(state="open", closed_ms=None, closed_by=None))
    await tx.execute(
        update(Delivery)
        .where(
            Delivery.id.in_([task.delivery for task in tasks if task.delivery is not None]),
            Delivery.state == DeliveryState.ACCEPTED.value,
            Delivery.settled_ms == at_ms,
        )
        .values(state=DeliveryState.HANDED.value, settled_ms=None)
    )
    given = update(Gift).where(Gift.task.in_(ids), Gift.state == "given", Gift.done_ms == at_ms)
    await tx.execute(given.values(state="planned", done_ms=None, done_by=None))


async def _followed(tx: AsyncConnection, posts: Sequence[tuple[str, str]]) -> set[str]:
    """The keys of those posts that have a mirror's row by now."""
    mirrors = await tx.execute(
        select(Account.id, Account.mirror_of).where(Account.mirror_of.in_([account for account, _ in posts]))
    )
    of_mirrors = {
        f"{_POST}{mirror.id}:{key.removeprefix(f'{_POST}{account}:')}": key
        for mirror in mirrors.all()
        for account, key in posts
        if mirror.mirror_of == account and key.startswith(_POST)
    }
    written = await tx.scalars(select(Delivery.key).where(Delivery.key.in_(of_mirrors)))
    return {of_mirrors[key] for key in written.all()}


def _numbers(tasks: Sequence[Any]) -> str:
    return say("texts.comma").join(str(task.id) for task in tasks)
