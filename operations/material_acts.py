"""The photos of the library by command: which there are, whose, who agreed; asking them; putting one away."""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.asking import Asked, Reply
from operations.errors import CannotBeUsed
from operations.finding import called, own_customer
from operations.requests.posts import Materials
from operations.targets import own_materials
from rules.kinds import Kind
from rules.quiet_hours import local
from scheduler.errors import MaterialRefused
from scheduler.moments.materials import (
    ConsentMark,
    MaterialRow,
    listed,
    mark,
    masked_name,
    material,
    put_away,
    sent_lately,
)
from storage.campaign_tables import Material
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Friendship, Person
from texts.catalogue import say

ASKED_LATELY_MS = 15 * 60_000
"""Pictures that staff sent this long before /素材 添加 are meant. Ours."""
_MARKS = {"given": ConsentMark.GIVEN, "refused": ConsentMark.REFUSED}


async def materials(tx: AsyncConnection, asked: Asked[Materials], zone: str) -> Reply:
    """Whatever is asked about the library. Raises NoSuchMaterial, MaterialRefused, CannotBeUsed."""
    request = asked.request
    by = f"staff:{asked.staff.id}"
    if request.act == "list":
        rows = await own_materials(tx, asked.staff, await listed(tx))
        return Reply(True, _list(rows, zone), data={"materials": [_as_json(row) for row in rows]})
    if request.act == "add":
        return await _add(tx, asked)
    if request.act == "ask":
        return await _ask(tx, asked)
    if request.act == "remove":
        await put_away(tx, request.number, asked.now_ms)
        return Reply(True, say("operations.material.removed", number=request.number))
    if request.act in _MARKS:
        row = await mark(tx, request.number, _MARKS[request.act], by=by, now_ms=asked.now_ms)
    else:
        row = await material(tx, request.number)
    return Reply(True, _line(row, zone), data=_as_json(row))


async def _add(tx: AsyncConnection, asked: Asked[Materials]) -> Reply:
    """What they just sent is of a customer: from now on it waits for that person's consent."""
    rows = await sent_lately(tx, f"staff:{asked.staff.id}", asked.now_ms - ASKED_LATELY_MS)
    if not rows:
        raise CannotBeUsed(say("operations.material.nothing_sent"), hint=say("operations.material.nothing_sent.hint"))
    person = await own_customer(tx, asked.staff, asked.request.who)
    values = {
        "source": "chat",
        "person": person.id,
        "masked_name": masked_name(called(person)),
        "consent": ConsentMark.UNASKED.value,
    }
    ids = [row.id for row in rows]
    await tx.execute(update(Material).where(Material.id.in_(ids)).values(values))
    numbers = say("texts.comma").join(map(str, ids))
    return Reply(True, say("operations.material.added", numbers=numbers, first=ids[0]), data={"materials": ids})


async def _ask(tx: AsyncConnection, asked: Asked[Materials]) -> Reply:
    """A question to whoever is in the picture, in the account's chat; their yes or no is heard there."""
    row = await material(tx, asked.request.number)
    if row.person is None:
        raise MaterialRefused(row.id, "nobodys")
    if row.consent in (ConsentMark.GIVEN, ConsentMark.REFUSED):
        raise MaterialRefused(row.id, f"is_{row.consent}")
    friend = (
        await tx.execute(
            select(Friendship.account, Friendship.contact, Person.opted_out_ms)
            .join(Person, Person.id == Friendship.person)
            .where(Friendship.person == row.person, Friendship.state == "friend")
            .order_by((Friendship.account == (row.account or "")).desc(), Friendship.last_in_ms.desc().nulls_last())
            .limit(1)
        )
    ).one_or_none()
    if friend is None or friend.opted_out_ms is not None:
        raise MaterialRefused(row.id, "unreachable")
    question = NewDelivery(
        kind=Kind.STAFF_MESSAGE,
        account=friend.account,
        to=friend.contact,
        person=row.person,
        content=Content(text=say("operations.material.question", lang="zh")),
        key=f"material:{row.id}:ask",
        due_ms=asked.now_ms,
        valid_until_ms=asked.now_ms + 24 * 3_600_000,
        source=f"staff:{asked.staff.id}",
    )
    await plan(tx, [question], now_ms=asked.now_ms)
    await mark(tx, row.id, ConsentMark.ASKED, by=f"staff:{asked.staff.id}", now_ms=asked.now_ms)
    return Reply(True, say("operations.material.asked", number=row.id, account=friend.account))


def _list(rows: Sequence[MaterialRow], zone: str) -> str:
    if not rows:
        return say("operations.material.none")
    lines = [say("operations.material.head", number=len(rows)), *(_line(row, zone) for row in rows)]
    return "\n".join([*lines, *_next_step(rows)])


def _next_step(rows: Sequence[MaterialRow]) -> list[str]:
    """What to do with the newest that can be used, else with the newest that nobody asked about."""
    ready = next((row for row in rows if row.usable and row.posted_ms is None), None)
    if ready is not None:
        return [say("operations.material.next.post", number=ready.id)]
    unasked = next((row for row in rows if row.consent is ConsentMark.UNASKED and row.person is not None), None)
    return [say("operations.material.next.ask", number=unasked.id)] if unasked is not None else []


def _line(row: MaterialRow, zone: str) -> str:
    state = say(f"operations.material.consent.{row.consent}")
    whose = row.masked_name or say("operations.material.own")
    ready = say("operations.material.file", file=row.file) if row.file else say("operations.material.not_here")
    used = say("operations.material.used") if row.posted_ms is not None else ""
    words = f" “{row.words[:20]}”" if row.words else ""
    day = f"{local(row.received_ms, zone):%m-%d}"
    source = say(f"operations.material.source.{row.source}")
    return say(
        "operations.material.line", number=row.id, day=day, whose=whose, source=source, state=state, ready=ready,
        used=used, words=words,
    )  # fmt: skip


def _as_json(row: MaterialRow) -> dict[str, object]:
    return {
        "id": row.id, "source": row.source.value, "name": row.masked_name, "consent": row.consent.value,
        "file": row.file, "received_ms": row.received_ms, "posted_ms": row.posted_ms,
    }  # fmt: skip
