"""The words of a push: complete for everybody before the start, rendered for one person at the claim."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.ladder import Ladder, current
from personas.book import Book
from personas.errors import TemplateRefused
from personas.model import Persona, Shop
from personas.voice import call_me, render, variables
from scheduler.campaign_state import read
from scheduler.errors import WordsIncomplete
from scheduler.push_file import PushFile, from_spec
from storage.outbox import Recipient
from storage.tables import Account
from texts.catalogue import say


class PushWording:
    """Implements `storage.outbox.Wording` for campaigns, in the voice of the persona that writes."""

    def __init__(self, book: Book, shop: Shop) -> None:
        self._book = book
        self._shop = shop
        self._pushes: dict[int, PushFile] = {}
        self._personas: dict[str, str] = {}
        self._ladder: Ladder | None = None

    async def load(self, tx: AsyncConnection, campaign: int) -> None:
        """Read the campaign's words; a campaign that was read is not read again: its words never change.

        Raises NoSuchCampaign.
        """
        if campaign in self._pushes:
            return
        row = await read(tx, campaign)
        accounts = await tx.execute(select(Account.id, Account.persona))
        self._personas.update({account.id: account.persona for account in accounts.all()})
        self._ladder = await current(tx)
        self._pushes[campaign] = from_spec(row.spec)

    def render(self, campaign: int, template: str, recipient: Recipient) -> str:
        """The words for one person. Raises TemplateRefused, ValueMissing, NoSuchPersona. After `load`."""
        push = self._pushes[campaign]
        persona = self._book.resolved(self._personas.get(recipient.account, recipient.account))
        return render(push.words[template], self._values(push, persona, recipient))

    def _values(self, push: PushFile, persona: Persona, recipient: Recipient) -> dict[str, str]:
        level = self._ladder.name_of(recipient.level) if self._ladder else recipient.level
        values = {
            "call_me": recipient.call_me or call_me(recipient.nickname, persona.voice.stranger),
            "nickname": recipient.nickname,
            "level": level,
            "me": persona.name,
            "shop": self._shop.name,
            "brand": self._shop.brand or self._shop.name,
            "contact": self._shop.contact,
            **push.variables,
        }
        if recipient.member_name is not None:
            values["member_name"] = recipient.member_name
        if push.landing is not None:
            values["landing"] = push.landing.words()
        return values


def require_words(push: PushFile, recipients: Mapping[str, tuple[int, int]]) -> None:
    """See that nobody's words lack anything.

    `recipients`: by level how many people, and how many of them have no member name. Raises WordsIncomplete with every
    name that lacks a value and how many people's words use it.
    """
    faults = _unreadable(push)
    missing: dict[str, int] = {}
    for level, (people, nameless) in sorted(recipients.items()):
        template = push.template_for(level)
        if template is None:
            faults.append(say("scheduler.fault.level", level=level, count=people))
            continue
        if faults:
            continue
        for name in push.names_missing().get(template, ()):
            missing[name] = missing.get(name, 0) + people
        if nameless and "member_name" in variables(push.words[template]):
            missing["member_name"] = missing.get("member_name", 0) + nameless
    faults += [say("scheduler.fault.variable", name=name, count=count) for name, count in sorted(missing.items())]
    if faults:
        raise WordsIncomplete(push.name, faults)


def _unreadable(push: PushFile) -> list[str]:
    faults = []
    for template, text in push.words.items():
        try:
            variables(text)
        except TemplateRefused as problem:
            faults.append(say("scheduler.fault.template", template=template, error=problem.message))
    return faults
