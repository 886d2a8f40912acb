"""/帮助: by what staff do, short on a phone, only what somebody may do, and each example is a command that works."""

import pytest

from commands.catalogue import COMMANDS, Command, Group, command_named
from commands.replies import help_text
from operations.permissions import ALLOWED
from operations.requests.request import Request, Verb
from operations.staff import StaffRole
from storage.engine import Database
from tests.commands.test_chat import Office
from tests.commands.test_command_lines import meant
from tests.conversations.shop import open_shop
from texts.catalogue import speak

LINES = 20
ALL = frozenset(Verb)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("role", StaffRole)
def test_the_list_fits_a_screen_and_names_all_that_a_role_may_do_and_nothing_else(
    role: StaffRole, language: str
) -> None:
    speak(language)
    said = help_text(ALLOWED[role])
    assert len(said.split("\n")) <= LINES
    names = {word for line in said.split("\n") if line[0] in "【[" for word in line.split() if "/" in word}
    shown = {word.rpartition("】")[2] for word in names}
    assert shown == {command.name for command in COMMANDS if command.verb in ALLOWED[role]}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.names[1]))
def test_an_example_is_understood_and_says_what_it_is_an_example_of(command: Command, language: str) -> None:
    speak(language)
    asked = meant(command.example)
    assert isinstance(asked, Request)
    assert asked.verb is command.verb


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("group", Group)
def test_a_group_shows_how_each_of_its_commands_is_written(group: Group, language: str) -> None:
    speak(language)
    said = help_text(ALL, group.called)
    assert [command.usage for command in COMMANDS if command.group is group and command.usage not in said] == []
    assert command_named(group.called) is None  # else the command would be shown


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("推送", ("例如：/推送 laoke-fuli", "/群发", "同组还有：/预览", "/帮助 推送活动")),
        ("/勿扰", ("例如：/勿扰 花花 7天后",)),
        ("勿擾", ("例如：/勿扰 花花 7天后",)),
        ("活动", ("【推送活动】", "/到场")),
        ("推颂", ("没有「推颂」", "/帮助 推送")),
        ("量子", ("没有「量子」", "/帮助 聊天")),
    ],
)
def test_one_topic(topic: str, said: tuple[str, ...]) -> None:
    told = help_text(ALL, topic)
    assert [words for words in said if words not in told] == []


async def test_what_somebody_may_not_do_is_not_explained_to_them(sqlite_database: Database) -> None:
    await open_shop(sqlite_database)
    office = Office(sqlite_database)
    told = (await office.says("/帮助 推送", "mei")).text
    assert "不在你的权限里" in told and "人群" not in told
    assert "小美" in (await office.says("/帮助", "mei")).text
