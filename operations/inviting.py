"""Codes that make somebody staff, or a room the staff room: asked for, and said in the room."""

from sqlalchemy.ext.asyncio import AsyncConnection

from operations.asking import Asked, Reply
from operations.invitations import invite, invite_room, make_staff_room
from operations.requests.house import Invite, MakeStaffRoom
from operations.staff import StaffRole
from texts.catalogue import say


async def invite_(tx: AsyncConnection, asked: Asked[Invite]) -> Reply:
    """A code for a member of the staff, for somebody new, or for the staff room."""
    if asked.request.room:
        code = await invite_room(tx, asked.staff.id, asked.now_ms)
        return Reply(True, say("operations.room_invited", code=code), data={"invitation": code})
    invited = await invite(tx, asked.request.name, StaffRole(asked.request.role), asked.staff.id, asked.now_ms)
    text = say(
        "operations.invited" if invited.staff is None else "operations.invited_member",
        name=invited.name,
        code=invited.code,
        role=say(f"operations.role.{invited.role}"),
    )
    return Reply(True, text, data={"invitation": invited.code, "staff": invited.staff})


async def make_room(tx: AsyncConnection, asked: Asked[MakeStaffRoom]) -> Reply:
    """The room in which it was said is the staff room from now on."""
    request = asked.request
    desk = await make_staff_room(tx, request.code, request.room, request.account, asked.now_ms)
    return Reply(True, say("operations.staff_room", desk=desk))
