"""Welfare pushes and campaigns, as staff steer them: preview, create, start, pause, resume, cancel."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Integer,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.ladder import current
from rules.kinds import gate_of
from scheduler.audience import SHOP_ZONE, audience, counts, levels
from scheduler.campaign_state import CampaignState, Move, move, read
from scheduler.errors import PushRefused
from scheduler.forecast import loads, outlook
from scheduler.push_file import PushFile, as_spec, from_spec
from scheduler.push_words import require_words
from scheduler.sending_hours import opens_case, opens_ms
from storage.engine import touch
from storage.outbox import Content, DeliveryState, insert_ignoring
from storage.tables import Account, Campaign, Delivery

FIRST_BATCH = "first_batch"
"""Why a row waits that is not of the first batch."""


@dataclass(frozen=True, slots=True)
class Preview:
    """Whom a push would reach, and when it would be through; `audience` is `recipients` and all who are excluded.

    `seconds` from now to the last message and `ends_at` (epoch ms; None when nobody gets it) are estimates at the
    accounts' pace; `beyond_valid_until` is how many would come too late.
    """

    audience: int
    excluded: dict[str, int]
    recipients: int
    by_account: dict[str, int]
    seconds: int
    ends_at: int | None
    beyond_valid_until: int

    def as_json(self) -> dict[str, Any]:
        ends = None if self.ends_at is None else datetime.fromtimestamp(self.ends_at / 1000, UTC).isoformat()
        return {**asdict(self), "ends_at": ends}


async def preview(tx: AsyncConnection, push: PushFile, now_ms: int, *, shop_zone: str = SHOP_ZONE) -> Preview:
    """What would come of it if it started now. Writes nothing."""
    excluded, by_account = await counts(tx, audience(push, now_ms, shop_zone=shop_zone))
    valid_until_ms = push.valid_until_ms(now_ms, shop_zone)
    window = (push.window.start, push.window.end) if push.window else None
    outlooks = [
        outlook(load, now_ms, valid_until_ms, window) for load in (await loads(tx, by_account, now_ms)).values()
    ]
    ends_ms = max((view.ends_ms for view in outlooks), default=None)
    recipients = sum(by_account.values())
    return Preview(
        audience=recipients + sum(excluded.values()),
        excluded=excluded,
        recipients=recipients,
        by_account=by_account,
        seconds=0 if ends_ms is None else (ends_ms - now_ms) // 1000,
        ends_at=ends_ms,
        beyond_valid_until=sum(view.beyond for view in outlooks),
    )


async def create(tx: AsyncConnection, push: PushFile, by: str, now_ms: int, *, shop_zone: str = SHOP_ZONE) -> int:
    """Write the push down as a draft; returns its id. From here on the file may change, the campaign does not.

    Raises PushRefused for people who have not bought, or when its validity is over.
    """
    entry = (await current(tx)).entry.id
    if entry in push.who.levels:
        raise PushRefused("not_vip", level=entry)
    valid_until_ms = push.valid_until_ms(now_ms, shop_zone)
    if valid_until_ms <= now_ms:
        raise PushRefused("over")
    seen = await preview(tx, push, now_ms, shop_zone=shop_zone)
    row = {
        "name": push.name,
        "title": push.title,
        "kind": push.kind.value,
        "state": CampaignState.DRAFT.value,
        "spec": as_spec(push),
        "preview": seen.as_json(),
        "created_by": by,
        "created_ms": now_ms,
        "starts_ms": now_ms,
        "valid_until_ms": valid_until_ms,
        "changed_ms": now_ms,
    }
    return (await tx.execute(insert(Campaign).values(row).returning(Campaign.id))).scalar_one()


async def start(tx: AsyncConnection, campaign: int, now_ms: int, *, shop_zone: str = SHOP_ZONE) -> int:
    """Plan a row for everybody it reaches, the first batch due at once; returns how many.

    Whose birthday it is, and when the day ends, is told by `shop_zone`, as in the preview. The rest is opened by
    `scheduler.push_progress`. Raises NoSuchCampaign, MoveRefused, WordsIncomplete, and PushRefused when nobody would
    get it or it is over.
    """
    row = await read(tx, campaign)
    push = from_spec(row.spec)
    valid_until_ms = row.valid_until_ms
    if push.valid_until is None:
        valid_until_ms = push.valid_until_ms(now_ms, shop_zone)
    if valid_until_ms <= now_ms:
        raise PushRefused("over")
    everybody = audience(push, now_ms, campaign, shop_zone=shop_zone)
    reached = await levels(tx, everybody)
    if not reached:
        raise PushRefused("nobody")
    require_words(push, reached)
    await move(tx, campaign, Move.START, now_ms)
    await tx.execute(
        update(Campaign).where(Campaign.id == campaign).values(starts_ms=now_ms, valid_until_ms=valid_until_ms)
    )
    return await _plan(tx, campaign, push, everybody, valid_until_ms, now_ms)


async def pause(tx: AsyncConnection, campaign: int, now_ms: int, reason: str | None = None) -> None:
    """Nothing more leaves until `resume`. Raises NoSuchCampaign, MoveRefused."""
    await move(tx, campaign, Move.PAUSE, now_ms, reason)


async def resume(tx: AsyncConnection, campaign: int, now_ms: int) -> None:
    """Go on. When the first batch is through, all that waits behind it is opened; else it is waited for, as before.

    Raises NoSuchCampaign, MoveRefused.
    """
    await move(tx, campaign, Move.RESUME, now_ms)
    of_batch = select(Delivery.id).where(
        Delivery.campaign == campaign,
        Delivery.state.in_((DeliveryState.PENDING.value, DeliveryState.SENDING.value)),
        Delivery.reason.is_distinct_from(FIRST_BATCH),
    )
    if (await tx.execute(of_batch.limit(1))).first() is None:
        await open_rest(tx, campaign, now_ms)


async def cancel(tx: AsyncConnection, campaign: int, now_ms: int) -> int:
    """Nothing more leaves, for good; what waits is skipped. Returns how many. Raises NoSuchCampaign, MoveRefused."""
    await move(tx, campaign, Move.CANCEL, now_ms)
    skipped = await tx.execute(
        update(Delivery)
        .where(Delivery.campaign == campaign, Delivery.state == DeliveryState.PENDING.value)
        .values(state=DeliveryState.SKIPPED.value, reason="cancelled", settled_ms=now_ms)
    )
    return skipped.rowcount


async def open_rest(tx: AsyncConnection, campaign: int, now_ms: int) -> int:
    """Let go of what waits behind the first batch: due now, or at the next opening of the window. Returns how many."""
    row = await read(tx, campaign)
    push = from_spec(row.spec)
    accounts = await _accounts(tx, campaign)
    opened = 0
    for zone_name in sorted(set(accounts.values())):
        mine = [account for account, theirs in accounts.items() if theirs == zone_name]
        changed = await tx.execute(
            update(Delivery)
            .where(behind_first_batch(campaign), Delivery.account.in_(mine))
            .values(due_ms=opens_ms(push, now_ms, zone_name), reason=None)
        )
        opened += changed.rowcount
    touch(tx, accounts)
    return opened


def behind_first_batch(campaign: int) -> ColumnElement[bool]:
    """Rows that wait for the first batch to be through."""
    waits = Delivery.state == DeliveryState.PENDING.value
    return and_(Delivery.campaign == campaign, waits, Delivery.reason == FIRST_BATCH)


async def _accounts(tx: AsyncConnection, campaign: int) -> dict[str, str]:
    """The accounts with rows of the campaign that wait, and their zones."""
    query = (
        select(Account.id, Account.time_zone)
        .join(Delivery, Delivery.account == Account.id)
        .where(Delivery.campaign == campaign, Delivery.state == DeliveryState.PENDING.value)
        .distinct()
    )
    return {row.id: row.time_zone for row in (await tx.execute(query)).all()}


async def _plan(
    tx: AsyncConnection, campaign: int, push: PushFile, everybody: Subquery, valid_until_ms: int, now_ms: int
) -> int:
    """One INSERT … SELECT, whatever the audience: the rows of `storage.outbox.plan`, written by the database itself.

    The first batch takes from every account in turn. What comes after it is due at the end of its validity, that is
    never, until it is opened.
    """
    turn = func.row_number().over(partition_by=everybody.c.account, order_by=everybody.c.person)
    reached = select(everybody, turn.label("turn")).where(everybody.c.reason.is_(None)).subquery("reached")
    place = func.row_number().over(order_by=(reached.c.turn, reached.c.account))
    placed = select(reached, place.label("place")).subquery("placed")
    zones = (await tx.execute(select(Account.time_zone).distinct())).scalars().all()
    contents = {level: literal(Content(template=push.template_for(level)).as_json(), JSON) for level in push.who.levels}
    gate = gate_of(push.kind)
    first = placed.c.place <= push.first_batch
    values = {
        "account": placed.c.account,
        "kind": literal(push.kind.value),
        "priority": cast(literal(gate.priority), Integer),
        "key": literal(f"push:{campaign}:").concat(cast(placed.c.person, Text)),
        "to": placed.c.contact,
        "person": placed.c.person,
        "campaign": literal(campaign),
        "content": case(*((placed.c.level == level, content) for level, content in contents.items())),
        "source": literal(f"campaign:{campaign}"),
        "due_ms": case((first, opens_case(push, now_ms, zones, placed.c.zone)), else_=literal(valid_until_ms)),
        "valid_until_ms": literal(valid_until_ms),
        "state": literal(DeliveryState.PENDING.value),
        "reason": case((first, None), else_=FIRST_BATCH),
        "attempts": literal(0),
        "epoch": literal(0),
        "created_ms": literal(now_ms),
    }
    # The WHERE is for SQLite, which else reads ON CONFLICT as part of a join.
    rows = select(*values.values()).where(placed.c.place > 0).order_by(placed.c.place)
    planned = await tx.execute(insert_ignoring(tx, Delivery).from_select(list(values), rows))
    touch(tx, await _accounts(tx, campaign))
    return planned.rowcount
