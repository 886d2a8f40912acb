"""What staff should hear of a push while it is under way."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class CampaignEvent:
    """Something staff should hear of, words `scheduler.event.<what>`.

    `what`: refused (`why`), confirm (`people`); or first_batch, error_budget, finished with the campaign's rows by
    state and `tried`: accepted and failed since it last went on.
    """

    campaign: int
    name: str
    title: str
    what: str
    values: dict[str, Any] = field(default_factory=dict)
