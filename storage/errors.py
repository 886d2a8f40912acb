"""What can go wrong with the database, in words for whoever runs it."""

from texts.problem import ExitCode, Problem


class DatabaseUnreadable(Problem):
    """The file is not a database of ours, or is damaged."""


class DatabaseNewer(Problem):
    """A newer wxfleet wrote it; this one must not touch it."""


class DatabaseUnfit(Problem):
    """It can't keep what we write: an encoding other than UTF-8, a server that is too old."""


class RightsMissing(Problem):
    """The user of the database may not do there what is needed."""

    exit_code = ExitCode.NOT_ALLOWED


class DatabaseUnavailable(Problem):
    """The server does not answer, or the folder can't be written."""

    exit_code = ExitCode.GATEWAY_UNAVAILABLE


class DiskFull(Problem):
    """Nothing more can be written."""


class FleetRunning(Problem):
    """Another `run` sends from this data."""

    exit_code = ExitCode.NOT_ALLOWED


class RowRefused(Problem):
    """The database that rows are copied into does not take one of them."""


class CopyDiffers(Problem):
    """What was written is not what was read. Nothing was kept."""


class TargetOccupied(Problem):
    """There are rows already where rows are to be copied to, or a file of that name."""

    exit_code = ExitCode.NOT_ALLOWED


class DataMoved(Problem):
    """This data lives in another database by now; here nothing may be sent any more."""

    exit_code = ExitCode.NOT_ALLOWED


class SchemaOlder(Problem):
    """The database must be upgraded first."""

    exit_code = ExitCode.NOT_ALLOWED


class NoBackup(Problem):
    """There is no file of that name to restore from."""

    exit_code = ExitCode.NOT_FOUND
