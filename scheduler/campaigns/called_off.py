"""A campaign is called off: what it still had to tell those who joined is not said, and whoever answered it just now
hears that instead of a promise.
"""

from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import Kind, gate_of
from scheduler.participants.participants import SAID_YES
from scheduler.pushes.answer_rows import is_answer_to
from storage.campaign_tables import Participant
from storage.outbox import Content, DeliveryState, NewDelivery, plan
from storage.tables import Account, Delivery, Person
from texts.catalogue import say

_NAMED = 5
_LIFE_MS = 3_600_000
"""Later than that, nobody remembers what they had answered. Ours."""


async def call_off(tx: AsyncConnection, campaign: int, now_ms: int) -> int:
    """Skip what it has not said: the word of a free place, the result of a draw, answers. Returns how many rows."""
    told = await tx.execute(_skipped(now_ms).where(Delivery.campaign == campaign))
    unsaid = (await tx.execute(_unsaid(campaign))).all()
    await tx.execute(_skipped(now_ms).where(Delivery.id.in_([row.id for row in unsaid])))
    if answers := [_sorry(row, now_ms) for row in unsaid if row.content.get("text")]:
        await plan(tx, answers, now_ms=now_ms)
    return told.rowcount + len(unsaid)


async def joined(tx: AsyncConnection, campaign: int) -> tuple[int, tuple[str, ...]]:
    """How many said yes and were told so; and the first of them, as `#17 花花`."""
    of_it = Participant.campaign == campaign, Participant.state.in_([standing.value for standing in SAID_YES])
    number = await tx.scalar(select(func.count()).where(*of_it)) or 0
    name = func.coalesce(func.nullif(Person.call_me, ""), func.nullif(Person.name, ""), "")
    first = (
        select(Person.id, name.label("name"))
        .join(Participant, Participant.person == Person.id)
        .where(*of_it)
        .order_by(Participant.answered_ms, Participant.id)
        .limit(_NAMED)
    )
    return number, tuple(f"#{row.id} {row.name}".strip() for row in (await tx.execute(first)).all())


def _skipped(now_ms: int) -> Any:
    """What is under way by now stands: a recall may still reach it."""
    values = {"state": DeliveryState.SKIPPED.value, "reason": "cancelled", "settled_ms": now_ms}
    return update(Delivery).where(Delivery.state == DeliveryState.PENDING.value).values(values)


def _unsaid(campaign: int) -> Any:
    """Answers that wait, account by account: a push's rows stand behind them, and are not read."""
    return (
        select(Delivery.id, Delivery.account, Delivery.to, Delivery.person, Delivery.content, Delivery.source)
        .select_from(Account)
        .join(Delivery, Delivery.account == Account.id)
        .where(
            Delivery.state == DeliveryState.PENDING.value,
            Delivery.priority == gate_of(Kind.REPLY).priority,
            Delivery.kind == Kind.REPLY.value,
            is_answer_to([campaign]),
        )
    )


def _sorry(row: Row[Any], now_ms: int) -> NewDelivery:
    """They wrote, so they are answered; once, however many answers they were about to get to one message."""
    _, arrival, _ = row.source.split(":", 2)
    return NewDelivery(
        kind=Kind.REPLY, account=row.account, to=row.to, person=row.person,
        content=Content(text=say("scheduler.campaign_answer.called_off", lang="zh")),
        key=f"reply:{arrival}:called_off", due_ms=now_ms, valid_until_ms=now_ms + _LIFE_MS,
        source=f"inbox:{arrival}:called_off",
    )  # fmt: skip
