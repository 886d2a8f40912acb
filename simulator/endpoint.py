"""Where a gateway is reached: a socket on 127.0.0.1 that can also break, die and come back."""

import asyncio
from typing import Any, cast

from grpclib.server import Server

from simulator.gateway import GatewayService

_HOST = "127.0.0.1"
_NO_GATEWAY = (
    b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
    b"<html><body>400 Bad Request</body></html>"
)


class Endpoint:
    """Serves one gateway at one port, which it keeps while it lives."""

    def __init__(self, service: GatewayService) -> None:
        self.service = service
        self.port = 0
        self._grpc: Any = None
        self._listener: asyncio.Server | None = None
        self._transports: set[asyncio.BaseTransport] = set()

    @property
    def address(self) -> str:
        """host:port, once started."""
        return f"{_HOST}:{self.port}"

    @property
    def serving(self) -> bool:
        """Does a gateway answer here now?"""
        return self._listener is not None and self._grpc is not None

    async def start(self) -> None:
        """Listen: the first time where there is room, later at the same port. Ends whatever else answers there."""
        await self.die()
        self._grpc = Server([self.service])
        await self._listen(self._connect)

    async def die(self) -> None:
        """Break all connections and stop listening."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        await self.drop()
        grpc, self._grpc = self._grpc, None
        for connection in list(grpc._handlers) if grpc is not None else ():
            connection.close()
            await connection.wait_closed()
        if listener is not None:
            await listener.wait_closed()

    async def drop(self) -> None:
        """Break all connections, without a goodbye."""
        for transport in list(self._transports):
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        self._transports.clear()
        await asyncio.sleep(0)

    async def answer_garbage(self) -> None:
        """Let something that speaks no gRPC answer here."""
        await self.die()
        await self._listen(lambda: _WebPage(self))

    async def _listen(self, factory: Any) -> None:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(factory, _HOST, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    def _connect(self) -> asyncio.BaseProtocol:
        # grpclib's own listener does not tell its connections, which must be known to be broken.
        return _watched(self._grpc._protocol_factory(), self)

    def opened(self, transport: asyncio.BaseTransport) -> None:
        self._transports.add(transport)

    def closed(self, transport: asyncio.BaseTransport) -> None:
        self._transports.discard(transport)


def _watched(protocol: Any, endpoint: Endpoint) -> asyncio.BaseProtocol:
    """The same protocol; the endpoint hears of its connection's beginning and end."""
    made, lost = protocol.connection_made, protocol.connection_lost
    own: list[asyncio.BaseTransport] = []

    def connection_made(transport: asyncio.BaseTransport) -> None:
        own.append(transport)
        endpoint.opened(transport)
        made(transport)

    def connection_lost(error: Exception | None) -> None:
        for transport in own:
            endpoint.closed(transport)
        lost(error)

    protocol.connection_made, protocol.connection_lost = connection_made, connection_lost
    return protocol  # type: ignore[no-any-return]  # grpclib is untyped


class _WebPage(asyncio.Protocol):
    """Says what a web server would say to something it does not understand."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._endpoint.opened(transport)

    def data_received(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(_NO_GATEWAY)
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is not None:
            self._endpoint.closed(self._transport)
