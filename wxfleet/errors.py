"""What can go wrong when a fleet is set up."""

from collections.abc import Iterable
from pathlib import Path

from texts.catalogue import say
from texts.file_text import shown_path
from texts.problem import ExitCode, Problem


class FilesInTheWay(Problem):
    """`init` never overwrites what somebody wrote."""

    def __init__(self, files: Iterable[Path]) -> None:
        listed = "\n".join(f"  {shown_path(file)}" for file in files)
        super().__init__(say("init.in_the_way", files=listed), hint=say("init.in_the_way.hint"))


class FolderUnusable(Problem):
    """The folder can't be written."""

    def __init__(self, folder: Path, error: str) -> None:
        super().__init__(say("init.unusable", folder=shown_path(folder), error=error), hint=say("init.unusable.hint"))


class NoSuchAccount(Problem):
    """config.yaml has no account of that id."""

    exit_code = ExitCode.NOT_FOUND

    def __init__(self, account: str, meant: str) -> None:
        hint = say("init.no_account.meant", meant=meant) if meant else say("init.no_account.hint")
        super().__init__(say("init.no_account", id=account), hint=hint)


class AccountExists(Problem):
    """The id for the new account is taken."""

    def __init__(self, account: str) -> None:
        super().__init__(say("init.account_exists", id=account), hint=say("init.account_exists.hint"))


class OddLayout(Problem):
    """config.yaml is written in a way that nothing can be inserted without changing what is there."""

    def __init__(self, path: Path, block: str) -> None:
        super().__init__(say("init.odd_layout", file=shown_path(path)), hint=say("init.odd_layout.hint", block=block))


class NoConfig(Problem):
    """There is no config.yaml where one is looked for."""

    exit_code = ExitCode.CONFIGURATION_INVALID

    def __init__(self, path: Path) -> None:
        super().__init__(say("cli.no_config", file=path.name), hint=say("cli.no_config.hint"), where=str(path))
