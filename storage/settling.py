"""The courier's statements after a send, and those that bring order after a crash or an echo."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import GATES, Kind, Surface
from storage.claim_statements import ACCEPT
from storage.farewells import DELETED_US, part
from storage.outbox import DeliveryState
from storage.statements import change

ECHO_WINDOW_MS = 10 * 60_000
"""An echo belongs to a row sent at most this long before or after (ours; gateways' clocks differ a little)."""

_SAME_ID_MS = 86_400_000
"""An id is looked for among what was sent within a day of the echo: by no index but that of the times."""
SENDING = "state = 'sending' AND state IN ('sending', 'in_doubt')"
"""With the words of the partial index's own condition: SQLite would read the whole outbox otherwise."""
_WEEKLY = ", ".join(f"'{kind}'" for kind, gate in GATES.items() if gate.weekly)
_MESSAGES = ", ".join(f"'{kind}'" for kind, gate in GATES.items() if gate.surface is Surface.MESSAGE)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one row. `retry_ms`: when a row that goes back to pending falls due again."""

    id: int
    state: DeliveryState
    gateway_id: str = ""
    reason: str | None = None
    retry_ms: int | None = None


_ACCEPT_LATE = {
    dialect: words.replace("outbox.state IN ('sending', 'in_doubt')", "outbox.state = 'in_doubt'")
    for dialect, words in ACCEPT.items()
}
_SETTLE = {
    "sqlite": """
        UPDATE outbox
           SET state = json_extract(v.value, '$[1]'), gateway_id = json_extract(v.value, '$[2]'),
               reason = json_extract(v.value, '$[3]'),
               due_ms = COALESCE(json_extract(v.value, '$[4]'), due_ms),
               sent_ms = CASE WHEN json_extract(v.value, '$[1]') = 'pending' THEN NULL ELSE sent_ms END,
               settled_ms = CASE WHEN json_extract(v.value, '$[1]') = 'pending' THEN NULL ELSE :now_ms END
          FROM json_each(:rows) v
         WHERE outbox.id = json_extract(v.value, '$[0]') AND outbox.state IN ('sending', 'in_doubt')
           AND NOT (outbox.state = 'in_doubt' AND json_extract(v.value, '$[1]') <> 'accepted')""",
    "postgresql": """
        UPDATE outbox
           SET state = v.value->>1, gateway_id = v.value->>2, reason = v.value->>3,
               due_ms = COALESCE(CAST(v.value->>4 AS bigint), due_ms),
               sent_ms = CASE WHEN v.value->>1 = 'pending' THEN NULL ELSE sent_ms END,
               settled_ms = CASE WHEN v.value->>1 = 'pending' THEN NULL ELSE CAST(:now_ms AS bigint) END
          FROM json_array_elements(CAST(:rows AS json)) v(value)
         WHERE outbox.id = CAST(v.value->>0 AS bigint) AND outbox.state IN ('sending', 'in_doubt')
           AND NOT (outbox.state = 'in_doubt' AND v.value->>1 <> 'accepted')""",
}

_LIST = {
    "sqlite": "(SELECT value FROM json_each(:{name}))",
    "postgresql": "(SELECT json_array_elements_text(CAST(:{name} AS json)))",
}

_IDS = {
    "sqlite": _LIST["sqlite"],
    "postgresql": "(SELECT CAST(json_array_elements_text(CAST(:{name} AS json)) AS bigint))",
}


async def settle(tx: AsyncConnection, results: Sequence[Settlement], *, now_ms: int) -> None:
    """Write what became of rows that were under way. A row in doubt takes only good news from here.

    A counted push that did not leave gives its person's week back.
    """
    if not results:
        return
    accepted = {r.id: r.gateway_id for r in results if r.state is DeliveryState.ACCEPTED}
    others = [r for r in results if r.state is not DeliveryState.ACCEPTED]
    if accepted:
        await change(tx, ACCEPT, {"rows": json.dumps(accepted), "now_ms": now_ms})
    if others:
        rows = json.dumps([(r.id, r.state.value, r.gateway_id, r.reason, r.retry_ms) for r in others])
        await change(tx, _SETTLE, {"rows": rows, "now_ms": now_ms})
    gone = [r.id for r in results if r.state in (DeliveryState.FAILED, DeliveryState.PENDING)]
    if gone:
        await give_back_week(tx, gone)
        await give_back_ponds(tx, gone)
    parted = [r.id for r in others if r.reason == DELETED_US]
    if parted:
        await part(tx, parted, now_ms=now_ms)


async def settle_late(tx: AsyncConnection, results: Sequence[Settlement], *, now_ms: int) -> None:
    """Write what became of rows that others own by now: only the good news, and only to a row that is in doubt.

    A row that was released since and is being sent by its new owner is left alone.
    """
    accepted = {r.id: r.gateway_id for r in results if r.state is DeliveryState.ACCEPTED}
    if accepted:
        await change(tx, _ACCEPT_LATE, {"rows": json.dumps(accepted), "now_ms": now_ms})


async def give_back_week(tx: AsyncConnection, ids: Sequence[int]) -> None:
    """These pushes did not leave: their people's last push is the newest other one that did or may have."""
    newest = f"""
        FROM outbox o WHERE o.person = people.id AND o.kind IN ({_WEEKLY}) AND o.sent_ms IS NOT NULL
         AND o.state IN ('sending', 'accepted', 'in_doubt', 'unknown')"""
    await tx.execute(
        text(f"""UPDATE people SET last_push_ms = (SELECT max(o.sent_ms) {newest}),
                        last_push_id = (SELECT max(o.id) {newest}),
                        unanswered = unanswered - (SELECT count(*) FROM outbox w WHERE w.id = people.last_push_id
                                                    AND w.kind = 'wake_up' AND people.unanswered > 0)
                  WHERE last_push_id IN {_IDS[tx.dialect.name].format(name="ids")}"""),
        {"ids": json.dumps(list(ids))},
    )


async def give_back_ponds(tx: AsyncConnection, ids: Sequence[int]) -> None:
    """These campaigns did not leave: their pond's week is that of the newest other one that did or may have."""
    name = {"sqlite": "json_extract(o.content, '$.pond.name')", "postgresql": "o.content->'pond'->>'name'"}
    newest = f"""
        FROM outbox o WHERE o.account = ponds.account AND o.kind = '{Kind.POND_CAMPAIGN.value}'
         AND o.sent_ms IS NOT NULL AND {name[tx.dialect.name]} = ponds.name
         AND o.state IN ('sending', 'handed', 'accepted', 'in_doubt', 'unknown')"""
    await tx.execute(
        text(f"""UPDATE ponds SET last_campaign_ms = (SELECT max(o.sent_ms) {newest}),
                        last_campaign_id = (SELECT max(o.id) {newest})
                  WHERE last_campaign_id IN {_IDS[tx.dialect.name].format(name="ids")}"""),
        {"ids": json.dumps(list(ids))},
    )


async def doubt_what_was_under_way(tx: AsyncConnection, accounts: Iterable[str], *, reason: str, now_ms: int) -> int:
    """After a crash or a take-over: rows that were being sent may have arrived. Returns how many."""
    of = _LIST[tx.dialect.name].format(name="accounts")
    result = await tx.execute(
        text(f"""UPDATE outbox SET state = 'in_doubt', reason = :reason, settled_ms = :now_ms
                  WHERE {SENDING} AND account IN {of}"""),
        {"accounts": json.dumps(list(accounts)), "reason": reason, "now_ms": now_ms},
    )
    return int(result.rowcount)


async def put_back_unsent(tx: AsyncConnection, accounts: Iterable[str], under_way: Iterable[int]) -> list[int]:
    """After a commit whose outcome was unknown: our rows in 'sending' that we know we never sent go back to pending.

    `under_way` are the rows that we did hand to a gateway. Only the owner of the accounts may call this.
    """
    of = _LIST[tx.dialect.name].format(name="accounts")
    sent = _IDS[tx.dialect.name].format(name="under_way")
    parameters = {"accounts": json.dumps(list(accounts)), "under_way": json.dumps(list(under_way))}
    found = await tx.execute(
        text(f"""UPDATE outbox SET state = 'pending', sent_ms = NULL
                  WHERE {SENDING} AND account IN {of} AND id NOT IN {sent} RETURNING id"""),
        parameters,
    )
    ids = [row[0] for row in found]
    if ids:
        await give_back_week(tx, ids)
        await give_back_ponds(tx, ids)
    return ids


class EchoMatch(StrEnum):
    MATCHED = "matched"
    """It is one of ours."""
    IN_FLIGHT = "in_flight"
    """A send to that contact is under way: ask again when it is settled."""
    NOT_OURS = "not_ours"
    """A person typed it on the phone."""


_BARE_ID = re.compile(r"[\w@-]{3,64}", re.ASCII)
_CONTENT_OF = {"image": "image", "link": "link"}
"""Kinds whose echo doesn't say which of ours it is: the one sent nearest to it."""


async def match_echo(
    tx: AsyncConnection, *, account: str, to: str, kind: str, words: str, message_id: str, at_ms: int
) -> EchoMatch:
    """Is our own message `message_id` (of MessageKind `kind`) a row of ours? Each row is matched once.

    By id; else, where the gateway gave none, by kind and text within ten minutes. A match is a receipt: a row in
    doubt is then accepted, and so is one that a person released and that has not left again. One that was given up
    as unknown stays so, but it is ours, and nobody is on the phone.
    """
    parameters = {"account": account, "to": to, "id": message_id, "words": words.strip(), "at_ms": at_ms}
    row = await _row_by_id(tx, parameters) or await _row_by_words(tx, kind, parameters)
    if row is None:
        under_way = await tx.execute(
            text(f"SELECT 1 FROM outbox WHERE {SENDING} AND account = :account AND recipient = :to LIMIT 1"),
            parameters,
        )
        if under_way.first():
            return EchoMatch.IN_FLIGHT
        row = await _row_by_id(tx, parameters)  # on PostgreSQL it may have been settled since the first look
    if row is None:
        return EchoMatch.NOT_OURS
    await tx.execute(
        text("""UPDATE outbox
                   SET echo = :id, settled_ms = CASE WHEN state = 'pending' THEN CAST(:at_ms AS bigint)
                                                     ELSE settled_ms END,
                       reason = CASE WHEN state IN ('in_doubt', 'pending') THEN NULL ELSE reason END,
                       state = CASE WHEN state IN ('in_doubt', 'pending') THEN 'accepted' ELSE state END
                 WHERE id = :row"""),
        {"id": message_id, "row": row, "at_ms": at_ms},
    )
    return EchoMatch.MATCHED


async def _row_by_id(tx: AsyncConnection, parameters: dict[str, object]) -> int | None:
    found = await tx.execute(
        text(f"""SELECT id FROM outbox
                  WHERE account = :account AND sent_ms BETWEEN :at_ms - {_SAME_ID_MS} AND :at_ms + {_SAME_ID_MS}
                    AND gateway_id = :id AND gateway_id <> '' LIMIT 1"""),
        parameters,
    )
    row: int | None = found.scalar_one_or_none()
    return row


async def _row_by_words(tx: AsyncConnection, kind: str, parameters: dict[str, object]) -> int | None:
    content = {"sqlite": "json_extract(content, '$.{}')", "postgresql": "content->>'{}'"}[tx.dialect.name]
    if kind == "text":
        same = (
            "trim(text, ' \n\r\t') = :words" if tx.dialect.name == "sqlite" else "btrim(text, E' \\n\\r\\t') = :words"
        )
    elif kind == "card":
        # The echo of some gateways is whose card it is; of others something that tells us nothing.
        card = content.format("card")
        same = f"{card} = :words" if _BARE_ID.fullmatch(str(parameters["words"])) else f"{card} IS NOT NULL"
    elif kind in _CONTENT_OF:
        same = f"{content.format(_CONTENT_OF[kind])} IS NOT NULL"
    else:
        return None
    found = await tx.execute(
        text(f"""SELECT id FROM outbox
                  WHERE account = :account AND recipient = :to AND sent_ms BETWEEN :at_ms - {ECHO_WINDOW_MS}
                    AND :at_ms + {ECHO_WINDOW_MS} AND kind IN ({_MESSAGES})
                    AND state IN ('sending', 'in_doubt', 'accepted', 'unknown', 'pending') AND echo IS NULL
                    AND COALESCE(gateway_id, '') = '' AND {same}
                  ORDER BY ABS(sent_ms - :at_ms), id LIMIT 1"""),
        parameters,
    )
    row: int | None = found.scalar_one_or_none()
    return row
