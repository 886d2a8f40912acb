"""The accounts of config.yaml as the fleet takes them up: lane, gateway, publisher."""

from collections.abc import Mapping
from datetime import datetime, time
from functools import partial

from bots.account import AccountConfig, WebhookPublisher
from bots.account import WechatyGateway as WechatyConfig
from bots.fleet import Member
from bots.gateway import Gateway
from bots.lane import LaneConfig
from bots.webhook import WebhookPublisher as Webhook
from bots.wechaty_gateway import WechatyGateway
from rules.clock import Clock
from rules.quiet_hours import zone
from simulator.simulation import Doors
from wxfleet.reading.settings import Settings


def webhooks_of(settings: Settings, doors: Doors | None, clock: Clock) -> dict[str, Webhook]:
    """Of the accounts whose posts are made by a webhook."""
    return {
        account.id: _webhook(account.publisher, doors, clock)
        for account in settings.accounts
        if isinstance(account.publisher, WebhookPublisher)
    }


def member_of(
    settings: Settings, account: AccountConfig, doors: Doors | None, webhooks: Mapping[str, Webhook]
) -> Member:
    """`doors`: where the simulated world is, when there is one."""
    return Member(_lane(settings, account), partial(_gateway, settings, account, doors), webhooks.get(account.id))


def _lane(settings: Settings, account: AccountConfig) -> LaneConfig:
    zone_name = settings.time_zone_of(account)
    opened = datetime.combine(account.opened, time(), tzinfo=zone(zone_name)) if account.opened else None
    return LaneConfig(
        account=account.id,
        role=account.role,
        zone=zone_name,
        limits=settings.limits_of(account),
        opened_ms=round(opened.timestamp() * 1000) if opened else None,
        live=account.simulated or (settings.mode == "live" and account.armed),
        assisted=not isinstance(account.publisher, WebhookPublisher),
    )


def _gateway(settings: Settings, account: AccountConfig, doors: Doors | None) -> Gateway:
    config = account.gateway
    if isinstance(config, WechatyConfig):
        return WechatyGateway(
            account.id, config.endpoint, config.token.get_secret_value(), tls=config.tls, tls_name=config.tls_name,
            media=settings.media,
        )  # fmt: skip
    if doors is None:
        raise ValueError("a simulated account needs a simulated world")
    endpoint, token = doors.gateways[account.id]
    return WechatyGateway(account.id, endpoint, token, media=settings.media)


def _webhook(config: WebhookPublisher, doors: Doors | None, clock: Clock) -> Webhook:
    if config.url is not None and config.secret is not None:
        return Webhook(config.url, config.secret.get_secret_value(), clock=clock)
    if doors is None:
        raise ValueError("a webhook without a url is the simulator's")
    return Webhook(doors.publisher_url, doors.publisher_secret, clock=clock)
