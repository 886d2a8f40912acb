"""Red packets and gifts by command: within the budget, as a task for whoever holds the phone; and the ledger."""

from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.packages import withdraw
from bots.phone_tasks import hand_out_gift
from operations.asking import Asked, Reply
from operations.errors import CannotBeUsed, Refused
from operations.finding import account_named, own_customer
from operations.permissions import require_account
from operations.requests.house import Undo
from operations.requests.people import Give
from scheduler.benefits.gifts import GiftKind, GiftsConfig, Wish, budget_of, plan_gift, take_back_gift, yuan
from storage.task_tables import Gift, Task
from texts.catalogue import say

_LONGEST = 60


class Giving:
    """What staff ask for with money in it. `zone`: the shop's, for the days of the budget."""

    def __init__(self, budget: GiftsConfig, zone: str) -> None:
        self._budget = budget
        self._zone = zone

    async def give(self, tx: AsyncConnection, asked: Asked[Give]) -> Reply:
        """Plan it. Raises CannotBeUsed, NotFound, NotAllowed, GiftRefused."""
        request = asked.request
        occasion = request.occasion.strip()[:_LONGEST]
        if request.amount_fen <= 0 or not occasion:
            raise CannotBeUsed(say("operations.gift.needs"), hint=say("operations.gift.needs.hint"))
        person = await own_customer(tx, asked.staff, request.who)
        account = await account_named(tx, request.account) if request.account else None
        wish = Wish(person.id, GiftKind(request.kind), request.amount_fen, occasion, request.note[:_LONGEST], account)
        by = f"staff:{asked.staff.id}"
        planned = await plan_gift(tx, wish, self._budget, zone=self._zone, by=by, now_ms=asked.now_ms)
        require_account(asked.staff, planned.account)
        values = {
            "name": planned.name,
            "amount": yuan(wish.amount_fen),
            "occasion": occasion,
            "note": wish.note,
        }
        task = await hand_out_gift(
            tx, planned.id, holder=planned.holder, account=planned.account, kind=wish.kind.value, values=values,
            now_ms=asked.now_ms,
        )  # fmt: skip
        left = (await budget_of(tx, self._budget, self._zone, asked.now_ms)).left_today
        text = say(f"operations.gift.{wish.kind.value}", task=task, account=planned.account, left=yuan(left), **values)
        data = {"gift": planned.id, "task": task, "account": planned.account, "left_today_fen": left}
        return Reply(True, text, data=data, trace=f"gift:{planned.id}")


async def take_back_gift_(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any]) -> str:
    """As long as nobody gave it: the task is closed, and the money is free again."""
    gift = int(row.detail.removeprefix("gift:"))
    if not await take_back_gift(tx, gift):
        raise Refused(say("operations.undo.changed"), hint=say("operations.undo.changed.hint"))
    task = await tx.scalar(select(Gift.task).where(Gift.id == gift))
    await tx.execute(
        update(Task).where(Task.id == task, Task.state == "open").values(state="expired", closed_ms=asked.now_ms)
    )
    await withdraw(tx, f"gift:{gift}", task or 0, asked.now_ms)
    return say("operations.undo.gift", task=task)
