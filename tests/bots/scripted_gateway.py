"""A gateway at the port that does what a test tells it: no network, everything it was asked to do remembered."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from bots.errors import GatewayProblem, GatewayUnavailable, PayloadGone
from bots.gateway import (
    Contact,
    Friendship,
    FriendshipChanged,
    GatewayEvent,
    Heartbeat,
    Login,
    Message,
    MessageArrived,
    MessageKind,
    Ready,
    RoomInfo,
    Scan,
    Still,
    always,
)
from storage.outbox import Content


class ScriptedGateway:
    """`me` '' means logged out. What it knows stands in plain dictionaries that a test fills."""

    def __init__(self, me: str = "") -> None:
        self.me = me
        self.messages: dict[str, Message] = {}
        self.friendships: dict[str, Friendship] = {}
        self.contacts: dict[str, Contact] = {}
        self.fails_to_open: deque[Exception] = deque()
        self.fails_to_send: deque[GatewayProblem] = deque()
        self.fails_to_fetch: deque[GatewayProblem] = deque()
        self.fetch_gate = asyncio.Event()
        self.fetch_gate.set()
        self.qr = "https://scan.example/1"
        self.opened = 0
        self.closed = 0
        self.sessions_started = 0
        self.attached = False
        self.sent: list[tuple[str, Content]] = []
        self.accepted: list[str] = []
        self.recalled: list[str] = []
        self.fails_to_recall: deque[GatewayProblem] = deque()
        self.fetched: list[str] = []
        self.fetching = 0
        self.most_fetching = 0
        self._events: asyncio.Queue[GatewayEvent | Exception | None] = asyncio.Queue()

    # What a test does to it.

    def tell(self, event: GatewayEvent) -> None:
        self._events.put_nowait(event)

    def break_connection(self, problem: Exception | None = None) -> None:
        self._events.put_nowait(problem or GatewayUnavailable("the line broke"))

    def end_stream(self) -> None:
        self._events.put_nowait(None)

    def log_in(self, contact: str) -> None:
        self.me = contact
        self.tell(Login(contact))

    def say(self, id: str, talker: str, text: str, listener: str = "") -> None:
        """`talker` writes to the account: payload and event."""
        self.messages[id] = Message(id, MessageKind.TEXT, text, talker, listener or self.me, "", 0)
        self.tell(MessageArrived(id))

    def befriend(self, id: str, kind: str, contact: str, hello: str = "", name: str = "") -> None:
        self.friendships[id] = Friendship(id, kind, contact, hello, 3, "ticket")
        self.contacts[contact] = Contact(contact, name or contact, "", kind == "confirm")
        self.tell(FriendshipChanged(id))

    # The port.

    async def open(self) -> None:
        self.opened += 1
        if self.fails_to_open:
            raise self.fails_to_open.popleft()

    async def events(self) -> AsyncIterator[GatewayEvent]:
        self.attached = True
        try:
            yield Heartbeat()
            if self.me:
                yield Login(self.me)
                yield Ready()
            while True:
                event = await self._events.get()
                if event is None:
                    return
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.attached = False

    async def start_session(self) -> None:
        self.sessions_started += 1
        self.tell(Scan("waiting", self.qr))

    async def log_out(self) -> None:
        self.me = ""

    async def send(self, to: str, content: Content, still: Still = always) -> str:
        if self.fails_to_send:
            raise self.fails_to_send.popleft()
        self.sent.append((to, content))
        return f"sent-{len(self.sent)}"

    async def accept(self, request: str, still: Still = always) -> None:
        self.accepted.append(request)

    async def recall(self, message: str, still: Still = always) -> None:
        if self.fails_to_recall:
            raise self.fails_to_recall.popleft()
        self.recalled.append(message)

    async def message(self, id: str) -> Message:
        await self._fetch(id)
        if id not in self.messages:
            raise PayloadGone(f"no message {id}")
        return self.messages[id]

    async def friendship(self, id: str) -> Friendship:
        await self._fetch(id)
        if id not in self.friendships:
            raise PayloadGone(f"no friendship {id}")
        return self.friendships[id]

    async def contact(self, id: str) -> Contact:
        await self._fetch(id)
        if id not in self.contacts:
            raise PayloadGone(f"no contact {id}")
        return self.contacts[id]

    async def contact_ids(self) -> list[str]:
        return list(self.contacts)

    async def room(self, id: str) -> RoomInfo:
        return RoomInfo(id, "", "", ())

    async def close(self) -> None:
        self.closed += 1

    async def _fetch(self, id: str) -> None:
        self.fetching += 1
        self.most_fetching = max(self.most_fetching, self.fetching)
        try:
            await self.fetch_gate.wait()
            if self.fails_to_fetch:
                raise self.fails_to_fetch.popleft()
            self.fetched.append(id)
        finally:
            self.fetching -= 1
