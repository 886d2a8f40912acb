"""Why somebody did or did not get something: from the outbox, their requests and their wishes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.quiet_hours import local
from storage.campaign_tables import Campaign
from storage.outbox import DeliveryState
from storage.tables import Account, Delivery, FriendRequest, Friendship, Person
from texts.catalogue import catalogue, say
from texts.punctuation import aside

MOST = 50


@dataclass(frozen=True, slots=True)
class Because:
    """One thing that did or did not happen. `reason` in words, `rule` the word behind it, `source` who wanted it.

    `words`: what would have been said, had it not been a dry run.
    """

    at_ms: int
    zone: str
    what: str
    outcome: str
    reason: str
    rule: str
    source: str
    words: str = ""

    def as_json(self) -> dict[str, str]:
        """One entry of `why --json`."""
        when = datetime.fromtimestamp(self.at_ms / 1000, UTC).isoformat(timespec="seconds")
        return {
            "when": when, "what": self.what, "outcome": self.outcome, "reason": self.reason, "rule": self.rule,
            "source": self.source, "words": self.words,
        }  # fmt: skip

    @property
    def line(self) -> str:
        when = local(self.at_ms, self.zone).strftime("%m-%d %H:%M")
        tail = say("operations.why.reason", reason=self.reason) if self.reason else ""
        tail += say("operations.why.words", words=" ".join(self.words.split())) if self.words else ""
        return f"{when} {self.what} {_word('operations.outcome', self.outcome)}{tail}"


async def why(conn: AsyncConnection, person: int, what: str | None = None) -> list[Because]:
    """What happened to this person, the newest first; `what` narrows it to a kind, a push's name or its title."""
    found = [
        *await _wishes(conn, person),
        *await _deliveries(conn, person),
        *await _requests(conn, person),
    ]
    if what:
        found = [because for because in found if what in because.what or what == because.rule]
    return sorted(found, key=lambda because: -because.at_ms)[:MOST]


async def _deliveries(conn: AsyncConnection, person: int) -> list[Because]:
    rows = await conn.execute(
        select(
            Delivery.id, Delivery.created_ms, Delivery.sent_ms, Delivery.settled_ms, Delivery.kind, Delivery.account,
            Delivery.state, Delivery.reason, Delivery.source, Delivery.text, Campaign.title, Account.time_zone,
        )
        .outerjoin(Campaign, Campaign.id == Delivery.campaign)
        .outerjoin(Account, Account.id == Delivery.account)
        .where(Delivery.person == person)
        .order_by(Delivery.id.desc())
        .limit(MOST)
    )  # fmt: skip
    return [
        Because(
            at_ms=row.settled_ms or row.sent_ms or row.created_ms,
            zone=row.time_zone or "UTC",
            what=(row.title or _word("operations.kind", row.kind)) + aside(row.account),
            outcome=row.state,
            reason=_reason_of(row),
            rule=row.reason or "",
            source=row.source,
            words=(row.text or "") if row.reason == "dry_run" else "",
        )
        for row in rows.all()
    ]


def _reason_of(row: Row[*tuple[Any, ...]]) -> str:
    """In doubt: with the command that ends the doubt."""
    words = reason_words(row.reason)
    return words + say("operations.why.in_doubt", id=row.id) if row.state == DeliveryState.IN_DOUBT.value else words


async def _requests(conn: AsyncConnection, person: int) -> list[Because]:
    known = select(Friendship.contact).where(Friendship.person == person)
    rows = await conn.execute(
        select(FriendRequest, Account.time_zone)
        .join(Account, Account.id == FriendRequest.account)
        .where(FriendRequest.contact.in_(known))
        .order_by(FriendRequest.id.desc())
        .limit(MOST)
    )
    return [
        Because(
            at_ms=row.decided_ms or row.received_ms,
            zone=row.time_zone,
            what=say("operations.kind.request") + aside(row.account),
            outcome=row.state,
            reason=reason_words(row.reason),
            rule=row.reason or "",
            source=f"channel:{row.channel}" if row.channel else "",
        )
        for row in rows.all()
    ]


async def _wishes(conn: AsyncConnection, person: int) -> list[Because]:
    row = (
        await conn.execute(
            select(
                Person.opted_out_ms, Person.opted_out_by, Person.muted_until_ms, Person.created_ms,
                select(Account.time_zone)
                .join(Friendship, Friendship.account == Account.id)
                .where(Friendship.person == person)
                .limit(1)
                .scalar_subquery()
                .label("zone"),
            ).where(Person.id == person)
        )
    ).one_or_none()  # fmt: skip
    found: list[Because] = []
    if row is None:
        return found
    zone = row.zone or "UTC"
    if row.opted_out_ms is not None:
        found.append(_wish(row.opted_out_ms, zone, "opted_out", row.opted_out_by or ""))
    if row.muted_until_ms is not None:
        found.append(_wish(row.muted_until_ms, zone, "muted", ""))
    return found


def _wish(at_ms: int, zone: str, rule: str, source: str) -> Because:
    return Because(at_ms, zone, say(f"operations.wish.{rule}"), rule, reason_words(rule), rule, source)


def reason_words(reason: str | None) -> str:
    """A reason of the rules in words; what has no words is shown as it is, not hidden."""
    return _word("reason", reason) if reason else ""


def _word(prefix: str, word: str) -> str:
    key = f"{prefix}.{word}"
    values: dict[str, Any] = {}
    return say(key, **values) if key in catalogue() else word
