"""Rights (权限): which role of the staff may ask for what, and what must be confirmed."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.errors import NotAllowed, NotStaff
from operations.requests.fleet import AccountFriends
from operations.requests.request import Request, Verb
from operations.staff import StaffRole
from storage.staff_tables import StaffMember
from texts.catalogue import say

_LOOKING = frozenset(
    {
        Verb.HELP, Verb.STATUS, Verb.TODAY, Verb.REPORT, Verb.ACCOUNTS, Verb.CUSTOMER, Verb.WHY, Verb.TASKS,
        Verb.PREVIEW, Verb.PREVIEW_MOMENTS,
        Verb.DOUBT,
    }
)  # fmt: skip
_SERVING = _LOOKING | {
    Verb.DONE, Verb.TAKEOVER, Verb.RELEASE, Verb.OPTOUT, Verb.MUTE, Verb.STOP_ALL, Verb.LOGIN, Verb.UNDO,
    Verb.BIND, Verb.PROFILE, Verb.TAG, Verb.NOTE, Verb.MATERIAL, Verb.LESSON,
    Verb.REFER, Verb.DELIVER, Verb.VIP, Verb.CAME,
}  # fmt: skip
_OPERATING = _SERVING | {
    Verb.MOMENT, Verb.GIVE, Verb.DRAW,
    Verb.LOSE_ACCOUNT, Verb.FIND_ACCOUNT, Verb.ACCOUNT_FRIENDS,
    Verb.TRY_PUSH,
    Verb.PAUSE, Verb.RESUME, Verb.PUSH, Verb.CONTINUE, Verb.CANCEL, Verb.CONFIRM, Verb.RESUME_ALL, Verb.RESOLVE_DOUBT,
    Verb.UNMERGE, Verb.EXPORT, Verb.ERASE, Verb.REVEAL, Verb.IMPORT_ORDERS, Verb.IMPORT_CUSTOMERS, Verb.UNDO_IMPORT,
    Verb.IMPORT_COUPONS, Verb.SHOW_COUPONS, Verb.GIVE_BENEFIT, Verb.UNDO_BENEFIT,
    Verb.CHANNEL_COST, Verb.SWITCH_CHANNEL, Verb.BIND_POND, Verb.POND_POST,
}  # fmt: skip

ALLOWED: Mapping[StaffRole, frozenset[Verb]] = {
    StaffRole.VIEWER: _LOOKING,
    StaffRole.SERVICE: _SERVING,
    StaffRole.OPERATOR: _OPERATING,
    StaffRole.OWNER: frozenset(Verb),
}
"""The whole of it. Whoever talks to customers may stop everything: an emergency waits for nobody."""

TERMINAL_ONLY = frozenset({
    Verb.EXPORT, Verb.ERASE, Verb.REVEAL, Verb.IMPORT_ORDERS, Verb.IMPORT_CUSTOMERS, Verb.UNDO_IMPORT,
    Verb.IMPORT_COUPONS, Verb.SHOW_COUPONS, Verb.GIVE_BENEFIT, Verb.UNDO_BENEFIT,
    Verb.CHANNEL_COST, Verb.SWITCH_CHANNEL, Verb.BIND_POND, Verb.POND_POST, Verb.ACCOUNT_FRIENDS,
})  # fmt: skip
"""Not by chat: files of the machine, a whole phone number that all in a room would read, or work that takes as long as
the tables are large. See `long_acts`."""

CONFIRMED = frozenset({
    Verb.MOMENT, Verb.PUSH, Verb.OVERRIDE, Verb.DRAW, Verb.CONTINUE, Verb.RESUME_ALL, Verb.RESOLVE_DOUBT,
    Verb.LOSE_ACCOUNT,
})  # fmt: skip
"""Level 2: shows what it would do and waits for a code."""


@dataclass(frozen=True, slots=True)
class Staff:
    """Who asks. `accounts`: those they look after; empty is all."""

    id: str
    name: str
    role: StaffRole
    accounts: frozenset[str]

    def may(self, verb: Verb) -> bool:
        return verb in ALLOWED[self.role]

    @property
    def narrow(self) -> bool:
        """Do they look after some accounts only?"""
        return self.role is not StaffRole.OWNER and bool(self.accounts)

    def looks_after(self, account: str) -> bool:
        """An owner looks after everything, whatever accounts stand beside the name."""
        return not self.narrow or account in self.accounts


async def staff_member(tx: AsyncConnection, staff: str) -> Staff:
    """The staff member with that id. Raises NotStaff."""
    row = (
        await tx.execute(
            select(StaffMember.name, StaffMember.role, StaffMember.accounts).where(
                StaffMember.id == staff, StaffMember.removed.is_(False)
            )
        )
    ).one_or_none()
    if row is None:
        raise NotStaff(say("operations.not_staff", id=staff), hint=say("operations.not_staff.hint"))
    return Staff(staff, row.name, StaffRole(row.role), frozenset(row.accounts))


def require(staff: Staff, verb: Verb) -> None:
    """Raises NotAllowed when the role has no right to `verb`."""
    if not staff.may(verb):
        role = say(f"operations.role.{staff.role.value}")
        raise NotAllowed(say("operations.not_allowed", role=role), hint=say("operations.not_allowed.hint"))


def require_account(staff: Staff, account: str) -> None:
    """Raises NotAllowed when `account` is looked after by others."""
    if not staff.looks_after(account):
        raise NotAllowed(
            say("operations.not_your_account", account=account), hint=say("operations.not_your_account.hint")
        )


def require_all(staff: Staff, request: Request) -> None:
    """Raises NotAllowed unless they have every right that `request` takes: to the verb, to whole phones."""
    require(staff, request.verb)
    if isinstance(request, AccountFriends) and request.phones:
        require(staff, Verb.REVEAL)


async def others_who_may(tx: AsyncConnection, staff: Staff, verb: Verb) -> bool:
    """Is there a second person who could confirm `verb`?"""
    roles = [role.value for role, verbs in ALLOWED.items() if verb in verbs]
    found = await tx.scalar(
        select(StaffMember.id)
        .where(StaffMember.id != staff.id, StaffMember.role.in_(roles), StaffMember.removed.is_(False))
        .limit(1)
    )
    return found is not None
