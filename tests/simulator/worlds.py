"""Small worlds for these tests, and a client that is nothing but the protocol."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from grpclib.client import Channel, StreamUnaryMethod
from wechaty_grpc.wechaty import PuppetStub
from wechaty_grpc.wechaty.puppet import (
    FileBoxChunk,
    MessageSendFileStreamRequest,
    MessageSendFileStreamResponse,
)

from simulator.scenario import AccountPlan, ChannelPlan, Scenario, StaffPlan
from simulator.simulation import Simulation
from tests.virtual_time import until

ROOM = "19283@chatroom"
BOSS = StaffPlan("owner", "老板", "wxid_boss", "owner")
CLERK = StaffPlan("clerk", "小美", "wxid_clerk", "service")

QUIET = Scenario(
    seed=7,
    accounts=(
        AccountPlan("yu-1", "acquisition", "小鱼", 40, holder="owner"),
        AccountPlan("lin-1", "sales", "林姐", 60, holder="owner", times_in_seconds=True),
        AccountPlan("lin-2", "sales", "林姐2", 50, gives_message_ids=False),
    ),
    staff=(BOSS, CLERK),
    staff_room=ROOM,
    desk="yu-1",
    channels=(ChannelPlan("parcel-card", "包裹卡", ("yu-1",)),),
    repeated_events=0,
    known_buyers=10,
    claiming_buyers=6,
    new_buyers=10,
    other_buyers=10,
    requests_per_minute=0,
    chats_per_hour=0,
    claims_per_hour=0,
    opt_outs_per_hour=0,
    look_alikes_per_hour=0,
    leaves_per_hour=0,
    outsiders_per_hour=0,
)
"""Nobody does anything by themselves here."""

LIVELY = replace(
    QUIET, requests_per_minute=2, chats_per_hour=40, claims_per_hour=12, opt_outs_per_hour=6, look_alikes_per_hour=6,
    leaves_per_hour=4,
)  # fmt: skip


class Client:
    """One account's bare client. `events` holds (type number, payload) as they came."""

    def __init__(self, stub: PuppetStub) -> None:
        self.stub = stub
        self.events: list[tuple[int, dict[str, Any]]] = []
        self.raw: list[str] = []
        self.ended: BaseException | None = None
        self.done = False

    async def listen(self) -> None:
        """Read the event stream until it ends; how it ended stands in `ended`."""
        try:
            async for event in self.stub.event():
                self.raw.append(event.payload)
                try:
                    self.events.append((int(event.type), json.loads(event.payload)))
                except ValueError:
                    continue
        except Exception as error:
            self.ended = error
        finally:
            self.done = True

    async def send_file(self, to: str, name: str, data: bytes) -> str:
        """Send a file in pieces, which the generated stub can't."""
        method = StreamUnaryMethod(
            self.stub.channel,
            "/wechaty.Puppet/MessageSendFileStream",
            MessageSendFileStreamRequest,
            MessageSendFileStreamResponse,
        )
        parts = [
            MessageSendFileStreamRequest(conversation_id=to),
            MessageSendFileStreamRequest(file_box_chunk=FileBoxChunk(name=name)),
            MessageSendFileStreamRequest(file_box_chunk=FileBoxChunk(data=data)),
        ]
        answer = await method(parts, metadata=self.stub.metadata)
        return str(answer.id or "")

    def ids(self, kind: int) -> list[str]:
        """The ids in the message (2) or friendship (17) events so far."""
        return [next(iter(payload.values())) for number, payload in self.events if number == kind]

    async def comes(self, kind: int, count: int = 1) -> str:
        """Wait for that many events of this kind; the id in the last one."""
        await until(lambda: len(self.ids(kind)) >= count)
        return self.ids(kind)[-1]


@asynccontextmanager
async def client_of(simulation: Simulation, account: str, *, listens: bool = True) -> AsyncIterator[Client]:
    """A client over a real socket, attached and past `ready`."""
    host, _, port = simulation.endpoints[account].address.partition(":")
    async with bare_client(host, int(port), simulation.token(account)) as client:
        if not listens:
            yield client
            return
        async with listening(client):
            await until(lambda: client.done or any(kind in (1, 23) for kind, _ in client.events))
            yield client


@asynccontextmanager
async def bare_client(host: str, port: int, token: str) -> AsyncIterator[Client]:
    channel = Channel(host, port)
    try:
        yield Client(PuppetStub(channel, metadata={"authorization": f"Wechaty {token}"}))
    finally:
        channel.close()


@asynccontextmanager
async def listening(client: Client) -> AsyncIterator[None]:
    task = asyncio.create_task(client.listen(), name="test:listen")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
