"""All reports by name: the one place where a new one is put up."""

from dataclasses import dataclass

from reports.arrivals import arrivals
from reports.breadth import breadth
from reports.campaign_funnel import campaigns
from reports.capacity import capacity
from reports.channel_funnel import channels
from reports.digest import digest
from reports.errors import NoSuchReport
from reports.gifts import gifts
from reports.items import items
from reports.ladder import ladder
from reports.push_effect import push
from reports.reach import reach
from reports.referral_tree import referrals
from reports.report import Make
from reports.repurchase import repurchase
from reports.service import service
from reports.share import share
from reports.snowball import snowball
from texts.catalogue import LANGUAGES, say


@dataclass(frozen=True, slots=True)
class Volume:
    """A report that can be asked for. `usual_period` is in the words of `reports.period`."""

    name: str
    make: Make
    usual_period: str

    @property
    def title(self) -> str:
        return say(f"reports.{self.name}.title")

    @property
    def usual_days(self) -> str:
        """The usual period in the reader's language."""
        return say(f"reports.usual.{self.usual_period}".replace(" ", "_"))

    @property
    def names(self) -> frozenset[str]:
        """By which it may be asked for."""
        return frozenset({self.name, *(say(f"reports.{self.name}.title", lang=lang).casefold() for lang in LANGUAGES)})


_VOLUMES = (
    Volume("share", share, "this month"),
    Volume("items", items, "this month"),
    Volume("repurchase", repurchase, "last 365 days"),
    Volume("breadth", breadth, "last 365 days"),
    Volume("arrivals", arrivals, "last 90 days"),
    Volume("ladder", ladder, "this month"),
    Volume("snowball", snowball, "last 90 days"),
    Volume("channels", channels, "last 90 days"),
    Volume("campaigns", campaigns, "last 90 days"),
    Volume("push", push, "last 90 days"),
    Volume("capacity", capacity, "last 28 days"),
    Volume("reach", reach, "last 30 days"),
    Volume("referrals", referrals, "all"),
    Volume("gifts", gifts, "this month"),
    Volume("service", service, "last 28 days"),
    Volume("digest", digest, "today"),
)  # fmt: skip

SHELF = {volume.name: volume for volume in _VOLUMES}


def volume(name: str) -> Volume:
    """The report of that name. Raises NoSuchReport."""
    wanted = name.strip().casefold()
    found = next((each for each in _VOLUMES if wanted in each.names), None)
    if found is None:
        raise NoSuchReport(name, [known for each in _VOLUMES for known in each.names])
    return found
