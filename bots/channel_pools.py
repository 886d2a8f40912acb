"""Which account's QR code each channel shows: looked at once a minute, switched when another does better.

Staff are told. The newest row of `channel_switches` counts; one without an account says that the pool is full.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.friend_rooms import rooms_seen
from bots.staff_line import tell_staff
from customers.channels.channel_choice import Choice, Member, choose
from customers.channels.channels import ChannelConfig
from rules.kinds import Kind
from rules.pacing import DAY_MS, accepts_allowed, age_days
from storage.customer_tables import ChannelSwitch
from storage.fleet_tables import Repair
from storage.outbox import insert_ignoring
from storage.tables import Account, Delivery
from texts.catalogue import say

LOOK_EVERY_MS = 60_000
BY_STAFF = "staff"
"""`ChannelSwitch.why` of what a person chose: it stays as long as that account takes anybody."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a channel shows. `account` None: its pool is full; `why`: a word of `bots.channel_why.*`."""

    account: str | None
    why: str
    since_ms: int


class ChannelPools:
    """Keeps each channel showing somebody who has room."""

    def __init__(self, channels: Sequence[ChannelConfig]) -> None:
        self._channels = tuple(channels)
        self._looked_ms = -LOOK_EVERY_MS

    async def somebody_does_better(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Is there a channel to switch? Looks once a minute, writes nothing."""
        if not self._channels or now_ms - self._looked_ms < LOOK_EVERY_MS:
            return False
        self._looked_ms = now_ms
        return bool(await self._switches(tx, now_ms))

    async def switch(self, tx: AsyncConnection, now_ms: int) -> int:
        """Switch what is due; staff hear of it. Returns how many channels."""
        switches = await self._switches(tx, now_ms)
        for channel, before, choice in switches:
            await show(tx, channel.code, choice.account, choice.why, now_ms)
            await self._tell(tx, channel, before, choice, now_ms)
        return len(switches)

    async def _switches(self, tx: AsyncConnection, now_ms: int) -> list[tuple[ChannelConfig, Shown | None, Choice]]:
        members, showing = await members_now(tx, now_ms), await shown_now(tx)
        found = []
        for channel in self._channels:
            before = showing.get(channel.code)
            choice = choice_for(channel, members, before)
            if choice is not None and (before is None or before.account != choice.account):
                found.append((channel, before, choice))
        return found

    async def _tell(
        self, tx: AsyncConnection, channel: ChannelConfig, before: Shown | None, choice: Choice, now_ms: int
    ) -> None:
        """A full pool stands among the repairs until it has room; the first choice of all is no news."""
        values = {"code": channel.code, "name": channel.name, "sibling": choice.account or "-"}
        key = f"channel_full:{channel.code}"
        if choice.account is None:
            repair = {"key": key, "account": None, "message": "bots.channel_full", "values": values, "since_ms": now_ms}
            await tx.execute(insert_ignoring(tx, Repair).values(repair))
        else:
            await tx.execute(delete(Repair).where(Repair.key == key))
        if before is None and choice.account is not None:
            return
        words = "bots.channel_full" if choice.account is None else "bots.channel_switched"
        text = say(words, why=say(f"bots.channel_why.{choice.why}"), **values)
        if choice.account is None:
            text += "\n" + say("bots.channel_full.hint")
        account = (before.account if before else None) or channel.accounts[0]
        await tell_staff(
            tx, text, account=account, staff=(), key=f"channel:{channel.code}:{now_ms // LOOK_EVERY_MS}", now_ms=now_ms
        )


def choice_for(channel: ChannelConfig, members: Mapping[str, Member], showing: Shown | None) -> Choice | None:
    """Whom the channel should show, of the accounts as they are now (`members_now`)."""
    return choose(
        [members[account] for account in channel.accounts if account in members],
        members.values(),
        reserved=channel.reserved,
        showing=showing.account if showing else None,
        preferred=channel.personas,
        pinned=showing is not None and showing.why == BY_STAFF,
    )


async def show(tx: AsyncConnection, code: str, account: str | None, why: str, now_ms: int) -> None:
    """From now on the channel shows that account."""
    await tx.execute(insert(ChannelSwitch).values(channel=code, account=account, why=why, at_ms=now_ms))


async def shown_now(tx: AsyncConnection) -> dict[str, Shown]:
    """What each channel shows: the newest switch of each."""
    newest = select(func.max(ChannelSwitch.id)).group_by(ChannelSwitch.channel)
    rows = await tx.execute(
        select(ChannelSwitch.channel, ChannelSwitch.account, ChannelSwitch.why, ChannelSwitch.at_ms).where(
            ChannelSwitch.id.in_(newest)
        )
    )
    return {row.channel: Shown(row.account, row.why, row.at_ms) for row in rows}


async def members_now(tx: AsyncConnection, now_ms: int) -> dict[str, Member]:
    """Every account with its room, and whether it may accept somebody today."""
    accepted = await _accepted_today(tx, now_ms)
    rows = await tx.execute(select(Account.id, Account.opened_ms, Account.persona).where(Account.removed.is_(False)))
    accounts = {row.id: row for row in rows}
    members = {}
    for seen in await rooms_seen(tx):
        id, account = seen.room.account, accounts[seen.room.account]
        allowed = accepts_allowed(age_days(account.opened_ms, now_ms), seen.room.limits)
        members[id] = Member(
            account=id,
            role=seen.role,
            room=seen.room if seen.list_known else None,
            here=seen.room.accepting,
            accepts_left=accepted.get(id, 0) < allowed,
            persona=account.persona,
        )
    return members


async def _accepted_today(tx: AsyncConnection, now_ms: int) -> dict[str, int]:
    rows = await tx.execute(
        select(Delivery.account, func.count().label("number"))
        .where(Delivery.sent_ms > now_ms - DAY_MS, Delivery.sent_ms.is_not(None), Delivery.kind == Kind.ACCEPT.value)
        .group_by(Delivery.account)
    )
    return {row.account: row.number for row in rows}
