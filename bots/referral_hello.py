"""A friend request may say who brought them: their share code, or their member name."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.staff_line import tell_staff
from customers.channels.channels import ChannelConfig, channel_of
from customers.referrals.referral_words import Told, recognise
from customers.referrals.share_codes import codes_in, owner_of
from storage.tables import FriendRequest
from texts.catalogue import say

REFERRAL = "referral"
"""Code of the channel 老带新: whoever a customer brings may use the reserve, flagged in config.yaml or not."""
_SHORT = 60


async def channel_in(tx: AsyncConnection, hello: str, channels: Iterable[ChannelConfig]) -> str | None:
    """The channel a greeting speaks of: a share code that was given out is a referral, before all words."""
    if await owner_of(tx, codes_in(hello)) is not None:
        return REFERRAL
    return channel_of(hello, channels)


async def remember_referrer(
    tx: AsyncConnection, account: str, contact: str, person: int, hello: str, now_ms: int
) -> bool:
    """Register whom the greeting of a new friend names; staff hear of a name that leads to nobody. Was it one?

    The confirmation of a friendship often comes without the greeting: that of their request counts then.
    """
    if not hello:
        newest = (
            select(FriendRequest.hello)
            .where(FriendRequest.account == account, FriendRequest.contact == contact)
            .order_by(FriendRequest.id.desc())
            .limit(1)
        )
        hello = await tx.scalar(newest) or ""
    found = await recognise(tx, person, hello, by=f"hello:{account}", now_ms=now_ms) if hello else None
    if found is None:
        return False
    if found.told is Told.UNCLEAR:
        text = say("bots.referrer_unclear", account=account, name=found.name, person=person, words=hello[:_SHORT])
        await tell_staff(tx, text, account=account, staff=(), key=f"referrer:{account}:{contact}", now_ms=now_ms)
    return found.told in (Told.REGISTERED, Told.KNOWN)
