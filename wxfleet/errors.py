"""What can go wrong when a fleet is set up."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from texts.catalogue import say
from texts.file_text import shown_path
from texts.problem import ExitCode, Problem


class FilesInTheWay(Problem):
    """`init` never overwrites what somebody wrote."""

    def __init__(self, files: Iterable[Path]) -> None:
        listed = "\n".join(f"  {shown_path(file)}" for file in files)
        super().__init__(say("init.in_the_way", files=listed), hint=say("init.in_the_way.hint"))


class CampaignInTheWay(Problem):
    """There is a campaign of that name already: `campaigns new` never overwrites one."""

    def __init__(self, path: Path) -> None:
        written = say("campaigns.new.in_the_way", path=shown_path(path), name=path.stem)
        super().__init__(written, hint=say("campaigns.new.in_the_way.hint"))


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


class NeedsPostgresql(Problem):
    """Several processes can't share a SQLite file."""

    exit_code = ExitCode.CONFIGURATION_INVALID

    def __init__(self) -> None:
        super().__init__(say("worker.needs_postgresql"), hint=say("worker.needs_postgresql.hint"), where="database")


class SimulatedAccounts(Problem):
    """The simulated world lives in one process."""

    exit_code = ExitCode.CONFIGURATION_INVALID

    def __init__(self, accounts: Sequence[str]) -> None:
        shown = ", ".join(accounts[:5]) + (" …" if len(accounts) > 5 else "")
        super().__init__(say("worker.simulated", accounts=shown), hint=say("worker.simulated.hint"), where="accounts")


class JobsEnded(Problem):
    """procrastinate's worker ended though nobody asked it to."""

    def __init__(self) -> None:
        super().__init__(say("worker.jobs_ended"), hint=say("worker.jobs_ended.hint"))
