"""Who a customer is: everybody whom the words may mean, and of the one who is meant the whole page."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from customers.finding.people import FoundPerson, find, meant
from customers.profiles.profile_fields import one_line
from customers.profiles.profile_view import ProfileView, profile_view
from customers.profiles.profile_words import document, page
from operations.asking import Asked, Reply
from operations.errors import CannotBeUsed
from operations.finding import as_json, called, level_words, nobody, own
from operations.requests.people import Customer
from operations.requests.request import Door
from operations.who_has_them import Now, who_has_them
from texts.catalogue import say
from texts.punctuation import listed

_CUSTOMERS_SHOWN = 8
_LINES_IN_CHAT = 3
"""Of notes, wishes and changes: a chat is read on a phone."""


async def customer(tx: AsyncConnection, asked: Asked[Customer], zone: str) -> Reply:
    """One who is surely meant, whole; else the best few by number. Raises NotFound, CannotBeUsed, NotAllowed."""
    words = asked.request.who
    if not words:
        raise CannotBeUsed(say("operations.which_person"), hint=say("operations.which_person.hint"))
    found = await find(tx, words)
    if not found:
        raise await nobody(tx, words)
    found = own(asked.staff, found, words)
    ids = {person.id for person in found}
    surely = found if len(found) == 1 else [person for person in await meant(tx, words) if person.id in ids]
    if len(surely) == 1:
        return await _whole(tx, asked, surely[0], len(found) - 1, zone)
    lines = [customer_line(person) for person in found[:_CUSTOMERS_SHOWN]]
    if len(found) > _CUSTOMERS_SHOWN:
        lines.append(say("operations.customer.more", number=len(found) - _CUSTOMERS_SHOWN))
    if asked.door is Door.CHAT:
        lines.append(say("operations.customer.pick", first=found[0].id))
    return Reply(True, "\n".join(lines), data={"customers": [as_json(person) for person in found]})


async def _whole(tx: AsyncConnection, asked: Asked[Customer], person: FoundPerson, others: int, zone: str) -> Reply:
    view = await profile_view(tx, person.id, _LINES_IN_CHAT)
    now = await who_has_them(tx, person.id, asked.now_ms)
    text = page_of(person, view, now.lines(zone, asked.now_ms), zone)
    if others:
        text += "\n" + say("operations.customer.alike", number=others)
    return Reply(True, text, data={"customers": [document_of(person, view, now)]})


def page_of(person: FoundPerson, view: ProfileView, now: Iterable[str], zone: str, *, whole: bool = False) -> str:
    """As the list says it, who has them `now`, and below all that is known. `whole`: phones and receivers unmasked."""
    below = page(view, zone, whole=whole)
    return below if view.erased else "\n".join([customer_line(person), *now, below])


def document_of(person: FoundPerson, view: ProfileView, now: Now, *, whole: bool = False) -> dict[str, Any]:
    """The document of `wxfleet customers show --json`: that of `find`, and more."""
    return as_json(person) | document(view, whole=whole) | {"now": now.as_json()}


def customer_line(person: FoundPerson) -> str:
    """One customer in one line, with the number by which they are named."""
    accounts = listed(sorted({known.account for known in person.friendships}))
    member = person.member_name
    return say(
        "operations.customer",
        id=person.id,
        who=f"{one_line(called(person))} {level_words(person)}",
        member=say("operations.customer.member", member=one_line(member)) if member else "",
        orders=person.orders,
        paid=f"{person.net_paid_fen / 100:.2f}",
        accounts=say("operations.customer.accounts", accounts=accounts) if accounts else "",
        wish=say("operations.customer.opted_out") if person.opted_out else "",
    )
