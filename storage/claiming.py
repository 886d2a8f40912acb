"""The courier's statements before a send: what is due, a page of it, what is true of it, and the claim.

Their words, for both databases, stand in `claim_statements`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import PRIORITIES, Kind
from storage import claim_statements
from storage.statements import change, rows_of

_TURN = {"postgresql": claim_statements.TURN}
_RESERVE_WEEK = {"sqlite": claim_statements.RESERVE_WEEK}

PAGE_ROWS = 32
"""Rows a page holds of each lane and priority."""


class Row(NamedTuple):
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


class Facts(NamedTuple):
    """What is true of a row's person, friendship and campaign inside the claim's transaction.

    `person` is who they are today: rows that were planned while two entries became one still name the other.
    """

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
    person: int | None
    held_until_ms: int | None
    account: str


class Intent(NamedTuple):
    """What is about to be sent: by whom, and the rendered text."""

    account: str
    text: str | None


class Standing(NamedTuple):
    """What binds a whole tick: how many shards the owner has and the sum of their epochs; is everything stopped (全停),
    and which accounts did a person pause?
    """

    shards: int
    epochs: int
    stop_all: bool
    paused: frozenset[str]


async def standing(tx: AsyncConnection, owner: str) -> Standing:
    """Read in one visit what every tick must know first."""
    rows = await rows_of(tx, claim_statements.STANDING, {"owner": owner})
    (shards, epochs), *_ = [(row[2], row[3]) for row in rows if row[0] == "shards"]
    stop_all = any(row[0] == "all" for row in rows)
    return Standing(int(shards), int(epochs), stop_all, frozenset(row[1] for row in rows if row[0] == "account"))


async def newest(tx: AsyncConnection) -> int:
    """The highest id of the outbox, 0 when it is empty."""
    return int((await rows_of(tx, claim_statements.NEWEST, {}))[0][0])


async def planned_after(tx: AsyncConnection, id: int) -> set[str]:
    """Accounts with rows planned after that id, by whichever process."""
    return {row[0] for row in await rows_of(tx, claim_statements.PLANNED_AFTER, {"id": id})}


async def next_due(tx: AsyncConnection, accounts: Iterable[str], *, now_ms: int) -> dict[str, int | None]:
    """When the next row of each account that is not yet due will be, in epoch ms."""
    parameters = {"accounts": json.dumps(list(accounts)), "priorities": json.dumps(PRIORITIES), "now_ms": now_ms}
    return {row[0]: row[1] for row in await rows_of(tx, claim_statements.NEXT_DUE, parameters)}


async def page(
    tx: AsyncConnection, accounts: Iterable[str], *, now_ms: int, kinds: Iterable[Kind] | None = None
) -> dict[str, list[Row]]:
    """Up to `PAGE_ROWS` due rows of each account and priority, best first; of `kinds` only, where given."""
    parameters = {
        "accounts": json.dumps(list(accounts)),
        "priorities": json.dumps(PRIORITIES),
        "now_ms": now_ms,
        "rows": PAGE_ROWS,
    }
    statement = claim_statements.PAGE
    if kinds is not None:
        statement = claim_statements.PAGE_OF_KINDS
        parameters["kinds"] = json.dumps(sorted(kinds))
    pages: dict[str, list[Row]] = {}
    for row in sorted(map(_row, await _unpacked(tx, statement, parameters)), key=_best_first):
        pages.setdefault(row.account, []).append(row)
    return pages


async def page_to(tx: AsyncConnection, account: str, people: Iterable[str], *, now_ms: int) -> list[Row]:
    """Due rows of one account to some people only: whom it may still write to in a full minute."""
    parameters = {"account": account, "people": json.dumps(sorted(people)), "now_ms": now_ms, "rows": PAGE_ROWS}
    return sorted(map(_row, await _unpacked(tx, claim_statements.PAGE_TO, parameters)), key=_best_first)


async def _unpacked(
    tx: AsyncConnection, statement: Mapping[str, str], parameters: Mapping[str, Any]
) -> Sequence[Sequence[Any]]:
    """Rows that SQLite sends as one JSON list."""
    found = await rows_of(tx, statement, parameters)
    return json.loads(found[0][0]) if tx.dialect.name == "sqlite" else found


def _best_first(row: Row) -> tuple[int, int, int]:
    return (row.priority, row.due_ms, row.id)


_KINDS = {kind.value: kind for kind in Kind}


def _row(found: Sequence[Any]) -> Row:
    content = found[7] if isinstance(found[7], dict) else json.loads(found[7])
    return Row._make((found[0], found[1], _KINDS[found[2]], *found[3:7], content, *found[8:12]))


async def facts_of(tx: AsyncConnection, rows: Sequence[Row]) -> dict[int, Facts]:
    """What is true of each row now. On PostgreSQL the people are locked first, in order, until the transaction ends:
    two workers then never both find the same person's week empty, and an opt-out comes before or after, not between.
    """
    people = {row.person for row in rows if row.person is not None}
    await _lock(tx, people)
    facts = await _facts(tx, rows)
    others = {one.person for one in facts.values() if one.person is not None} - people
    if others and tx.dialect.name == "postgresql":  # merged since they were planned
        await _lock(tx, others)
        facts = await _facts(tx, rows)
    return facts


async def _lock(tx: AsyncConnection, people: Iterable[int]) -> None:
    if people and tx.dialect.name == "postgresql":
        await rows_of(tx, claim_statements.LOCK_PEOPLE, {"ids": json.dumps(sorted(people))})


async def _facts(tx: AsyncConnection, rows: Sequence[Row]) -> dict[int, Facts]:
    parameters = {"ids": json.dumps([row.id for row in rows])}
    return {row[0]: _facts_of_row(row) for row in await _unpacked(tx, claim_statements.FACTS, parameters)}


def _facts_of_row(row: Sequence[Any]) -> Facts:
    orders, last_in_ms, claimed = row[6], row[7], row[16]
    return Facts(
        bool(row[1]),
        row[2] is not None,
        row[3],
        row[4],
        row[5] in ("staff", "own"),
        bool(orders) or last_in_ms is not None or bool(claimed),
        row[8] == "friend",
        row[9],
        row[10] or "",
        bool(row[11]),
        row[12],
        row[13],
        row[14] or "",
        row[15],
        row[17],
        row[18],
        row[19],
    )


async def take_turn(
    tx: AsyncConnection,
    intents: Mapping[int, Intent],
    *,
    accepted: Mapping[int, str],
    week: Mapping[int, int],
    now_ms: int,
    epoch: int,
) -> set[int]:
    """Move {id: intent} from pending to sending; returns the ids that were still pending, and that account's.

    With it {id: gateway id} of what was accepted meanwhile, as `settling.settle` writes it, and the week of the people
    who get a push: {person: delivery id}.
    """
    if tx.dialect.name == "postgresql":
        if not intents and not accepted:
            return set()
        parameters = {
            **_packed(intents), "accepted": json.dumps(accepted), "week": json.dumps(week),
            "state": "sending", "now_ms": now_ms, "epoch": epoch,
        }  # fmt: skip
        return {row[0] for row in await rows_of(tx, _TURN, parameters)}
    if accepted:
        await change(tx, claim_statements.ACCEPT, {"rows": json.dumps(accepted), "now_ms": now_ms})
    ours = await claim(tx, intents, "sending", now_ms=now_ms, epoch=epoch)
    if week:
        await change(tx, _RESERVE_WEEK, {"rows": json.dumps(week), "now_ms": now_ms})
    return ours


async def claim(tx: AsyncConnection, intents: Mapping[int, Intent], state: str, *, now_ms: int, epoch: int) -> set[int]:
    """Move {id: intent} from pending to 'sending' or 'handed'; returns the ids that were still pending, and theirs."""
    if not intents:
        return set()
    parameters = {**_packed(intents), "state": state, "now_ms": now_ms, "epoch": epoch}
    if tx.dialect.name == "postgresql":
        return {row[0] for row in await rows_of(tx, claim_statements.CLAIM, parameters)}
    if await change(tx, claim_statements.CLAIM, parameters) != len(intents):
        # The only writer saw them pending in this very transaction: better nothing is sent than something twice.
        raise AssertionError("rows changed under the hands of their only writer")
    return set(intents)


def _packed(intents: Mapping[int, Intent]) -> dict[str, str]:
    texts = {id: intent.text for id, intent in intents.items()}
    return {"rows": json.dumps(texts), "accounts": json.dumps({id: one.account for id, one in intents.items()})}


async def put_off(tx: AsyncConnection, rows: Sequence[tuple[int, int, str]]) -> None:
    """Let (id, until epoch ms, reason) wait."""
    if rows:
        await change(tx, claim_statements.PUT_OFF, {"rows": json.dumps(rows)})


async def skip(tx: AsyncConnection, rows: Sequence[tuple[int, str, str | None]], *, now_ms: int) -> None:
    """Never send (id, reason, what would have been said)."""
    if rows:
        await change(tx, claim_statements.SKIP, {"rows": json.dumps(rows), "now_ms": now_ms})


async def sent_since(tx: AsyncConnection, accounts: Iterable[str], since_ms: int) -> list[tuple[str, int, Kind, str]]:
    """(account, sent ms, kind, to) of everything that left these accounts after `since_ms`, oldest first."""
    parameters = {"accounts": json.dumps(list(accounts)), "since_ms": since_ms}
    return [
        (row[0], row[1], Kind(row[2]), row[3]) for row in await rows_of(tx, claim_statements.SENT_SINCE, parameters)
    ]


async def post_kinds(tx: AsyncConnection, posts: Iterable[int]) -> dict[int, str]:
    """What kind each of these posts is."""
    return {row[0]: row[1] for row in await rows_of(tx, claim_statements.POST_KINDS, {"ids": json.dumps(list(posts))})}


async def last_posts(tx: AsyncConnection, account: str) -> tuple[str, ...]:
    """Kinds of the account's last two posts that left, or may have left, newest first."""
    return tuple(row[0] for row in await rows_of(tx, claim_statements.LAST_POSTS, {"account": account}))


class PondSeen(NamedTuple):
    """The pond of a row inside the claim's transaction. `refusal`: as in `rules.gates.PondFacts`."""

    name: str
    refusal: str
    last_campaign_ms: int | None
    rest_days: int


async def ponds_of(tx: AsyncConnection, ids: Iterable[int]) -> dict[int, PondSeen]:
    """The ponds that these rows go to, locked until the transaction ends; a row whose pond is gone has none."""
    found = await rows_of(tx, claim_statements.PONDS, {"ids": json.dumps(list(ids))})
    return {row[0]: PondSeen(row[1], _pond_refusal(row), row[8], row[9]) for row in found}


def _pond_refusal(row: Sequence[Any]) -> str:
    removed, owner, account, kind, room, to, staff_room = *row[2:8], row[10]
    if removed:
        return "pond_gone"
    if owner != account:
        return "pond_owner"
    if room and room == staff_room:
        return "staff_room"
    if kind == "wechat" and room is None:
        return "pond_unbound"
    return "pond_gone" if kind == "wechat" and to != room else ""


async def reserve_ponds(tx: AsyncConnection, rows: Mapping[str, int], *, now_ms: int) -> None:
    """The week of these ponds is taken by a delivery each: {pond: id}."""
    if rows:
        await change(tx, claim_statements.RESERVE_PONDS, {"rows": json.dumps(rows), "now_ms": now_ms})
