"""What staff should hear of a push while it is under way."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class CampaignEvent:
    """Something staff should hear of, words `scheduler.event.<what>`.

    `what`: refused (`why`), confirm (`people`); or first_batch, error_budget, finished with the campaign's rows by
    state and `tried`: accepted and failed since it last went on; recalled (`recalled`, `too_late`, `unknown`);
    pond_asks (`pond`, `words`), pond_refused (`pond`, `why`).
    """

    campaign: int
    name: str
    title: str
    what: str
    values: dict[str, Any] = field(default_factory=dict)


Tell = Callable[[AsyncConnection, CampaignEvent, int], Awaitable[object]]
"""Lets staff hear of a campaign, within the transaction that made it so; given now in epoch ms."""
