"""What the chat door says itself: the help, by what staff do, and answers cut to what a message takes."""

from collections.abc import Sequence

from commands.catalogue import COMMANDS, Command, Group, command_named, nearest_name
from commands.grammar import as_key
from operations.requests.request import Verb
from texts.catalogue import say
from texts.masking import masked
from texts.nearest import nearest

MOST_CHARACTERS = 1800
"""Characters of one message; the platform takes about 2,000."""
_EXAMPLES = 2
"""Of each group, in the list of all: a screen of a phone. Ours."""
_CLOSE = 50.0
"""Percent: one of two characters."""


def help_text(verbs: frozenset[Verb], topic: str = "") -> str:
    """What somebody with these rights can say: all by groups, one group whole, or one command with an example."""
    word = topic.lstrip("/#")
    if not word:
        return _overview(verbs)
    command = command_named(word)
    if command is not None:
        return _about(command, verbs)
    group = _group_named(as_key(word))
    if group is not None and (mine := _of(group, verbs)):
        return "\n".join([say("commands.help.group", group=group.called), *_usages(mine)])
    return _unknown(word)


def _overview(verbs: frozenset[Verb]) -> str:
    """Two lines for each group: what its commands are called, and how the commonest are written."""
    lines = []
    for group in Group:
        if mine := _of(group, verbs):
            lines.append(say("commands.help.names", group=group.called, names=" ".join(one.name for one in mine)))
            examples = dict.fromkeys(one.example for one in mine[:_EXAMPLES])
            lines.append(say("commands.help.examples", examples=say("commands.help.between").join(examples)))
    return "\n".join([*lines, say("commands.help.more")])


def _about(command: Command, verbs: frozenset[Verb]) -> str:
    if command.verb not in verbs:
        return say("commands.help.not_yours", name=command.name)
    lines = [command.usage]
    if command.words or command.options:
        lines.append(say("commands.help.example", example=command.example))
    lines.append(say("commands.also", others=say("texts.comma").join(f"/{name}" for name in command.names[1:])))
    others = [one.name for one in _of(command.group, verbs) if one.verb is not command.verb]
    if others:
        lines.append(say("commands.help.others", group=command.group.called, names=" ".join(others)))
    return "\n".join(lines)


def _group_named(key: str) -> Group | None:
    """By its title, or a part of it: 活动 is 推送活动."""
    titles = {group: group.called.casefold() for group in Group}
    whole = next((group for group, title in titles.items() if key in (title, group.value)), None)
    return whole or next((group for group, title in titles.items() if len(key) > 1 and key in title), None)


def _unknown(word: str) -> str:
    titles = {group.called: group.called for group in Group}
    near = nearest(word, titles, close=_CLOSE) or nearest_name(as_key(word))
    hint = say("commands.help.meant", near=near) if near else say("commands.help.more")
    return f"{say('commands.help.unknown', word=masked(word[:20]))}\n{hint}"


def _of(group: Group, verbs: frozenset[Verb]) -> list[Command]:
    return [command for command in COMMANDS if command.group is group and command.verb in verbs]


def _usages(commands: Sequence[Command]) -> list[str]:
    # Two commands that ask for the same share a line.
    return list(dict.fromkeys(command.usage for command in commands))


def pages(text: str) -> list[str]:
    """`text` cut at the ends of lines into what fits one message each."""
    found: list[str] = []
    page = ""
    for line in text.split("\n"):
        for start in range(0, max(len(line), 1), MOST_CHARACTERS):
            part = line[start : start + MOST_CHARACTERS]
            if page and len(page) + len(part) + 1 > MOST_CHARACTERS:
                found.append(page)
                page = part
            else:
                page = f"{page}\n{part}" if page else part
    return [*found, page] if page or not found else found
