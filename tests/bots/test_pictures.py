"""A picture that somebody sent is fetched from the gateway and lies in the media folder as the library names it."""

import base64
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select
from wechaty_grpc.wechaty import puppet

from bots.errors import PayloadGone
from bots.live_requests import answer_requests
from bots.wechaty_contents import keep_box
from bots.wechaty_gateway import WechatyGateway
from scheduler.media_checks import flaw_of
from scheduler.moments.materials import Source, keep_picture
from simulator.photos import photo_box
from storage.campaign_tables import Material
from storage.engine import Database
from tests.bots.fleet_world import add_accounts
from tests.bots.hostile_gateways import TOKEN, Puppet, serving
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


async def test_a_large_picture_comes_over_the_wire_whole(tmp_path: Path) -> None:
    """Two megabytes: more than one frame, and more than what a connection takes unasked."""
    data = b"\xff\xd8\xff" + bytes(range(256)) * 8_000
    box = json.dumps({"type": 1, "boxType": 1, "name": "a.jpg", "base64": base64.b64encode(data).decode()})
    service = Puppet()

    async def picture(request: bytes) -> bytes:
        asked = puppet.MessageImageRequest().parse(request)
        return bytes(puppet.MessageImageResponse(filebox=box if asked.id == "m1" else "{}"))

    service.answers["MessageImage"] = picture
    async with serving(service) as endpoint:
        gateway = WechatyGateway("lin-1", endpoint, TOKEN, media=tmp_path)
        await gateway.open()
        try:
            assert await gateway.keep_picture("m1", "materials/7") == "materials/7.jpg"
            with pytest.raises(PayloadGone):
                await gateway.keep_picture("m2", "materials/8")
        finally:
            await gateway.close()
    assert (tmp_path / "materials/7.jpg").read_bytes() == data
    assert [path.name for path in (tmp_path / "materials").iterdir()] == ["7.jpg"]


@pytest.mark.parametrize(
    "box", ["", "[]", "{}", '{"base64": "bm8gcGljdHVyZQ=="}', '{"base64": "%"}', '{"remoteUrl": "x"}']
)
def test_what_is_no_picture_is_not_kept(box: str, tmp_path: Path) -> None:
    assert keep_box(box, tmp_path, "materials/1") is None
    assert list(tmp_path.iterdir()) == []
