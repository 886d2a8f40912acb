"""What happened lately, told in a few lines for whoever watches the screen."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import GATES, Kind
from storage.outbox import DeliveryState
from storage.tables import Arrival, Audit, Campaign, Delivery, Friendship, Person, Post, StaffMember
from texts.catalogue import say

_WEEKLY = tuple(kind.value for kind, gate in GATES.items() if gate.weekly)
_SHOWN_WORDS = 46
_PEOPLE_OUTCOMES = ("opted_out", "claimed", "handed_over")


@dataclass(frozen=True, slots=True)
class Line:
    """`topic`: friend, welcome, talk, moment, task, push, command, person."""

    topic: str
    text: str


async def told(
    connection: AsyncConnection, after_ms: int, until_ms: int, names: Mapping[str, str], verbs: Mapping[str, str]
) -> list[Line]:
    """What happened in (after, until], epoch ms. `names` and `verbs`: what the screen calls accounts and commands."""
    return [
        *await _commands(connection, after_ms, until_ms, verbs),
        *await _sent(connection, after_ms, until_ms, names),
        *await _people(connection, after_ms, until_ms, names),
        *await _pushes(connection, after_ms, until_ms),
    ]


async def _commands(connection: AsyncConnection, after_ms: int, until_ms: int, verbs: Mapping[str, str]) -> list[Line]:
    rows = await connection.execute(
        select(Audit.verb, Audit.outcome, StaffMember.name, Audit.staff)
        .outerjoin(StaffMember, StaffMember.id == Audit.staff)
        .where(Audit.at_ms > after_ms, Audit.at_ms <= until_ms)
        .order_by(Audit.id)
    )
    return [
        Line("command", say("story.command", who=name or staff, verb=verbs.get(verb, verb), outcome=_outcome(outcome)))
        for verb, outcome, name, staff in rows
    ]


def _outcome(word: str) -> str:
    return say(f"story.outcome.{word}")


async def _sent(connection: AsyncConnection, after_ms: int, until_ms: int, names: Mapping[str, str]) -> list[Line]:
    """Accepts, welcomes, answers and posts that left, the many counted and one of them quoted."""
    rows = await connection.execute(
        select(Delivery.account, Delivery.kind, Delivery.state, Delivery.text, Delivery.content, Friendship.nickname)
        .outerjoin(Friendship, (Friendship.account == Delivery.account) & (Friendship.contact == Delivery.to))
        .where(Delivery.settled_ms > after_ms, Delivery.settled_ms <= until_ms, Delivery.kind.not_in(_WEEKLY))
        .where(Delivery.state == DeliveryState.ACCEPTED.value)
        .order_by(Delivery.settled_ms, Delivery.id)
    )
    found: dict[str, list[tuple[str, str | None, dict[str, Any], str | None]]] = defaultdict(list)
    for account, kind, _state, text, content, nickname in rows:
        found[kind].append((names.get(account, account), text, content, nickname))
    lines = _friends(found[Kind.ACCEPT]) + _said("welcome", found[Kind.WELCOME])
    lines += _said("talk", found[Kind.REPLY] + found[Kind.CLAIM_ANSWER])
    return lines + await _posts(connection, found[Kind.MOMENT])


def _friends(rows: Iterable[tuple[str, object, object, object]]) -> list[Line]:
    counts: dict[str, int] = defaultdict(int)
    for name, *_ in rows:
        counts[name] += 1
    return [Line("friend", say("story.friends", who=name, count=count)) for name, count in counts.items()]


def _said(topic: str, rows: list[tuple[str, str | None, dict[str, Any], str | None]]) -> list[Line]:
    if not rows:
        return []
    who, text, _, nickname = rows[0]
    quoted = say(f"story.{topic}", who=who, whom=nickname or "…", words=short(text))
    more = say("story.more", count=len(rows) - 1) if len(rows) > 1 else ""
    return [Line(topic, quoted + more)]


async def _posts(
    connection: AsyncConnection, rows: list[tuple[str, str | None, dict[str, Any], str | None]]
) -> list[Line]:
    if not rows:
        return []
    ids = {row[2].get("post") for row in rows}
    texts = dict((await connection.execute(select(Post.id, Post.text).where(Post.id.in_(ids)))).tuples().all())
    return [
        Line("moment", say("story.moment", who=who, words=short(texts.get(content["post"]))))
        for who, _, content, _ in rows
    ]


async def _people(connection: AsyncConnection, after_ms: int, until_ms: int, names: Mapping[str, str]) -> list[Line]:
    rows = await connection.execute(
        select(Arrival.account, Arrival.outcome, Arrival.payload)
        .where(Arrival.handled_ms > after_ms, Arrival.handled_ms <= until_ms, Arrival.outcome.in_(_PEOPLE_OUTCOMES))
        .order_by(Arrival.id)
    )
    lines = []
    for account, outcome, payload in rows:
        whom = await _name_of(connection, account, str((payload or {}).get("talker", "")))
        words = short(str((payload or {}).get("text", "")))
        key = f"story.{outcome}"
        lines.append(Line("person", say(key, who=names.get(account, account), whom=whom, words=words)))
    return lines


async def _name_of(connection: AsyncConnection, account: str, contact: str) -> str:
    row = (
        await connection.execute(
            select(Person.call_me, Friendship.nickname)
            .join(Person, Person.id == Friendship.person)
            .where(Friendship.account == account, Friendship.contact == contact)
        )
    ).one_or_none()
    return (row and (row[0] or row[1])) or "…"


async def _pushes(connection: AsyncConnection, after_ms: int, until_ms: int) -> list[Line]:
    moved = await connection.execute(
        select(Delivery.campaign)
        .where(Delivery.settled_ms > after_ms, Delivery.settled_ms <= until_ms, Delivery.kind.in_(_WEEKLY))
        .distinct()
    )
    lines = []
    for campaign in moved.scalars().all():
        states = await connection.execute(
            select(Delivery.state, func.count()).where(Delivery.campaign == campaign).group_by(Delivery.state)
        )
        counts = dict(states.tuples().all())
        title = await connection.scalar(select(Campaign.title).where(Campaign.id == campaign))
        done, total = counts.get(DeliveryState.ACCEPTED.value, 0), sum(counts.values())
        lines.append(Line("push", say("story.push", title=title, done=done, total=total)))
    return lines


def short(words: str | None, limit: int = _SHOWN_WORDS) -> str:
    """One line of at most `limit` characters."""
    line = " ".join((words or "").split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
