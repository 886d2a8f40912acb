"""What the documentation says of the program is so: commands, links, and the risk before anything else."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from commands.catalogue import COMMANDS
from texts.catalogue import speak
from texts.errors import Severity
from wxfleet.cli import build
from wxfleet.reading.check import check
from wxfleet.terminal.init import Stage, start

ROOT = Path(__file__).parents[2]
READMES = {"zh": ROOT / "README.zh-CN.md", "en": ROOT / "README.md"}
PAGES = (*READMES.values(), *sorted((ROOT / "docs").glob("*.md")))
FIRST_LINES = 14

# An installation's path may stand before the command; what follows is a word, an option or nothing.
_CALL = re.compile(r"(?:^|(?<=[\s/\\]))wxfleet(?=\s+[a-z-]|\s*$)([^\n]*)")
_FENCED = re.compile(r"^( *)```[^\n]*\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ENDS = ("&&", "|", ";")


def _command_line() -> Any:
    speak("zh")
    return get_command(build())


APP = _command_line()


def calls(page: Path) -> Iterator[list[str]]:
    """The words after `wxfleet` wherever the page shows it as code."""
    text = page.read_text(encoding="utf-8")
    shown = [found[2] for found in _FENCED.finditer(text)]
    shown += _INLINE.findall(_FENCED.sub("", text))
    for code in shown:
        for line in code.splitlines():
            for found in _CALL.finditer(line):
                yield _words(found[1])


def _words(line: str) -> list[str]:
    """The words of one command: up to what begins another, or an explanation set off by blanks."""
    command = re.split(r"\s{2,}", line.strip())[0]
    words = shlex.split(command)
    for number, word in enumerate(words):
        if word in _ENDS:
            return words[:number]
    return words


def flaw_of(words: list[str]) -> str:
    """Why the command line would not take these words; '' when it would."""
    command = APP
    rest = list(words)
    while True:
        options = {name: option for option in command.params for name in option.opts}
        if not rest:
            return ""
        word = rest.pop(0)
        if word.startswith("-") and len(word) > 1:
            name = word.partition("=")[0]
            if name not in options:
                return f"no option {name}"
            if not options[name].is_flag and "=" not in word and rest:
                rest.pop(0)
        elif subcommands := getattr(command, "commands", None):
            if word not in subcommands:
                return f"no command {word}"
            command = subcommands[word]


def every_command(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of all commands; of a group that does something by itself also its own."""
    subcommands = getattr(command, "commands", None)
    if not subcommands:
        yield path
        return
    if path and command.invoke_without_command:
        yield path
    for name, subcommand in subcommands.items():
        yield from every_command(subcommand, (*path, name))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_the_documentation_exists_with_its_options(page: Path) -> None:
    flaws = {" ".join(words): flaw for words in calls(page) if (flaw := flaw_of(words))}
    assert flaws == {}


@pytest.mark.parametrize(
    ("wrong", "flaw"),
    [
        (["fly"], "no command fly"),
        (["push", "fly"], "no command fly"),
        (["run", "--fast"], "no option --fast"),
        (["--config", "x", "status"], "no option --config"),
        (["accounts", "new", "--like", "lin-1"], ""),
        (["--lang", "en", "run", "--for=60s"], ""),
    ],
)
def test_a_command_that_is_not_there_would_be_noticed(wrong: list[str], flaw: str) -> None:
    assert flaw_of(wrong) == flaw


def test_commands_are_found_in_fences_behind_paths_and_between_words(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Try `wxfleet why NAME`.\n\n  ```\n  x && .venv/bin/wxfleet run --for 60s && y\n  wxfleet status    how it is\n"
        "  ```\n\nwxfleet runs; `from wxfleet.cli import x`, `cd wxfleet/`\n",
        encoding="utf-8",
    )
    assert list(calls(page)) == [["run", "--for", "60s"], ["status"], ["why", "NAME"]]


def test_every_command_is_told_to_operators_or_in_docs() -> None:
    told = {tuple(words) for page in PAGES if page != READMES["en"] for words in calls(page)}
    untold = [path for path in every_command(APP) if not any(words[: len(path)] == path for words in told)]
    assert untold == []


def test_every_staff_command_stands_in_the_operators_table() -> None:
    text = READMES["zh"].read_text(encoding="utf-8")
    assert [command.names[0] for command in COMMANDS if f"`/{command.names[0]}" not in text] == []


def _anchor(heading: str) -> str:
    """As code hosts make it: punctuation goes, blanks become dashes."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.lstrip("# ")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    headings = {_anchor(line) for line in text.splitlines() if line.startswith("#")}
    dead = []
    for target in _LINK.findall(text):
        if target.startswith("#"):
            dead += [target] if target[1:] not in headings else []
        elif "://" not in target and not (page.parent / target.partition("#")[0]).exists():
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize(
    ("language", "facts"),
    [
        ("en", ("against WeChat's terms", "limited and\n>   banned", "posted by people", "No Wechaty gateway")),
        ("zh", ("不符合微信的规定", "封", "朋友圈由人来发", "Wechaty 网关都没有")),
    ],
)
def test_the_first_lines_name_the_risk_and_who_posts_moments(language: str, facts: tuple[str, ...]) -> None:
    first = "\n".join(READMES[language].read_text(encoding="utf-8").splitlines()[:FIRST_LINES])
    assert [fact for fact in facts if fact not in first] == []


@pytest.mark.parametrize("folder", ["personas", "moments", "pushes"])
def test_the_examples_of_files_are_valid_as_they_stand(tmp_path: Path, folder: str) -> None:
    """Each YAML example of the operators' README takes the place of one file of the example shop."""
    beginnings = {"id": "personas", "persona": "moments", "name": "pushes"}
    text = READMES["zh"].read_text(encoding="utf-8")
    shown = [found[2] for found in _FENCED.finditer(text) if found[0].startswith("```yaml")]
    example = next(code for code in shown if beginnings[code.partition(":")[0]] == folder)
    start(tmp_path, Stage.MATRIX)
    files = {"personas": "ordinary-ahua", "moments": "influencer-lin", "pushes": "welfare-tonight"}
    (tmp_path / folder / f"{files[folder]}.yaml").write_text(example, encoding="utf-8")
    mistakes = check(tmp_path / "config.yaml")
    assert [str(mistake) for mistake in mistakes if mistake.severity is Severity.ERROR] == []


def test_each_readme_leads_to_the_other() -> None:
    assert f"({READMES['zh'].name})" in READMES["en"].read_text(encoding="utf-8")
    assert f"({READMES['en'].name})" in READMES["zh"].read_text(encoding="utf-8")
