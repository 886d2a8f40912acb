"""What can go wrong with the database, in words for whoever runs it."""

from texts.problem import ExitCode, Problem


class DatabaseUnreadable(Problem):
    """The file is not a database of ours, or is damaged."""


class DatabaseNewer(Problem):
    """A newer wxfleet wrote it; this one must not touch it."""


class DatabaseUnavailable(Problem):
    """The server does not answer, or the folder can't be written."""

    exit_code = ExitCode.GATEWAY_UNAVAILABLE


class DiskFull(Problem):
    """Nothing more can be written."""


class FleetRunning(Problem):
    """Another `run` sends from this data."""

    exit_code = ExitCode.NOT_ALLOWED
