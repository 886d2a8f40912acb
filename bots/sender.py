"""What carries a claimed row out of one account: its gateway, or the publisher of its Moments."""

from dataclasses import replace

from sqlalchemy import select

from bots.errors import GatewayUnavailable, Refused, TooLate
from bots.gateway import Still
from bots.publisher import PostPackage, Publisher
from bots.runner import Runner
from rules.kinds import Surface, gate_of
from storage.campaign_tables import Post
from storage.engine import Database
from storage.outbox import Claimed
from storage.tables import Delivery
from texts.catalogue import say


class Sender:
    """The road out of one account; see `bots.lane.Sender`."""

    __slots__ = ("_db", "_publisher", "_runner")

    def __init__(self, runner: Runner, db: Database, publisher: Publisher | None = None) -> None:
        """`publisher` None: this account's Moments are handed to a person, or go nowhere."""
        self._runner = runner
        self._db = db
        self._publisher = publisher

    def can(self, surface: Surface) -> bool:
        """Is that road open now? A paused account still answers staff: which rows may go is the gates' matter."""
        if surface is Surface.MOMENT:
            return self._publisher is not None and not self._runner.state.restricted
        return self._runner.logged_in and self._runner.state.commands

    async def deliver(self, row: Claimed, still: Still) -> str:
        """Send it, once. Returns the gateway's id, '' where there is none. Raises the classes of `bots.errors`."""
        surface = gate_of(row.kind).surface
        if surface is Surface.MOMENT:
            return await self._publish(row, still)
        if not self._runner.logged_in:  # it went offline, or another account came in, between claim and send
            raise GatewayUnavailable(say("bots.offline"), hint=say("bots.offline.hint"), where=row.account)
        if surface is Surface.ACCEPT:
            await self._runner.gateway.accept(row.content.request or "", still)
            return ""
        if surface is Surface.RECALL:
            await self._runner.gateway.recall(row.content.recall or "", still)
            return ""
        if surface is Surface.MESSAGE:
            content = row.content
            if content.template is not None:
                content = replace(content, template=None, text=row.text or "")
            return await self._runner.gateway.send(row.to, content, still)
        fields = (row.content.profile or {}).get("fields", {})
        await self._runner.gateway.change_profile(
            nickname=fields.get("nickname"), signature=fields.get("signature"), still=still
        )
        return ""

    async def _publish(self, row: Claimed, still: Still) -> str:
        if self._publisher is None:
            raise Refused(say("bots.no_publisher"), hint=say("bots.no_publisher.hint"), where=row.account)
        package = await self._package(row)
        if not still():
            raise TooLate(say("bots.ownership_lost"), hint=say("bots.ownership_lost.hint"), where=row.account)
        return await self._publisher.publish(package)

    async def _package(self, row: Claimed) -> PostPackage:
        async with self._db.read() as connection:
            found = (
                await connection.execute(
                    select(Delivery.key, Post.kind, Post.text, Post.media, Post.link)
                    .join(Post, Post.id == row.content.post)
                    .where(Delivery.id == row.id)
                )
            ).one_or_none()
        if found is None:
            raise Refused(say("bots.post_gone"), hint=say("bots.post_gone.hint"), where=row.account)
        return PostPackage(found.key, row.account, found.kind, found.text, tuple(found.media), found.link)
