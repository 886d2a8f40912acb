"""`wxfleet init`: files to start from, commented, that work at once on the simulator."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from texts.catalogue import say
from texts.file_text import shown_path
from texts.os_words import os_reason
from wxfleet.errors import FilesInTheWay, FolderUnusable
from wxfleet.reading.schema import schema_files


class Stage(StrEnum):
    """How far a shop has grown."""

    SINGLE = "single"
    """One account, one person."""
    MATRIX = "matrix"
    """Several accounts with personas of their own; the committed example."""
    TEAM = "team"
    """Shifts, rights, more accounts of one persona."""


SINGLE_PERSONA = "influencer-lin"
"""The one persona of `single`; its files bear its name."""


@dataclass(frozen=True, slots=True)
class Started:
    """What `init` wrote, and what to do now, in the reader's language."""

    folder: Path
    files: tuple[Path, ...]
    next_steps: str


def start(folder: Path, stage: Stage = Stage.MATRIX) -> Started:
    """Write the files of `stage` into `folder`, which is made when missing.

    Raises FilesInTheWay, having written nothing, when any of them is there; FolderUnusable.
    """
    contents = {folder / name: content for name, content in template(stage).items()}
    try:
        in_the_way = [path for path in contents if path.exists()]
        if in_the_way:
            raise FilesInTheWay(in_the_way)
        _write_all(contents)
    except OSError as error:
        raise FolderUnusable(folder, os_reason(error)) from error
    return Started(folder, tuple(contents), _next_steps(folder, stage))


def _next_steps(folder: Path, stage: Stage) -> str:
    """Numbered; whoever stands in the folder already need not go there."""
    shown = shown_path(folder.resolve())
    here = shown == "."
    head = say("init.written.here") if here else say("init.written", folder=shown)
    steps = [] if here else [say("init.next.cd", folder=f'"{shown}"' if " " in shown else shown)]
    steps += say(f"init.next.{stage}").splitlines()
    return "\n".join([head, *(f"  {number}. {step}" for number, step in enumerate(steps, 1))])


def template(stage: Stage) -> dict[str, bytes]:
    """The files of a stage by their path below its folder."""
    root = files("wxfleet") / "templates"
    found = {
        path: content for path, content in _below(root / "matrix") if stage is not Stage.SINGLE or _for_single(path)
    }
    found |= dict(_below(root / stage))
    found[".env.example"] = (root / "env.example").read_bytes()
    found |= {f".wxfleet/{name}": content for name, content in schema_files().items()}
    return dict(sorted(found.items()))


def _for_single(path: str) -> bool:
    parts = PurePosixPath(path)
    return parts.parts[0] not in ("personas", "moments", "ponds") or parts.stem == SINGLE_PERSONA


def _below(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_bytes()


def _write_all(contents: dict[Path, bytes]) -> None:
    """All or nothing: what was written is taken back when one can't be."""
    written: list[Path] = []
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                written.append(path)
                file.write(content)
    except OSError:
        for path in written:
            path.unlink(missing_ok=True)
        raise
