"""What happened lately, told in a few lines for whoever watches the screen."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.moves_told import moves_told
from rules.kinds import GATES, Kind
from storage.campaign_tables import Campaign, Post
from storage.outbox import DeliveryState
from storage.staff_tables import Audit, StaffMember
from storage.statements import both, rows_of
from storage.tables import Arrival, Delivery, Friendship, Person
from texts.catalogue import catalogue, say

_WEEKLY = tuple(kind.value for kind, gate in GATES.items() if gate.weekly)
_SHOWN_WORDS = 46
_PEOPLE_OUTCOMES = ("opted_out", "claimed", "handed_over")
_REPLIES = (Kind.REPLY, Kind.CLAIM_ANSWER)
_UNDO = "undo"
"""The verb of /撤销 in the log."""
_LOOKS_ON = "viewer"
"""The role of staff who may change nothing."""
_Row = tuple[str, str | None, dict[str, Any], str | None]
"""Account as the screen calls it, words, content, nickname of whom it went to."""


@dataclass(frozen=True, slots=True)
class Line:
    """`topic`: friend, welcome, talk, moment, task, push, command, person."""

    topic: str
    text: str


async def told(
    connection: AsyncConnection, after_ms: int, until_ms: int, names: Mapping[str, str], verbs: Mapping[str, str]
) -> list[Line]:
    """What happened in (after, until], epoch ms. `names` and `verbs`: what the screen calls accounts and commands."""
    if not await rows_of(connection, _ANYTHING, {"after_ms": after_ms, "until_ms": until_ms}):
        return []  # most looks at most shops: one statement instead of five
    return [
        *await _commands(connection, after_ms, until_ms, verbs),
        *await _sent(connection, after_ms, until_ms, names),
        *await _people(connection, after_ms, until_ms, names),
        *await _moves(connection, after_ms, until_ms, names),
        *await _pushes(connection, after_ms, until_ms),
        *await _unsent(connection, after_ms, until_ms, names),
    ]


_ANYTHING = both("""
    SELECT 1 FROM (SELECT 1 AS one) AS look
     WHERE EXISTS (SELECT 1 FROM audit WHERE at_ms > :after_ms AND at_ms <= :until_ms)
        OR EXISTS (SELECT 1 FROM outbox WHERE settled_ms > :after_ms AND settled_ms <= :until_ms)
        OR EXISTS (SELECT 1 FROM inbox WHERE handled_ms > :after_ms AND handled_ms <= :until_ms)""")


async def _commands(connection: AsyncConnection, after_ms: int, until_ms: int, verbs: Mapping[str, str]) -> list[Line]:
    rows = await connection.execute(
        select(Audit.verb, Audit.outcome, StaffMember.name, Audit.staff, StaffMember.role)
        .outerjoin(StaffMember, StaffMember.id == Audit.staff)
        .where(Audit.at_ms > after_ms, Audit.at_ms <= until_ms)
        .order_by(Audit.id)
    )
    return [
        Line(
            "command",
            say("story.command", who=name or staff, verb=verbs.get(verb, verb), outcome=_outcome(verb, outcome, role)),
        )
        for verb, outcome, name, staff, role in rows
    ]


def _outcome(verb: str, word: str, role: str | None) -> str:
    """Whoever may do anything may take theirs back: what stands against that is the act itself, no right or rule."""
    irrevocable = verb == _UNDO and word == "refused" and role not in (None, _LOOKS_ON)
    return say("story.outcome.irrevocable" if irrevocable else f"story.outcome.{word}")


async def _sent(connection: AsyncConnection, after_ms: int, until_ms: int, names: Mapping[str, str]) -> list[Line]:
    """Accepts, welcomes, answers and posts that left, the many counted and one of them quoted."""
    rows = await connection.execute(
        select(Delivery.account, Delivery.kind, Delivery.state, Delivery.text, Delivery.content, Friendship.nickname)
        .outerjoin(Friendship, (Friendship.account == Delivery.account) & (Friendship.contact == Delivery.to))
        .where(Delivery.settled_ms > after_ms, Delivery.settled_ms <= until_ms, Delivery.kind.not_in(_WEEKLY))
        .where(Delivery.state == DeliveryState.ACCEPTED.value)
        .order_by(Delivery.settled_ms, Delivery.id)
    )
    found: dict[str, list[_Row]] = defaultdict(list)
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


def _said(topic: str, rows: list[_Row]) -> list[Line]:
    if not rows:
        return []
    who, text, _, nickname = rows[0]
    quoted = say(f"story.{topic}", who=who, whom=nickname or say("story.somebody"), words=short(text))
    return [Line(topic, quoted + _more(rows))]


def _more(rows: Sequence[object]) -> str:
    return say("story.more", count=len(rows) - 1) if len(rows) > 1 else ""


async def _posts(connection: AsyncConnection, rows: list[_Row]) -> list[Line]:
    if not rows:
        return []
    texts = await _post_texts(connection, {row[2].get("post") for row in rows})
    return [
        Line("moment", say("story.moment", who=who, words=short(texts.get(content["post"]))))
        for who, _, content, _ in rows
    ]


async def _post_texts(connection: AsyncConnection, ids: set[Any]) -> dict[int, str]:
    found = await connection.execute(select(Post.id, Post.text).where(Post.id.in_(ids)))
    return dict(found.tuples().all())


async def _unsent(connection: AsyncConnection, after_ms: int, until_ms: int, names: Mapping[str, str]) -> list[Line]:
    """What a dry run only wrote down: one line, an answer quoted before anything else."""
    found = await connection.execute(
        select(Delivery.account, Delivery.kind, Delivery.text, Delivery.content, Friendship.nickname)
        .outerjoin(Friendship, (Friendship.account == Delivery.account) & (Friendship.contact == Delivery.to))
        .where(Delivery.settled_ms > after_ms, Delivery.settled_ms <= until_ms)
        .where(Delivery.state == DeliveryState.SKIPPED.value, Delivery.reason == "dry_run")
        .order_by(Delivery.settled_ms, Delivery.id)
    )
    rows = found.all()
    if not rows:
        return []
    first = min(rows, key=lambda row: (row.kind not in _REPLIES, not row.text))
    words, form = first.text, "reply" if first.kind in _REPLIES else "other"
    if first.kind == Kind.MOMENT:
        post = first.content.get("post")
        words, form = (await _post_texts(connection, {post})).get(post), "moment"
    elif not words:
        form = "accept" if first.kind == Kind.ACCEPT else "silent"
    who, whom = names.get(first.account, first.account), first.nickname or say("story.somebody")
    return [Line("talk", say(f"story.dry_run.{form}", who=who, whom=whom, words=short(words)) + _more(rows))]


async def _people(connection: AsyncConnection, after_ms: int, until_ms: int, names: Mapping[str, str]) -> list[Line]:
    rows = await connection.execute(
        select(Arrival.account, Arrival.outcome, Arrival.payload)
        .where(Arrival.handled_ms > after_ms, Arrival.handled_ms <= until_ms, Arrival.outcome.in_(_PEOPLE_OUTCOMES))
        .order_by(Arrival.id)
    )
    lines = []
    for account, outcome, payload in rows:
        whom = await _name_of(connection, account, str((payload or {}).get("talker", "")))
        who = names.get(account, account)
        sent = _sent_thing(payload or {})
        if outcome == "handed_over" and sent:
            lines.append(Line("person", say("story.handed_over.thing", who=who, whom=whom, sent=sent)))
            continue
        words = short(str((payload or {}).get("text", "")))
        lines.append(Line("person", say(f"story.{outcome}", who=who, whom=whom, words=words)))
    return lines


def _sent_thing(payload: Mapping[str, Any]) -> str:
    """What somebody sent that is no text, in words; '' for text. Its name in the gateway tells a person nothing."""
    kind = payload.get("kind", "text")
    if kind == "text":
        return ""
    key = f"story.sent.{kind}"
    return say(key if key in catalogue() else "story.sent.other")


async def _name_of(connection: AsyncConnection, account: str, contact: str) -> str:
    row = (
        await connection.execute(
            select(Person.call_me, Friendship.nickname)
            .join(Person, Person.id == Friendship.person)
            .where(Friendship.account == account, Friendship.contact == contact)
        )
    ).one_or_none()
    return (row and (row[0] or row[1])) or say("story.somebody")


async def _moves(connection: AsyncConnection, after_ms: int, until_ms: int, names: Mapping[str, str]) -> list[Line]:
    told_of = await moves_told(connection, after_ms, until_ms, names)
    return [Line("friend", words + (say("story.more", count=more) if more else "")) for words, more in told_of]


async def _pushes(connection: AsyncConnection, after_ms: int, until_ms: int) -> list[Line]:
    """Pushes that got further: a line whose numbers did not change is not told again."""
    accepted = Delivery.state == DeliveryState.ACCEPTED.value
    moved = await connection.execute(
        select(Delivery.campaign)
        .where(Delivery.settled_ms > after_ms, Delivery.settled_ms <= until_ms, Delivery.kind.in_(_WEEKLY), accepted)
        .distinct()
    )
    # What was accepted after `until_ms` is the next look's.
    by_then = func.count(case((accepted & (Delivery.settled_ms <= until_ms), 1)))
    lines = []
    for campaign in moved.scalars().all():
        counts = await connection.execute(select(by_then, func.count()).where(Delivery.campaign == campaign))
        done, total = counts.one()
        title = await connection.scalar(select(Campaign.title).where(Campaign.id == campaign))
        lines.append(Line("push", say("story.push", title=title, done=done, total=total)))
    return lines


def short(words: str | None, limit: int = _SHOWN_WORDS) -> str:
    """One line of at most `limit` characters."""
    line = " ".join((words or "").split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
