"""Mirrors look like their source: what a profile should say, what it says, and how the difference is mended.

Of an account with mirrors, and of each mirror, the persona's file says what is wanted. What the gateway tells of it is
compared after each look; what it can't tell is taken as it was set or ticked off last. A difference is mended by the
gateway where one can, else by whoever holds the phone; and asked for again only when it is still there days later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from personas.model import Profile
from rules.kinds import Kind
from rules.pacing import DAY_MS, MINUTE_MS
from storage.outbox import Content, DeliveryState, NewDelivery, plan
from storage.statements import both, rows_of
from storage.tables import Account, Delivery
from storage.task_tables import AccountProfile

AGAIN_MS = 3 * DAY_MS
"""Whoever was asked and did not, or did and it came back, is asked again after this. Ours."""
LOOK_AFTER_MS = 10 * MINUTE_MS
"""After a change by the gateway, it is looked at whether it took. Ours."""
_AT_ONCE = 50
_UNJUDGED = both("SELECT 1 FROM account_profiles WHERE judged_ms < seen_ms LIMIT 1")
_OPEN = frozenset(
    state.value
    for state in (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.IN_DOUBT, DeliveryState.HANDED)
)
_LIKELY_AGAIN = frozenset({"dry_run", "expired", "stop_all"})
"""Skipped for these reasons, nobody said that the gateway can't."""


class Field(StrEnum):
    """One line of a WeChat profile."""

    NICKNAME = "nickname"
    SIGNATURE = "signature"
    AVATAR = "avatar"
    COVER = "cover"
    REGION = "region"
    VISIBILITY = "visibility"

    @property
    def settable(self) -> bool:
        """Is there a call of the gateway for it?"""
        return self in (Field.NICKNAME, Field.SIGNATURE)


class Mend(StrEnum):
    """What is to be done about one field."""

    NOTHING = "nothing"
    WAIT = "wait"
    GATEWAY = "gateway"
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class Tried:
    """The last try to make a field say `value`; `key` is its row in the outbox."""

    value: str
    key: str
    at_ms: int
    by_hand: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a try, or how far it is."""

    state: str
    reason: str | None
    settled_ms: int | None


def wanted_of(profile: Profile) -> dict[str, str]:
    """What the file says of a profile; what it does not mention is everybody's own affair."""
    given = ((field, getattr(profile, field.value)) for field in Field if field.value in profile.model_fields_set)
    return {field.value: str(value).strip() for field, value in given if value}


def mend_for(
    field: Field, wanted: str, told: str, tried: Tried | None, outcome: Outcome | None, seen_ms: int, now_ms: int
) -> Mend:
    """What to do about a field that is `told` so. `seen_ms`: when it was looked at."""
    if wanted == told:
        return Mend.NOTHING
    if tried is None or tried.value != wanted:
        return Mend.GATEWAY if field.settable else Mend.HAND
    state = outcome.state if outcome is not None else DeliveryState.SKIPPED.value
    if state in _OPEN:
        return Mend.WAIT
    if outcome is not None and state == DeliveryState.ACCEPTED.value and (outcome.settled_ms or 0) >= seen_ms:
        return Mend.WAIT  # done since the look
    if now_ms - tried.at_ms >= AGAIN_MS:
        return Mend.GATEWAY if field.settable and not tried.by_hand else Mend.HAND
    if tried.by_hand or (outcome is not None and outcome.reason in _LIKELY_AGAIN):
        return Mend.WAIT
    return Mend.HAND


class MirrorProfiles:
    """The step of the planner. `profiles`: the effective profile of each persona."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._wanted = {persona: wanted_of(profile) for persona, profile in profiles.items()}
        self._written = False

    async def due(self, connection: AsyncConnection, now_ms: int) -> bool:
        """Is there a look that nobody drew a conclusion from? Writes nothing."""
        return not self._written or bool(await rows_of(connection, _UNJUDGED, {}))

    async def act(self, tx: AsyncConnection, now_ms: int) -> int:
        """Once write down what is wanted; then judge what was seen. Returns how many rows were planned."""
        if not self._written:
            await self._write_wanted(tx, now_ms)
            self._written = True
        return await judge(tx, now_ms)

    async def _write_wanted(self, tx: AsyncConnection, now_ms: int) -> None:
        """What the files say now. An account whose wishes changed is looked at next."""
        known = {
            row.account: row.wanted for row in await tx.execute(select(AccountProfile.account, AccountProfile.wanted))
        }
        wanted = {account: self._wanted.get(persona, {}) for account, persona in await _alike(tx)}
        if gone := known.keys() - wanted.keys():
            await tx.execute(delete(AccountProfile).where(AccountProfile.account.in_(gone)))
        for account in known.keys() & wanted.keys():
            if known[account] != wanted[account]:
                changed = {"wanted": wanted[account], "look_ms": now_ms}
                await tx.execute(update(AccountProfile).where(AccountProfile.account == account).values(**changed))
        rows = [
            {"account": account, "wanted": wanted[account], "confirmed": {}, "tried": {}, "look_ms": now_ms,
             "asked_ms": now_ms, "judged_ms": 0}
            for account in sorted(wanted.keys() - known.keys())
        ]  # fmt: skip
        if rows:
            await tx.execute(insert(AccountProfile), rows)


async def judge(tx: AsyncConnection, now_ms: int) -> int:
    """Compare what was seen with what is wanted, and plan what mends the difference. Returns the rows planned."""
    table = AccountProfile.__table__
    profiles = (
        await tx.execute(
            select(table).where(table.c.judged_ms < table.c.seen_ms).order_by(table.c.account).limit(_AT_ONCE)
        )
    ).all()
    outcomes = await _outcomes(tx, profiles)
    rows: list[NewDelivery] = []
    for profile in profiles:
        confirmed = {**profile.confirmed, **_set_since(profile.tried, outcomes)}
        mends = _mends(profile, confirmed, outcomes, now_ms)
        new, tried = _rows_for(profile, mends, now_ms)
        rows += new
        soon = {"look_ms": now_ms + LOOK_AFTER_MS} if Mend.GATEWAY in mends.values() else {}
        await tx.execute(
            update(AccountProfile)
            .where(AccountProfile.account == profile.account)
            .values(confirmed=confirmed, tried={**profile.tried, **tried}, judged_ms=profile.seen_ms, **soon)
        )
    return await plan(tx, rows, now_ms=now_ms)


def _mends(
    profile: Any, confirmed: Mapping[str, str], outcomes: Mapping[str, Outcome], now_ms: int
) -> dict[Field, Mend]:
    told = {**confirmed, **(profile.seen or {})}
    found = {}
    for name, wanted in profile.wanted.items():
        tried = Tried(**profile.tried[name]) if name in profile.tried else None
        outcome = outcomes.get(tried.key) if tried is not None else None
        found[Field(name)] = mend_for(Field(name), wanted, told.get(name, ""), tried, outcome, profile.seen_ms, now_ms)
    return found


def _set_since(tried: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    """What the gateway took, or a person ticked off."""
    done = DeliveryState.ACCEPTED.value
    return {
        name: one["value"]
        for name, one in tried.items()
        if one["key"] in outcomes and outcomes[one["key"]].state == done
    }


def _rows_for(profile: Any, mends: Mapping[Field, Mend], now_ms: int) -> tuple[list[NewDelivery], dict[str, Any]]:
    """One row for each call of the gateway, one for all that a person does; and what is tried by them."""
    rows: list[NewDelivery] = []
    tried: dict[str, Any] = {}
    by_hand = {field.value: profile.wanted[field.value] for field, mend in mends.items() if mend is Mend.HAND}
    calls = [{field.value: profile.wanted[field.value]} for field, mend in mends.items() if mend is Mend.GATEWAY]
    for fields in [*calls, *([by_hand] if by_hand else [])]:
        hand = fields is by_hand
        key = f"profile:{profile.account}:{'hand' if hand else next(iter(fields))}:{now_ms}"
        rows.append(
            NewDelivery(
                kind=Kind.PROFILE,
                account=profile.account,
                to="",
                content=Content(profile={"fields": fields, "by_hand": hand, "asked_ms": now_ms}),
                key=key,
                due_ms=now_ms,
                valid_until_ms=now_ms + DAY_MS,
                source="profile",
            )
        )
        tried |= {name: asdict(Tried(value, key, now_ms, hand)) for name, value in fields.items()}
    return rows, tried


async def _outcomes(tx: AsyncConnection, profiles: Sequence[Any]) -> dict[str, Outcome]:
    keys = sorted({one["key"] for profile in profiles for one in profile.tried.values()})
    found = await tx.execute(
        select(Delivery.key, Delivery.state, Delivery.reason, Delivery.settled_ms).where(Delivery.key.in_(keys))
    )
    return {row.key: Outcome(row.state, row.reason, row.settled_ms) for row in found}


async def _alike(tx: AsyncConnection) -> list[tuple[str, str]]:
    """Accounts that are mirrors or have some, with their personas."""
    mirror = aliased(Account)
    sources = select(mirror.mirror_of).where(mirror.mirror_of.is_not(None), mirror.removed.is_(False))
    found = await tx.execute(
        select(Account.id, Account.persona).where(
            Account.removed.is_(False), or_(Account.mirror_of.is_not(None), Account.id.in_(sources))
        )
    )
    return [(row.id, row.persona) for row in found]
