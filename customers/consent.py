"""What people wish: no more marketing (退订), or to be left alone for a while (勿扰).

How it stands today is in columns of `people`, where the gates read it; each change is a row of `consents` beside it,
with its time, its source and the words.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.do_not_contact import Sign, Why, forget, listed, nobody_listed, pseudonyms_of, remember, signs_of
from customers.one_at_a_time import hold
from rules.kinds import GATES, AfterOptOut, Surface
from rules.moves import OPEN, MoveReason, MoveState
from storage.customer_tables import Consent
from storage.move_tables import Move
from storage.outbox import DeliveryState
from storage.tables import Delivery, Friendship, Person

_DIES_WITH_OPT_OUT = tuple(
    kind.value
    for kind, gate in GATES.items()
    if gate.surface is Surface.MESSAGE and gate.after_opt_out is not AfterOptOut.ALLOWED
)
_LONGEST_WORDS = 200
IMPORTED = "import:"
"""How the source of a wish begins that came with a table."""
_THEIR_OWN, _BY_STAFF = "inbox:", "staff:"
LISTED = "do_not_contact"
"""The source of an opt-out that follows from the list: somebody who wished it came back."""


class Wished(StrEnum):
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    MUTE = "mute"
    UNMUTE = "unmute"


@dataclass(frozen=True, slots=True)
class Wish:
    """One line of somebody's history. Times are epoch ms; `until_ms` of a mute only."""

    what: Wished
    at_ms: int
    source: str
    words: str
    until_ms: int | None


async def opt_out(tx: AsyncConnection, person: int, *, by: str, words: str, now_ms: int) -> int:
    """No more marketing for the person, by any account, from this transaction on. Returns how many rows it stopped.

    `by` is where the wish came from ('inbox:17', 'staff:owner'), `words` are their own. The first wish is kept.
    """
    return await opt_out_all(tx, [person], by=by, words=words, now_ms=now_ms)


async def opt_out_all(tx: AsyncConnection, people: Collection[int], *, by: str, words: str, now_ms: int) -> int:
    """As `opt_out`, for many who wished it in the same words.

    A wish that an import brought, or staff wrote down, gives way to one of their own: taking back the import or the
    command does not take that one back.
    """
    await hold(tx, people)
    open_to_it: ColumnElement[bool] = Person.opted_out_ms.is_(None)
    if by != LISTED and not by.startswith(IMPORTED):
        open_to_it = or_(open_to_it, Person.opted_out_by.startswith(IMPORTED))
    if by.startswith(_THEIR_OWN):
        open_to_it = or_(open_to_it, Person.opted_out_by.startswith(_BY_STAFF))
    changed = await tx.scalars(
        update(Person)
        .where(Person.id.in_(_entries(people)), open_to_it)
        .values(opted_out_ms=now_ms, opted_out_by=f"{by}: {words}"[:_LONGEST_WORDS])
        .returning(Person.id)
    )
    silent = changed.all()
    if silent:
        await _note(tx, silent, Wished.OPT_OUT, by, words, now_ms)
        await remember(tx, await _signs(tx, silent), Why.OPTED_OUT, now_ms)
    if by.startswith(_BY_STAFF):
        await _note(tx, await _written_down_by_others(tx, people, by), Wished.OPT_OUT, by, words, now_ms)
    return await _drop_marketing(tx, people, now_ms)


async def _written_down_by_others(tx: AsyncConnection, people: Collection[int], by: str) -> Sequence[int]:
    """Whose opt-out a colleague of `by` wrote down before: one of them may take back theirs."""
    others = Person.opted_out_by.startswith(_BY_STAFF), ~Person.opted_out_by.startswith(f"{by}:", autoescape=True)
    return (await tx.scalars(select(Person.id).where(Person.id.in_(_entries(people)), *others))).all()


async def drop_marketing(tx: AsyncConnection, person: int, now_ms: int) -> int:
    """Skip what is planned for the person and may not follow an opt-out; what we offered, they have declined. Returns
    how many rows.
    """
    return await _drop_marketing(tx, [person], now_ms)


async def _drop_marketing(tx: AsyncConnection, people: Collection[int], now_ms: int) -> int:
    stopped = await tx.execute(
        update(Delivery)
        .where(
            Delivery.person.in_(_entries(people)),
            Delivery.state == DeliveryState.PENDING.value,
            Delivery.kind.in_(_DIES_WITH_OPT_OUT),
        )
        .values(state=DeliveryState.SKIPPED.value, reason="opted_out", settled_ms=now_ms)
    )
    await _decline_offers(tx, people, now_ms)
    return stopped.rowcount


async def _decline_offers(tx: AsyncConnection, people: Collection[int], now_ms: int) -> None:
    """Nobody speaks of these accounts again, even if they are back one day. Whom they asked for by name, they get."""
    await tx.execute(
        update(Move)
        .where(
            Move.person.in_(_entries(people)),
            Move.state.in_([state.value for state in OPEN]),
            Move.why != MoveReason.CHOICE.value,
        )
        .values(state=MoveState.DECLINED.value, look_ms=None, changed_ms=now_ms)
    )


async def opt_in(tx: AsyncConnection, person: int, *, by: str, words: str, now_ms: int) -> bool:
    """They want to hear from us again, in their own words or asked of staff. Was it otherwise before?

    What an opt-out skipped stays skipped. `opted_out_by` keeps who brought them back.
    """
    await hold(tx, [person])
    changed = await tx.scalars(
        update(Person)
        .where(Person.id.in_(_entry(person)), Person.opted_out_ms.is_not(None))
        .values(opted_out_ms=None, opted_out_by=f"opt-in {by}: {words}"[:_LONGEST_WORDS])
        .returning(Person.id)
    )
    people = changed.all()
    if people:
        await _back(tx, people, by, words, now_ms)
    return bool(people)


async def take_back_opt_out(tx: AsyncConnection, person: int, *, since_ms: int, by: str, now_ms: int) -> bool:
    """Staff take back an opt-out that they themselves wrote down at `since_ms`; a wish that stood before it stays, and
    one that a colleague has written down since.
    """
    return bool(await take_back_opt_outs(tx, [person], since_ms=since_ms, by=by, now_ms=now_ms))


async def take_back_opt_outs(
    tx: AsyncConnection, people: Collection[int], *, since_ms: int, by: str, now_ms: int
) -> Sequence[int]:
    """As `take_back_opt_out`, for many; returns whose was taken back."""
    changed = await tx.scalars(
        update(Person)
        .where(
            Person.id.in_(people),
            Person.opted_out_ms == since_ms,
            Person.opted_out_by.startswith(f"{by}:", autoescape=True),
            Person.id.not_in(
                select(Consent.person).where(
                    Consent.person.in_(people),
                    Consent.what == Wished.OPT_OUT.value,
                    Consent.at_ms >= since_ms,
                    Consent.source != by,
                )
            ),
        )
        .values(opted_out_ms=None, opted_out_by=None)
        .returning(Person.id)
    )
    back = changed.all()
    if back:
        await _back(tx, back, by, "", now_ms)
    return back


async def mute(tx: AsyncConnection, person: int, until_ms: int, by: str, *, words: str = "", now_ms: int) -> None:
    """Leave the person alone until then; a later date stays. `until_ms` 0 lifts it."""
    await hold(tx, [person])
    statement = update(Person).where(Person.id.in_(_entry(person))).returning(Person.id)
    if until_ms == 0:
        lifted = await tx.scalars(
            statement.where(Person.muted_until_ms.is_not(None)).values(muted_until_ms=None, muted_by=by)
        )
        await _note(tx, lifted.all(), Wished.UNMUTE, by, words, now_ms)
        return
    longer = or_(Person.muted_until_ms.is_(None), Person.muted_until_ms < until_ms)
    muted = await tx.scalars(statement.where(longer).values(muted_until_ms=until_ms, muted_by=by))
    await _note(tx, muted.all(), Wished.MUTE, by, words, now_ms, until_ms)


async def wishes(tx: AsyncConnection, person: int) -> list[Wish]:
    """Everything the person wished, the oldest first; of entries that were merged into theirs, too."""
    entry = _entry(person).scalar_subquery()
    theirs = select(Person.id).where(or_(Person.id == entry, Person.merged_into == entry))
    rows = await tx.execute(
        select(Consent.what, Consent.at_ms, Consent.source, Consent.words, Consent.until_ms)
        .where(Consent.person.in_(theirs))
        .order_by(Consent.at_ms, Consent.id)
    )
    return [Wish(Wished(row.what), row.at_ms, row.source, row.words, row.until_ms) for row in rows.all()]


async def hold_back(tx: AsyncConnection, people: Collection[int], now_ms: int) -> dict[int, Why]:
    """Whoever of these stands on the do-not-contact list is opted out again. Returns whom it found, and why.

    Call it where an entry of a person is made or gets a phone, member name or contact. Somebody who was erased has
    the time of their last push back, so that the weekly cap holds for them as before.
    """
    if not people or await nobody_listed(tx):
        return {}
    signs = await signs_of(tx, people)
    found = await listed(tx, {sign for some in signs.values() for sign in some})
    if not found:
        return {}
    held: dict[int, Why] = {}
    for person, theirs in signs.items():
        reasons = {found[sign] for sign in theirs if sign in found}
        if reasons:
            held[person] = Why.ERASED if Why.ERASED in reasons else Why.OPTED_OUT
    for person, why in held.items():
        await opt_out(tx, person, by=LISTED, words="", now_ms=now_ms)
        if why is Why.ERASED:
            await _push_time_again(tx, person, [sign for sign in signs[person] if found.get(sign) is Why.ERASED])
    return held


async def _push_time_again(tx: AsyncConnection, person: int, signs: Collection[Sign]) -> None:
    pseudonyms = list((await pseudonyms_of(tx, signs)).values())
    before = await tx.scalar(
        select(func.max(Person.last_push_ms))
        .outerjoin(Friendship, Friendship.person == Person.id)
        .where(or_(Person.member_name.in_(pseudonyms), Friendship.contact.in_(pseudonyms)), Person.id != person)
    )
    if before is not None:
        earlier = or_(Person.last_push_ms.is_(None), Person.last_push_ms < before)
        await tx.execute(update(Person).where(Person.id == person, earlier).values(last_push_ms=before))


async def _back(tx: AsyncConnection, people: Collection[int], by: str, words: str, now_ms: int) -> None:
    await _note(tx, people, Wished.OPT_IN, by, words, now_ms)
    await forget(tx, await _signs(tx, people))


async def _signs(tx: AsyncConnection, people: Collection[int]) -> set[Sign]:
    return {sign for some in (await signs_of(tx, people)).values() for sign in some}


async def _note(
    tx: AsyncConnection,
    people: Collection[int],
    what: Wished,
    by: str,
    words: str,
    now_ms: int,
    until: int | None = None,
) -> None:
    if people:
        row = {"what": what.value, "source": by, "words": words[:_LONGEST_WORDS], "until_ms": until, "at_ms": now_ms}
        await tx.execute(insert(Consent), [{"person": person, **row} for person in people])


def _entry(person: int) -> Select[int]:
    """The entry that stands for the person today: their own, or the one they were merged into."""
    return _entries([person])


def _entries(people: Collection[int]) -> Select[int]:
    return select(func.coalesce(Person.merged_into, Person.id)).where(Person.id.in_(people))
