"""Loaded gateways in a process of their own answer a real client, and count."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from simulator.load_messages import first_text, text_field
from tests.simulator.worlds import Client, bare_client, listening
from tests.virtual_time import until

MESSAGE, READY = 2, 23


@dataclass
class Load:
    process: asyncio.subprocess.Process
    rows: list[dict[str, str]]

    async def counts(self) -> dict[str, Any]:
        """Stop it; what it counted."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = await self.process.communicate()
        assert self.process.returncode == 0
        found: dict[str, Any] = json.loads(out)
        return found


@asynccontextmanager
async def load(ports: Path, *options: str) -> AsyncIterator[Load]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator.load", "--ports-file", str(ports), *options, stdout=asyncio.subprocess.PIPE
    )
    try:
        await until(ports.exists)
        yield Load(process, json.loads(_text_of(ports)))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@asynccontextmanager
async def attached(row: dict[str, str], token: str | None = None) -> AsyncIterator[Client]:
    host, _, port = row["endpoint"].partition(":")
    async with bare_client(host, int(port), token or row["token"]) as client, listening(client):
        yield client


@pytest.mark.parametrize("options", [(), ("--shared-port",)])
async def test_each_account_answers_for_itself_and_counts_are_told_at_the_end(
    tmp_path: Path, options: Sequence[str]
) -> None:
    async with load(tmp_path / "ports.json", "--accounts", "3", "--friends", "2500", *options) as gateways:
        assert len({row["endpoint"] for row in gateways.rows}) == (1 if options else 3)
        for row in gateways.rows:
            async with attached(row) as client:
                await client.comes(READY)
                assert client.events[1][1] == {"contactId": row["contact"]}
                assert len((await client.stub.contact_list()).ids) == 2500  # more than a frame holds
                assert (await client.stub.contact_payload(id="wxid_1")).friend
                sent = [await client.stub.message_send_text(conversation_id="wxid_1", text="你好") for _ in range(5)]
                assert len({answer.id for answer in sent}) == 5
        counts = await gateways.counts()
        assert (counts["sends"], counts["events"], counts["fetched"]) == (15, 0, 0)


async def test_events_at_full_speed_have_their_own_ids_and_payloads(tmp_path: Path) -> None:
    async with load(tmp_path / "ports.json", "--accounts", "1") as gateways:
        [row] = gateways.rows
        async with attached(row) as client:
            await client.comes(READY)
            # More than a window of the transport: the gateway must wait for the reader, and go on.
            await client.stub.ding(data="emit 20000")
            await client.comes(MESSAGE, 20_000)
            ids = client.ids(MESSAGE)
            assert len(set(ids)) == len(ids) == 20_000
            payload = await client.stub.message_payload(id=ids[-1])
            assert (payload.id, int(payload.type), payload.to_id) == (ids[-1], 7, row["contact"])
            assert payload.timestamp > 1_700_000_000
        counts = await gateways.counts()
        assert (counts["events"], counts["fetched"]) == (20_000, 1)


async def test_events_at_a_rate_and_from_the_start(tmp_path: Path) -> None:
    options = ("--accounts", "1", "--emit", "30", "--rate", "1000")
    async with load(tmp_path / "ports.json", *options) as gateways, attached(gateways.rows[0]) as client:
        await client.comes(MESSAGE, 30)
        assert len(set(client.ids(MESSAGE))) == 30


async def test_a_wrong_token_and_a_second_stream_are_refused(tmp_path: Path) -> None:
    async with load(tmp_path / "ports.json", "--accounts", "1") as gateways:
        [row] = gateways.rows
        async with attached(row, token="wrong") as stranger:
            await until(lambda: stranger.done)
            assert isinstance(stranger.ended, GRPCError)
            assert stranger.ended.status is Status.UNAUTHENTICATED
        async with attached(row) as first:
            await first.comes(READY)
            async with attached(row) as second:
                await until(lambda: second.done)
                assert isinstance(second.ended, GRPCError)
                assert second.ended.status is Status.ALREADY_EXISTS
        async with attached(row) as later:
            await until(lambda: later.done or bool(later.ids(READY)))
            assert later.ids(READY)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 300, 16_383])
def test_the_first_text_of_a_request_is_read_whatever_its_length(size: int) -> None:
    value = b"x" * size
    assert first_text(text_field(1, value) + text_field(2, b"more")) == value
