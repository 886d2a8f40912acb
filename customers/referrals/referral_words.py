"""What a new friend writes about who brought them: a share code, a member name, or only "a friend"."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import ReferralRefused
from customers.referrals.referrals import referral_of, register
from customers.referrals.share_codes import codes_in, owner_of
from storage.tables import Person

LONGEST = 200
"""Characters that are looked at: whoever names a friend does it in a sentence."""
_ENDS = r"(?=$|[,，。.!！~～、;；\s]|啦|呀|哦|哈|吧|呢)"
_BROUGHT = re.compile(
    r"是\s?(?P<name>[^\s,，。.!！?？:：]{1,20}?)(?:给我)?(?:推荐|介绍|安利)(?:我)?(?:来|过来|加|加你|认识)?的" + _ENDS
)
_NAMED = re.compile(r"(?:推荐人|介绍人|邀请人)(?:是|:)?\s*(?P<name>[^\s,，。.!！?？:：]{1,30})" + _ENDS)
_NOBODY = re.compile(
    r"^(?:你|您|他|她|店|朋友|同事|闺蜜|姐妹|别人|人家|老板|客服|主播|淘宝|抖音|小红书|直播间?|平台|系统|谁)"
)


class Told(StrEnum):
    """What came of it."""

    REGISTERED = "registered"
    KNOWN = "known"
    """The same as they, or staff, said before."""
    REFUSED = "refused"
    UNCLEAR = "unclear"
    """They name somebody whom that does not lead to: a person asks, nobody guesses by a nickname."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """`reason`: of ReferralRefused; `name`: as they wrote it."""

    told: Told
    reason: str = ""
    name: str = ""


def name_in(text: str) -> str | None:
    """Whom they name as having brought them, as in 我是小美推荐的; None when they name nobody."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST])
    found = _NAMED.search(plain) or _BROUGHT.search(plain)
    return None if found is None or _NOBODY.match(found["name"]) else found["name"]


async def recognise(tx: AsyncConnection, person: int, text: str, *, by: str, now_ms: int) -> Recognised | None:
    """Register whom `text` names as having brought `person`; None when it speaks of nothing of the kind.

    By a share code that was given out, else by the shop's member name, whole.
    """
    codes, name = codes_in(text[:LONGEST]), name_in(text)
    owner = await owner_of(tx, codes)
    if owner is not None:
        evidence, referrer = f"code:{owner[0]}", owner[1]
    elif name is None:
        return None
    else:
        member = await tx.scalar(select(func.coalesce(Person.merged_into, Person.id)).where(Person.member_name == name))
        if member is None:
            # Staff may have registered it meanwhile: then nobody need be asked.
            known = await referral_of(tx, person) is not None
            return Recognised(Told.KNOWN if known else Told.UNCLEAR, name=name)
        evidence, referrer = f"member:{name}", member
    before = await referral_of(tx, person)
    try:
        id = await register(tx, person, referrer, evidence=evidence, by=by, now_ms=now_ms)
    except ReferralRefused as refused:
        return Recognised(Told.REFUSED, refused.reason, name or "")
    return Recognised(Told.KNOWN if id == before else Told.REGISTERED, name=name or "")
