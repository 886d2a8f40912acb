"""Which of both a request means: a push, or a campaign that has pushes of its own; or an account."""

from sqlalchemy.ext.asyncio import AsyncConnection

from operations import stopping
from operations.asking import Asked, Reply, Shown
from operations.campaigning import Campaigning
from operations.errors import CannotBeUsed
from operations.finding import is_account, is_open_campaign
from operations.pushing import Pushing
from operations.requests.fleet import Pause
from operations.requests.pushes import Cancel, Preview, Push
from texts.catalogue import say


class Sending:
    """Goes by the names of the shop's campaigns; what is not one of them is a push."""

    def __init__(self, pushing: Pushing, campaigning: Campaigning) -> None:
        self._pushing = pushing
        self._campaigning = campaigning

    async def preview(self, tx: AsyncConnection, asked: Asked[Preview]) -> Reply:
        return await self._room(asked.request.push).preview(tx, asked)

    async def show_push(self, tx: AsyncConnection, asked: Asked[Push]) -> Shown:
        """Raises CannotBeUsed for a campaign that is to go to others, or at another time, than its file says."""
        if not self._campaigning.knows(asked.request.push):
            return await self._pushing.show_push(tx, asked)
        if asked.request.levels or asked.request.at_ms:
            raise CannotBeUsed(say("operations.push.by_its_file"), hint=say("operations.push.by_its_file.hint"))
        return await self._campaigning.show_push(tx, asked)

    async def push(self, tx: AsyncConnection, asked: Asked[Push]) -> Reply:
        return await self._room(asked.request.push).push(tx, asked)

    async def pause(self, tx: AsyncConnection, asked: Asked[Pause]) -> Reply:
        """An account; or a push, where no account is called so."""
        if not await is_account(tx, asked.request.target) and await is_open_campaign(tx, asked.request.target):
            return await self._pushing.pause(tx, asked)
        return await stopping.pause(tx, asked)

    async def cancel(self, tx: AsyncConnection, asked: Asked[Cancel]) -> Reply:
        """What is under way; or, where nothing called so is, what comes back on its days."""
        if not await is_open_campaign(tx, asked.request.push):
            ended = await self._campaigning.end_series(tx, asked)
            if ended is not None:
                return ended
        return await self._pushing.cancel(tx, asked)

    def _room(self, name: str) -> Campaigning | Pushing:
        return self._campaigning if self._campaigning.knows(name) else self._pushing
