"""What a judge looks at: the world's own record of what arrived, and the fleet's book of what it meant to send."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from rules.kinds import Kind, Surface, gate_of
from rules.limits import Limits
from storage.engine import Database
from storage.tables import Account, Arrival, Delivery, Friendship, Person

Thing = tuple[str, str, str, str]
"""What can arrive: ('message', account, to, words), ('accept', account, contact, '') or ('post', account, key, '')."""


@dataclass(frozen=True, slots=True)
class Reached:
    """It did arrive."""

    thing: Thing
    at_ms: int


@dataclass(frozen=True, slots=True)
class Row:
    """It was meant: one row of the outbox."""

    id: int
    thing: Thing
    kind: Kind
    key: str
    state: str
    reason: str | None
    due_ms: int
    person: int | None = None
    campaign: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it, at one moment with no fleet running, `now_ms`.

    `known` are (account, contact) pairs that belong together; `opted_out` says since when people want no more;
    `ledger` are the keys of all rows that were planned and committed; `crashes` count, for each death, the rows of
    each account that were under way; `doubts_allowed` are those that other faults account for; `unhandled` are
    events that were stored and not acted upon; `slow` accounts were not given the time to send everything;
    `clock_set`: the machine's clock was set, so that the fleet's minutes and days were not the world's.
    """

    now_ms: int
    rows: tuple[Row, ...]
    reached: tuple[Reached, ...]
    limits: dict[str, Limits]
    known: frozenset[tuple[str, str]]
    opted_out: dict[int, int]
    ledger: frozenset[str] = frozenset()
    crashes: tuple[Counter[str], ...] = ()
    doubts_allowed: int = 0
    unhandled: int = 0
    slow: frozenset[str] = frozenset()
    clock_set: bool = False


async def gather(
    db: Database, record: Path, *, now_ms: int, ledger: Iterable[str] = (), crashes: Iterable[Counter[str]] = (),
    doubts_allowed: int = 0, slow: Iterable[str] = (), clock_set: bool = False,
) -> Evidence:  # fmt: skip
    """Read the record of the world and the database of the fleet."""
    entries = read_record(record)
    async with db.read() as connection:
        accounts = (await connection.execute(select(Account.id, Account.self_contact, Account.limits))).all()
        rows = (await connection.execute(select(Delivery.__table__))).mappings().all()
        friends = (await connection.execute(select(Friendship.account, Friendship.contact))).all()
        people = (await connection.execute(select(Person.id, Person.opted_out_ms))).all()
        open_states = Arrival.state.in_(("received", "fetched"))
        unhandled = await connection.scalar(select(func.count()).select_from(Arrival).where(open_states))
    account_of = {contact: id for id, contact, _ in accounts if contact}
    requests = {e["id"]: e["contact"] for e in entries if e["do"] == "friendship" and e["asks"]}
    return Evidence(
        now_ms=now_ms,
        rows=tuple(_row(dict(row), requests) for row in rows),
        reached=tuple(_reached(entries, account_of)),
        limits={id: Limits.model_validate(limits) for id, _, limits in accounts},
        known=frozenset((account, contact) for account, contact in friends),
        opted_out={id: ms for id, ms in people if ms is not None},
        ledger=frozenset(ledger),
        crashes=tuple(crashes),
        doubts_allowed=doubts_allowed,
        unhandled=unhandled or 0,
        slow=frozenset(slow),
        clock_set=clock_set,
    )


def read_record(path: Path) -> list[dict[str, Any]]:
    """Every whole line of the world's journal."""
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


async def under_way(db: Database) -> Counter[str]:
    """Rows in 'sending' by account: what a process left behind when it died."""
    async with db.read() as connection:
        found = await connection.execute(select(Delivery.account).where(Delivery.state == "sending"))
        return Counter(account for (account,) in found)


def _row(row: dict[str, Any], requests: dict[str, str]) -> Row:
    kind, content = Kind(row["kind"]), row["content"]
    surface = gate_of(kind).surface
    if surface is Surface.ACCEPT:
        thing = ("accept", row["account"], requests.get(content["request"], "?"), "")
    elif surface is Surface.MOMENT:
        thing = ("post", row["account"], row["key"], "")
    else:
        words = row["text"] or content.get("text") or content.get("card") or content.get("image") or ""
        thing = ("message", row["account"], row["recipient"], words)
    return Row(
        row["id"], thing, kind, row["key"], row["state"], row["reason"], row["due_ms"], row["person"], row["campaign"]
    )


def _reached(entries: list[dict[str, Any]], account_of: dict[str, str]) -> Iterable[Reached]:
    """What our accounts did, typing on the phone aside."""
    asked = {(e["account"], e["contact"]) for e in entries if e["do"] == "friendship" and e["asks"]}
    for entry in entries:
        match entry["do"]:
            case "message" if entry["from"] in account_of and not entry.get("by_phone"):
                thing = ("message", account_of[entry["from"]], entry["to"], entry["text"])
                yield Reached(thing, entry["at"])
            case "friendship" if not entry["asks"] and (entry["account"], entry["contact"]) in asked:
                yield Reached(("accept", entry["account"], entry["contact"], ""), entry["at"])
            case "post":
                yield Reached(("post", entry["account"], entry["key"], ""), entry["at"])
