"""What `check` says of pools of coupon codes that files name: one without a code is a wrong name, or work left."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_reading import open_campaign, to_fill
from scheduler.pushes.push_file import PushFile
from storage.campaign_tables import CouponPool
from storage.engine import open_database
from storage.shape import shape_of
from texts.catalogue import say
from texts.errors import Mistake, Severity
from texts.nearest import nearest
from texts.problem import Problem
from texts.yaml_reader import Document, read_folder
from wxfleet.reading.files import Files
from wxfleet.reading.settings import Examination

_PATIENCE_S = 3.0
_SQLITE = "sqlite:///"

Place = tuple[str | int, ...]
Named = tuple[Document[CampaignFile] | Document[PushFile], Place, str]


async def pool_notes(examination: Examination) -> list[Mistake]:
    """A warning for each place that names a pool nobody has filled; none where the database can't be asked."""
    named = list(_named(examination.files))
    if not named or examination.settings is None:
        return []
    known = await _pools(examination.settings.database_url)
    if known is None:
        return []
    return [
        document.mistake(
            place, say("check.no_pool", pool=pool), suggestion=nearest(pool, known) or "", severity=Severity.WARNING
        )
        for document, place, pool in named
        if pool not in known
    ]


def _named(files: Files) -> Iterator[Named]:
    for push in read_folder(files.folders["pushes"], PushFile):
        if push.value is not None and push.value.coupons is not None:
            yield push, ("coupons",), push.value.coupons
    for path in sorted(files.folders["campaigns"].glob("*.yaml")):
        campaign = open_campaign(path)
        if campaign.value is None or to_fill(campaign):
            continue
        if campaign.value.coupons is not None:
            yield campaign, ("coupons",), campaign.value.coupons
        for number, phase in enumerate(campaign.value.phases):
            if phase.coupons is not None:
                yield campaign, ("phases", number, "coupons"), phase.coupons


async def _pools(url: str) -> list[str] | None:
    """The pools there are; None where nobody can tell."""
    if url.startswith(_SQLITE) and not await asyncio.to_thread(Path(url.removeprefix(_SQLITE)).exists):
        return []  # opening it would make it
    try:
        async with asyncio.timeout(_PATIENCE_S):
            db = open_database(url)
            try:
                if not (await shape_of(db)).newest:
                    return None
                async with db.read() as connection:
                    return list((await connection.scalars(select(CouponPool.name))).all())
            finally:
                await db.close()
    except (Problem, SQLAlchemyError, OSError):  # TimeoutError is one of them
        return None
