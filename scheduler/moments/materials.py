"""The material library: photos that people sent, each with whose it is and whether they agreed to be shown.

Nothing of a person's is posted before they said yes; what staff sent themselves is the shop's own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.errors import MaterialRefused, NoSuchMaterial
from scheduler.moments.posts import delivery_key, skip_planned
from storage.campaign_tables import Material, Post
from storage.fleet_tables import LiveRequest
from storage.outbox import DeliveryState, insert_ignoring
from storage.tables import Delivery

FOLDER = "materials"
"""Below the media folder."""
FETCH = "picture"
"""The live request by which a gateway hands out the picture of a message."""


class Source(StrEnum):
    CHAT = "chat"
    CONTEST = "contest"
    STAFF = "staff"


class ConsentMark(StrEnum):
    UNASKED = "unasked"
    ASKED = "asked"
    GIVEN = "given"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class MaterialRow:
    """One photo or video. `file` is below the media folder, None until it was fetched. Times in epoch ms."""

    id: int
    source: Source
    person: int | None
    masked_name: str
    words: str
    file: str | None
    problem: str | None
    consent: ConsentMark
    received_ms: int
    posted_ms: int | None
    added_by: str
    account: str | None

    @property
    def usable(self) -> bool:
        return self.file is not None and self.consent is ConsentMark.GIVEN


_COLUMNS = (
    Material.id, Material.source, Material.person, Material.masked_name, Material.words, Material.file,
    Material.problem, Material.consent, Material.received_ms, Material.posted_ms, Material.added_by, Material.account,
)  # fmt: skip


def masked_name(name: str) -> str:
    """The first character, and stars for the rest: 花** for 花花."""
    plain = name.strip()
    return f"{plain[0]}**" if plain else "**"


async def keep_picture(
    tx: AsyncConnection,
    *,
    account: str,
    message: str,
    source: Source,
    now_ms: int,
    person: int | None = None,
    name: str = "",
    words: str = "",
    by: str = "",
) -> int | None:
    """A picture came: remember it, and ask the gateway for the file. None when it is known already.

    `message`: the gateway's id of it. What staff sent is the shop's own; of anybody else it waits for their consent.
    """
    own = source is Source.STAFF
    values = {
        "source": source.value,
        "account": account,
        "message": message,
        "person": person,
        "masked_name": "" if own else masked_name(name),
        "words": words[:200],
        "consent": (ConsentMark.GIVEN if own else ConsentMark.UNASKED).value,
        "added_by": by,
        "received_ms": now_ms,
    }
    new = await tx.scalar(insert_ignoring(tx, Material).values(values).returning(Material.id))
    if new is None:
        return None
    request = {"material": new, "message": message}
    ask = {"account": account, "verb": FETCH, "payload": request, "state": "waiting", "created_ms": now_ms}
    await tx.execute(insert_ignoring(tx, LiveRequest).values(ask))
    return int(new)


async def picture_of(tx: AsyncConnection, account: str, message: str) -> int:
    """The number of a picture that is known already. Raises NoSuchMaterial."""
    known = await tx.scalar(select(Material.id).where(Material.account == account, Material.message == message))
    if known is None:
        raise NoSuchMaterial(message)
    return int(known)


async def add_file(
    tx: AsyncConnection, file: str, *, name: str, person: int | None, consent: ConsentMark, by: str, now_ms: int
) -> int:
    """A picture that is in the media folder already. Returns its number."""
    values = {
        "source": (Source.CHAT if person is not None or name else Source.STAFF).value,
        "person": person,
        "masked_name": masked_name(name) if name else "",
        "file": file,
        "consent": consent.value,
        "consent_by": by,
        "consent_ms": now_ms,
        "added_by": by,
        "received_ms": now_ms,
    }
    return int(await tx.scalar(insert_ignoring(tx, Material).values(values).returning(Material.id)) or 0)


async def listed(
    tx: AsyncConnection, *, consent: ConsentMark | None = None, person: int | None = None, limit: int = 30
) -> list[MaterialRow]:
    """The newest first; without those that were put away."""
    query = select(*_COLUMNS).where(Material.removed_ms.is_(None))
    if consent is not None:
        query = query.where(Material.consent == consent.value)
    if person is not None:
        query = query.where(Material.person == person)
    return _rows(await tx.execute(query.order_by(Material.received_ms.desc(), Material.id.desc()).limit(limit)))


async def found(tx: AsyncConnection, ids: Iterable[int]) -> dict[int, MaterialRow]:
    """Those of these numbers that are there."""
    query = select(*_COLUMNS).where(Material.id.in_(list(ids)), Material.removed_ms.is_(None))
    return {row.id: row for row in _rows(await tx.execute(query))}


async def material(tx: AsyncConnection, id: int) -> MaterialRow:
    """The one with that number. Raises NoSuchMaterial."""
    row = (await found(tx, [id])).get(id)
    if row is None:
        raise NoSuchMaterial(id)
    return row


async def sent_lately(tx: AsyncConnection, by: str, since_ms: int) -> list[MaterialRow]:
    """What this member of staff sent since then and nobody posted yet, the oldest first."""
    query = select(*_COLUMNS).where(
        Material.added_by == by,
        Material.source == Source.STAFF.value,
        Material.received_ms >= since_ms,
        Material.posted_ms.is_(None),
        Material.removed_ms.is_(None),
    )
    return _rows(await tx.execute(query.order_by(Material.received_ms, Material.id)))


async def mark(tx: AsyncConnection, id: int, consent: ConsentMark, *, by: str, now_ms: int) -> MaterialRow:
    """What its person said to being shown; a no takes it out of posts that have not left. Raises NoSuchMaterial."""
    row = await material(tx, id)
    values = {"consent": consent.value, "consent_ms": now_ms, "consent_by": by}
    await tx.execute(update(Material).where(Material.id == id).values(values))
    if consent is not ConsentMark.GIVEN and row.file is not None:
        await _take_out(tx, row.file, now_ms)
    return await material(tx, id)


async def put_away(tx: AsyncConnection, id: int, now_ms: int) -> MaterialRow:
    """No longer in the library; its file goes with the next sweep. Raises NoSuchMaterial."""
    row = await material(tx, id)
    await tx.execute(update(Material).where(Material.id == id).values(removed_ms=now_ms))
    if row.file is not None:
        await _take_out(tx, row.file, now_ms)
    return row


async def files_to_post(tx: AsyncConnection, ids: Sequence[int], now_ms: int) -> tuple[str, ...]:
    """The files of these materials, marked as used. Raises NoSuchMaterial, MaterialRefused."""
    rows = await found(tx, ids)
    for id in ids:
        if id not in rows:
            raise NoSuchMaterial(id)
        if rows[id].consent is not ConsentMark.GIVEN:
            raise MaterialRefused(id, "no_consent")
        if rows[id].file is None:
            raise MaterialRefused(id, "not_fetched")
    await tx.execute(update(Material).where(Material.id.in_(list(ids))).values(posted_ms=now_ms))
    return tuple(rows[id].file or "" for id in ids)


async def _take_out(tx: AsyncConnection, file: str, now_ms: int) -> None:
    """Posts that have not left and show it: a yes that was taken back binds at once."""
    waiting = (
        select(Post.account, Post.key, Post.media)
        .join(Delivery, Delivery.key == "moment:" + Post.account + ":" + Post.key)
        .where(Delivery.state == DeliveryState.PENDING.value, Delivery.kind == "moment")
    )
    rows = [row for row in (await tx.execute(waiting)).all() if file in row.media]
    await skip_planned(tx, [delivery_key(row.account, row.key) for row in rows], "no_consent", now_ms)


def _rows(result: Iterable[object]) -> list[MaterialRow]:
    found: list[MaterialRow] = []
    for row in result:
        fields = dict(row._mapping)  # type: ignore[attr-defined]  # a row of `_COLUMNS`
        fields["source"], fields["consent"] = Source(fields["source"]), ConsentMark(fields["consent"])
        found.append(MaterialRow(**fields))
    return found
