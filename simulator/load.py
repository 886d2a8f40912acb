"""Gateways for benchmarks, in a process of their own: `python -m simulator.load --accounts 1000 --ports-file F`.

No people and no world: sends are counted, events come on request, payloads are served for every id. The ports file is
a JSON list of {id, endpoint, token, contact}; it appears when all of them listen. `Ding` steers an account:
"emit COUNT [PER_SECOND]" sends that many message events with new ids on its stream, as fast as the client reads them
when no rate is given. SIGTERM or SIGINT ends it; then it writes one JSON document of what it counted to stdout.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulator.load_http2 import Connection
from simulator.load_messages import event, first_text, number_field, text_field

_HOST = "127.0.0.1"
_HEARTBEAT_S = 15.0
_TICK_S = 0.01
_BATCH = 256
_EVENT_MESSAGE, _EVENT_HEARTBEAT, _EVENT_READY, _EVENT_LOGIN = 2, 1, 23, 25
_UNAUTHENTICATED, _ALREADY_EXISTS = 16, 6
_TEXT = 7
_PREFIX = "/wechaty.Puppet/"


@dataclass(slots=True)
class Counts:
    """What happened to all accounts together."""

    attached: int = 0
    sends: int = 0
    events: int = 0
    fetched: int = 0
    calls: int = 0


class LoadAccount:
    """One account: its event stream, and how many events it still has to send."""

    def __init__(self, number: int, friends: int, counts: Counts, busy: "set[LoadAccount]") -> None:
        self.id = f"load-{number}"
        self.token = f"load-token-{number}"
        self.contact = f"wxid_load_{number}"
        self.counts = counts
        self._busy = busy
        self._number = number
        self._friends = friends
        self._stream: tuple[Connection, int] | None = None
        self._sent = 0
        self._due = 0
        self._later = 0
        self._rate = 0.0
        self._part = 0.0
        seen = text_field(3, "你好，在吗".encode()) + number_field(5, _TEXT)
        self._payload = seen + text_field(6, b"wxid_friend_1") + text_field(8, self.contact.encode())

    # --- calls ------------------------------------------------------------------------------------------------------

    def attach(self, connection: Connection, stream: int, emit: int, rate: float) -> bool:
        """Take the event stream. False when somebody has it."""
        if self._stream is not None:
            return False
        self.counts.attached += 1
        self._stream = (connection, stream)
        connection.open_stream(stream)
        connection.on_window = self.pump
        login = json.dumps({"contactId": self.contact}).encode()
        connection.send(stream, [
            event(_EVENT_HEARTBEAT, b'{"data":"attached"}'), event(_EVENT_LOGIN, login),
            event(_EVENT_READY, b'{"data":"ready"}'),
        ])  # fmt: skip
        if emit:
            self.emit(emit, rate)
        return True

    def let_go(self, connection: Connection, stream: int) -> None:
        if self._stream == (connection, stream):
            self._stream = None
            self.counts.attached -= 1

    def payload_of(self, id: bytes, now_s: int) -> bytes:
        return text_field(1, id) + number_field(4, now_s) + self._payload

    def contact_list(self) -> bytes:
        return b"".join(text_field(1, b"wxid_friend_%d" % number) for number in range(self._friends))

    # --- events -----------------------------------------------------------------------------------------------------

    def emit(self, count: int, rate: float) -> None:
        """Send `count` more message events, `rate` a second; 0 for as fast as they are read."""
        if rate > 0:
            self._later += count
            self._rate = rate
            self._busy.add(self)
        else:
            self._due += count
            self.pump()

    def tick(self) -> None:
        """One hundredth of a second has passed."""
        if self._later:
            self._part += self._rate * _TICK_S
            now = min(self._later, int(self._part))
            self._part -= now
            self._later -= now
            self._due += now
        else:
            self._busy.discard(self)
        self.pump()

    def heartbeat(self) -> None:
        if self._stream is not None:
            connection, stream = self._stream
            beat = event(_EVENT_HEARTBEAT, b'{"data":"alive"}')
            if connection.room(stream) >= len(beat):
                connection.send(stream, [beat])
                connection.flush()

    def pump(self) -> None:
        """Send what is due, as far as the client takes it."""
        if self._stream is None:
            return
        connection, stream = self._stream
        while self._due:
            sample = len(self._event())
            count = min(self._due, _BATCH, connection.room(stream) // (sample + 4))
            if count <= 0:
                break
            batch = []
            for _ in range(count):
                batch.append(self._event())
                self._sent += 1
            connection.send(stream, batch)
            connection.flush()
            self._due -= count
            self.counts.events += count

    def _event(self) -> bytes:
        return event(_EVENT_MESSAGE, b'{"messageId":"l%d-%d"}' % (self._number, self._sent))


class LoadService:
    """All accounts; the token says whose call it is."""

    def __init__(self, accounts: int, *, friends: int, emit: int, rate: float) -> None:
        self.counts = Counts()
        self.busy: set[LoadAccount] = set()
        """Accounts that send events at a rate."""
        self.accounts = [LoadAccount(number, friends, self.counts, self.busy) for number in range(accounts)]
        self._by_token = {f"Wechaty {account.token}": account for account in self.accounts}
        self._streams: dict[tuple[Connection, int], LoadAccount] = {}
        self._emit, self._rate = emit, rate
        self._now_s = 0

    def see_time(self, now_s: int) -> None:
        """Messages are from now on sent at this moment, in seconds of the wall."""
        self._now_s = now_s

    def call(self, connection: Connection, stream: int, path: str, authorization: str, request: bytes) -> None:
        account = self._by_token.get(authorization)
        self.counts.calls += 1
        if account is None:
            connection.refuse(stream, _UNAUTHENTICATED, "Invalid Wechaty TOKEN")
            return
        name = path.removeprefix(_PREFIX)
        if name == "Event":
            if account.attach(connection, stream, self._emit, self._rate):
                self._streams[connection, stream] = account
            else:
                connection.refuse(stream, _ALREADY_EXISTS, "the event stream is already taken")
            return
        connection.reply(stream, self._answer(account, name, request))

    def gone(self, connection: Connection, stream: int) -> None:
        account = self._streams.pop((connection, stream), None)
        if account is not None:
            account.let_go(connection, stream)

    def _answer(self, account: LoadAccount, name: str, request: bytes) -> bytes:
        if name.startswith("MessageSend"):
            self.counts.sends += 1
            return text_field(1, text_field(1, b"s%d" % self.counts.sends))
        if name == "MessagePayload":
            self.counts.fetched += 1
            return account.payload_of(first_text(request), self._now_s)
        if name == "ContactPayload":
            id = first_text(request)
            return text_field(1, id) + text_field(4, id) + number_field(9, 1)
        if name == "ContactList":
            return account.contact_list()
        if name == "Version":
            return text_field(1, b"1.19.9")
        if name == "Ding":
            self._steer(account, first_text(request).decode().split())
        return b""

    def _steer(self, account: LoadAccount, words: Sequence[str]) -> None:
        if len(words) >= 2 and words[0] == "emit":
            account.emit(int(words[1]), float(words[2]) if len(words) > 2 else 0.0)


async def serve(options: argparse.Namespace) -> Counts:
    """Run until SIGTERM or SIGINT."""
    service = LoadService(options.accounts, friends=options.friends, emit=options.emit, rate=options.rate)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    listeners = []
    for _ in range(1 if options.shared_port else options.accounts):
        listeners.append(await loop.create_server(lambda: Connection(service), _HOST, 0, backlog=2048))
    _write_ports(options.ports_file, service, listeners)
    beats = asyncio.create_task(_beat(service), name="load:beats")
    await stop.wait()
    beats.cancel()
    await asyncio.gather(beats, return_exceptions=True)
    for listener in listeners:
        listener.close()
    return service.counts


async def _beat(service: LoadService) -> None:
    loop = asyncio.get_running_loop()
    next_beat_s = loop.time() + _HEARTBEAT_S
    while True:
        service.see_time(int(time.time()))
        for account in list(service.busy):
            account.tick()
        if loop.time() >= next_beat_s:
            next_beat_s += _HEARTBEAT_S
            for account in service.accounts:
                account.heartbeat()
        await asyncio.sleep(_TICK_S)


def _write_ports(path: Path, service: LoadService, listeners: Sequence[asyncio.Server]) -> None:
    rows = []
    for number, account in enumerate(service.accounts):
        port = listeners[number % len(listeners)].sockets[0].getsockname()[1]
        rows.append({
            "id": account.id, "endpoint": f"{_HOST}:{port}", "token": account.token, "contact": account.contact,
        })  # fmt: skip
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(rows), encoding="utf-8")
    os.replace(part, path)


def _allow_many_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulator.load", description="Wechaty gateways for benchmarks.")
    parser.add_argument("--accounts", type=int, required=True, help="how many")
    parser.add_argument("--ports-file", type=Path, required=True, help="where to write who listens where")
    parser.add_argument("--shared-port", action="store_true", help="one port for all; the token tells them apart")
    parser.add_argument("--friends", type=int, default=0, help="friends of each account")
    parser.add_argument("--emit", type=int, default=0, help="message events to send to whoever attaches")
    parser.add_argument("--rate", type=float, default=0.0, help="events a second and account; 0: as fast as read")
    options = parser.parse_args(arguments)
    _allow_many_files()
    counts = asyncio.run(serve(options))
    sys.stdout.write(json.dumps({name: getattr(counts, name) for name in counts.__slots__}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
