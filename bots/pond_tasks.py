"""Groups by hand: what no gateway can set of a room, and campaigns for groups where nothing speaks by itself."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.packages import Package, Part, hand_over_package
from rules.pacing import DAY_MS
from storage.outbox import Claimed
from storage.pond_tables import Pond
from storage.tables import Account
from texts.catalogue import say

LOOKS_EXPIRE_MS = 3 * DAY_MS
"""A notice that nobody got round to within three days is seen to be missing by then. Ours."""
PASTE_EXPIRES_MS = DAY_MS // 2
"""A campaign of the morning is none of the night. Ours."""
_PICTURES = ("avatar", "background")


async def hand_over_pond_posts(tx: AsyncConnection, rows: Sequence[Claimed], now_ms: int) -> None:
    """Make a task of each claimed campaign that a person pastes, in the claim's transaction."""
    for row in rows:
        about = row.content.pond or {}
        pond = (await tx.execute(select(Pond.title, Pond.kind).where(Pond.name == about.get("name")))).first()
        title, kind = (pond.title, pond.kind) if pond else (str(about.get("name")), "other")
        package = Package(
            key=f"pond_post:{row.id}",
            kind="pond_post",
            holder=await _holder(tx, row.account),
            title=say("ponds.paste_task", title=title),
            words="ponds.paste_package",
            parts=(Part(row.account, row.id),),
            values={"title": title, "kind": say(f"ponds.kind.{kind}")},
            copies=(row.text or row.content.text or "",),
            pictures=(str(about["picture"]),) if about.get("picture") else (),
        )
        await hand_over_package(tx, package, now_ms, now_ms + PASTE_EXPIRES_MS)


async def hand_out_pond_looks(
    tx: AsyncConnection, *, pond: str, title: str, account: str, looks: Mapping[str, str], digest: str, now_ms: int
) -> None:
    """Whoever holds the owner's phone is asked to set `looks`: title, notice, avatar, background."""
    fields = say("texts.comma").join(say(f"ponds.look.{field}") for field in looks)
    lines = "\n".join(
        say("ponds.look.line", field=say(f"ponds.look.{field}"), value=_shown(field, value))
        for field, value in looks.items()
    )
    package = Package(
        key=f"pond:{pond}:{digest}:{now_ms}",
        kind="pond",
        holder=await _holder(tx, account),
        title=say("ponds.task", title=title, fields=fields),
        words="ponds.package",
        parts=(Part(account, detail={"pond": pond, "fields": dict(looks)}),),
        values={"title": title, "fields": fields, "lines": lines},
        copies=tuple(looks[field] for field in looks if field not in _PICTURES),
        pictures=tuple(looks[field] for field in _PICTURES if field in looks),
    )
    await hand_over_package(tx, package, now_ms, now_ms + LOOKS_EXPIRE_MS)


def _shown(field: str, value: str) -> str:
    return value if field == "title" else say("ponds.look.below")


async def _holder(tx: AsyncConnection, account: str) -> str:
    return await tx.scalar(select(Account.holder).where(Account.id == account)) or ""
