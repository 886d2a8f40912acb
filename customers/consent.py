"""What people wish: no more marketing (退订), or to be left alone for a while (勿扰)."""

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import GATES, AfterOptOut, Surface
from storage.outbox import DeliveryState
from storage.tables import Delivery, Person

_DIES_WITH_OPT_OUT = tuple(
    kind.value
    for kind, gate in GATES.items()
    if gate.surface is Surface.MESSAGE and gate.after_opt_out is not AfterOptOut.ALLOWED
)
_LONGEST_WORDS = 200


async def opt_out(tx: AsyncConnection, person: int, *, by: str, words: str, now_ms: int) -> int:
    """No more marketing for the person, by any account, from this transaction on. Returns how many rows it stopped.

    `by` is where the wish came from ('inbox:17', 'staff:owner'), `words` are their own. The first wish is kept.
    """
    entry = _entry(person)
    await tx.execute(
        update(Person)
        .where(Person.id.in_(entry), Person.opted_out_ms.is_(None))
        .values(opted_out_ms=now_ms, opted_out_by=f"{by}: {words}"[:_LONGEST_WORDS])
    )
    return await drop_marketing(tx, person, now_ms)


async def drop_marketing(tx: AsyncConnection, person: int, now_ms: int) -> int:
    """Skip what is planned for the person and may not follow an opt-out. Returns how many rows."""
    stopped = await tx.execute(
        update(Delivery)
        .where(
            Delivery.person.in_(_entry(person)),
            Delivery.state == DeliveryState.PENDING.value,
            Delivery.kind.in_(_DIES_WITH_OPT_OUT),
        )
        .values(state=DeliveryState.SKIPPED.value, reason="opted_out", settled_ms=now_ms)
    )
    return stopped.rowcount


async def opt_in(tx: AsyncConnection, person: int, *, by: str, words: str) -> bool:
    """They want to hear from us again, in their own words or asked of staff. Was it otherwise before?

    What an opt-out skipped stays skipped. `opted_out_by` keeps who brought them back.
    """
    changed = await tx.execute(
        update(Person)
        .where(Person.id.in_(_entry(person)), Person.opted_out_ms.is_not(None))
        .values(opted_out_ms=None, opted_out_by=f"opt-in {by}: {words}"[:_LONGEST_WORDS])
    )
    return changed.rowcount > 0


async def mute(tx: AsyncConnection, person: int, until_ms: int, by: str) -> None:
    """Leave the person alone until then; a later date stays. `until_ms` 0 lifts it."""
    longer = or_(Person.muted_until_ms.is_(None), Person.muted_until_ms < until_ms)
    statement = update(Person).where(Person.id.in_(_entry(person)))
    if until_ms == 0:
        await tx.execute(statement.values(muted_until_ms=None, muted_by=by))
    else:
        await tx.execute(statement.where(longer).values(muted_until_ms=until_ms, muted_by=by))


def _entry(person: int) -> Select[int]:
    """The entry that stands for the person today: their own, or the one they were merged into."""
    return select(func.coalesce(Person.merged_into, Person.id)).where(Person.id == person)
