"""Limits as written in a file: only what differs from the defaults; the account's win over the fleet's."""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, create_model

from rules.limits import Limits


class _Given(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


if TYPE_CHECKING:

    class LimitsGiven(_Given):
        """Some of the limits, each valid by itself; whether they agree is seen when they are put together."""

else:
    # The same fields without the rules between them: an account may lower `friends` below a `visible` that
    # the fleet lowers, too.
    LimitsGiven = create_model(
        "LimitsGiven",
        __base__=_Given,
        __doc__="只写要改的，其余按默认",
        **{name: (info.annotation, info) for name, info in Limits.model_fields.items()},
    )


def limits_of(fleet: LimitsGiven, account: LimitsGiven) -> Limits:
    """What binds one account. Raises pydantic.ValidationError when the numbers contradict each other."""
    return Limits.model_validate({**fleet.model_dump(exclude_unset=True), **account.model_dump(exclude_unset=True)})
