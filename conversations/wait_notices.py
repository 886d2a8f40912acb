"""What staff are told about customers who wait: at once, as a reminder, and when nobody answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.staff_line import tell_staff
from conversations.duty import Member
from conversations.who_waits import Waiting
from storage.ahead import looked_up
from storage.staff_tables import StaffMember
from storage.statements import ready
from texts.catalogue import say

_LISTED = 8


_NAME = ready(select(StaffMember.name).where(StaffMember.id == bindparam("staff")))


class Word(StrEnum):
    TOLD = "told"
    REMINDER = "reminder"
    ESCALATION = "escalation"


@dataclass(frozen=True, slots=True)
class Notice:
    """About `waiting`, best first, to `member` (None: nobody is on duty). `key`: it is said once."""

    word: Word
    waiting: Sequence[Waiting]
    member: Member | None
    key: str


async def tell(tx: AsyncConnection, notice: Notice, *, holder: str | None, zone: str, now_ms: int) -> None:
    """Plan it: to the staff room, by name, or to the member; to `holder` where nobody is on duty."""
    staff = [notice.member.id if notice.member else None, holder]
    account = notice.waiting[0].account
    text = words_of_notice(notice, zone, now_ms, phone_with=await _phone_with(tx, notice.member, holder))
    await tell_staff(tx, text, account=account, staff=staff, key=notice.key, now_ms=now_ms)


async def _phone_with(tx: AsyncConnection, member: Member | None, holder: str | None) -> str:
    """Who has the phone on which `member` is to answer; '' when they have it themselves, or nobody is named."""
    if member is None or member.holder or holder is None:
        return ""
    return await looked_up(tx, _name_of, holder)


async def _name_of(tx: AsyncConnection, staff: str) -> str:
    rows = await _NAME.rows(tx, staff=staff)
    return str(rows[0][0]) if rows else ""


def words_of_notice(notice: Notice, zone: str, now_ms: int, *, phone_with: str = "") -> str:
    """For one customer: who, and what. For several a list. `phone_with`: a colleague who has the phone."""
    to = _to(notice.member)
    if len(notice.waiting) > 1:
        return _list(notice, to, zone, now_ms)
    [one] = notice.waiting
    head = say(
        f"conversations.wait.{notice.word}", to=to, account=one.account, waited=one.waited(now_ms),
        gold=say("conversations.wait.gold") if one.gold else "",
        staff=one.staff_name or say("conversations.wait.nobody"),
    )  # fmt: skip
    mend = say("conversations.wait.phone_with", name=phone_with) if phone_with else ""
    mend += say("conversations.wait.mend", account=one.account, person=one.person)
    if not one.name:
        mend += say("conversations.wait.mend.nameless", person=one.person)
    return "\n".join([head, one.portrait(zone), one.matter(), mend])


def _list(notice: Notice, to: str, zone: str, now_ms: int) -> str:
    lines = [say(f"conversations.wait.{notice.word}.many", to=to, number=len(notice.waiting))]
    reader = notice.member.id if notice.member else None
    lines += listed(notice.waiting[:_LISTED], zone, now_ms, reader=reader)
    if len(notice.waiting) > _LISTED:
        lines.append(say("conversations.wait.more", number=len(notice.waiting) - _LISTED))
    lines.append(say("conversations.wait.mend.many", person=notice.waiting[0].person))
    return "\n".join(lines)


def listed(waiting: Sequence[Waiting], zone: str, now_ms: int, *, reader: str | None) -> list[str]:
    """Two lines for each, and whose they are where that is not `reader` (a staff id)."""
    return [
        say(
            "conversations.wait.one", portrait=one.portrait(zone), account=one.account, waited=one.waited(now_ms),
            matter=one.matter(), person=one.person,
            staff=say("conversations.wait.of", name=one.staff_name) if one.staff_name and one.staff != reader else "",
        )
        for one in waiting
    ]  # fmt: skip


def _to(member: Member | None) -> str:
    if member is None:
        return say("conversations.wait.nobody_there")
    return say("conversations.wait.to", name=member.name)
