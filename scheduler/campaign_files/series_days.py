"""On which days a campaign comes back, and what it is on one of them."""

from datetime import date, time, timedelta

from rules.quiet_hours import at, local
from scheduler.campaign_files.arrivals_part import Arrivals
from scheduler.campaign_files.campaign_file import CampaignFile, campaign_of, campaign_spec
from scheduler.day_words import means

FURTHEST_DAYS = 400
"""What comes back does so within a year and a bit. Ours."""
LEAST_STYLES = 2

_MORNING = time(10)
"""Ours: quiet hours are long over, and a day of it is still to come."""


def comes_back(file: CampaignFile) -> bool:
    """Is it held again and again?"""
    return file.arrivals is not None and bool(file.arrivals.every)


def next_start_ms(file: CampaignFile, after_ms: int, zone_name: str) -> int | None:
    """The first moment later than that at which a round begins (epoch ms); None when none is in sight."""
    part = file.arrivals
    if part is None:
        return None
    first = local(after_ms, zone_name)
    for days in range(FURTHEST_DAYS):
        moment = first.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)
        if _is_one_of(part, moment.date()) and (starts_ms := at(moment, part.start)) > after_ms:
            return starts_ms
    return None


def day_of(starts_ms: int, zone_name: str) -> date:
    """The shop's day of a round that begins then."""
    return local(starts_ms, zone_name).date()


def on_day(file: CampaignFile, day: date) -> CampaignFile | None:
    """The campaign of that day's round, with its styles, to be held once. None without styles to vote on."""
    part = file.arrivals
    if part is None or len(styles := part.on(day)) < LEAST_STYLES:
        return None
    spec = campaign_spec(file)
    spec["arrivals"] = {
        "styles": [style.model_dump(mode="json", exclude={"on"}, exclude_none=True) for style in styles]
    }
    if set(file.join.choices) == {style.name for style in part.styles}:
        spec["join"].pop("choices")
    if set(file.items) == {style.title for style in part.styles}:
        spec.pop("items")
    return campaign_of(spec)


def as_if_ms(file: CampaignFile, now_ms: int, zone_name: str) -> int:
    """When its file is taken to start: in its next round where it comes back, else now; or this morning, where all is
    counted from whenever somebody starts it. Such a file is right whatever the hour it is read at; whether it would
    run into the night is said at its start.
    """
    if comes_back(file):
        found = next_start_ms(file, now_ms, zone_name)
        return now_ms if found is None else found
    return at(local(now_ms, zone_name), _MORNING) if file.from_.floats else now_ms


def _is_one_of(part: Arrivals, day: date) -> bool:
    """What only an unknown notice of days off could say is no."""
    return any(means(word, day) for word in part.every) and not any(means(word, day) for word in part.except_)
