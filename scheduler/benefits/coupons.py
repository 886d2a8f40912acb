"""Coupon codes: each given once, ever, to one person for one campaign; and what is set aside for whom.

What is set aside is a number, not a choice of codes: whoever takes one takes the one that expires first of those that
last long enough, so that all who were promised some find theirs.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.benefits.coupon_shortage import Shortage, mended, note_shortage, shortages
from storage.campaign_tables import Campaign, CouponCode, CouponPool, CouponUse
from storage.outbox import insert_ignoring

NEVER_MS = 9_999_999_999_999
"""When a code expires that has no end: sorted behind all others by both databases."""


async def root_of(tx: AsyncConnection, campaign: int) -> int:
    """The whole campaign of a phase's push; itself for anything else. One code a person holds for all its phases."""
    return await tx.scalar(select(Campaign.parent).where(Campaign.id == campaign)) or campaign


async def in_turn(tx: AsyncConnection, pool: str) -> None:
    """On PostgreSQL two who take from one pool do so one after the other. SQLite has one writer."""
    await tx.execute(select(CouponPool.name).where(CouponPool.name == pool).with_for_update())


async def available(
    tx: AsyncConnection, pool: str, until_ms: int, *, ours: Sequence[int] = (), enough: int | None = None
) -> int:
    """Codes that nobody has, valid beyond `until_ms` (epoch ms), and not set aside for others than `ours`.

    Counted no further than `enough`. Writes nothing.
    """
    others = await _held_by_others(tx, pool, ours)
    free = _free(pool, until_ms)
    some = free if enough is None else free.limit(others + enough)
    return max(0, int(await tx.scalar(select(func.count()).select_from(some.subquery())) or 0) - others)


async def code_of(tx: AsyncConnection, pool: str, campaign: int, person: int) -> str | None:
    """The code that the person has in that campaign; None when they have none. Writes nothing."""
    root = await root_of(tx, campaign)
    return await tx.scalar(select(CouponCode.code).where(_theirs(pool, root, person)))


async def take(tx: AsyncConnection, *, pool: str, campaign: int, person: int, now_ms: int) -> str | None:
    """The person's code in that campaign, told to them now: the same one when asked again, else the next free one.

    None when the pool has none to spare; staff find that among the repairs.
    """
    await in_turn(tx, pool)
    root = await root_of(tx, campaign)
    told = update(CouponCode).where(_theirs(pool, root, person)).values(told=True).returning(CouponCode.code)
    if (code := await tx.scalar(told)) is not None:
        return str(code)
    kept = await tx.scalar(select(CouponUse.held).where(CouponUse.campaign == root, CouponUse.pool == pool)) or 0
    spare = bool(kept) or await available(tx, pool, now_ms, ours=(root,), enough=1) > 0
    # The one that expires first: it leaves those that last to who was promised them.
    id = await tx.scalar(_free(pool, now_ms).limit(1)) if spare else None
    if id is None:
        await _register(tx, root, root, pool, now_ms)
        await note_shortage(tx, Shortage(pool, root, 1, 0), now_ms)
        return None
    values = {"campaign": root, "person": person, "given_ms": now_ms, "told": True}
    given = update(CouponCode).where(CouponCode.id == id).values(values).returning(CouponCode.code)
    code = (await tx.execute(given)).scalar_one()
    if kept:
        await used(tx, root, pool, 1, now_ms)
    return str(code)


async def set_aside(
    tx: AsyncConnection, *, pool: str, campaign: int, root: int, codes: int, until_ms: int, now_ms: int
) -> int:
    """So many codes for that push, taken over from what is set aside for its whole campaign as far as that goes.

    Returns how many there are: fewer than `codes` when the pool has not so many, and then nothing is set
    aside.
    """
    await in_turn(tx, pool)
    there = await available(tx, pool, until_ms, ours=(campaign, root), enough=codes)
    await _register(tx, campaign, root, pool, now_ms)
    if there < codes:
        return there
    mine = update(CouponUse).where(CouponUse.campaign == campaign, CouponUse.pool == pool)
    await tx.execute(mine.values(held=codes, swept_to=0, over=False, changed_ms=now_ms))
    if campaign != root:
        theirs = update(CouponUse).where(CouponUse.campaign == root, CouponUse.pool == pool)
        rest = case((CouponUse.held > codes, CouponUse.held - codes), else_=0)
        await tx.execute(theirs.values(held=rest, changed_ms=now_ms))
    return codes


async def held(tx: AsyncConnection, campaign: int) -> int:
    """How many are set aside for that push and not taken yet."""
    return int(await tx.scalar(select(CouponUse.held).where(CouponUse.campaign == campaign)) or 0)


async def used(tx: AsyncConnection, campaign: int, pool: str, codes: int, now_ms: int) -> None:
    """So many of what was set aside for it are taken."""
    rest = case((CouponUse.held > codes, CouponUse.held - codes), else_=0)
    which = update(CouponUse).where(CouponUse.campaign == campaign, CouponUse.pool == pool)
    await tx.execute(which.values(held=rest, changed_ms=now_ms))


async def let_go(tx: AsyncConnection, campaign: int, now_ms: int) -> None:
    """Nothing is set aside for it any more."""
    await tx.execute(update(CouponUse).where(CouponUse.campaign == campaign).values(held=0, changed_ms=now_ms))


async def settle_shortages(tx: AsyncConnection, now_ms: int) -> None:
    """Repairs that are mended: there are enough codes by now, or the campaign that wanted them is over."""
    for short in await shortages(tx):
        state = await tx.scalar(select(Campaign.state).where(Campaign.id == short.campaign))
        over = state in (None, "finished", "cancelled")
        ours = (short.campaign, await root_of(tx, short.campaign))
        there = 0 if over else await available(tx, short.pool, now_ms, ours=ours, enough=short.needed)
        if over or there >= short.needed:
            await mended(tx, short.pool)


def is_free(pool: str, until_ms: int | ColumnElement[int]) -> ColumnElement[bool]:
    """Nobody has it, and it is valid beyond that moment. In the words of the index of free ones."""
    return (CouponCode.pool == pool) & CouponCode.person.is_(None) & (CouponCode.expires_ms > until_ms)


def _free(pool: str, until_ms: int) -> Select[int]:
    return select(CouponCode.id).where(is_free(pool, until_ms)).order_by(CouponCode.expires_ms, CouponCode.id)


def _theirs(pool: str, root: int, person: int) -> ColumnElement[bool]:
    return (CouponCode.person == person) & (CouponCode.campaign == root) & (CouponCode.pool == pool)


async def _register(tx: AsyncConnection, campaign: int, root: int, pool: str, now_ms: int) -> None:
    row = {"campaign": campaign, "root": root, "pool": pool, "held": 0, "swept_to": 0, "over": False}
    await tx.execute(insert_ignoring(tx, CouponUse).values({**row, "changed_ms": now_ms}))


async def _held_by_others(tx: AsyncConnection, pool: str, ours: Sequence[int]) -> int:
    others = select(func.coalesce(func.sum(CouponUse.held), 0))
    return int(await tx.scalar(others.where(CouponUse.pool == pool, CouponUse.campaign.not_in(ours))) or 0)
