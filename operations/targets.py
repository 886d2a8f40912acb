"""Whom and what a request is about: who looks after some accounts only acts on these and on their friends.

One table for every door. A field of a request is looked up by its name, or by verb and name; a test holds that every
field of every request stands here, so a new one can't be forgotten.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.finding.people import FoundPerson, meant, shown
from customers.merging.merging import survivor
from customers.referrals.referrals import referral_of
from operations.campaigning import ALL
from operations.errors import NotAllowed
from operations.finding import own
from operations.permissions import Staff, require_account
from operations.repairs import account_of_seen
from operations.requests.request import Request, Verb
from scheduler.moments.materials import MaterialRow, Source, found
from storage.campaign_tables import BenefitGiven
from storage.customer_tables import Referral
from storage.order_tables import Merge
from storage.pond_tables import Pond
from storage.tables import Account, Friendship
from storage.task_tables import Task
from texts.catalogue import say


class Target(StrEnum):
    """What a field of a request names."""

    ACCOUNT = "account"
    """The id of an account; a word that is none is of no account."""
    CUSTOMER = "customer"
    """Words that staff mean a customer by."""
    ASKED = "asked"
    """A customer whom a campaign asked; or all of them, of whom `campaigning` takes those of their accounts."""
    ENTRY = "entry"
    """The number of somebody's entry; as words only where it is written `#17`, and somebody knows them."""
    BROUGHT = "brought"
    """A customer whom another one brought: whoever looks after either of the two may say that the thanks were given."""
    MERGES = "merges"
    """Numbers of merges."""
    LEDGER_LINE = "ledger_line"
    """A line of the ledger of benefits."""
    MATERIAL = "material"
    """Numbers of the photo library."""
    TASK = "task"
    """What is to be done on a phone, or was to be looked at there; whose phone it is may tick it off as well."""
    POND = "pond"
    NOBODYS = "nobodys"
    """Of no account and no customer, or of all of them: the right to the verb is enough."""


_BY_NAME: Mapping[str, Target] = {
    "account": Target.ACCOUNT, "who": Target.CUSTOMER, "person": Target.ENTRY, "pond": Target.POND,
    "materials": Target.MATERIAL,
} | dict.fromkeys(
    (
        # the shop's: pushes and campaigns go to whom the audience says, by the account that knows them best
        "push", "campaign", "benefit", "pool", "channel", "batch", "sequence", "code", "fingerprint", "levels",
        # whom else: a member of the staff, a room
        "to", "room",
        # how and how much of it
        "act", "add", "remove", "fields", "amount_fen", "at_ms", "until_ms", "shown_ms", "came", "cost_fen", "day",
        "days", "first", "ending", "file", "files", "kind", "level", "media", "mine", "name", "note", "occasion",
        "overwrite", "page", "period", "phones", "public", "reason", "replace", "role", "shown", "stopped", "sure",
        "text", "topic", "units", "what",
    ),
    Target.NOBODYS,
)  # fmt: skip
_BY_VERB: Mapping[tuple[Verb, str], Target] = {
    (Verb.PAUSE, "target"): Target.ACCOUNT,
    (Verb.CONTINUE, "target"): Target.ACCOUNT,
    (Verb.DOUBT, "what"): Target.ACCOUNT,
    (Verb.RESOLVE_DOUBT, "what"): Target.ACCOUNT,
    (Verb.RESOLVE_DOUBT, "ids"): Target.NOBODYS,  # `doubting` leaves out those at others' accounts
    (Verb.STAFF_ROOM, "account"): Target.NOBODYS,  # which account heard it
    (Verb.OPTOUT, "who"): Target.NOBODYS,  # a wish to be left alone is kept by whoever hears it
    (Verb.MUTE, "who"): Target.NOBODYS,
    (Verb.REFER, "old"): Target.NOBODYS,  # who brings a friend may be at any account; only the new one is changed
    (Verb.CAME, "who"): Target.ASKED,
    (Verb.DELIVER, "who"): Target.BROUGHT,
    (Verb.BIND, "what"): Target.ENTRY,
    (Verb.UNMERGE, "numbers"): Target.MERGES,
    (Verb.UNDO_BENEFIT, "line"): Target.LEDGER_LINE,
    (Verb.MATERIAL, "number"): Target.MATERIAL,
    (Verb.DONE, "which"): Target.TASK,
}  # fmt: skip


def target_of(verb: Verb, field: str) -> Target:
    """What that field of the request names. Raises KeyError for one that the table does not know."""
    return _BY_VERB.get((verb, field)) or _BY_NAME[field]


async def require_own(tx: AsyncConnection, staff: Staff, request: Request) -> None:
    """Raises NotAllowed where the request is about an account or a customer of others only.

    What names nothing that is there is let through: the act says so.
    """
    if not staff.narrow:
        return
    for field in fields(request):
        check, value = _CHECKS.get(target_of(request.verb, field.name)), getattr(request, field.name)
        if check is not None and value:
            await check(tx, staff, value)


async def own_materials(tx: AsyncConnection, staff: Staff, rows: Sequence[MaterialRow]) -> list[MaterialRow]:
    """Those that came by an account of theirs, show a customer of theirs, or are the shop's own."""
    if not staff.narrow:
        return list(rows)
    people = [row.person for row in rows if row.person is not None]
    friends = select(Friendship.person).where(Friendship.account.in_(staff.accounts), Friendship.person.in_(people))
    mine = set((await tx.scalars(friends)).all())
    return [row for row in rows if _is_shops(row) or row.account in staff.accounts or row.person in mine]


def _is_shops(row: MaterialRow) -> bool:
    return row.person is None and (row.source is Source.STAFF or row.account is None)


async def _account(tx: AsyncConnection, staff: Staff, word: str) -> None:
    if await tx.scalar(select(Account.id).where(Account.id == word)) is not None:
        require_account(staff, word)


async def _customer(tx: AsyncConnection, staff: Staff, word: str) -> None:
    own(staff, await meant(tx, word), word)


async def _asked(tx: AsyncConnection, staff: Staff, word: str) -> None:
    if word.casefold() not in ALL:
        await _customer(tx, staff, word)


async def _entry(tx: AsyncConnection, staff: Staff, value: int | str) -> None:
    if isinstance(value, str):
        people = await meant(tx, value) if value.strip().startswith("#") else []
        known = [person for person in people if person.friendships]  # whom no account knows is nobody's
        own(staff, known, value)
    else:
        own(staff, await shown(tx, [await survivor(tx, value)]), f"#{value}")


async def _brought(tx: AsyncConnection, staff: Staff, word: str) -> None:
    people: list[FoundPerson] = await meant(tx, word)
    referrals = [referral for person in people if (referral := await referral_of(tx, person.id)) is not None]
    brought_by = await tx.scalars(select(Referral.referrer).where(Referral.id.in_(referrals)))
    old = await shown(tx, set(brought_by.all()))
    own(staff, [*people, *old], word)


async def _merges(tx: AsyncConnection, staff: Staff, numbers: Sequence[int]) -> None:
    for number in numbers:
        merged = (await tx.execute(select(Merge.kept, Merge.gone).where(Merge.id == number))).one_or_none()
        if merged is not None:
            own(staff, await shown(tx, {await survivor(tx, merged.kept), await survivor(tx, merged.gone)}), f"{number}")


async def _ledger_line(tx: AsyncConnection, staff: Staff, line: int) -> None:
    person = await tx.scalar(select(BenefitGiven.person).where(BenefitGiven.id == line))
    if person is not None:
        await _entry(tx, staff, person)


async def _material(tx: AsyncConnection, staff: Staff, numbers: int | Sequence[int]) -> None:
    rows = list((await found(tx, [numbers] if isinstance(numbers, int) else numbers)).values())
    mine = {row.id for row in await own_materials(tx, staff, rows)}
    others = [row.id for row in rows if row.id not in mine]
    if others:
        raise NotAllowed(
            say("operations.not_your_material", number=others[0]), hint=say("operations.not_your_account.hint")
        )


async def _task(tx: AsyncConnection, staff: Staff, which: str) -> None:
    account = await account_of_seen(tx, which)
    if account is not None:
        require_account(staff, account)
    number = int(which) if which.isascii() and which.isdigit() and len(which) <= _LONGEST_NUMBER else 0
    named = or_(Task.id == number, Task.account == which.strip().lower(), Task.package == which.strip())
    tasks = select(Task.account).where(named, Task.state == "open", Task.holder != staff.id).distinct()
    for account in (await tx.scalars(tasks)).all():
        require_account(staff, account)


async def _pond(tx: AsyncConnection, staff: Staff, word: str) -> None:
    for account in (await tx.scalars(select(Pond.account).where(or_(Pond.name == word, Pond.title == word)))).all():
        require_account(staff, account)


_LONGEST_NUMBER = 18
"""Digits: a database refuses a larger one."""

_CHECKS: Mapping[Target, Callable[[AsyncConnection, Staff, Any], Awaitable[None]]] = {
    Target.ACCOUNT: _account,
    Target.CUSTOMER: _customer,
    Target.ASKED: _asked,
    Target.ENTRY: _entry,
    Target.BROUGHT: _brought,
    Target.MERGES: _merges,
    Target.LEDGER_LINE: _ledger_line,
    Target.MATERIAL: _material,
    Target.TASK: _task,
    Target.POND: _pond,
}
