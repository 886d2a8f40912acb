"""English answers are written with English signs: no bracket, comma or colon of the Chinese ones stands in them."""

import pytest

from storage.engine import Database
from tests.commands.test_chat import Office
from tests.conversations.shop import open_shop
from texts.catalogue import speak

_CHINESE_SIGNS = set("（），、：；。")


@pytest.fixture
async def office(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    return Office(sqlite_database)


@pytest.mark.parametrize(
    "line",
    ["/note #1 likes it loose", "/customer #1", "/mute #1 12-01", "/why #1", "/status", "/vip #1 VIP2", "/takeover #1"],
)
async def test_a_command_answered_in_english(office: Office, line: str) -> None:
    speak("en")
    await office.says("/optout #1")  # so that /why has a reason to give
    told = await office.says(line)
    assert told.ok and not _CHINESE_SIGNS & set(told.text), told.text
