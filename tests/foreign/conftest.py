"""Fixtures: gateways that nobody here wrote.

They come from the npm registry. Where it can't be reached these tests are left out, with a line that says so; with
CI=true that is a failure.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bots.wechaty_channel import Timeouts
from bots.wechaty_gateway import WechatyGateway
from tests.foreign.gateway_process import ForeignGateway
from tests.foreign.installation import RegistryUnreachable, install
from tests.foreign.listening import Listener

StartGateway = Callable[..., Awaitable[ForeignGateway]]
Connect = Callable[..., Awaitable[WechatyGateway]]
Listen = Callable[[WechatyGateway], Awaitable[Listener]]

_left_out: list[str] = []


@pytest.fixture(scope="session")
def foreign_home() -> Path:
    """The folder with the foreign gateway's packages."""
    try:
        return install()
    except RegistryUnreachable as error:
        if os.environ.get("CI") == "true":
            pytest.fail(
                f"CI leaves no test out, and these need the npm registry, which can't be reached ({error}): let this "
                "machine reach https://registry.npmjs.org, or name a mirror in npm_config_registry",
                pytrace=False,
            )
        _left_out.append(str(error))
        pytest.skip(f"the npm registry can't be reached: {error}")


@pytest.fixture
async def start_gateway(foreign_home: Path) -> AsyncIterator[StartGateway]:
    """Starts foreign gateways: `await start_gateway("lin-1", tls=False, login="now")`, ended after the test."""
    gateways: list[ForeignGateway] = []

    async def start(account: str = "lin-1", *, tls: bool = False, login: str = "now") -> ForeignGateway:
        gateway = ForeignGateway(foreign_home, f"wxid_{account}", f"token-of-{account}-0815", tls=tls, login=login)
        gateways.append(gateway)
        await gateway.start()
        return gateway

    yield start
    for gateway in gateways:
        await gateway.kill()


@pytest.fixture
async def foreign_gateway(start_gateway: StartGateway) -> ForeignGateway:
    """One gateway without TLS whose account is logged in, with one friend: wxid_anna."""
    gateway = await start_gateway()
    await gateway.do("contact", contact={"id": "wxid_anna", "name": "安娜", "friend": True})
    return gateway


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Opens our side: `await connect(foreign, token=…, tls=…, tls_name=…)`, closed after the test."""
    ours: list[WechatyGateway] = []

    async def open_gateway(foreign: ForeignGateway, **options: Any) -> WechatyGateway:
        options.setdefault("token", foreign.token)
        options.setdefault("timeouts", Timeouts(connect_s=5, read_s=10, send_s=10))
        gateway = WechatyGateway(foreign.account, foreign.endpoint, **options)
        ours.append(gateway)
        await gateway.open()
        return gateway

    yield open_gateway
    for gateway in ours:
        await gateway.close()
    await asyncio.sleep(0)  # lets the transports hear of it


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Attaches to an event stream: `await listen(gateway)`, detached after the test."""
    listeners: list[Listener] = []

    async def attach(gateway: WechatyGateway) -> Listener:
        listener = Listener(gateway)
        listeners.append(listener)
        await listener.attached()
        return listener

    yield attach
    for listener in listeners:
        await listener.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _left_out:
        terminalreporter.write_line(
            f"tests/foreign was left out: the npm registry can't be reached ({_left_out[0]})", yellow=True
        )
