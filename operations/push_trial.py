"""A push sent to staff first: the exact words, counted nowhere."""

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.staff_line import Road, road_to_holder
from operations.asking import Asked, Reply
from operations.errors import NotFound, Refused
from operations.requests.pushes import TryPush
from rules.kinds import Kind
from scheduler.pushes.push_file import PushFile
from scheduler.pushes.push_samples import samples
from scheduler.pushes.push_words import PushWording
from storage.outbox import Content, NewDelivery, plan
from storage.staff_tables import StaffMember
from storage.tables import Account
from texts.catalogue import say

MakeWording = Callable[[], PushWording]


async def try_push(
    tx: AsyncConnection, asked: Asked[TryPush], push: PushFile, wording: PushWording, zone: str
) -> Reply:
    """Send each of its texts, as the first person of each level would read it, to whoever asks or to who is named.

    Raises NotFound for nobody on the staff, Refused where no account knows them or nobody would get the push.
    """
    to = asked.request.to or asked.staff.id
    name = await tx.scalar(select(StaffMember.name).where(StaffMember.id == to, StaffMember.removed.is_(False)))
    if name is None:
        raise NotFound(say("operations.not_staff", id=to), hint=say("operations.not_staff.hint"))
    found = await samples(tx, push, wording, asked.now_ms, shop_zone=zone)
    if not found:
        raise Refused(say("operations.push.try_nobody", title=push.title), hint=say("operations.push.nobody.hint"))
    road = await _road(tx, to)
    rows = [
        NewDelivery(
            kind=Kind.COMMAND_REPLY, account=road.account, to=road.to, content=Content(text=sample.text),
            key=f"try:{push.name}:{to}:{asked.now_ms}:{number}", due_ms=asked.now_ms, source=f"staff:{asked.staff.id}",
        )
        for number, sample in enumerate(found)
    ]  # fmt: skip
    await plan(tx, rows, now_ms=asked.now_ms)
    document = {"to": to, "texts": [{"level": s.level, "account": s.account, "text": s.text} for s in found]}
    return Reply(True, say("operations.push.tried", title=push.title, name=name, texts=len(rows)), data=document)


async def _road(tx: AsyncConnection, staff: str) -> Road:
    """By any account that knows them; else into the 文件传输助手 of the main account."""
    main = await tx.scalar(
        select(Account.id).where(Account.removed.is_(False)).order_by(Account.main.desc(), Account.id).limit(1)
    )
    if main is None:
        raise Refused(say("operations.push.try_no_way"), hint=say("operations.push.try_no_way.hint"))
    return await road_to_holder(tx, main, staff)
