"""From one account to another: what a move is for, why it is offered, and how an offer ends. Pure.

Source: the shop's house rules: who climbs is served by a more senior account, everybody ends up with the persona that
suits them, and each is offered once, by name card.
"""

from collections.abc import Mapping
from enum import StrEnum

from rules.pacing import DAY_MS

REMIND_AFTER_MS = 3 * DAY_MS
"""Who has not added the account by then hears of it once more, unless the offer was one of taste. Ours."""
REST_AFTER_MS = 14 * DAY_MS
"""After so long without an answer an offer takes up no place any more. Ours."""


class Aim(StrEnum):
    """What an account is offered for. Each aim once per person."""

    SALES = "sales"
    """Who buys, or asks how to, is served by a sales account."""
    TRAINING = "training"
    """A partner is served by a mentor."""
    PERSONA = "persona"
    """The persona that suits them."""


class MoveReason(StrEnum):
    LEVEL = "level"
    """They climbed to a level that such an account serves."""
    BOUGHT = "bought"
    """They have bought, and only acquisition accounts know them."""
    ASKED = "asked"
    """They asked how to buy."""
    CHOICE = "choice"
    """They asked for this persona."""
    STAFF = "staff"
    """Staff wrote down which persona they like."""
    ANSWERS = "answers"
    """It is the persona they answer, praise, and buy after."""


class MoveState(StrEnum):
    OFFERED = "offered"
    REMINDED = "reminded"
    FOLLOWED = "followed"
    """They are friends of that account."""
    DECLINED = "declined"
    RESTED = "rested"
    """No answer: left in peace. Who adds the account later has followed all the same."""


TRANSITIONS: Mapping[MoveState, frozenset[MoveState]] = {
    MoveState.OFFERED: frozenset({MoveState.REMINDED, MoveState.FOLLOWED, MoveState.DECLINED, MoveState.RESTED}),
    MoveState.REMINDED: frozenset({MoveState.OFFERED, MoveState.FOLLOWED, MoveState.DECLINED, MoveState.RESTED}),
    MoveState.DECLINED: frozenset({MoveState.FOLLOWED}),
    MoveState.RESTED: frozenset({MoveState.FOLLOWED}),
    MoveState.FOLLOWED: frozenset(),
}
OPEN = frozenset({MoveState.OFFERED, MoveState.REMINDED})
"""States of an offer that may still be taken up: a place is kept for them."""


def first_look_ms(aim: Aim, offered_ms: int) -> int:
    """When an offer is looked at again: a matter of taste is mentioned once and never again."""
    return offered_ms + (REST_AFTER_MS if aim is Aim.PERSONA else REMIND_AFTER_MS)
