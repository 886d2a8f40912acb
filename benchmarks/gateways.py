"""Gateways in another process, and bare clients to compare with: what a send or an event costs without a fleet."""

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grpclib.client import Channel
from wechaty_grpc.wechaty import PuppetStub

READY_S = 60.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where one account's gateway listens. `contact` is the account's own WeChat id."""

    id: str
    endpoint: str
    token: str
    contact: str


@contextlib.asynccontextmanager
async def gateways(accounts: int, *options: str) -> AsyncIterator[list[Address]]:
    """That many gateways (`python -m simulator.load`), until the block ends."""
    with tempfile.TemporaryDirectory(prefix="wxfleet-load-") as folder:
        ports = Path(folder) / "ports.json"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulator.load", "--accounts", str(accounts), "--ports-file", str(ports), *options,
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield await _addresses(process, ports)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _addresses(process: asyncio.subprocess.Process, ports: Path) -> list[Address]:
    async with asyncio.timeout(READY_S):
        while not ports.exists():  # noqa: ASYNC240  # another process makes it; nothing is measured yet
            if process.returncode is not None:
                raise RuntimeError(f"the gateways ended with {process.returncode}")
            await asyncio.sleep(0.02)
    return [Address(**row) for row in json.loads(ports.read_text(encoding="utf-8"))]  # noqa: ASYNC240  # as above


@dataclass(frozen=True, slots=True)
class BareClient:
    """The generated stub on a plain channel, and nothing around it."""

    channel: Channel
    stub: Any

    @staticmethod
    def of(address: Address) -> "BareClient":
        host, _, port = address.endpoint.rpartition(":")
        channel = Channel(host, int(port))
        return BareClient(channel, PuppetStub(channel, metadata={"authorization": f"Wechaty {address.token}"}))


@contextlib.contextmanager
def bare_clients(addresses: Sequence[Address]) -> Iterator[list[BareClient]]:
    """A client for each; they connect with their first call."""
    clients = [BareClient.of(address) for address in addresses]
    try:
        yield clients
    finally:
        for client in clients:
            client.channel.close()
