"""Likes and gifts as packages for whoever holds the phone."""

from collections.abc import Mapping, Sequence

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.packages import Package, Part, hand_over_package
from rules.pacing import DAY_MS
from storage.task_tables import Gift
from texts.catalogue import say
from texts.masking import masked

LIKES_EXPIRE_MS = DAY_MS // 2
"""A like is for today. Ours."""
GIFTS_EXPIRE_MS = 3 * DAY_MS
"""A birthday's red packet a week later is none. Ours."""


async def hand_out_likes(
    tx: AsyncConnection, holder: str, day: str, names: Mapping[str, Sequence[str]], now_ms: int
) -> list[int]:
    """`names`: by account, whom to like from its phone. Returns the new tasks, one for each account."""
    number = sum(len(who) for who in names.values())
    lines = masked(
        "\n".join(say("bots.likes_line", account=account, names="、".join(who)) for account, who in names.items())
    )
    package = Package(
        key=f"{holder}:likes:{day}",
        kind="likes",
        holder=holder,
        title=say("bots.likes_task", number=number),
        words="bots.likes_package",
        parts=tuple(
            Part(account, detail={"names": list(who)}, title=say("bots.likes_task", number=len(who)))
            for account, who in names.items()
        ),
        values={"number": number, "lines": lines},
    )
    return await hand_over_package(tx, package, now_ms, now_ms + LIKES_EXPIRE_MS)


async def hand_out_gift(
    tx: AsyncConnection, gift: int, *, holder: str, account: str, kind: str, values: Mapping[str, str], now_ms: int
) -> int:
    """The task of one line of the ledger. `values`: name, amount, occasion, note. Returns its number."""
    package = Package(
        key=f"gift:{gift}",
        kind=kind,
        holder=holder,
        title=say(f"bots.{kind}_task", **values),
        words=f"bots.{kind}_package",
        parts=(Part(account, detail={"gift": gift}),),
        values=values,
        copies=(values["note"],),
    )
    [task] = await hand_over_package(tx, package, now_ms, now_ms + GIFTS_EXPIRE_MS)
    await tx.execute(update(Gift).where(Gift.id == gift).values(task=task))
    return task
