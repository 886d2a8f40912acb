"""What staff mean by a word: an account, a customer, a push. One, or a sentence that says why not."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.finding.people import MOST_FOUND, FoundPerson, meant
from customers.merging.unmatched import unmatched
from operations.errors import CannotBeUsed, NotAllowed, NotFound, Refused
from operations.permissions import Staff
from storage.campaign_tables import Campaign
from storage.tables import Account
from texts.catalogue import say
from texts.nearest import nearest
from texts.punctuation import aside, listed

_SHOWN = 5
_LISTED = 20


async def account_named(tx: AsyncConnection, word: str) -> str:
    """The id of the account. Raises NotFound with the nearest one."""
    ids = (await tx.scalars(select(Account.id).where(Account.removed.is_(False)).order_by(Account.id))).all()
    if word in ids:
        return word
    if not word:
        raise CannotBeUsed(say("operations.which_account"), hint=choices(ids, "operations.no_accounts"))
    near = nearest(word, ids)
    hint = say("operations.meant", near=near) if near else choices(ids, "operations.no_accounts")
    raise NotFound(say("operations.no_account", account=word), hint=hint)


def choices(names: Sequence[str], none: str) -> str:
    """A hint that lists what there is; where there is nothing, what `none` of the catalogue says."""
    if not names:
        return say(none)
    more = " …" if len(names) > _LISTED else ""
    return say("operations.choices", choices=say("texts.comma").join(names[:_LISTED]) + more)


_FRIEND = "friend"
"""The level of who has not bought; domain: 朋友."""


async def is_account(tx: AsyncConnection, word: str) -> bool:
    """Is `word` the id of an account of the configuration?"""
    found = await tx.scalar(select(Account.id).where(Account.id == word, Account.removed.is_(False)))
    return found is not None


async def person_named(tx: AsyncConnection, word: str, *, among: Collection[int] = ()) -> FoundPerson:
    """The one customer that `word` means. Raises NotFound, or CannotBeUsed with the choices when there are several.

    `among`: where there is somebody of these, nobody else is listed.
    """
    if not word:
        raise CannotBeUsed(say("operations.which_person"), hint=say("operations.which_person.hint"))
    found = await meant(tx, word)
    found = [person for person in found if person.id in among] or found
    if not found:
        raise await nobody(tx, word)
    if len(found) > 1:
        lines = "\n".join(f"#{person.id}  {described(person)}" for person in found[:_SHOWN])
        key, number = "operations.several_people", str(len(found)) + ("+" if len(found) == MOST_FOUND else "")
        if len(found) > _SHOWN:
            key += ".more"
        raise CannotBeUsed(
            say(key, who=word, number=number, shown=_SHOWN, people=lines),
            hint=say(f"{key}.hint", who=word, first=found[0].id),
        )
    return found[0]


async def own_customer(tx: AsyncConnection, staff: Staff, word: str) -> FoundPerson:
    """As `person_named`, among the customers of the accounts that `staff` looks after.

    Raises NotAllowed, too, where only others know anybody whom `word` means.
    """
    if not staff.narrow or not word:
        return await person_named(tx, word)
    mine = own(staff, await meant(tx, word), word)
    return await person_named(tx, word, among=[person.id for person in mine])


def own(staff: Staff, found: list[FoundPerson], word: str) -> list[FoundPerson]:
    """Those of `found` who are friends of an account that `staff` looks after. Raises NotAllowed for none of some."""
    mine = [person for person in found if any(staff.looks_after(known.account) for known in person.friendships)]
    if staff.narrow and found and not mine:
        accounts = say("texts.comma").join(sorted(staff.accounts))
        raise NotAllowed(
            say("operations.not_your_customer", who=word),
            hint=say("operations.not_your_customer.hint", accounts=accounts),
        )
    return mine if staff.narrow else found


async def nobody(tx: AsyncConnection, word: str) -> NotFound:
    """No customer is meant by `word`. Perhaps there are orders of whom nobody knows who it is: what to do then."""
    orders = await unmatched(tx, word)
    if orders is None:
        return NotFound(say("operations.no_person", who=word), hint=say("operations.no_person.hint"))
    return NotFound(
        say("operations.unmatched", who=word, orders=orders.orders, member=orders.member_name),
        hint=say("operations.unmatched.hint", binds=orders.binds),
    )


def as_json(person: FoundPerson) -> dict[str, Any]:
    """One entry of `customers find --json`."""
    return {
        "id": person.id, "name": person.name, "call_me": person.call_me, "member_name": person.member_name,
        "level": person.level, "tier": person.tier, "orders": person.orders, "net_paid": person.net_paid_fen / 100,
        "friendships": [{"account": known.account, "contact": known.contact} for known in person.friendships],
        "opted_out": person.opted_out,
    }  # fmt: skip


def called(person: FoundPerson) -> str:
    """What to call a customer among staff."""
    return person.call_me or person.name or f"#{person.id}"


def described(person: FoundPerson) -> str:
    """A customer in a list: name, level, and who knows them."""
    accounts = listed(sorted({known.account for known in person.friendships}))
    level = level_words(person)
    return called(person) + aside(say("operations.described", level=level, accounts=accounts) if accounts else level)


def level_words(person: FoundPerson) -> str:
    """What their level is called in a list: as in ladder.yaml, and plainly for whoever has not bought."""
    return say("operations.level.friend") if person.level == _FRIEND else person.level_name or person.level


async def is_open_campaign(tx: AsyncConnection, word: str) -> bool:
    """Is `word` the id, name or title of a push that is not over?"""
    return bool(word) and any(word in (str(row.id), row.name, row.title) for row in await _open_campaigns(tx))


async def campaign_named(tx: AsyncConnection, word: str) -> tuple[int, str]:
    """(id, title) of the open push with that id, or else that name or title; without a word, the only open one.

    Raises Refused when it is over already, CannotBeUsed when several may be meant, NotFound.
    """
    open_ones = await _open_campaigns(tx)
    whole = [row for row in open_ones if row.parent is None]  # a phase is meant only by its own name
    named = [row for row in open_ones if word in (row.name, row.title)] if word else whole
    # A name may be a number, too; an id is only its own.
    meant = [row for row in open_ones if str(row.id) == word.removeprefix("#")] or named
    if not meant:
        await _refuse_if_over(tx, word)
        raise NotFound(say("operations.no_open_push"), hint=say("operations.no_open_push.hint"))
    if len(meant) > 1:
        names = [f"{row.id} {row.title}" for row in meant]
        raise CannotBeUsed(say("operations.which_push"), hint=choices(names, "operations.no_pushes"))
    return meant[0].id, meant[0].title


async def stopped_campaign(tx: AsyncConnection, word: str) -> tuple[int, str]:
    """As `campaign_named`, of those that are stopped, or one of whose phases is. Raises Refused where it is not."""
    query = select(Campaign.id, Campaign.parent).where(Campaign.state.in_(("holding", "paused")))
    rows = (await tx.execute(query)).all()
    whole = {row.parent or row.id for row in rows}
    if not word and not whole:
        raise NotFound(say("operations.push.none_stopped"), hint=say("operations.push.none_stopped.hint"))
    campaign, title = await campaign_named(tx, str(min(whole)) if not word and len(whole) == 1 else word)
    if campaign not in whole | {row.id for row in rows}:
        raise Refused(
            say("operations.push.not_stopped", title=title, id=campaign), hint=say("operations.push.none_stopped.hint")
        )
    return campaign, title


async def _refuse_if_over(tx: AsyncConnection, word: str) -> None:
    rows = (await tx.execute(select(Campaign.__table__).order_by(Campaign.id.desc()))).all()
    over = next((row for row in rows if word in (str(row.id), row.name, row.title)), None)
    if over is not None:
        raise Refused(
            say(f"operations.push.over.{over.state}", title=over.title, id=over.id),
            hint=say("operations.push.over.hint", name=over.name),
        )


async def _open_campaigns(tx: AsyncConnection) -> Sequence[Row[Any]]:
    """The newest first."""
    statement = (
        select(Campaign.__table__).where(Campaign.state.not_in(("finished", "cancelled"))).order_by(Campaign.id.desc())
    )
    return (await tx.execute(statement)).all()
