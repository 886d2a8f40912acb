"""Messages of which nobody knows whether they arrived: shown, and ended by the word of a person, many at once."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.asking import Asked, Reply, Shown
from operations.errors import CannotBeUsed, NotFound, Refused
from operations.finding import account_named, is_account
from operations.permissions import Staff, require_account
from operations.requests.pushes import Doubt, ResolveDoubt
from operations.why import reason_words
from rules.quiet_hours import local
from scheduler.pushes import push_file
from scheduler.pushes.sending_hours import opens_ms
from storage.campaign_tables import Campaign
from storage.doubts import Doubt as Row
from storage.doubts import Ending, doubts, end_doubt, put_off_until
from texts.catalogue import say

_SHOWN = 10
_WORDS_SHOWN = 24


async def in_doubt(tx: AsyncConnection, asked: Asked[Doubt]) -> Reply:
    """What is in doubt, by account and push, with the command that ends it."""
    request = asked.request
    account, campaign = await _scope(tx, asked.staff, request.account, request.campaign, request.what)
    rows = await _rows(tx, asked.staff, asked.now_ms, account, campaign, ())
    data = {"in_doubt": len(rows), "people": _people(rows), "rows": [_as_json(row) for row in rows]}
    if not rows:
        return Reply(True, say("operations.doubt.none"), data=data)
    head = say("operations.doubt.head", rows=len(rows), people=_people(rows))
    lines = [head, *_groups(rows), *(_line(row) for row in rows[:_SHOWN])]
    if len(rows) > _SHOWN:
        lines.append(say("operations.doubt.more", number=len(rows) - _SHOWN))
    scope = account or (str(campaign) if campaign is not None else "") or rows[0].account
    return Reply(True, "\n".join([*lines, say("operations.doubt.how", scope=scope)]), data=data)


async def show_resolve(tx: AsyncConnection, asked: Asked[ResolveDoubt]) -> Shown:
    """What would become of which rows. What is confirmed are exactly these."""
    request = asked.request
    ending = _ending(request.ending)
    account, campaign = await _scope(tx, asked.staff, request.account, request.campaign, request.what)
    rows = await _rows(tx, asked.staff, asked.now_ms, account, campaign, request.ids)
    if not rows:
        raise NotFound(say("operations.doubt.none_there"), hint=say("operations.doubt.none_there.hint"))
    text, going = _would(rows, ending)
    exact = replace(
        request,
        account=account or "",
        campaign="" if campaign is None else str(campaign),
        what="",
        ids=tuple(row.id for row in going),
        shown_ms=asked.now_ms,
    )
    return Shown(text, exact, _people(going) if ending is Ending.RELEASE else 0)


def _would(rows: Sequence[Row], ending: Ending) -> tuple[str, Sequence[Row]]:
    """The preview in words, and the rows it is about. Raises Refused when none of them can be sent again."""
    if ending is not Ending.RELEASE:
        key = f"operations.doubt.would_{ending}"
        return "\n".join([say(key, rows=len(rows), people=_people(rows)), *_groups(rows)]), rows
    going = [row for row in rows if not row.blocked]
    stays = [
        say("operations.doubt.stays", rows=number, reason=reason_words(reason))
        for reason, number in sorted(Counter(row.blocked for row in rows if row.blocked).items())
    ]
    if not going:
        raise Refused(
            "\n".join([say("operations.doubt.none_again"), *stays]), hint=say("operations.doubt.none_again.hint")
        )
    head = say("operations.doubt.would_release", rows=len(going), people=_people(going))
    return "\n".join([head, *_groups(going), *stays]), going


async def resolve(tx: AsyncConnection, asked: Asked[ResolveDoubt]) -> Reply:
    """End the doubt of exactly the rows that were shown; a receipt that came meanwhile wins."""
    request = asked.request
    ending = _ending(request.ending)
    rows = await _rows(tx, asked.staff, asked.now_ms, None, None, request.ids)
    wanted = [row for row in rows if ending is not Ending.RELEASE or not row.blocked]
    ended = set(await end_doubt(tx, [row.id for row in wanted], ending, shown_ms=request.shown_ms, now_ms=asked.now_ms))
    if ending is Ending.RELEASE:
        await _keep_hours(tx, [row for row in wanted if row.id in ended], asked.now_ms)
    text = say(f"operations.doubt.done_{ending}", rows=len(ended))
    others = len(request.ids) - len(ended)
    if others:
        text += "\n" + say("operations.doubt.others", rows=others)
    return Reply(True, text, data={"as": ending.value, "rows": len(ended), "left_alone": others})


async def _keep_hours(tx: AsyncConnection, released: Sequence[Row], now_ms: int) -> None:
    """A push has hours of its own; what was released outside them waits for the next."""
    campaigns = {row.campaign for row in released if row.campaign is not None}
    found = await tx.execute(select(Campaign.id, Campaign.spec).where(Campaign.id.in_(campaigns)))
    specs = {row.id: push_file.from_spec(row.spec) for row in found.all()}
    later: dict[int, list[int]] = defaultdict(list)
    for row in released:
        if row.campaign in specs:
            due_ms = opens_ms(specs[row.campaign], now_ms, row.zone)
            if due_ms > now_ms:
                later[due_ms].append(row.id)
    for due_ms, ids in later.items():
        await put_off_until(tx, ids, due_ms)


async def _scope(
    tx: AsyncConnection, staff: Staff, account: str, campaign: str, what: str
) -> tuple[str | None, int | None]:
    """The account and the push meant; `what` may be either. Raises what finding them raises."""
    if what and await is_account(tx, what):
        account = what
    elif what:
        campaign = what
    named = await account_named(tx, account) if account else None
    if named is not None:
        require_account(staff, named)
    return named, await _campaign(tx, campaign) if campaign else None


async def _campaign(tx: AsyncConnection, word: str) -> int:
    """The newest push with that id, name or title, over or not. Raises NotFound."""
    rows = await tx.execute(select(Campaign.id, Campaign.name, Campaign.title).order_by(Campaign.id.desc()))
    for row in rows.all():
        if word in (str(row.id), row.name, row.title):
            return int(row.id)
    raise NotFound(say("operations.doubt.no_such", word=word), hint=say("operations.doubt.no_such.hint"))


async def _rows(
    tx: AsyncConnection, staff: Staff, now_ms: int, account: str | None, campaign: int | None, ids: Sequence[int]
) -> list[Row]:
    """Those at accounts which whoever asks looks after."""
    found = await doubts(tx, now_ms, account=account, campaign=campaign, ids=ids or None)
    return [row for row in found if staff.looks_after(row.account)]


def _ending(word: str) -> Ending:
    try:
        return Ending(word)
    except ValueError:
        raise CannotBeUsed(say("operations.doubt.which"), hint=say("operations.doubt.which.hint")) from None


def _people(rows: Sequence[Row]) -> int:
    """How many people (or rooms) they went to; posts go to nobody in particular."""
    return len({(row.account, row.to) for row in rows if row.to})


def _groups(rows: Sequence[Row]) -> list[str]:
    """One line for each account and push."""
    groups: dict[tuple[str, int | None], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.account, row.campaign].append(row)
    return [
        say(
            "operations.doubt.group",
            account=account,
            what=_push(of[0]),
            rows=len(of),
            reason=reason_words(of[0].reason),
        )
        for (account, _), of in sorted(groups.items(), key=lambda group: (group[0][0], group[0][1] or 0))
    ]


def _push(row: Row) -> str:
    if row.campaign is None:
        return say("operations.doubt.no_push")
    return say("operations.doubt.push", title=row.title, id=row.campaign)


def _line(row: Row) -> str:
    words = " ".join(row.text.split())
    return say(
        "operations.doubt.row",
        id=row.id,
        who=row.who or say(f"operations.kind.{row.kind}"),
        account=row.account,
        at=f"{local(row.sent_ms, row.zone):%m-%d %H:%M}",
        words=words if len(words) <= _WORDS_SHOWN else f"{words[:_WORDS_SHOWN]}…",
    )


def _as_json(row: Row) -> dict[str, Any]:
    return {
        "id": row.id, "account": row.account, "kind": row.kind, "who": row.who, "campaign": row.campaign,
        "title": row.title, "text": row.text, "sent_ms": row.sent_ms, "valid_until_ms": row.valid_until_ms,
        "reason": row.reason, "can_be_sent_again": not row.blocked, "why_not": row.blocked,
    }  # fmt: skip
