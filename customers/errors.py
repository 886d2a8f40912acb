"""What can go wrong with people and their orders."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

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


class NotACustomerTable(Problem):
    """A table that can be read, but is one of orders, or does not tell who anybody is."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(
            say(f"customers.people.table_{reason}"), hint=say(f"customers.people.table_{reason}.hint"), where=file
        )


class MappingUnclear(Problem):
    """A `--map` that does not say which header is which of our columns."""

    exit_code = ExitCode.USAGE

    def __init__(self, reason: str, value: str, columns: Iterable[str], meant: str = "") -> None:
        named = say("texts.comma").join(columns)
        hint = "customers.import.map_meant" if meant else "customers.import.map.hint"
        super().__init__(say(f"customers.import.{reason}", value=value), hint=say(hint, meant=meant, columns=named))


class OtherShop(Problem):
    """A file of a shop that is not the one known so far."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, file: str, theirs: str, ours: str) -> None:
        super().__init__(
            say("customers.orders.wrong_shop", theirs=theirs, ours=ours),
            hint=say("customers.orders.wrong_shop.hint"),
            where=file,
        )


class NoSuchBatch(Problem):
    """A number that no import has."""

    exit_code = ExitCode.NOT_FOUND

    def __init__(self, batch: int) -> None:
        super().__init__(say("customers.import.no_such_batch", batch=batch), hint=say("customers.import.look"))


class UndoRefused(Problem):
    """An import that can't be taken back: it was already, or later ones stand on it."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(
            say(f"customers.import.{reason}", **values), hint=say(f"customers.import.{reason}.hint", **values)
        )


class LevelRefused(Problem):
    """A level that the ladder does not have."""

    exit_code = ExitCode.USAGE

    def __init__(self, level: str, known: Iterable[str]) -> None:
        levels = say("texts.comma").join(known)
        super().__init__(say("customers.no_level", level=level), hint=say("customers.no_level.hint", levels=levels))


class NoSuchPerson(Problem):
    """An id that nobody has."""

    exit_code = ExitCode.NOT_FOUND

    def __init__(self, person: int) -> None:
        super().__init__(say("customers.no_such_person", person=person), hint=say("customers.no_such_person.hint"))


class NoSuchMerge(Problem):
    """A number that no merge has."""

    exit_code = ExitCode.NOT_FOUND

    def __init__(self, number: int) -> None:
        super().__init__(say("customers.no_such_merge", number=number), hint=say("customers.no_such_merge.hint"))


class MergeRefused(Problem):
    """Two entries that must not become one (the same, staff, an account of ours, erased), or two again."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, reason: str, **values: Any) -> None:
        self.reason = reason
        super().__init__(
            say(f"customers.merge.{reason}", **values), hint=say(f"customers.merge.{reason}.hint", **values)
        )


class MergeInConflict(MergeRefused):
    """The evidence says one person, something else says two: only staff can tell. `other` is an entry, or None."""

    def __init__(self, reason: str, person: int, other: int | None, **values: Any) -> None:
        super().__init__(reason, person=person, other=other or "", **values)
        self.person, self.other, self.values = person, other, values


class ReferralRefused(Problem):
    """A referral that can't be: of oneself, in a circle, a second one, of no new customer; or thanks that are not due.

    `reason` is one of same, loop, already, not_new, not_customer, not_due.
    """

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(say(f"customers.referral.{reason}"), hint=say(f"customers.referral.{reason}.hint"))


class NoChineseFont(Problem):
    """Nothing on this machine that writes Chinese; or what was named is no font, or has no Chinese."""

    def __init__(self, given: Path | None) -> None:
        key = "customers.font.none" if given is None else "customers.font.unusable"
        super().__init__(say(key, file=given), hint=say("customers.font.hint"))


class EraseRefused(Problem):
    """Nobody to erase: staff, an account of ours, or somebody who was erased before."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, reason: str) -> None:
        super().__init__(say(f"privacy.erase.{reason}"), hint=say(f"privacy.erase.{reason}.hint"))


class CannotExport(Problem):
    """The file about a person can't be written: its ending is none we know, or the system refuses."""

    def __init__(self, reason: str, place: Path, **values: Any) -> None:
        if reason == "format":
            self.exit_code = ExitCode.USAGE
        super().__init__(
            say(f"privacy.export.{reason}", **values), hint=say(f"privacy.export.{reason}.hint"), where=str(place)
        )


class NoSuchField(Problem):
    """A profile has no field of that name. `near`: what was probably meant, or ''."""

    exit_code = ExitCode.USAGE

    def __init__(self, name: str, near: str, known: Iterable[str]) -> None:
        names = say("texts.comma").join(known)
        hint = (
            say("profile.no_field.meant", near=near, known=names) if near else say("profile.no_field.hint", known=names)
        )
        super().__init__(say("profile.no_field", name=name), hint=hint)


class ValueRefused(Problem):
    """What was written can't be the value of that field of a profile; `reason` says why.

    The value stands in the hint alone: messages are kept in the log, and what is known of people is not for it.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, field: str, value: str, reason: str, **values: Any) -> None:
        self.reason = reason
        super().__init__(
            say("profile.refused", field=field),
            hint=say("profile.refused.value", value=value, why=say(f"profile.refused.{reason}", **values)),
        )


class TextRefused(Problem):
    """A tag or a note that is empty or too long."""

    exit_code = ExitCode.USAGE

    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(say(f"profile.text.{reason}", **values), hint=say(f"profile.text.{reason}.hint", **values))
