"""What is counted of the courier's work, and what of it is said in the log."""

import logging

import pytest
import structlog

from bots.tally import Spread, Tally
from storage.outbox import DeliveryState
from storage.settling import Settlement

ACCEPTED = DeliveryState.ACCEPTED
FAILED = DeliveryState.FAILED


def test_a_spread_puts_each_span_below_its_bound() -> None:
    spread = Spread((0.01, 0.1))
    for seconds in (0.005, 0.01, 0.05, 3.0):
        spread.add(seconds)
    assert spread.counts == [2, 1, 1]
    assert (spread.count, round(spread.sum_s, 3)) == (4, 3.065)
    assert (spread.quantile_s(0.5), spread.quantile_s(0.75), spread.quantile_s(0.99)) == (0.01, 0.1, float("inf"))


def test_a_failure_is_said_once_for_each_account_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    tally = Tally()
    with structlog.testing.capture_logs() as said:
        for id_ in (1, 2, 3):
            tally.came_back("lin-1", Settlement(id_, FAILED, reason="no friend"))
        tally.came_back("lin-2", Settlement(4, FAILED, reason="no friend"))
        for id_ in (5, 6):
            tally.came_back("lin-1", Settlement(id_, ACCEPTED))
    assert [(line["event"], line["account"], line["delivery"]) for line in said] == [
        ("delivery", "lin-1", 1),
        ("delivery", "lin-2", 4),
        ("sends_accepted_again", "lin-1", 5),
    ]


def test_each_row_in_doubt_is_said_and_an_accepted_one_only_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    tally = Tally()
    doubt = [Settlement(id_, DeliveryState.IN_DOUBT, reason="outcome_unknown") for id_ in (1, 2)]
    with structlog.testing.capture_logs() as said:
        for result in doubt:
            tally.came_back("lin-1", result)
        with caplog.at_level(logging.DEBUG, logger="bots.tally"):
            tally.came_back("lin-2", Settlement(3, ACCEPTED))
    assert [(line["log_level"], line["delivery"]) for line in said] == [("warning", 1), ("warning", 2), ("debug", 3)]
