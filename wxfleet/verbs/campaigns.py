"""`wxfleet push …` for campaigns of several phases."""

from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.segments.segment_file import load_segments
from operations.audit import Outcome
from operations.campaigning import next_view, running_lines
from operations.drawing import seed_line
from operations.requests.pushes import Push
from operations.why import reason_words
from rules.quiet_hours import local
from scheduler.campaign_files.campaign_file import CampaignFile, campaign_of
from scheduler.campaign_files.campaign_files import load_campaigns
from scheduler.campaign_files.campaign_reading import read_campaign
from scheduler.campaign_files.campaign_timeline import Timeline
from scheduler.campaign_files.goal_rule import require_goal
from scheduler.campaign_files.series_days import comes_back
from scheduler.campaigns import campaigns
from scheduler.campaigns.campaigns import CampaignView
from scheduler.errors import CampaignRefused
from scheduler.participants.participants import counted
from storage.campaign_tables import Campaign, Phase
from storage.engine import Database
from texts.catalogue import say
from texts.errors import ConfigurationInvalid, Severity
from wxfleet.clocks import wall_ms
from wxfleet.reading.settings import Settings
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.acting import done_at_terminal
from wxfleet.terminal.terminal import Terminal


def campaign_file(settings: Settings, word: str) -> CampaignFile | None:
    """By the path of a file below campaigns/, or by name or title; None when it is no campaign.

    Raises ConfigurationInvalid where the file has mistakes.
    """
    segments, _ = load_segments(settings.segments)
    path = Path(word)
    if path.is_file():
        if path.resolve().parent != settings.campaigns.resolve():
            return None
        _, campaign, mistakes = read_campaign(path, segments)
        if campaign is None:
            raise ConfigurationInvalid(mistakes)
        return campaign
    known, mistakes = load_campaigns(settings.campaigns, wall_ms(), settings.shop.time_zone, segments=segments)
    meant = next((campaign for campaign in known.values() if word in (campaign.name, campaign.title)), None)
    drafted = [mistake for mistake in mistakes if Path(mistake.file).stem == word]
    if meant is None and (drafted or any(mistake.severity is Severity.ERROR for mistake in mistakes)):
        raise ConfigurationInvalid(drafted or mistakes)
    return meant


def campaign_files(settings: Settings) -> dict[str, CampaignFile]:
    """All that can be read of campaigns/, by name."""
    segments, _ = load_segments(settings.segments)
    return load_campaigns(settings.campaigns, wall_ms(), settings.shop.time_zone, segments=segments)[0]


async def preview(terminal: Terminal, settings: Settings, campaign: CampaignFile) -> None:
    """All phases with their dates and counts."""
    async with terminal.database(settings) as db, db.read() as connection:
        now_ms = await shop_now_ms(connection, settings)
        try:
            seen, text = await next_view(connection, campaign, now_ms, settings.shop.time_zone)
        except ValueError as error:
            raise CampaignRefused(campaign.title, [str(error)]) from error
    terminal.show(seen.as_json(), text)


async def create(terminal: Terminal, settings: Settings, campaign: CampaignFile, as_staff: str) -> None:
    """A draft. Raises NotStaff, NotAllowed, CampaignRefused with all that is wrong, or because it comes back."""
    require_goal(settings.shop.goal, campaign)
    if comes_back(campaign):
        raise CampaignRefused(campaign.title, [say("operations.series.by_start", name=campaign.name)])
    async with terminal.database(settings) as db:
        async with db.read() as connection:
            now_ms = await shop_now_ms(connection, settings)

        async def write() -> int:
            async with db.write() as tx:
                return await campaigns.create(tx, campaign, "cli", now_ms, shop_zone=settings.shop.time_zone)

        wanted = Push(push=campaign.name)
        id = await done_at_terminal(
            db, settings, wanted, now_ms, write, as_staff=as_staff, outcome=Outcome.ASKED, told="#{}".format
        )
    terminal.show({"id": id, "name": campaign.name}, say("cli.push.created", id=id, title=campaign.title))


async def seen_again(connection: AsyncConnection, settings: Settings, id: int, now_ms: int) -> CampaignView | None:
    """A draft as it would be now; None for a push."""
    if not await campaigns.is_campaign(connection, id):
        return None
    spec = await connection.scalar(select(Campaign.spec).where(Campaign.id == id))
    return await campaigns.preview(connection, campaign_of(spec or {}), now_ms, shop_zone=settings.shop.time_zone)


async def start(terminal: Terminal, settings: Settings, db: Database, id: int, title: str, as_staff: str) -> None:
    """Its phases wait for their moments from now on; a fleet that runs takes them.

    Raises NotStaff, NotAllowed, CampaignRefused.
    """
    async with db.read() as connection:
        now_ms = await shop_now_ms(connection, settings)

    async def begin() -> Timeline:
        async with db.write() as tx:
            return await campaigns.start(tx, id, now_ms, shop_zone=settings.shop.time_zone)

    noted = f"#{id}"
    line = await done_at_terminal(
        db, settings, Push(push=title), now_ms, begin, as_staff=as_staff, told=lambda _: noted
    )
    async with db.read() as connection:
        seed = await seed_line(connection, id)
    first = f"{local(min(due.due_ms for due in line.phases), settings.shop.time_zone):%m-%d %H:%M}"
    text = say("operations.campaign.started", title=title, id=id, phases=len(line.phases), at=first)
    terminal.show({"id": id, "phases": len(line.phases)}, text + seed)


async def progress_of(connection: AsyncConnection, id: int) -> dict[str, Any]:
    """{phases: [{name, kind, state, reason, push}], people: {standing: n}}; {} for a push."""
    if not await campaigns.is_campaign(connection, id):
        return {}
    rows = (await connection.execute(select(Phase.__table__).where(Phase.campaign == id).order_by(Phase.due_ms))).all()
    phases = [
        {"name": row.name, "kind": row.kind, "state": row.state, "reason": row.reason, "push": row.child}
        for row in rows
    ]
    return {"phases": phases, "people": await counted(connection, id)}


def why_lines(row: dict[str, Any]) -> list[str]:
    """Of a row of `reports.campaigns.progress`: why some were left out, and why some failed, by reason."""
    return [
        say(key, count=count, reason=reason_words(reason) or say("cli.push.no_reason"))
        for key, reasons in (("cli.push.excluded", row["skipped"]), ("cli.push.failed", row["failed"]))
        for reason, count in reasons.items()
    ]


def _called(phase: dict[str, Any], phases: list[dict[str, Any]]) -> str:
    """By its kind; with its name where there are several of that kind."""
    words = say(f"scheduler.phase.{phase['kind']}")
    alone = sum(other["kind"] == phase["kind"] for other in phases) == 1
    return words if alone else f"{words} {phase['name']}"


async def progress_lines(connection: AsyncConnection, found: dict[str, Any], zone: str, id: int) -> list[str]:
    """The same for people."""
    lines = [
        say(
            "cli.push.phase",
            phase=_called(phase, found["phases"]),
            state=say(f"scheduler.phase_state.{phase['state']}"),
            reason=f"：{phase['reason']}" if phase["reason"] else "",
        )
        for phase in found["phases"]
    ]
    return [*lines, *await running_lines(connection, zone, id)]
