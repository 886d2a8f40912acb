"""The outbox: what is to leave an account, and the few statements that move it.

`plan` is the only way to send anything. States and their moves stand in `TRANSITIONS`; each move in SQL is a
compare-and-set on the state it comes from.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import Kind, gate_of
from storage.ahead import Ahead
from storage.engine import touch
from storage.statements import rows_of

_ROWS_A_STATEMENT = 500


class DeliveryState(StrEnum):
    PENDING = "pending"
    """Waits for its time and for its gates."""
    SENDING = "sending"
    """The intent is committed; it may be under way."""
    ACCEPTED = "accepted"
    """The gateway took it. That is not the same as seen."""
    HANDED = "handed"
    """A person does it on the phone: a task is open."""
    FAILED = "failed"
    """The gateway said no."""
    SKIPPED = "skipped"
    """A rule or a person stopped it; the reason stands beside."""
    IN_DOUBT = "in_doubt"
    """It may have arrived. Never sent again by itself."""
    UNKNOWN = "unknown"
    """In doubt until its validity passed: it will never be known."""


TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.PENDING: frozenset(
        # accepted: released from doubt by a person, and its receipt came all the same
        {DeliveryState.SENDING, DeliveryState.HANDED, DeliveryState.SKIPPED, DeliveryState.ACCEPTED}
    ),
    DeliveryState.HANDED: frozenset({DeliveryState.ACCEPTED, DeliveryState.SKIPPED}),
    DeliveryState.SENDING: frozenset(
        {DeliveryState.ACCEPTED, DeliveryState.FAILED, DeliveryState.PENDING, DeliveryState.IN_DOUBT}
    ),
    DeliveryState.IN_DOUBT: frozenset({DeliveryState.ACCEPTED, DeliveryState.PENDING, DeliveryState.UNKNOWN}),
    # handed: whoever ticked it off took that back within the minute
    DeliveryState.ACCEPTED: frozenset({DeliveryState.HANDED}),
    DeliveryState.FAILED: frozenset(),
    DeliveryState.SKIPPED: frozenset(),
    DeliveryState.UNKNOWN: frozenset(),
}
MAY_HAVE_LEFT = tuple(
    state.value
    for state in (DeliveryState.SENDING, DeliveryState.ACCEPTED, DeliveryState.IN_DOUBT, DeliveryState.UNKNOWN)
)
"""Whoever it is for has it, or may have it."""
NEVER_LEFT = (DeliveryState.SKIPPED.value, DeliveryState.FAILED.value)
"""Nobody has it, and nobody will."""


@dataclass(frozen=True, slots=True)
class Content:
    """What one row says. Exactly one of text, template, card, image, link, request, post, profile, recall is set.

    `text` is sent as it stands. `template` names a text of the row's campaign that is rendered at the claim for that
    person (so one row of a million stays small and the name is the freshest). `card` is a contact id; `image` a file
    path below the media folder; `link` is {url, title, description, thumbnail}; `request` the gateway's id of a friend
    request to accept; `post` the id of a row of `posts`; `profile` {fields: {name: words}, by_hand, asked_ms} of the
    account's own profile; `recall` the gateway's id of the message to take back.

    Beside it: `pond` {name, by_hand, picture} of the pond it goes to; `mentions` are contact ids, in rooms; `values`
    what a template says of this one person.
    """

    text: str | None = None
    template: str | None = None
    card: str | None = None
    image: str | None = None
    link: dict[str, str] | None = None
    request: str | None = None
    post: int | None = None
    profile: dict[str, Any] | None = None
    recall: str | None = None
    pond: dict[str, Any] | None = None
    mentions: tuple[str, ...] = ()
    values: Mapping[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in _CONTENT_FIELDS if getattr(self, name) is not None}
        if self.mentions:
            row["mentions"] = list(self.mentions)
        return row

    @staticmethod
    def from_json(row: Mapping[str, Any]) -> "Content":
        return Content(**{**row, "mentions": tuple(row.get("mentions", ()))})


_CONTENT_FIELDS = (
    "text", "template", "card", "image", "link", "request", "post", "profile", "recall", "pond", "values",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A row to be. `key` says what it is (e.g. 'push:12:person:345'): the second row with that key is not written."""

    kind: Kind
    account: str
    to: str
    content: Content
    key: str
    due_ms: int
    person: int | None = None
    campaign: int | None = None
    valid_until_ms: int | None = None
    source: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row whose intent is committed: it is to be sent now, exactly once. `text` is rendered."""

    id: int
    account: str
    kind: Kind
    to: str
    content: Content
    text: str | None
    person: int | None = None
    campaign: int | None = None
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a template of a campaign is rendered for."""

    person: int
    account: str
    call_me: str | None
    nickname: str
    level: str
    member_name: str | None
    values: Mapping[str, str] = field(default_factory=dict)


class Wording(Protocol):
    """The words of campaigns, rendered at the claim."""

    async def load(self, tx: AsyncConnection, campaign: int) -> None:
        """Make the campaign's words ready; called once before its first row, and cheap after."""
        ...

    def render(self, campaign: int, template: str, recipient: Recipient) -> str:
        """The words for one person. Raises Problem when they can't be made."""
        ...


def insert_ignoring(tx: AsyncConnection, table: type) -> Insert:
    """INSERT … ON CONFLICT DO NOTHING in the dialect of `tx`."""
    if tx.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


_PLANNED = "account, kind, priority, key, recipient, person, campaign, content, source, due_ms, valid_until_ms"
_PLAN = {
    dialect: f"""
        INSERT INTO outbox ({_PLANNED}, state, attempts, epoch, created_ms)
        SELECT {values}, '{DeliveryState.PENDING}', 0, 0, {now_ms} FROM {rows} WHERE true
        ON CONFLICT DO NOTHING
        RETURNING id"""
    for dialect, values, now_ms, rows in (
        (
            "sqlite",
            ", ".join(f"json_extract(v.value, '$[{place}]')" for place in range(len(_PLANNED.split(", ")))),
            ":now_ms",
            "json_each(:rows) v",
        ),
        (
            "postgresql",
            """v.value->>0, v.value->>1, CAST(v.value->>2 AS integer), v.value->>3, v.value->>4,
               CAST(v.value->>5 AS bigint), CAST(v.value->>6 AS bigint), v.value->7, v.value->>8,
               CAST(v.value->>9 AS bigint), CAST(v.value->>10 AS bigint)""",
            "CAST(:now_ms AS bigint)",
            "json_array_elements(CAST(:rows AS json)) v(value)",
        ),
    )
}


async def plan(tx: AsyncConnection, rows: Sequence[NewDelivery], *, now_ms: int) -> int:
    """Write deliveries in state pending; a key that is there already is left alone. Returns how many are new.

    The courier hears of the accounts when `tx` commits. With `Ahead` they are written with those of others, and are
    taken for new.
    """
    if isinstance(tx, Ahead):
        for row in rows:
            tx.note(_plan_noted, (row, now_ms))
        return len(rows)
    new = 0
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        chunk = rows[start : start + _ROWS_A_STATEMENT]
        values = [
            (
                row.account, row.kind.value, gate_of(row.kind).priority, row.key, row.to, row.person, row.campaign,
                row.content.as_json(), row.source, row.due_ms, row.valid_until_ms,
            )
            for row in chunk
        ]  # fmt: skip
        new += len(await rows_of(tx, _PLAN, {"rows": json.dumps(values), "now_ms": now_ms}))
    touch(tx, {row.account for row in rows})
    return new


async def _plan_noted(tx: AsyncConnection, noted: list[tuple[NewDelivery, int]]) -> None:
    """Rows that were planned at different moments, [(row, now_ms)]."""
    by_moment: dict[int, list[NewDelivery]] = {}
    for row, now_ms in noted:
        by_moment.setdefault(now_ms, []).append(row)
    for now_ms, rows in by_moment.items():
        await plan(tx, rows, now_ms=now_ms)
