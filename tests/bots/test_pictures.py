"""A picture that somebody sent is fetched from the gateway and lies in the media folder as the library names it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from bots.errors import PayloadGone
from bots.live_requests import answer_requests
from bots.wechaty_contents import keep_box
from scheduler.materials import Source, keep_picture
from scheduler.media_checks import flaw_of
from simulator.photos import photo_box
from storage.campaign_tables import Material
from storage.engine import Database
from tests.bots.fleet_world import add_accounts
from tests.virtual_time import VirtualClock


class _Keeps:
    """A gateway that has one message's picture."""

    def __init__(self, media: Path) -> None:
        self._media = media

    async def keep_picture(self, message: str, stem: str) -> str:
        name = keep_box(photo_box(message), self._media, stem) if message == "m1" else None
        if name is None:
            raise PayloadGone("gone")
        return name


async def test_a_photo_is_fetched_once_and_one_that_is_gone_says_so(database: Database, tmp_path: Path) -> None:
    clock = VirtualClock()
    await add_accounts(database, "a", state="online")
    async with database.write() as tx:
        for message in ("m1", "m1", "m2"):
            await keep_picture(
                tx, account="a", message=message, source=Source.CHAT, person=1, name="花花", now_ms=clock.now_ms()
            )
    runners: Any = {"a": SimpleNamespace(gateway=_Keeps(tmp_path))}
    assert await answer_requests(database, clock, runners) == 2
    assert await answer_requests(database, clock, runners) == 0
    async with database.read() as connection:
        rows = (await connection.execute(select(Material.file, Material.problem).order_by(Material.id))).all()
    assert [tuple(row) for row in rows] == [("materials/1.png", None), (None, "gone")]
    assert flaw_of(tmp_path, "materials/1.png") is None
    with Image.open(tmp_path / "materials/1.png") as picture:
        picture.load()


@pytest.mark.parametrize(
    "box", ["", "[]", "{}", '{"base64": "bm8gcGljdHVyZQ=="}', '{"base64": "%"}', '{"remoteUrl": "x"}']
)
def test_what_is_no_picture_is_not_kept(box: str, tmp_path: Path) -> None:
    assert keep_box(box, tmp_path, "materials/1") is None
    assert list(tmp_path.iterdir()) == []
