"""One foreign gateway as a process of its own, steered from a test."""

import asyncio
import json
import os
import socket
from itertools import count
from pathlib import Path
from typing import Any

from tests.foreign.installation import node

_START_S = 30
_ANSWER_S = 15


def free_port() -> int:
    """A port that nobody listens on; the gateway can't be asked which one it took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ForeignGateway:
    """A gateway of npm's `wechaty-puppet-service`: `endpoint` and `token` for us, `do` for what people do there.

    `login`: 'now' (the account is in when the gateway is up), 'on-start' (a Start logs it in), 'never'.
    """

    def __init__(self, home: Path, account: str, token: str, *, tls: bool, login: str) -> None:
        self.port = free_port()
        self.endpoint = f"127.0.0.1:{self.port}"
        self.token = token
        self.account = account
        self.ca = ""
        self._home = home
        self._options = {"port": self.port, "token": token, "tls": tls, "login": login}
        self._process: asyncio.subprocess.Process | None = None
        self._ids = count(1)

    async def start(self) -> None:
        """Start the process, again after `kill` on the same port; returns when it serves."""
        options = {**self._options, "self": {"id": self.account, "name": self.account}}
        self._process = await asyncio.create_subprocess_exec(
            *node(),
            "gateway.mjs",
            json.dumps(options),
            cwd=self._home,
            env={**os.environ, "WECHATY_LOG": "silent", "NODE_NO_WARNINGS": "1"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=1 << 24,
        )
        async with asyncio.timeout(_START_S):
            self.ca = (await self._line())["ca"]

    async def do(self, deed: str, **values: Any) -> dict[str, Any]:
        """Have something happen at the gateway (the deeds of gateway.mjs). Returns what it answers."""
        assert self._process is not None and self._process.stdin is not None, "not started"
        line = json.dumps({"id": next(self._ids), "do": deed, **values})
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()
        async with asyncio.timeout(_ANSWER_S):
            answer = await self._line()
        assert answer["ok"], answer
        return answer

    async def sent(self) -> list[dict[str, Any]]:
        """What left the account through the gateway: [{kind, to, what}]."""
        return list((await self.do("sent"))["sent"])

    async def kill(self) -> None:
        """End the process without a word to its clients."""
        if self._process is None:
            return
        process, self._process = self._process, None
        if process.returncode is None:
            process.kill()
        # communicate() also closes the pipes, which a mere wait() leaves to the collector.
        await process.communicate()

    async def _line(self) -> dict[str, Any]:
        assert self._process is not None and self._process.stdout is not None
        while True:
            line = await self._process.stdout.readline()
            assert line, f"the gateway of {self.account} ended"
            if line.startswith(b"@ "):  # whatever else is printed there is not for us
                answer: dict[str, Any] = json.loads(line[2:])
                return answer
