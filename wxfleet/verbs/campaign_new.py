"""`wxfleet campaigns new`: a commented file to start from."""

import re
from typing import Annotated

import typer

from customers.standing.ladder import load_ladder
from rules.quiet_hours import local
from texts.catalogue import language, say
from texts.errors import ConfigurationInvalid
from texts.file_text import shown_path
from texts.nearest import nearest
from wxfleet.clocks import wall_ms
from wxfleet.errors import CampaignInTheWay
from wxfleet.terminal.campaign_templates import READY, Ready, ready_named, write_new
from wxfleet.terminal.terminal import Terminal
from wxfleet.terminal.usage import NotUnderstood
from wxfleet.verbs import campaigns

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


async def campaigns_new(
    terminal: Terminal,
    kind: Annotated[str, typer.Argument(help=say("cli.campaigns.new.kind"))],
    name: Annotated[str, typer.Option("--name", help=say("cli.campaigns.new.name"))] = "",
) -> None:
    settings = terminal.settings(strict=False)
    ready = _meant(kind)
    name = name or ready.name
    if not _NAME.fullmatch(name):
        raise NotUnderstood(say("cli.campaigns.new.no_name", name=name), where="--name")
    if name in campaigns.campaign_files(settings):
        raise CampaignInTheWay(settings.campaigns / f"{name}.yaml")
    ladder, wrong = load_ladder(settings.ladder)
    if ladder is None:
        raise ConfigurationInvalid(wrong)
    levels = [level.id for level in ladder.levels[1:]]
    today = local(wall_ms(), settings.shop.time_zone).date()
    path = write_new(settings.campaigns, ready, name, levels, today, language())
    shown = shown_path(path)
    terminal.show({"file": str(path), "name": name}, say("cli.campaigns.new.written", path=shown, name=name))


def _meant(kind: str) -> Ready:
    """Raises NotUnderstood, with the kinds there are."""
    ready = ready_named(kind)
    if ready is not None:
        return ready
    near = nearest(kind, list(READY))
    hint = say("operations.meant", near=near) if near else say("cli.campaigns.new.hint", kinds=" ".join(READY))
    raise NotUnderstood(say("cli.campaigns.new.no_such", kind=kind), hint=hint, where="KIND")
