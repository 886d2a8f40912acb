"""Where secrets come from: the environment, and the file `.env` beside config.yaml."""

import io
import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from texts.errors import Mistake
from texts.file_text import Undecodable, read_text, shown_path


def read_environment(dotenv: Path, environment: Mapping[str, str]) -> tuple[dict[str, str], list[Mistake]]:
    """All names that `${NAME}` may use; the environment's own win over the file's."""
    if not os.path.exists(dotenv):  # Path.exists raises where the folder can't be looked into
        return dict(environment), []
    try:
        text = read_text(dotenv)
    except Undecodable as problem:
        mistake = Mistake(shown_path(dotenv), problem.line, problem.column, problem.reason)
        return dict(environment), [mistake]
    written = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {**{name: value for name, value in written.items() if value}, **environment}, []
