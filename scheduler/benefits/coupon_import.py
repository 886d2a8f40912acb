"""Coupon codes brought into a pool: each once over all pools, in short transactions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.benefits.coupon_files import CodeRow, code_rows
from scheduler.benefits.coupons import NEVER_MS, settle_shortages
from storage.bulk import among
from storage.campaign_tables import CouponCode, CouponPool
from storage.engine import Database
from storage.outbox import insert_ignoring
from storage.strides import Breathe, Strides, no_need
from texts.catalogue import say

_FIRST, _MOST = 1_000, 10_000
_ERRORS_KEPT = 1_000


@dataclass(slots=True)
class CodesImported:
    """`rows` is the sum of `new`, `known` (of this pool already), and `refused`. `errors`: the first of the latter."""

    pool: str
    rows: int = 0
    new: int = 0
    known: int = 0
    refused: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, row: int, reason: str) -> None:
        self.refused += 1
        if len(self.errors) < _ERRORS_KEPT:
            self.errors.append({"row": row, "reason": reason})


async def import_codes(
    db: Database,
    path: Path,
    pool: str,
    *,
    expires_ms: int | None,
    by: str,
    now_ms: int,
    dry_run: bool = False,
    breathe: Breathe = no_need,
) -> CodesImported:
    """All codes of the file, once: doing it again changes nothing. `expires_ms`: of codes whose row does not say.

    Raises TableUnreadable, NoCodes.
    """
    found = CodesImported(pool)
    rows = _believed(path, found, expires_ms if expires_ms is not None else NEVER_MS, now_ms)
    if dry_run:
        async with db.read() as connection:
            for start in range(0, len(rows), _MOST):
                await _sorted_out(connection, found, rows[start : start + _MOST])
        return found

    async def write(tx: AsyncConnection, some: Sequence[CodeRow]) -> None:
        new = await _sorted_out(tx, found, some)
        values = [
            {"pool": pool, "code": row.code, "expires_ms": row.expires_ms, "added_ms": now_ms, "told": False}
            for row in new
        ]
        if values:
            await tx.execute(insert_ignoring(tx, CouponPool).values(name=pool, added_by=by, added_ms=now_ms))
            await tx.execute(insert_ignoring(tx, CouponCode), values)

    await Strides(db, breathe, first=_FIRST, most=_MOST).through(rows, write)
    async with db.write() as tx:
        await settle_shortages(tx, now_ms)
    return found


def _believed(path: Path, found: CodesImported, expires_ms: int, now_ms: int) -> list[CodeRow]:
    """Rows with a code that is still worth something, each code once."""
    rows: dict[str, CodeRow] = {}
    for row in code_rows(path):
        found.rows += 1
        whole = CodeRow(row.row, row.code, row.expires_ms if row.expires_ms is not None else expires_ms, row.refused)
        if whole.refused:
            found.refuse(whole.row, whole.refused)
        elif (whole.expires_ms or 0) <= now_ms:
            found.refuse(whole.row, say("coupons.refused.expired"))
        elif whole.code in rows:
            found.refuse(whole.row, say("coupons.refused.twice", row=rows[whole.code].row))
        else:
            rows[whole.code] = whole
    return list(rows.values())


async def _sorted_out(tx: AsyncConnection, found: CodesImported, some: Sequence[CodeRow]) -> list[CodeRow]:
    """Those that are in no pool yet; the others are counted."""
    codes = [row.code for row in some]
    there = select(CouponCode.code, CouponCode.pool).where(among(tx, CouponCode.code, codes))
    pools = {row.code: row.pool for row in (await tx.execute(there)).all()}
    new = [row for row in some if row.code not in pools]
    found.new += len(new)
    for row in some:
        if pools.get(row.code) == found.pool:
            found.known += 1
        elif row.code in pools:
            found.refuse(row.row, say("coupons.refused.elsewhere", pool=pools[row.code]))
    return new
