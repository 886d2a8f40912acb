"""A post that staff want now: its account, its kind, the first minute the caps allow, and what speaks against it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from personas.copy_check import Finding, findings
from personas.model import Style
from rules.gates import allowed_by_role
from rules.kinds import Kind
from rules.pacing import DAY_MS, MINUTE_MS
from rules.post_media import FOLDS_AT, MOST_CHARACTERS, MOST_PICTURES, is_video
from rules.quiet_hours import local, open_from
from rules.roles import PostKind
from scheduler.errors import PostRefused
from scheduler.media_checks import flaw_of
from scheduler.moments.calendar_advice import NEAR_DAYS, alike
from scheduler.moments.day_changes import KnownPost, known_posts
from scheduler.moments.day_plan import posters
from scheduler.moments.day_slots import Poster, fits
from scheduler.moments.posts import NewPost, write_posts
from scheduler.moments.rhythm import Planned
from storage.tables import Account
from texts.catalogue import say
from texts.errors import Severity

_SELLS = re.compile(r"淘宝搜|下单|包邮|上新|新款|现货|原价|到手|券后|[0-9]+(?:\.[0-9]+)?\s?元|[¥￥]\s?[0-9]|链接在")
_BENEFITS = re.compile(r"福利|优惠|折扣|[0-9一二三四五六七八九]折|满减|立减|红包|免单|老客价|秒杀|半价")


@dataclass(frozen=True, slots=True)
class Wish:
    """What staff want to post. `due_ms` epoch ms, the earliest moment; `kind` None: judged by its words."""

    account: str
    text: str
    due_ms: int
    media: tuple[str, ...] = ()
    kind: PostKind | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """The wish as it would appear. `doubts`: sentences for whoever asked."""

    account: str
    zone: str
    kind: PostKind
    text: str
    media: tuple[str, ...]
    due_ms: int
    followers: tuple[str, ...]
    doubts: tuple[str, ...]


def kind_of(text: str) -> PostKind:
    """What a text is about, by its words: what offers something is a benefit, what sells is a product."""
    if _BENEFITS.search(text):
        return PostKind.BENEFIT
    return PostKind.PRODUCT if _SELLS.search(text) else PostKind.LIFE


async def prepare(tx: AsyncConnection, wish: Wish, *, style: Style, media: Path | None, now_ms: int) -> Prepared:
    """The first minute it can appear at, and everything that is doubtful. Raises PostRefused."""
    found = await posters(tx, accounts=[wish.account])
    if not found:
        raise PostRefused("no_source", account=wish.account)
    poster = found[0]
    kind = wish.kind or kind_of(wish.text)
    doubts = [finding.reason for finding in _copy_of(wish, style)]
    _require_fit(wish, poster, kind, media)
    near = [local(now_ms, poster.zone).date() + timedelta(days=n) for n in range(-NEAR_DAYS, 3)]
    known = [row for row in await known_posts(tx, [poster.id], near) if row.state not in ("skipped", "failed")]
    due_ms = _first_minute(poster, kind, max(wish.due_ms, now_ms), known)
    doubts += _said_before(wish.text, known)
    if len(wish.text) > FOLDS_AT:
        doubts.append(say("scheduler.staff_post.folds", length=len(wish.text), folds=FOLDS_AT))
    followers = await tx.scalars(
        select(Account.id).where(Account.mirror_of == poster.id, Account.removed.is_(False)).order_by(Account.id)
    )
    return Prepared(poster.id, poster.zone, kind, wish.text, wish.media, due_ms, tuple(followers), tuple(doubts))


async def publish(tx: AsyncConnection, prepared: Prepared, *, name: str, by: str, now_ms: int) -> int:
    """Plan it. `name` says which wish it is: the same one is planned once. Returns how many posts are new."""
    day = local(prepared.due_ms, prepared.zone).date().isoformat()
    post = NewPost(
        account=prepared.account,
        key=f"{prepared.account}:{day}:{name}",
        day=day,
        entry=name,
        kind=prepared.kind,
        text=prepared.text,
        due_ms=prepared.due_ms,
        media=prepared.media,
        source=f"staff:{by}",
    )
    return await write_posts(tx, [post], now_ms)


async def main_account(tx: AsyncConnection, mine: Iterable[str]) -> str:
    """The account that staff mean when they name none: the main one among `mine`, or of all. Raises PostRefused."""
    query = select(Account.id, Account.main).where(Account.removed.is_(False), Account.mirror_of.is_(None))
    rows = (await tx.execute(query.order_by(Account.main.desc(), Account.id))).all()
    looked_after = set(mine)
    own = [row for row in rows if not looked_after or row.id in looked_after]
    mains = [row.id for row in own if row.main] or [row.id for row in own]
    if len(mains) == 1:
        return str(mains[0])
    raise PostRefused("which_account", accounts=say("texts.comma").join(mains[:20]))


def _copy_of(wish: Wish, style: Style) -> list[Finding]:
    """What is a matter of taste; what is forbidden raises."""
    found = list(findings(wish.text, style, moments=True))
    errors = [finding.reason for finding in found if finding.fault.severity is Severity.ERROR]
    if errors:
        raise PostRefused("copy", faults="\n".join(errors))
    return found


def _require_fit(wish: Wish, poster: Poster, kind: PostKind, media: Path | None) -> None:
    if not wish.text.strip():
        raise PostRefused("no_text")
    if len(wish.text) > MOST_CHARACTERS:
        raise PostRefused("too_long", length=len(wish.text), most=MOST_CHARACTERS)
    if len(wish.media) > (1 if any(map(is_video, wish.media)) else MOST_PICTURES):
        raise PostRefused("too_many", number=len(wish.media), most=MOST_PICTURES)
    flaws = [flaw_of(media, name) for name in wish.media] if media is not None else []
    for flaw in flaws:
        if flaw is not None:
            raise PostRefused("media", flaw=flaw.words)
    if not allowed_by_role(Kind.MOMENT, poster.role, kind):
        raise PostRefused("role", account=poster.id, kind=say(f"scheduler.post.{kind}"))


def _first_minute(poster: Poster, kind: PostKind, from_ms: int, known: Sequence[KnownPost]) -> int:
    """Raises PostRefused when none of the next 24 hours will do."""
    others = [Planned(row.entry, PostKind(row.kind), row.due_ms) for row in known]
    at_ms = from_ms
    while at_ms < from_ms + DAY_MS:
        opens_ms = open_from(at_ms, poster.limits.posts_from, poster.limits.posts_until, poster.zone)
        if opens_ms == at_ms and fits(Planned("", kind, at_ms), others, poster.limits):
            return at_ms
        at_ms = max(opens_ms, (at_ms // MINUTE_MS + 1) * MINUTE_MS)
    raise PostRefused("no_minute", account=poster.id)


def _said_before(text: str, known: Sequence[KnownPost]) -> list[str]:
    return [say("scheduler.staff_post.alike", entry=row.entry, day=row.day) for row in known if alike(row.text, text)][
        :1
    ]
