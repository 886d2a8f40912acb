"""New friends: accept, route, wait and refuse; and what follows when somebody has become one.

Everything happens in the transaction of the arrival. The count of an account is its list plus accepts under way, so
that the cap holds whatever comes late.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.acquaintances import NewFriend, befriend, kinds_of, read_remarks, standing
from bots.friend_requests import (
    RequestState,
    any_open,
    close_requests,
    is_introduced,
    is_offered,
    is_partner,
    oldest_waiting,
    put_back,
    refuse_failed,
    waiting_accounts,
    waiting_key,
)
from bots.friend_rooms import AccountRoom, accept_key, introduces, room_of, rooms_of
from bots.gateway import Friendship
from bots.referral_hello import REFERRAL, channel_in, remember_referrer
from bots.staff_line import notice, road_to_staff
from customers.channels.channels import ChannelConfig, channel_of
from customers.merging.merging import member_name_from_alias
from rules.kinds import Kind
from rules.pacing import DAY_MS
from rules.reach import Decision, Room, Route, decide_request
from rules.roles import Role
from storage.fleet_tables import Repair
from storage.outbox import Content, NewDelivery, insert_ignoring, plan
from storage.tables import Account, FriendRequest
from storage.tables import Friendship as FriendshipRow
from texts.catalogue import say

INTRODUCE_AFTER_MS = 20_000
"""The sibling's card comes after the welcome, not instead of it. Ours."""

OnConfirmed = Callable[[AsyncConnection, int, int], Awaitable[object]]
"""(tx, friendship id, now in epoch ms): somebody has become a friend: welcome them."""

Introduction = Callable[[AsyncConnection, str, str], Awaitable[Content | None]]
"""(tx, account, sibling): how to show a sibling whose name card can't be sent; None when there is no way."""


async def no_introduction(tx: AsyncConnection, account: str, sibling: str) -> Content | None:
    """Where only name cards are sent."""
    return None


class Friends:
    """What happens when somebody asks to be a friend, or has become one."""

    def __init__(
        self,
        channels: Sequence[ChannelConfig],
        on_confirmed: OnConfirmed,
        introduction: Introduction = no_introduction,
    ) -> None:
        self._channels = tuple(channels)
        self._reserved = {channel.code for channel in channels if channel.reserved} | {REFERRAL}
        self._on_confirmed = on_confirmed
        self._introduction = introduction

    async def friendship_arrived(self, tx: AsyncConnection, account: str, friendship: Friendship, now_ms: int) -> str:
        """Act upon one friendship event; harmless when it comes again. Returns the outcome in a word."""
        if friendship.kind == "receive":
            return await self._asked(tx, account, friendship, now_ms)
        if friendship.kind == "confirm":
            return await self._confirmed(tx, account, friendship, now_ms)
        return "ignored"

    async def _asked(self, tx: AsyncConnection, account: str, friendship: Friendship, now_ms: int) -> str:
        # Whom we sent ourselves came by no channel: "阿花推荐的" is no old member's word.
        sent = await is_offered(tx, account, friendship.contact)
        channel = None if sent else await channel_in(tx, friendship.hello, self._channels)
        row = {
            "account": account,
            "request": friendship.id,
            "contact": friendship.contact,
            "hello": friendship.hello,
            "scene": friendship.scene,
            "channel": channel,
            "state": RequestState.WAITING.value,
            "received_ms": now_ms,
        }
        new = await tx.scalar(insert_ignoring(tx, FriendRequest).values(row).returning(FriendRequest.id))
        if new is None:
            return "repeated"
        return await self.consider(tx, new, now_ms)

    async def consider(self, tx: AsyncConnection, id: int, now_ms: int) -> str:
        """Decide a waiting request, with the room there is now. Returns its state."""
        request = (await tx.execute(select(FriendRequest.__table__).where(FriendRequest.id == id))).one()
        mine = await room_of(tx, request.account)
        decision = await self._decide(tx, mine, request.contact, request.channel)
        if decision is None:
            state, reason = RequestState.REFUSED, "role"
        elif decision.route is Route.WAIT:
            state, reason = RequestState.WAITING, decision.reason
            await self._tell_staff(tx, mine, decision, now_ms)
        else:
            state, reason = RequestState.ACCEPTING, decision.reason
            await plan(tx, [accept_row(request.account, request.request, request.contact, now_ms)], now_ms=now_ms)
        await tx.execute(
            update(FriendRequest)
            .where(FriendRequest.id == id, FriendRequest.state == RequestState.WAITING.value)
            .values(state=state.value, reason=reason, decided_ms=now_ms)
        )
        return state.value

    async def somebody_waits(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Is there anything for `reconsider_waiting` to look at? Writes nothing."""
        return await any_open(tx)

    async def reconsider_waiting(self, tx: AsyncConnection, now_ms: int) -> int:
        """Look again at who waits, oldest first, and at accepts that came to nothing. Returns how many may come now.

        For the planner's tick, when `somebody_waits`.
        """
        await refuse_failed(tx, now_ms)
        waiting = await waiting_accounts(tx)
        accepted = 0
        for role in set(waiting.values()):
            rooms = await rooms_of(tx, role)
            for mine in rooms:
                await put_back(tx, mine.room.account, _too_many(mine, rooms), now_ms=now_ms)
            for mine in rooms:
                if waiting.get(mine.room.account) is role and _might_accept(mine, rooms):
                    for id in await oldest_waiting(tx, mine.room.account):
                        accepted += await self.consider(tx, id, now_ms) == RequestState.ACCEPTING
        return accepted

    async def _decide(
        self, tx: AsyncConnection, mine: AccountRoom, contact: str, channel: str | None
    ) -> Decision | None:
        """None: an account of that role takes no such person."""
        kind = (await kinds_of(tx, [contact])).get(contact, "customer")
        introduced = await is_offered(tx, mine.room.account, contact)
        if mine.role is Role.TRAINING and kind == "customer" and not introduced:
            introduced = await is_partner(tx, contact) or await is_introduced(tx, mine.contact, contact)
            if not introduced:
                return None
        if not mine.list_known:  # how full it is is not known yet: the first look at the list takes seconds
            return Decision(Route.WAIT, "list_unknown")
        reserve = kind != "customer" or introduced or channel in self._reserved
        if mine.room.open_below > 0:
            return decide_request(mine.room, (), may_use_reserve=reserve)
        siblings = [other.room for other in await rooms_of(tx, mine.role)]
        return decide_request(mine.room, siblings, may_use_reserve=reserve)

    async def _tell_staff(self, tx: AsyncConnection, mine: AccountRoom, decision: Decision, now_ms: int) -> None:
        """Once for an account, however many wait: the repair stands until nobody waits any more."""
        if decision.reason == "list_unknown":
            return
        account = mine.room.account
        values: dict[str, Any] = {"account": account, "friends": mine.room.friends, "sibling": decision.sibling or "-"}
        message = f"bots.friends_wait.{decision.reason}"
        repair = {
            "key": waiting_key(account),
            "account": account,
            "message": message,
            "values": values,
            "since_ms": now_ms,
        }
        if await tx.scalar(insert_ignoring(tx, Repair).values(repair).returning(Repair.key)) is None:
            return
        holder = await tx.scalar(select(Account.holder).where(Account.id == account))
        road = await road_to_staff(tx, account, holder)
        key = f"friends_wait:{account}:{now_ms // DAY_MS}"
        text = say(message, **values) + "\n" + say(f"{message}.hint", **values)
        row = notice(road, text, key, now_ms=now_ms, valid_until_ms=now_ms + DAY_MS, source="friends")
        await plan(tx, [row], now_ms=now_ms)

    async def _confirmed(self, tx: AsyncConnection, account: str, friendship: Friendship, now_ms: int) -> str:
        contact = friendship.contact
        ours, channel = await close_requests(tx, account, contact, now_ms)
        before = await standing(tx, account, contact)
        is_new = before is None or before.state != "friend"
        if is_new:
            new = NewFriend(contact, friendship.name, friendship.alias)
            origin = "event" if ours else "phone"
            await befriend(tx, account, [new], origin=origin, since_ms=now_ms, now_ms=now_ms)
            await tx.execute(
                update(Account)
                .where(Account.id == account, Account.friends_listed.is_not(None))
                .values(friends_listed=Account.friends_listed + 1)
            )
        elif before is not None and before.origin == "listed" and not ours:
            return "repeated"  # a friend from before us: an old event, told again
        friend = await standing(tx, account, contact)
        if friend is None or friend.welcomed:
            return "confirmed"
        member = member_name_from_alias(friendship.alias)
        if member is not None:
            await read_remarks(tx, account, [(friend.person, member)], now_ms)
        referred = await remember_referrer(tx, account, contact, friend.person, friendship.hello, now_ms)
        if not await is_offered(tx, account, contact):
            channel = channel or (REFERRAL if referred else channel_of(friendship.hello, self._channels))
        if channel:
            await tx.execute(
                update(FriendshipRow)
                .where(FriendshipRow.id == friend.id, FriendshipRow.channel.is_(None))
                .values(channel=channel)
            )
        await self._on_confirmed(tx, friend.id, now_ms)
        if is_new:
            await self._introduce(tx, account, contact, friend.person, channel, now_ms)
        return "confirmed"

    async def _introduce(
        self, tx: AsyncConnection, account: str, contact: str, person: int, channel: str | None, now_ms: int
    ) -> None:
        """Above the threshold a new friend also gets to know the sibling who has room."""
        mine = await room_of(tx, account)
        if mine.room.friends <= mine.room.limits.visible or contact in await kinds_of(tx, [contact]):
            return
        others = await rooms_of(tx, mine.role)
        decision = decide_request(
            mine.room, [other.room for other in others], may_use_reserve=channel in self._reserved
        )
        sibling = next((other for other in others if other.room.account == decision.sibling), None)
        if sibling is None or sibling.room.below_threshold == 0:
            return
        content = await self._card_of(tx, account, sibling)
        if content is None:
            values = {"account": account, "sibling": sibling.room.account}
            repair = {
                "key": f"introduce:{account}:{sibling.room.account}",
                "account": account,
                "message": "bots.repair_introduce",
                "values": values,
                "since_ms": now_ms,
            }
            await tx.execute(insert_ignoring(tx, Repair), [repair])
            return
        row = NewDelivery(
            kind=Kind.OFFER,
            account=account,
            to=contact,
            person=person,
            content=content,
            key=f"introduce:{account}:{contact}",
            due_ms=now_ms + INTRODUCE_AFTER_MS,
            valid_until_ms=now_ms + DAY_MS,
            source=introduces(sibling.room.account),
        )
        await plan(tx, [row], now_ms=now_ms)

    async def _card_of(self, tx: AsyncConnection, account: str, sibling: AccountRoom) -> Content | None:
        """The sibling's name card, where they are among the account's own contacts; else another way to show them."""
        if sibling.contact is not None:
            known = await standing(tx, account, sibling.contact)
            if known is not None and known.state == "friend":
                return Content(card=sibling.contact)
        return await self._introduction(tx, account, sibling.room.account)


def accept_row(account: str, request: str, contact: str, now_ms: int) -> NewDelivery:
    return NewDelivery(
        kind=Kind.ACCEPT,
        account=account,
        to=contact,
        content=Content(request=request),
        key=accept_key(account, request),
        due_ms=now_ms,
        source="friends",
    )


def _others(mine: AccountRoom, rooms: Sequence[AccountRoom]) -> list[Room]:
    return [other.room for other in rooms if other is not mine]


def _might_accept(mine: AccountRoom, rooms: Sequence[AccountRoom]) -> bool:
    """Would anybody be accepted, were they the most welcome of all?"""
    return (
        mine.list_known
        and decide_request(mine.room, _others(mine, rooms), may_use_reserve=True).route is not Route.WAIT
    )


def _too_many(mine: AccountRoom, rooms: Sequence[AccountRoom]) -> int:
    """How many accepts under way no longer fit, people having been added on the phone meanwhile."""
    room = mine.room
    over = room.friends - room.limits.friends
    if mine.listed <= room.limits.visible and any(other.below_threshold for other in _others(mine, rooms)):
        over = room.friends - room.limits.visible
    return max(0, over)
