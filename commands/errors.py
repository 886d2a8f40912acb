"""Why a line could not be understood."""

from texts.problem import ExitCode, Problem


class NotUnderstood(Problem):
    """No such command, or something in it that the command does not take."""

    exit_code = ExitCode.USAGE
