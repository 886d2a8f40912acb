"""The words of a push: complete for everybody before the start, rendered for one person at the claim."""

from collections import Counter

from sqlalchemy import ColumnElement, Subquery, Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.standing.ladder import Ladder, current
from personas.book import Book
from personas.errors import TemplateRefused
from personas.model import Persona, Shop
from personas.voice import call_me, render, variables
from scheduler.campaign_state import read
from scheduler.pushes.head_count import Tally
from scheduler.pushes.push_file import PushFile, from_spec
from storage.outbox import Recipient
from storage.tables import Account, Person
from texts.catalogue import say

_EXAMPLES = 5
"""So many people are named who lack something. Ours."""


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
        await self.load_accounts(tx)
        self._pushes[campaign] = from_spec(row.spec)

    async def load_accounts(self, tx: AsyncConnection) -> None:
        """Which persona each account plays, and how the levels are called."""
        accounts = await tx.execute(select(Account.id, Account.persona))
        self._personas.update({account.id: account.persona for account in accounts.all()})
        self._ladder = await current(tx)

    def render(self, campaign: int, template: str, recipient: Recipient) -> str:
        """The words for one person. Raises TemplateRefused, ValueMissing, NoSuchPersona. After `load`."""
        return self.words(self._pushes[campaign], template, recipient)

    def words(self, push: PushFile, template: str, recipient: Recipient) -> str:
        """The words of any push for one person. Raises as `render`. After `load_accounts`."""
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
            **{name: value for name, value in push.variables.items() if isinstance(value, str)},
            **recipient.values,
        }
        if recipient.member_name is not None:
            values["member_name"] = recipient.member_name
        if push.landing is not None:
            words = push.landing.words()
            values["landing"] = render(words, recipient.values) if "{{" in words else words
        return values


async def faults_of(tx: AsyncConnection, push: PushFile, seen: Tally, everybody: Subquery) -> list[str]:
    """What keeps somebody's words from being complete: each name that lacks a value, how many people's words use it,
    and who some of them are where they lack their own. Nothing when all is well.
    """
    faults = _unreadable(push)
    missing: Counter[str] = Counter()
    for level, people in sorted(seen.levels.items()):
        template = push.template_for(level)
        if template is None:
            faults.append(say("scheduler.fault.level", level=level, count=people))
        elif not faults:
            missing.update(dict.fromkeys(push.names_missing().get(template, ()), people))
            for name in variables(push.words[template]):
                missing[name] += seen.lacking.get((level, name), 0)
    for name, count in sorted(missing.items()):
        if not count:
            continue
        column = everybody.c.get(f"own_{name}", everybody.c.member_name if name == "member_name" else None)
        if column is None:
            faults.append(say("scheduler.fault.variable", name=name, count=count))
        else:
            who = say("texts.comma").join(await _some_without(tx, everybody, column))
            faults.append(say("scheduler.fault.own", name=name, count=count, who=who))
    return faults


async def _some_without(tx: AsyncConnection, everybody: Subquery, column: ColumnElement[str]) -> list[str]:
    nameless = func.coalesce(func.nullif(Person.call_me, ""), func.nullif(Person.name, ""), cast(Person.id, Text))
    query = (
        select(nameless)
        .join(everybody, everybody.c.person == Person.id)
        .where(everybody.c.reason.is_(None), column.is_(None))
        .order_by(Person.id)
        .limit(_EXAMPLES)
    )
    return list((await tx.execute(query)).scalars().all())


def _unreadable(push: PushFile) -> list[str]:
    faults = []
    for template, text in push.words.items():
        try:
            variables(text)
        except TemplateRefused as problem:
            faults.append(say("scheduler.fault.template", template=template, error=problem.message))
    return faults
