"""Why something that staff asked for was not done."""

from texts.problem import ExitCode, Problem


class NotStaff(Problem):
    """Whoever asks is not on the staff."""

    exit_code = ExitCode.NOT_ALLOWED


class NotAllowed(Problem):
    """Their rights, or the accounts they look after, do not cover it."""

    exit_code = ExitCode.NOT_ALLOWED


class NotFound(Problem):
    """There is no such account, push, customer or task."""

    exit_code = ExitCode.NOT_FOUND


class Refused(Problem):
    """A rule of the house is against it."""

    exit_code = ExitCode.REFUSED_BY_POLICY


class CodeInvalid(Problem):
    """The code is wrong, used, too old, or somebody else's. Deliberately one kind: it tells a guesser nothing."""

    exit_code = ExitCode.NOT_ALLOWED


class CannotBeUsed(Problem):
    """The request itself makes no sense (an empty name, a room command outside a room)."""

    exit_code = ExitCode.USAGE
