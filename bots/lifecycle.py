"""The states of one account and every legal move between them, in one table."""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where an account stands. Each member says what it means; the properties say what follows from it."""

    STOPPED = "stopped"
    """Nobody looks after it: the fleet is down, or the account was taken out."""
    CONNECTING = "connecting"
    """Reaching its gateway, and waiting to hear whether it is logged in."""
    AWAITING_SCAN = "awaiting_scan"
    """The gateway answers, but the account is out: somebody must scan the QR code."""
    ONLINE = "online"
    """Logged in, receiving and sending."""
    PAUSED = "paused"
    """Logged in and receiving; staff paused it, so that only answers to commands leave."""
    RESTRICTED = "restricted"
    """Logged in, but it must not speak: WeChat limits it and it rests, or another account is logged in."""
    BACKING_OFF = "backing_off"
    """The gateway can't be reached or used; tried again by itself after a while."""

    @property
    def attached(self) -> bool:
        """Is somebody reading its event stream?"""
        return self in (State.AWAITING_SCAN, State.ONLINE, State.PAUSED, State.RESTRICTED)

    @property
    def receives(self) -> bool:
        """Is it logged in, so that what people write reaches us?"""
        return self in (State.ONLINE, State.PAUSED, State.RESTRICTED)

    @property
    def sends(self) -> bool:
        """May it speak to customers?"""
        return self is State.ONLINE

    @property
    def commands(self) -> bool:
        """May it answer staff?"""
        return self in (State.ONLINE, State.PAUSED)

    @property
    def restricted(self) -> bool:
        """Must it keep silent whatever anybody wants?"""
        return self is State.RESTRICTED

    @property
    def recoverable(self) -> bool:
        """Does it come back without a person?"""
        return self in (State.CONNECTING, State.ONLINE, State.BACKING_OFF)

    @property
    def needs_person(self) -> bool:
        """Is it stuck until somebody does something?"""
        return self in (State.AWAITING_SCAN, State.PAUSED, State.RESTRICTED)


class Event(StrEnum):
    """What happens to an account."""

    START = "start"
    """The fleet takes it up, or tries again."""
    SCAN_ASKED = "scan_asked"
    """The gateway shows a QR code."""
    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"
    LIMITED = "limited"
    """WeChat limits it, or the wrong account is logged in."""
    RESTED = "rested"
    """The limit is thought to be over."""
    PAUSE = "pause"
    RESUME = "resume"
    LOST = "lost"
    """The connection broke, or the gateway can't be used."""
    STOP = "stop"


_ATTACHED_ALWAYS: Mapping[Event, State] = {
    Event.LOST: State.BACKING_OFF,
    Event.START: State.CONNECTING,  # the gateway asked us to attach anew
    Event.STOP: State.STOPPED,
}

TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    State.STOPPED: {Event.START: State.CONNECTING},
    State.CONNECTING: {
        Event.SCAN_ASKED: State.AWAITING_SCAN,
        Event.LOGGED_IN: State.ONLINE,
        Event.LOGGED_OUT: State.AWAITING_SCAN,
        Event.LOST: State.BACKING_OFF,
        Event.STOP: State.STOPPED,
    },
    State.AWAITING_SCAN: {Event.LOGGED_IN: State.ONLINE, **_ATTACHED_ALWAYS},
    State.ONLINE: {
        Event.LOGGED_OUT: State.AWAITING_SCAN,
        Event.SCAN_ASKED: State.AWAITING_SCAN,
        Event.LIMITED: State.RESTRICTED,
        Event.PAUSE: State.PAUSED,
        **_ATTACHED_ALWAYS,
    },
    State.PAUSED: {
        Event.LOGGED_OUT: State.AWAITING_SCAN,
        Event.SCAN_ASKED: State.AWAITING_SCAN,
        Event.LIMITED: State.RESTRICTED,
        Event.RESUME: State.ONLINE,
        **_ATTACHED_ALWAYS,
    },
    State.RESTRICTED: {
        Event.LOGGED_OUT: State.AWAITING_SCAN,
        Event.SCAN_ASKED: State.AWAITING_SCAN,
        Event.LOGGED_IN: State.ONLINE,
        Event.RESTED: State.ONLINE,
        **_ATTACHED_ALWAYS,
    },
    State.BACKING_OFF: {Event.START: State.CONNECTING, Event.STOP: State.STOPPED},
}


def next_state(state: State, event: Event) -> State:
    """Where `event` leads from `state`. An event that means nothing there leaves it as it is."""
    return TRANSITIONS[state].get(event, state)
