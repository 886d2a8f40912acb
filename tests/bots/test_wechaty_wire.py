"""Whatever a gateway does to the frames: a send is accepted, clearly refused, or of unknown outcome, each by itself."""

import asyncio
import gzip
import struct
from collections.abc import Callable

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.settings import SettingCodes

from bots.errors import GarbageAnswer, GatewayProblem, NotAFriend, OutcomeUnknown
from bots.gateway import GatewayEvent
from bots.wechaty_channel import Timeouts
from bots.wechaty_gateway import WechatyGateway
from storage.outbox import Content
from tests.bots.hostile_gateways import TOKEN, speaking
from texts.catalogue import say

_HEAD = [(":status", "200"), ("content-type", "application/grpc+proto")]
_GOOD = [("grpc-status", "0")]
_Answer = Callable[[H2Connection, list[int]], None]
"""(connection, streams of the sends that wait): called when there are two."""


def _framed(body: bytes) -> bytes:
    return struct.pack(">?I", False, len(body)) + body


def _accept(h2: H2Connection, stream: int, body: bytes = b"") -> None:
    h2.send_headers(stream, _HEAD)
    h2.send_data(stream, _framed(body))
    h2.send_headers(stream, _GOOD, end_stream=True)


class _Gateway:
    """Answers the greeting, and two sends as told; `one_by_one`: in pieces of a byte; `window`: bytes a stream."""

    def __init__(self, answer: _Answer, *, one_by_one: bool = False, window: int | None = None) -> None:
        self._answer, self._window = answer, window
        self._piece = 1 if one_by_one else 65_536

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        h2 = H2Connection(H2Configuration(client_side=False))
        h2.initiate_connection()
        if self._window is not None:
            h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: self._window})
        paths: dict[int, bytes] = {}
        waiting: list[int] = []
        while True:
            data = h2.data_to_send()
            for start in range(0, len(data), self._piece):
                writer.write(data[start : start + self._piece])
                await writer.drain()
                await asyncio.sleep(0)
            for event in h2.receive_data(await reader.read(65_536) or b""):
                if isinstance(event, RequestReceived):
                    paths[event.stream_id] = dict(event.headers)[b":path"]
                elif isinstance(event, DataReceived):
                    h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded) and paths[event.stream_id].endswith(b"/Version"):
                    _accept(h2, event.stream_id)
                elif isinstance(event, StreamEnded):
                    waiting.append(event.stream_id)
            if len(waiting) == 2:
                self._answer(h2, waiting)
                waiting = []
            if reader.at_eof():
                return


async def _send_two(gateway: _Gateway) -> list[str | type]:
    """What became of them: the gateway's id, or the class of the problem."""
    async with speaking(gateway.talk) as endpoint:
        ours = WechatyGateway("lin-1", endpoint, TOKEN, timeouts=Timeouts(read_s=5, send_s=5))
        await ours.open()
        sends = (ours.send(f"wxid_{number}", Content(text="好" * 40)) for number in (1, 2))
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
        await ours.close()
    assert all(isinstance(one, str | GatewayProblem) for one in outcomes), outcomes
    return [one if isinstance(one, str) else type(one) for one in outcomes]


def _interleaved(h2: H2Connection, streams: list[int]) -> None:
    answers = {stream: _framed(b"\x12\x01" + name) for stream, name in zip(streams, (b"A", b"B"), strict=True)}
    for stream in reversed(streams):
        h2.send_headers(stream, _HEAD)
    for place in range(8):
        for stream in reversed(streams):
            h2.send_data(stream, answers[stream][place : place + 1])
    for stream in reversed(streams):
        h2.send_headers(stream, _GOOD, end_stream=True)


@pytest.mark.parametrize("hard", [{}, {"one_by_one": True}, {"window": 8}])
async def test_answers_in_pieces_and_in_each_other_reach_the_right_send(hard: dict[str, int]) -> None:
    assert await _send_two(_Gateway(_interleaved, **hard)) == ["A", "B"]  # type: ignore[arg-type]


def _trailers_only(h2: H2Connection, streams: list[int]) -> None:
    for stream, status in zip(streams, ("3", "0"), strict=True):
        h2.send_headers(stream, [*_HEAD, ("grpc-status", status), ("grpc-message", "not your friend")], end_stream=True)


def _first_good_then_reset(h2: H2Connection, streams: list[int]) -> None:
    _accept(h2, streams[0])
    h2.reset_stream(streams[1], 7)


def _first_good_then_gone(h2: H2Connection, streams: list[int]) -> None:
    _accept(h2, streams[0])
    h2.close_connection()


def _cut_and_doubled(h2: H2Connection, streams: list[int]) -> None:
    for stream, body in zip(streams, (_framed(b"abcdef")[:7], _framed(b"") * 2), strict=True):
        h2.send_headers(stream, _HEAD)
        h2.send_data(stream, body)
        h2.send_headers(stream, _GOOD, end_stream=True)


def _huge_headers(h2: H2Connection, streams: list[int]) -> None:
    for stream in streams:
        h2.send_headers(stream, [*_HEAD, *((f"x-{number}", "y" * 2000) for number in range(60))])


@pytest.mark.parametrize(
    ("answer", "outcomes"),
    [
        (_trailers_only, [NotAFriend, OutcomeUnknown]),
        (_first_good_then_reset, ["", OutcomeUnknown]),
        (_first_good_then_gone, ["", OutcomeUnknown]),
        (_cut_and_doubled, [OutcomeUnknown, OutcomeUnknown]),
        (_huge_headers, [OutcomeUnknown, OutcomeUnknown]),
    ],
)
async def test_only_a_plain_answer_counts(answer: _Answer, outcomes: list[str | type]) -> None:
    assert await _send_two(_Gateway(answer)) == outcomes


def _compressed(h2: H2Connection, streams: list[int]) -> None:
    body = gzip.compress(b"\x12\x01A")
    for stream in streams:
        h2.send_headers(stream, [*_HEAD, ("grpc-encoding", "gzip")])
        h2.send_data(stream, struct.pack(">?I", True, len(body)) + body)
        h2.send_headers(stream, _GOOD, end_stream=True)


async def test_a_gateway_that_compresses_is_told_from_one_that_talks_nonsense() -> None:
    """Nobody asked it to: the event stream and every answer say so, and a send may have arrived."""
    async with speaking(_Gateway(_compressed).talk) as endpoint:
        ours = WechatyGateway("lin-1", endpoint, TOKEN, timeouts=Timeouts(read_s=5, send_s=5))
        await ours.open()
        outcomes = await asyncio.gather(_events(ours), ours.contact_ids(), return_exceptions=True)
        await ours.close()
    for problem in outcomes:
        assert isinstance(problem, GarbageAnswer), outcomes
        assert "压缩" in problem.message and "lin-1" in (problem.hint or "")
        assert "compressed" in say(problem.key, lang="en", **problem.values)
    assert await _send_two(_Gateway(_compressed)) == [OutcomeUnknown, OutcomeUnknown]


async def _events(gateway: WechatyGateway) -> list[GatewayEvent]:
    return [event async for event in gateway.events()]
