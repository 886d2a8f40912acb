"""A pool of coupon codes that nobody has filled is told by `check`, at the place that names it."""

import shutil
from pathlib import Path

from sqlalchemy import insert

from storage.campaign_tables import CouponPool
from storage.engine import open_database
from tests.wxfleet.small_shop import open_shop
from texts.errors import Severity
from wxfleet.reading.pool_notes import pool_notes
from wxfleet.reading.settings import examine

PUSH = """\
name: fuli
title: 福利
who: {levels: [VIP1]}
words: {default: "{{ call_me }}，你的码 {{ coupon }}，退订回退订"}
coupons: 双十一
"""


def _put(shape: Path, database: Path) -> None:
    assert not database.exists(), "who only checks makes no database"
    database.parent.mkdir(exist_ok=True)
    shutil.copy(shape, database)


async def test_a_pool_without_codes_is_warned_of_until_it_has_some(tmp_path: Path, sqlite_shape: Path) -> None:
    path = open_shop(tmp_path)
    (tmp_path / "pushes").mkdir()
    (tmp_path / "pushes" / "p.yaml").write_text(PUSH, encoding="utf-8")
    examination = examine(path)
    assert examination.settings is not None
    [told] = await pool_notes(examination)
    assert (told.line, told.severity) == (5, Severity.WARNING) and "wxfleet coupons import" in told.reason
    database = Path(examination.settings.database_url.removeprefix("sqlite:///"))
    _put(sqlite_shape, database)
    assert len(await pool_notes(examination)) == 1
    db = open_database(examination.settings.database_url)
    async with db.write() as tx:
        await tx.execute(insert(CouponPool).values(name="双十一", added_by="cli", added_ms=0))
    await db.close()
    assert await pool_notes(examination) == []
