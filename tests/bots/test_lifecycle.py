"""The table of states: complete, connected, and always a way out."""

import pytest

from bots.lifecycle import TRANSITIONS, Event, State, next_state


def test_every_state_has_a_row_and_every_event_is_used() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)


def test_every_state_can_be_reached_from_stopped() -> None:
    reached = {State.STOPPED}
    while more := {to for state in reached for to in TRANSITIONS[state].values()} - reached:
        reached |= more
    assert reached == set(State)


@pytest.mark.parametrize("state", [state for state in State if state is not State.STOPPED])
def test_every_state_can_be_stopped(state: State) -> None:
    assert next_state(state, Event.STOP) is State.STOPPED


def test_only_a_start_leads_out_of_stopped() -> None:
    moves = {event: next_state(State.STOPPED, event) for event in Event}
    assert {event for event, to in moves.items() if to is not State.STOPPED} == {Event.START}


@pytest.mark.parametrize("state", [state for state in State if state.attached or state is State.CONNECTING])
def test_a_lost_connection_backs_off_and_a_start_tries_again(state: State) -> None:
    assert next_state(state, Event.LOST) is State.BACKING_OFF
    assert next_state(State.BACKING_OFF, Event.START) is State.CONNECTING


def test_only_online_sends_to_customers_and_a_paused_account_still_answers_staff() -> None:
    assert {state for state in State if state.sends} == {State.ONLINE}
    assert {state for state in State if state.commands} == {State.ONLINE, State.PAUSED}


def test_who_sends_also_receives_and_who_receives_is_attached() -> None:
    for state in State:
        assert state.receives or not state.sends
        assert state.attached or not state.receives


def test_every_state_but_stopped_either_recovers_or_needs_a_person() -> None:
    for state in State:
        assert (state.recoverable != state.needs_person) or state is State.STOPPED


def test_a_logged_out_account_comes_back_only_by_a_login() -> None:
    assert next_state(State.ONLINE, Event.LOGGED_OUT) is State.AWAITING_SCAN
    back = {event for event in Event if next_state(State.AWAITING_SCAN, event).receives}
    assert back == {Event.LOGGED_IN}


def test_a_resume_does_not_lift_a_restriction() -> None:
    assert next_state(State.RESTRICTED, Event.RESUME) is State.RESTRICTED
    assert next_state(State.RESTRICTED, Event.PAUSE) is State.RESTRICTED
