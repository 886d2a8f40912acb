"""What a shop that lives by word of mouth does not send: nobody buys its trade twice, so nobody is pushed to."""

from personas.model import Goal
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.errors import PushRefused
from scheduler.pushes.push_file import PushFile

_SHOWS = frozenset({"buyer_show", "honest_review"})
"""Precise tasks that ask for what others may see."""


def require_goal(goal: Goal, what: PushFile | CampaignFile) -> None:
    """Raises PushRefused, with what to do instead, for a push of goods or benefits where the goal is word of mouth.

    Contests, and tasks that ask for a buyer's show or an honest review, are word of mouth.
    """
    if goal is Goal.WORD_OF_MOUTH and not _talked_of(what):
        raise PushRefused("word_of_mouth", title=what.title)


def _talked_of(what: PushFile | CampaignFile) -> bool:
    if isinstance(what, PushFile):
        return False
    return what.contest is not None or (what.task is not None and what.task.what in _SHOWS)
