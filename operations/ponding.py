"""Which room is which pond: by its id, or by a code that staff say in it."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.staff_line import tell_staff
from operations.errors import Refused
from operations.invitations import invite_pond, pond_of_code
from scheduler.errors import NoSuchPond
from scheduler.ponds.pond_file import PondKind
from scheduler.ponds.ponds import PondNow, bind, pond_named
from storage.tables import Setting
from texts.catalogue import say


async def bind_pond(tx: AsyncConnection, word: str, room: str, by: str, now_ms: int) -> tuple[PondNow, str]:
    """Bind it to `room`, or make a code for it where that is ''. Returns the pond and the code, '' for none.

    Raises NoSuchPond; Refused for a pond elsewhere, one whose file names its room, and for the staff room.
    """
    pond = await pond_named(tx, word)
    if pond.file.kind is not PondKind.WECHAT:
        raise Refused(say("ponds.bind_elsewhere", title=pond.file.title), hint=say("ponds.bind_elsewhere.hint"))
    if pond.file.room is not None:
        raise Refused(say("ponds.bind_written", title=pond.file.title), hint=say("ponds.bind_written.hint"))
    if not room:
        return pond, await invite_pond(tx, pond.name, by, now_ms)
    if room == await _staff_room(tx):
        raise Refused(say("ponds.staff_room"), hint=say("ponds.refused.hint"))
    await bind(tx, pond.name, room)
    return pond, ""


async def heard_code(tx: AsyncConnection, text: str, room: str, account: str, now_ms: int) -> bool:
    """Staff said something in a room: was it the code of a pond? Then this is its room, and staff hear of it."""
    if room == await _staff_room(tx):
        return False
    name = await pond_of_code(tx, text, now_ms)
    if name is None:
        return False
    try:
        pond = await pond_named(tx, name)
    except NoSuchPond:
        return False
    await bind(tx, name, room)
    words = say("ponds.bound", title=pond.file.title, account=pond.account)
    await tell_staff(tx, words, account=pond.account, staff=(), key=f"pond_bound:{name}:{now_ms}", now_ms=now_ms)
    return True


async def _staff_room(tx: AsyncConnection) -> str | None:
    return await tx.scalar(select(Setting.value).where(Setting.key == "staff_room"))
