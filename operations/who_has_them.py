"""Who has a customer now: whoever talks with them, whoever is to answer them and since when they wait, or the bot."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.handover import ON_THE_PHONE
from conversations.who_waits import Waiting, who_waits
from operations.staff_names import staff_names
from operations.ways_out import ways_out
from rules.quiet_hours import local
from storage.tables import Account, Friendship
from texts.catalogue import say


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation that a person holds until `until_ms` (epoch ms). `staff`: an id, or `ON_THE_PHONE`."""

    account: str
    staff: str
    name: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Now:
    """`bot`: the account whose bot has them where no person is asked for, '' where no account in use knows them.

    `ways`: account → what to do where they wait at one that can't answer any more.
    """

    held: Sequence[Talk]
    waiting: Sequence[Waiting]
    ways: Mapping[str, str]
    bot: str

    def lines(self, zone: str, now_ms: int) -> Iterator[str]:
        """For people. `zone`: the shop's; `now_ms`: epoch ms."""
        together: dict[tuple[str, str, int], list[str]] = {}  # who takes somebody over has them at all accounts
        for talk in self.held:
            together.setdefault((talk.staff, talk.name, talk.until_ms), []).append(talk.account)
        for (staff, name, until_ms), accounts in together.items():
            key = "operations.now.on_the_phone" if staff == ON_THE_PHONE else "operations.now.held"
            until, account = f"{local(until_ms, zone):%m-%d %H:%M}", say("texts.comma").join(accounts)
            yield say(key, staff=name, account=account, until=until)
        taken = {talk.account for talk in self.held}
        for one in self.waiting:
            yield _waits(one, zone, now_ms, taken=one.account in taken)
            if one.account in self.ways:
                yield self.ways[one.account]
        if self.bot:
            yield say("operations.now.bot", account=self.bot)

    def as_json(self) -> dict[str, Any]:
        """What `customers show --json` says besides."""
        return {
            "held": [{"account": talk.account, "staff": talk.staff, "until_ms": talk.until_ms} for talk in self.held],
            "waiting": [
                {"account": one.account, "staff": one.staff, "since_ms": one.since_ms, "why": one.why}
                for one in self.waiting
            ],
            "bot": self.bot or None,
        }


async def who_has_them(tx: AsyncConnection, person: int, now_ms: int) -> Now:
    """As it is at `now_ms` (epoch ms)."""
    waiting = await who_waits(tx, persons=[person])
    talks, names = await _talks(tx, person), await staff_names(tx)
    held = [
        Talk(row.account, row.held_by, names.get(row.held_by, row.held_by), row.held_until_ms)
        for row in talks
        if row.held_by and (row.held_until_ms or 0) > now_ms
    ]
    ways = await ways_out(tx, [(person, one.account) for one in waiting])
    in_use = [row for row in talks if not row.removed]
    bot = _newest(in_use).account if in_use and not held and not waiting else ""
    return Now(held, waiting, {account: way.words for (_, account), way in ways.items()}, bot)


def _waits(one: Waiting, zone: str, now_ms: int, *, taken: bool) -> str:
    """Whoever has taken them on and has not written yet keeps them waiting, too."""
    said = {
        "account": one.account, "since": f"{local(one.since_ms, zone):%m-%d %H:%M}", "waited": one.waited(now_ms),
        "matter": one.matter(),
    }  # fmt: skip
    if taken:
        return say("operations.now.no_word_yet", **said)
    staff = say("operations.now.to", name=one.staff_name) if one.staff_name else say("operations.now.to_nobody")
    return say("operations.now.waits", staff=staff, id=one.person, **said)


def _newest(talks: Sequence[Row[*tuple[Any, ...]]]) -> Row[*tuple[Any, ...]]:
    """Where they were handed on to last; else where they spoke last."""
    return max(talks, key=lambda row: (row.serves_ms or 0, row.last_in_ms or 0, row.since_ms, row.id))


async def _talks(tx: AsyncConnection, person: int) -> Sequence[Row[*tuple[Any, ...]]]:
    query = (
        select(
            Friendship.id, Friendship.account, Friendship.held_by, Friendship.held_until_ms, Friendship.serves_ms,
            Friendship.last_in_ms, Friendship.since_ms, Account.removed,
        )
        .join(Account, Account.id == Friendship.account)
        .where(Friendship.person == person, Friendship.state == "friend")
        .order_by(Friendship.account)
    )  # fmt: skip
    return (await tx.execute(query)).all()
