"""The doctor's look at the gateways: does each answer, and take its token? Nobody is logged in or out by it."""

import asyncio

from bots.account import AccountConfig
from bots.account import WechatyGateway as WechatyConfig
from bots.errors import GatewayProblem
from bots.wechaty_channel import Timeouts
from bots.wechaty_gateway import WechatyGateway
from wxfleet.doctor.findings import Finding, Level
from wxfleet.reading.settings import Settings

_AT_ONCE = 50
_PATIENCE = Timeouts(connect_s=5.0, read_s=5.0)


async def gateway_findings(settings: Settings) -> list[Finding]:
    """Connects to all at once and asks for the version: no event stream is taken, no session begun or ended."""
    real = [account for account in settings.accounts if isinstance(account.gateway, WechatyConfig)]
    if not real:
        return [Finding.of(Level.OK, "gateways", "simulated")]
    window = asyncio.Semaphore(_AT_ONCE)
    answers = await asyncio.gather(*(_ask(account, window) for account in real))
    bad = [finding for finding in answers if finding is not None]
    if len(bad) < len(real):
        return [Finding.ok("gateways", answered=len(real) - len(bad), count=len(real)), *bad]
    return bad


async def _ask(account: AccountConfig, window: asyncio.Semaphore) -> Finding | None:
    config = account.gateway
    assert isinstance(config, WechatyConfig)  # noqa: S101  # the caller chose it
    token = config.token.get_secret_value()
    gateway = WechatyGateway(
        account.id, config.endpoint, token, tls=config.tls, tls_name=config.tls_name, timeouts=_PATIENCE
    )
    async with window:
        try:
            await gateway.open()
        except GatewayProblem as problem:
            return Finding.from_problem("gateways", problem)
        finally:
            await gateway.close()
    return None
