"""What can go wrong with people and their orders."""

from texts.catalogue import say
from texts.problem import ExitCode, Problem


class NotAnOrderExport(Problem):
    """A table that can be read, but lacks columns of the shop's order export."""

    def __init__(self, file: str, missing: str) -> None:
        super().__init__(
            say("customers.orders.columns_missing", columns=missing),
            hint=say("customers.orders.columns_missing.hint"),
            where=file,
        )


class NoSuchPerson(Problem):
    """An id that nobody has."""

    exit_code = ExitCode.NOT_FOUND

    def __init__(self, person: int) -> None:
        super().__init__(say("customers.no_such_person", person=person), hint=say("customers.no_such_person.hint"))


class MergeRefused(Problem):
    """Two entries that must not become one: the same one, or one of them is staff or an account of ours."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, reason: str) -> None:
        super().__init__(say(f"customers.merge.{reason}"), hint=say(f"customers.merge.{reason}.hint"))
