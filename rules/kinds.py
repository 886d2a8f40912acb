"""Every kind of thing that leaves an account, and what binds it. One row of the table per kind.

Source of the table: the shop's house rules ("ours"), in `domain.md` of the design: *each kind of message, and what
binds it*.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from rules.roles import Role


class Kind(StrEnum):
    COMMAND_REPLY = "command_reply"
    ALERT = "alert"
    STAFF_NOTICE = "staff_notice"  # assisted task, digest, hand-over
    REPLY = "reply"
    NAME_CARD = "name_card"
    OFFER = "offer"  # another account, shown to who did not ask for it: after "how to buy", to a new friend
    CLAIM_ANSWER = "claim_answer"
    OPT_OUT_CONFIRMATION = "opt_out_confirmation"
    WELCOME = "welcome"
    STAFF_MESSAGE = "staff_message"  # staff writing to a customer, through the fleet or on the phone
    PUSH = "push"
    CAMPAIGN_PUSH = "campaign_push"
    WARM_UP = "warm_up"
    PRECISE_TASK = "precise_task"
    WAKE_UP = "wake_up"
    POND_CAMPAIGN = "pond_campaign"  # to a room, not to a person
    REMINDER = "reminder"
    THANKS = "thanks"
    GREETING = "greeting"
    CARE = "care"
    LEVEL_UP = "level_up"
    LESSON = "lesson"
    ACCEPT = "accept"
    PROFILE = "profile"
    MOMENT = "moment"
    RECALL = "recall"  # of a message that left by mistake


class Quiet(StrEnum):
    """What the quiet hours mean to a kind."""

    ALLOWED = "allowed"
    WAITS = "waits"
    SOON_AFTER_ACT = "soon_after_act"
    """Allowed within ten minutes of what the person did; else it waits."""
    OWN_HOURS = "own_hours"
    """Moments have hours of their own."""


class AfterOptOut(StrEnum):
    """May it go to somebody who opted out?"""

    ALLOWED = "allowed"
    NEVER = "never"
    STOPPED = "stopped"
    """Not to them: a person who opted out gets no more of it (a welcome)."""


class Surface(StrEnum):
    """By which road it leaves; each road has its own pacing."""

    MESSAGE = "message"
    ACCEPT = "accept"
    PROFILE = "profile"
    MOMENT = "moment"
    RECALL = "recall"


@dataclass(frozen=True, slots=True)
class Gate:
    """What binds one kind.

    `priority`: 0 goes first. Kinds with a pace of their own have a priority of their own, so that a page of the
    outbox always holds some of each and none can stand in another's way.
    """

    priority: int
    quiet: Quiet
    after_opt_out: AfterOptOut = AfterOptOut.ALLOWED
    stops_with_all: bool = True
    """Does 全停 hold it back?"""
    weekly: bool = False
    """Counts as the one push per person per rolling 7 days across the matrix."""
    push_budget: bool = False
    """Counts against the account's daily pushes, and not against what is kept for replies."""
    pond_weekly: bool = False
    """Goes to a pond, by its owner alone: one per pond and rolling week."""
    keeps_mute: bool = False
    """Waits while the person wished not to be disturbed (勿扰)."""
    keeps_trust: bool = False
    """Bound by `trust_first`."""
    surface: Surface = Surface.MESSAGE
    to_staff: bool = False
    roles: frozenset[Role] = frozenset(Role)

    @property
    def answers(self) -> bool:
        """Somebody waits for it: it may use the messages that the day keeps for replies."""
        return self.priority <= 2

    @property
    def marketing(self) -> bool:
        """Does it die with an opt-out?"""
        return self.after_opt_out is AfterOptOut.NEVER


_SALES = frozenset({Role.SALES})
_NEVER = AfterOptOut.NEVER


def _push() -> Gate:
    return Gate(5, Quiet.WAITS, _NEVER, weekly=True, push_budget=True, keeps_mute=True, keeps_trust=True, roles=_SALES)


def _kindness(roles: frozenset[Role] = frozenset(Role)) -> Gate:
    """Sells nothing, but nobody asked for it either."""
    return Gate(5, Quiet.WAITS, _NEVER, push_budget=True, keeps_mute=True, roles=roles)


GATES: Mapping[Kind, Gate] = {
    Kind.COMMAND_REPLY: Gate(0, Quiet.ALLOWED, stops_with_all=False, to_staff=True),
    Kind.ALERT: Gate(0, Quiet.ALLOWED, to_staff=True),
    Kind.OPT_OUT_CONFIRMATION: Gate(1, Quiet.ALLOWED, stops_with_all=False),
    Kind.REPLY: Gate(1, Quiet.ALLOWED),
    Kind.NAME_CARD: Gate(1, Quiet.ALLOWED),
    Kind.CLAIM_ANSWER: Gate(1, Quiet.ALLOWED),
    Kind.STAFF_MESSAGE: Gate(2, Quiet.ALLOWED),  # the door asks at night and after an opt-out
    Kind.WELCOME: Gate(3, Quiet.SOON_AFTER_ACT, AfterOptOut.STOPPED),
    Kind.OFFER: Gate(3, Quiet.SOON_AFTER_ACT, _NEVER, keeps_mute=True),
    Kind.ACCEPT: Gate(4, Quiet.ALLOWED, surface=Surface.ACCEPT),
    Kind.STAFF_NOTICE: Gate(3, Quiet.WAITS, to_staff=True),
    Kind.PUSH: _push(),
    Kind.CAMPAIGN_PUSH: _push(),
    Kind.WARM_UP: _push(),
    Kind.PRECISE_TASK: _push(),
    Kind.WAKE_UP: _push(),
    Kind.POND_CAMPAIGN: Gate(5, Quiet.WAITS, push_budget=True, pond_weekly=True, roles=_SALES),
    Kind.REMINDER: _kindness(_SALES),
    Kind.THANKS: _kindness(_SALES),
    Kind.GREETING: _kindness(),
    Kind.CARE: _kindness(),
    Kind.LEVEL_UP: _kindness(),
    Kind.LESSON: _kindness(frozenset({Role.TRAINING})),
    Kind.MOMENT: Gate(6, Quiet.OWN_HOURS, surface=Surface.MOMENT),
    Kind.PROFILE: Gate(7, Quiet.ALLOWED, surface=Surface.PROFILE),
    # It takes words back, and has two minutes: 全停 is when it is wanted most. Profiles beside it are few.
    Kind.RECALL: Gate(7, Quiet.ALLOWED, stops_with_all=False, surface=Surface.RECALL),
}

PRIORITIES = tuple(sorted({gate.priority for gate in GATES.values()}))


def gate_of(kind: Kind | str) -> Gate:
    """The row of the table. Raises ValueError for a word that is no kind."""
    gate = GATES.get(kind)  # type: ignore[arg-type]  # a StrEnum's member and its word are one key
    return gate if gate is not None else GATES[Kind(kind)]
