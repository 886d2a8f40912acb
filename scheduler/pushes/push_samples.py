"""The exact words of a push as some of its people would read them, for staff to look at before anybody gets them."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.look import SHOP_ZONE, Look
from scheduler.pushes.audience import audience
from scheduler.pushes.push_file import COUPON, PushFile
from scheduler.pushes.push_words import PushWording
from storage.outbox import Recipient
from storage.tables import Friendship, Person
from texts.catalogue import say


@dataclass(frozen=True, slots=True)
class Sample:
    """What somebody of that level would get, from that account."""

    level: str
    account: str
    text: str


async def samples(
    tx: AsyncConnection, push: PushFile, wording: PushWording, now_ms: int, *, shop_zone: str = SHOP_ZONE
) -> list[Sample]:
    """One for each of its texts, made for the first person it reaches with that text. Writes nothing.

    Raises TemplateRefused, ValueMissing, NoSuchPersona.
    """
    everybody = audience(push, Look(now_ms, shop_zone=shop_zone))
    first = select(func.min(everybody.c.person)).where(everybody.c.reason.is_(None)).group_by(everybody.c.level)
    rows = await tx.execute(
        select(everybody, Person.call_me, Person.name, Friendship.nickname)
        .join(Person, Person.id == everybody.c.person)
        .join(
            Friendship,
            (Friendship.account == everybody.c.account) & (Friendship.contact == everybody.c.contact),
        )
        .where(everybody.c.person.in_(first))
    )
    await wording.load_accounts(tx)
    found: dict[str, Sample] = {}
    by_level = {row.level: row for row in rows.all()}
    for level in push.who.levels:
        row, template = by_level.get(level), push.template_for(level)
        if row is None or template is None or template in found:
            continue
        own = {name: value for name in push.of_each() if (value := getattr(row, f"own_{name}")) is not None}
        own[COUPON] = say("scheduler.coupons.example", lang="zh")  # nobody's code is used up by a look
        recipient = Recipient(
            row.person, row.account, row.call_me, row.nickname or row.name, level, row.member_name, own
        )
        found[template] = Sample(level, row.account, wording.words(push, template, recipient))
    return list(found.values())
