"""What the chat door says itself: the list of commands, and answers cut to what a message takes."""

from commands.catalogue import COMMANDS, command_named
from operations.requests import Verb
from texts.catalogue import say

MOST_CHARACTERS = 1800
"""Characters of one message; the platform takes about 2,000."""


def help_text(verbs: frozenset[Verb], topic: str = "") -> str:
    """The commands that somebody with these rights can give; with a `topic`, that one."""
    command = command_named(topic.lstrip("/#")) if topic else None
    if command is not None and command.verb in verbs:
        others = "、".join(f"/{name}" for name in command.names[1:])
        return f"{command.usage}\n{say('commands.also', others=others)}"
    # Two commands that ask for the same share a line.
    return "\n".join(dict.fromkeys(command.usage for command in COMMANDS if command.verb in verbs))


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
