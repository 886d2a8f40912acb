"""The courier's statements before a send: what is due, a page of it, what is true of it, and the claim.

Lists go in as one JSON parameter, so that a statement has one text however many lanes are due and both databases run
nearly the same words; where they differ, both stand here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import PRIORITIES, Kind
from storage.statements import both, change, rows_of

PAGE_ROWS = 32
"""Rows a page holds of each lane and priority."""


@dataclass(frozen=True, slots=True)
class Row:
    """A pending row as a page brings it; what may change until the claim is in `Facts`."""

    id: int
    account: str
    kind: Kind
    priority: int
    to: str
    person: int | None
    campaign: int | None
    content: dict[str, Any]
    due_ms: int
    valid_until_ms: int | None
    created_ms: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of a row's person, friendship and campaign inside the claim's transaction."""

    pending: bool
    opted_out: bool
    muted_until_ms: int | None
    last_push_ms: int | None
    never_audience: bool
    conversed: bool
    friend: bool
    friend_since_ms: int | None
    campaign_state: str
    overrides_weekly: bool
    call_me: str | None
    nickname: str
    level: str
    member_name: str | None


_HELD = "(SELECT id FROM campaigns WHERE state NOT IN ('running', 'cancelled'))"
"""Campaigns whose rows wait for a person's word. Rows of a cancelled one come up, to be skipped with the reason."""

_FUTURE = {
    "sqlite": """
        SELECT a.value, min((
               SELECT min(o.due_ms) FROM outbox o
                WHERE o.account = a.value AND o.priority = p.value AND o.state = 'pending' AND o.due_ms > :now_ms))
          FROM json_each(:accounts) a CROSS JOIN json_each(:priorities) p GROUP BY a.value""",
    "postgresql": """
        SELECT a.value, min((
               SELECT min(o.due_ms) FROM outbox o
                WHERE o.account = a.value AND o.priority = CAST(p.value AS int) AND o.state = 'pending'
                  AND o.due_ms > :now_ms))
          FROM json_array_elements_text(CAST(:accounts AS json)) a(value)
         CROSS JOIN json_array_elements_text(CAST(:priorities AS json)) p(value) GROUP BY a.value""",
}

_COLUMNS = (
    "id, account, kind, priority, recipient, person, campaign, content, due_ms, valid_until_ms, created_ms, attempts"
)
_O_COLUMNS = ", ".join(f"o.{name}" for name in _COLUMNS.split(", "))
_O_JSON = f"json_group_array(json_array({_O_COLUMNS.replace('o.content', 'json(o.content)')}))"

_PAGE = {
    "sqlite": f"""
        SELECT {_O_JSON}
          FROM json_each(:accounts) a CROSS JOIN json_each(:priorities) p CROSS JOIN outbox o
         WHERE o.id IN (
               SELECT i.id FROM outbox i
                WHERE i.account = a.value AND i.priority = p.value AND i.state = 'pending' AND i.due_ms <= :now_ms
                  AND (i.campaign IS NULL OR i.campaign NOT IN {_HELD})
                  AND (:kinds IS NULL OR i.kind IN (SELECT value FROM json_each(:kinds)))
                ORDER BY i.due_ms, i.id LIMIT :rows)""",
    "postgresql": f"""
        SELECT {_O_COLUMNS}
          FROM json_array_elements_text(CAST(:accounts AS json)) a(value)
         CROSS JOIN json_array_elements_text(CAST(:priorities AS json)) p(value)
         CROSS JOIN LATERAL (
               SELECT {_COLUMNS} FROM outbox
                WHERE account = a.value AND priority = CAST(p.value AS int) AND state = 'pending' AND due_ms <= :now_ms
                  AND (campaign IS NULL OR campaign NOT IN {_HELD})
                  AND (CAST(:kinds AS text) IS NULL
                       OR kind IN (SELECT json_array_elements_text(CAST(:kinds AS json))))
                ORDER BY due_ms, id LIMIT :rows) o""",
}

_TO_SOME = {
    "sqlite": f"""
        SELECT {_O_JSON} FROM (
        SELECT {_COLUMNS} FROM outbox
         WHERE account = :account AND priority BETWEEN 0 AND 99 AND state = 'pending' AND due_ms <= :now_ms
           AND recipient IN (SELECT value FROM json_each(:people))
           AND (campaign IS NULL OR campaign NOT IN {_HELD})
         ORDER BY priority, due_ms, id LIMIT :rows) o""",
    "postgresql": f"""
        SELECT {_COLUMNS} FROM outbox
         WHERE account = :account AND state = 'pending' AND due_ms <= :now_ms
           AND recipient IN (SELECT json_array_elements_text(CAST(:people AS json)))
           AND (campaign IS NULL OR campaign NOT IN {_HELD})
         ORDER BY priority, due_ms, id LIMIT :rows""",
}

_IDS = {
    "sqlite": "(SELECT value FROM json_each(:ids))",
    "postgresql": "(SELECT CAST(json_array_elements_text(CAST(:ids AS json)) AS bigint))",
}


_FACT_COLUMNS = """o.id, o.state = 'pending', p.opted_out_ms, p.muted_until_ms, p.last_push_ms, p.kind, p.orders,
               f.last_in_ms, f.state, f.since_ms, c.state, c.overrides_weekly,
               p.call_me, COALESCE(f.nickname, p.name, ''), p.level, p.member_name,
               CASE WHEN p.orders = 0 AND f.last_in_ms IS NULL
                    THEN EXISTS (SELECT 1 FROM claims WHERE claims.person = p.id) ELSE FALSE END"""
_FACT_TABLES = """
          FROM outbox o
          LEFT JOIN people p ON p.id = o.person
          LEFT JOIN friendships f ON f.account = o.account AND f.contact = o.recipient
          LEFT JOIN campaigns c ON c.id = o.campaign
         WHERE o.id IN """
_FACTS = {
    "sqlite": f"SELECT json_group_array(json_array({_FACT_COLUMNS})) {_FACT_TABLES} {_IDS['sqlite']}",
    "postgresql": f"SELECT {_FACT_COLUMNS} {_FACT_TABLES} {_IDS['postgresql']}",
}

_CLAIM = {
    "sqlite": """
        UPDATE outbox
           SET state = json_extract(v.value, '$[1]'), text = json_extract(v.value, '$[2]'), sent_ms = :now_ms,
               attempts = attempts + 1, epoch = :epoch, reason = NULL
          FROM json_each(:rows) v
         WHERE outbox.id = json_extract(v.value, '$[0]') AND outbox.state = 'pending'""",
    "postgresql": """
        UPDATE outbox
           SET state = v.value->>1, text = v.value->>2, sent_ms = :now_ms,
               attempts = attempts + 1, epoch = :epoch, reason = NULL
          FROM json_array_elements(CAST(:rows AS json)) v(value)
         WHERE outbox.id = CAST(v.value->>0 AS bigint) AND outbox.state = 'pending'
        RETURNING outbox.id""",
}

_PUT_OFF = {
    "sqlite": """
        UPDATE outbox SET due_ms = json_extract(v.value, '$[1]'), reason = json_extract(v.value, '$[2]')
          FROM json_each(:rows) v
         WHERE outbox.id = json_extract(v.value, '$[0]') AND outbox.state = 'pending'""",
    "postgresql": """
        UPDATE outbox SET due_ms = CAST(v.value->>1 AS bigint), reason = v.value->>2
          FROM json_array_elements(CAST(:rows AS json)) v(value)
         WHERE outbox.id = CAST(v.value->>0 AS bigint) AND outbox.state = 'pending'""",
}

_SKIP = {
    "sqlite": """
        UPDATE outbox SET state = 'skipped', settled_ms = :now_ms, reason = json_extract(v.value, '$[1]'),
               text = json_extract(v.value, '$[2]')
          FROM json_each(:rows) v
         WHERE outbox.id = json_extract(v.value, '$[0]') AND outbox.state = 'pending'""",
    "postgresql": """
        UPDATE outbox SET state = 'skipped', settled_ms = :now_ms, reason = v.value->>1, text = v.value->>2
          FROM json_array_elements(CAST(:rows AS json)) v(value)
         WHERE outbox.id = CAST(v.value->>0 AS bigint) AND outbox.state = 'pending'""",
}

_RESERVE = {
    "sqlite": """
        UPDATE people SET last_push_ms = :now_ms, last_push_id = json_extract(v.value, '$[1]')
          FROM json_each(:rows) v WHERE people.id = json_extract(v.value, '$[0]')""",
    "postgresql": """
        UPDATE people SET last_push_ms = :now_ms, last_push_id = CAST(v.value->>1 AS bigint)
          FROM json_array_elements(CAST(:rows AS json)) v(value) WHERE people.id = CAST(v.value->>0 AS bigint)""",
}

_STOPS = both("""
    SELECT 'all', '' FROM settings WHERE key = 'stop_all' AND value <> ''
    UNION ALL SELECT 'account', id FROM accounts WHERE paused_by IS NOT NULL""")
_NEWEST = both("SELECT COALESCE(max(id), 0) FROM outbox")
_PLANNED_AFTER = both("SELECT DISTINCT account FROM outbox WHERE id > :id")
_LOCK_PEOPLE = both(f"SELECT id FROM people WHERE id IN {_IDS['postgresql']} ORDER BY id FOR UPDATE")


async def stops(tx: AsyncConnection) -> tuple[bool, frozenset[str]]:
    """Is everything stopped (全停), and which accounts did a person pause?"""
    rows = await rows_of(tx, _STOPS, {})
    return any(row[0] == "all" for row in rows), frozenset(row[1] for row in rows if row[0] == "account")


async def newest(tx: AsyncConnection) -> int:
    """The highest id of the outbox, 0 when it is empty."""
    return int((await rows_of(tx, _NEWEST, {}))[0][0])


async def planned_after(tx: AsyncConnection, id: int) -> set[str]:
    """Accounts with rows planned after that id, by whichever process."""
    return {row[0] for row in await rows_of(tx, _PLANNED_AFTER, {"id": id})}


async def next_due(tx: AsyncConnection, accounts: Iterable[str], *, now_ms: int) -> dict[str, int | None]:
    """When the next row of each account that is not yet due will be, in epoch ms."""
    parameters = {"accounts": json.dumps(list(accounts)), "priorities": json.dumps(PRIORITIES), "now_ms": now_ms}
    return {row[0]: row[1] for row in await rows_of(tx, _FUTURE, parameters)}


async def page(
    tx: AsyncConnection, accounts: Iterable[str], *, now_ms: int, kinds: Iterable[Kind] | None = None
) -> dict[str, list[Row]]:
    """Up to `PAGE_ROWS` due rows of each account and priority, best first; of `kinds` only, where given."""
    parameters = {
        "accounts": json.dumps(list(accounts)),
        "priorities": json.dumps(PRIORITIES),
        "now_ms": now_ms,
        "kinds": None if kinds is None else json.dumps(sorted(kinds)),
        "rows": PAGE_ROWS,
    }
    pages: dict[str, list[Row]] = {}
    for row in sorted(map(_row, await _unpacked(tx, _PAGE, parameters)), key=_best_first):
        pages.setdefault(row.account, []).append(row)
    return pages


async def page_to(tx: AsyncConnection, account: str, people: Iterable[str], *, now_ms: int) -> list[Row]:
    """Due rows of one account to some people only: whom it may still write to in a full minute."""
    parameters = {"account": account, "people": json.dumps(sorted(people)), "now_ms": now_ms, "rows": PAGE_ROWS}
    return sorted(map(_row, await _unpacked(tx, _TO_SOME, parameters)), key=_best_first)


async def _unpacked(
    tx: AsyncConnection, statement: Mapping[str, str], parameters: Mapping[str, Any]
) -> Sequence[Sequence[Any]]:
    """Rows that SQLite sends as one JSON list."""
    found = await rows_of(tx, statement, parameters)
    return json.loads(found[0][0]) if tx.dialect.name == "sqlite" else found


def _best_first(row: Row) -> tuple[int, int, int]:
    return (row.priority, row.due_ms, row.id)


def _row(found: Sequence[Any]) -> Row:
    content = found[7] if isinstance(found[7], dict) else json.loads(found[7])
    return Row(
        found[0], found[1], Kind(found[2]), found[3], found[4], found[5], found[6], content, *found[8:12]
    )  # fmt: skip


async def facts_of(tx: AsyncConnection, rows: Sequence[Row]) -> dict[int, Facts]:
    """What is true of each row now. On PostgreSQL the people are locked first, in order, until the transaction ends:
    two workers then never both find the same person's week empty, and an opt-out comes before or after, not between.
    """
    if tx.dialect.name == "postgresql":
        people = sorted({row.person for row in rows if row.person is not None})
        if people:
            await rows_of(tx, _LOCK_PEOPLE, {"ids": json.dumps(people)})
    parameters = {"ids": json.dumps([row.id for row in rows])}
    return {row[0]: _facts_of_row(row) for row in await _unpacked(tx, _FACTS, parameters)}


def _facts_of_row(row: Sequence[Any]) -> Facts:
    return Facts(
        pending=bool(row[1]),
        opted_out=row[2] is not None,
        muted_until_ms=row[3],
        last_push_ms=row[4],
        never_audience=row[5] in ("staff", "own"),
        conversed=bool(row[6]) or row[7] is not None or bool(row[16]),
        friend=row[8] == "friend",
        friend_since_ms=row[9],
        campaign_state=row[10] or "",
        overrides_weekly=bool(row[11]),
        call_me=row[12],
        nickname=row[13],
        level=row[14] or "",
        member_name=row[15],
    )


async def claim(
    tx: AsyncConnection, rows: Sequence[tuple[int, str, str | None]], *, now_ms: int, epoch: int
) -> set[int]:
    """Move (id, 'sending' | 'handed', rendered text) out of pending; returns the ids that were still pending."""
    if not rows:
        return set()
    parameters = {"rows": json.dumps(rows), "now_ms": now_ms, "epoch": epoch}
    if tx.dialect.name == "postgresql":
        return {row[0] for row in await rows_of(tx, _CLAIM, parameters)}
    if await change(tx, _CLAIM, parameters) != len(rows):
        # The only writer saw them pending in this very transaction: better nothing is sent than something twice.
        raise AssertionError("rows changed under the hands of their only writer")
    return {row[0] for row in rows}


async def put_off(tx: AsyncConnection, rows: Sequence[tuple[int, int, str]]) -> None:
    """Let (id, until epoch ms, reason) wait."""
    if rows:
        await change(tx, _PUT_OFF, {"rows": json.dumps(rows)})


async def skip(tx: AsyncConnection, rows: Sequence[tuple[int, str, str | None]], *, now_ms: int) -> None:
    """Never send (id, reason, what would have been said)."""
    if rows:
        await change(tx, _SKIP, {"rows": json.dumps(rows), "now_ms": now_ms})


async def reserve_week(tx: AsyncConnection, pushes: Mapping[int, int], *, now_ms: int) -> None:
    """Take the week of each {person: delivery id}."""
    if pushes:
        rows = json.dumps(sorted(pushes.items()))
        await change(tx, _RESERVE, {"rows": rows, "now_ms": now_ms})


_SENT_SINCE = {
    dialect: f"""
        SELECT account, sent_ms, kind, recipient FROM outbox
         WHERE account IN {accounts} AND sent_ms > :since_ms ORDER BY sent_ms"""
    for dialect, accounts in (
        ("sqlite", "(SELECT value FROM json_each(:accounts))"),
        ("postgresql", "(SELECT json_array_elements_text(CAST(:accounts AS json)))"),
    )
}
_POST_KINDS = {dialect: f"SELECT id, kind FROM posts WHERE id IN {ids}" for dialect, ids in _IDS.items()}
_LAST_POSTS = {
    dialect: f"""
        SELECT p.kind FROM outbox o JOIN posts p ON p.id = {post}
         WHERE o.account = :account AND o.kind = 'moment' AND o.sent_ms IS NOT NULL
           AND o.state NOT IN ('failed', 'skipped')
         ORDER BY o.sent_ms DESC LIMIT 2"""
    for dialect, post in (
        ("sqlite", "json_extract(o.content, '$.post')"),
        ("postgresql", "CAST(o.content->>'post' AS bigint)"),
    )
}


async def sent_since(tx: AsyncConnection, accounts: Iterable[str], since_ms: int) -> list[tuple[str, int, Kind, str]]:
    """(account, sent ms, kind, to) of everything that left these accounts after `since_ms`, oldest first."""
    parameters = {"accounts": json.dumps(list(accounts)), "since_ms": since_ms}
    return [(row[0], row[1], Kind(row[2]), row[3]) for row in await rows_of(tx, _SENT_SINCE, parameters)]


async def post_kinds(tx: AsyncConnection, posts: Iterable[int]) -> dict[int, str]:
    """What kind each of these posts is."""
    return {row[0]: row[1] for row in await rows_of(tx, _POST_KINDS, {"ids": json.dumps(list(posts))})}


async def last_posts(tx: AsyncConnection, account: str) -> tuple[str, ...]:
    """Kinds of the account's last two posts that left, or may have left, newest first."""
    return tuple(row[0] for row in await rows_of(tx, _LAST_POSTS, {"account": account}))
