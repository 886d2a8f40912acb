"""Numbers and times as gateways write them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.gateway import Fault, Logout, MessageArrived, MessageKind, Reset, RoomChanged, Scan
from bots.wechaty_events import epoch_ms, message_kind, read_event
from tests.bots.hostile_gateways import event

YEARS_2000_TO_2100_S = st.integers(946_684_800, 4_102_444_800)


@given(YEARS_2000_TO_2100_S)
def test_seconds_milliseconds_and_microseconds_are_one_time(seconds: int) -> None:
    assert epoch_ms(seconds) == epoch_ms(seconds * 1_000) == epoch_ms(seconds * 1_000_000) == seconds * 1_000


def test_text_is_seven_and_video_fifteen() -> None:
    """TypeScript's numbers; the generated Python enum calls text 6 and video 7."""
    assert message_kind(7) is MessageKind.TEXT
    assert message_kind(15) is MessageKind.VIDEO


@given(st.integers())
def test_every_number_has_a_kind(number: int) -> None:
    assert message_kind(number) in MessageKind


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    read_event(raw, str)


@given(st.integers(1, 20_000), st.sampled_from(["a", "鱼", "\\"]))
def test_an_event_of_any_length_is_read_as_it_was_written(length: int, letter: str) -> None:
    id = letter * length
    assert read_event(event(2, json.dumps({"messageId": id}, ensure_ascii=False)), str) == MessageArrived(id)


@given(
    st.integers(0, 40),
    st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x))
    | st.dictionaries(
        st.sampled_from(["messageId", "roomId", "timestamp", "status", "contactId", "gerror", "data", "inviteeIdList"]),
        st.none() | st.integers() | st.text() | st.lists(st.integers() | st.text()),
    ),
)
def test_no_payload_breaks_the_reader(number: int, payload: object) -> None:
    read_event(event(number, json.dumps(payload)), str)


@pytest.mark.parametrize(
    ("number", "payload", "expected"),
    [
        (22, {"status": 2, "qrcode": "https://q"}, Scan("waiting", "https://q")),
        (22, {"status": 5}, Scan("timeout", "")),
        (22, {"status": 77}, Scan("unknown", "")),
        (26, {"contactId": "wxid_me", "data": "kicked"}, Logout("kicked")),
        (24, {"data": "again"}, Reset("again")),
        (16, {"data": "plain words\nand a trace"}, Fault("plain words")),
        (
            20,
            {"roomId": "1@chatroom", "removeeIdList": ["a"], "removerId": "b", "timestamp": 1_790_000_000_000},
            RoomChanged("leave", "1@chatroom", ("a",), "b", 1_790_000_000_000),
        ),
        (
            21,
            {"roomId": "1@chatroom", "changerId": "b", "newTopic": "新群名", "timestamp": 1_790_000_000},
            RoomChanged("topic", "1@chatroom", (), "b", 1_790_000_000_000, "新群名"),
        ),
        (18, {"roomInvitationId": "i-1"}, RoomChanged("invite", "i-1", (), "", 0)),
    ],
)
def test_events_in_our_words(number: int, payload: dict[str, object], expected: object) -> None:
    assert read_event(event(number, json.dumps(payload)), str) == expected
