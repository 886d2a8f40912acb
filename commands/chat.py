"""The chat door: words of staff become requests, answers go back to where they were said. The terminal uses it too."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from commands.catalogue import request_of
from commands.choosing import chosen, number_in
from commands.errors import NotUnderstood
from commands.grammar import parse
from commands.replies import help_text, pages
from commands.said import Said
from conversations.arrivals import StaffMessage, Stranger
from conversations.talkers import staff_room
from operations.asking import Reply
from operations.desk import Desk
from operations.invitations import join
from operations.requests.fleet import StopAll
from operations.requests.house import Help, MakeStaffRoom
from operations.requests.request import Door, Request
from rules.kinds import Kind
from storage.outbox import Content, NewDelivery, insert_ignoring, plan
from storage.staff_tables import CommandSeen
from texts.catalogue import say
from texts.masking import masked

SAME_MS = 60_000
"""The same words by the same person in the same conversation within this time are one command."""
ANSWER_VALID_MS = 10 * 60_000
"""An answer to a command is of no use later."""


class Chat:
    """Hears staff, asks the desk, answers."""

    def __init__(self, desk: Desk, zone: str) -> None:
        self._desk = desk
        self._zone = zone

    async def on_command(self, tx: AsyncConnection, message: StaffMessage) -> str:
        """Carry out one command of a chat; the outcome in a word. Effects and answer are in `tx`."""
        heard = await self._heard(tx, message)
        if heard is None:
            return "ignored"
        request, words = heard
        if message.room and not await self._may_be_heard(tx, message, request):
            return "ignored"
        if not await _first_time(tx, message, words):
            return "command_repeated"
        if message.late and not isinstance(request, StopAll):
            await _answer(tx, message, [say("commands.late", line=masked(message.text.strip())[:60])])
            return "command_late"
        reply = await self._reply(tx, message.staff, request, Door.CHAT, message.at_ms)
        await _answer(tx, message, pages(reply.text))
        return "command" if reply.ok else "command_refused"

    async def _heard(self, tx: AsyncConnection, message: StaffMessage) -> tuple[Request | NotUnderstood, str] | None:
        """What is asked, and the words that it is known by; None where nothing is. A number answers a list."""
        words = message.text.strip()
        picked = number_in(words) is not None
        if picked:
            try:
                choice = await chosen(tx, message, self._zone, life_ms=self._desk.code_life_ms)
            except NotUnderstood as problem:
                return problem, words
            if choice:
                return choice.request, choice.words
        said = self._said(words, message.at_ms, room=message.room, account=message.account)
        if said is None:
            return None
        if picked:
            return NotUnderstood(say("commands.no_choice"), hint=say("commands.no_choice.hint")), words
        return _asks(said), words

    async def run_line(self, tx: AsyncConnection, staff: str, line: str, door: Door, now_ms: int) -> Reply:
        """Carry out one line of the terminal as staff member `staff`; its prefix may be left out."""
        said = self._said(line, now_ms) or self._said(f"/{line}", now_ms)
        if said is None:
            problem = NotUnderstood(say("commands.empty"), hint=say("commands.unknown.hint"))
            return await self._reply(tx, staff, problem, door, now_ms)
        return await self._reply(tx, staff, _asks(said), door, now_ms)

    async def on_stranger(self, tx: AsyncConnection, stranger: Stranger) -> bool:
        """Somebody sent what may be an invitation code: if it is, they are staff and hear how to begin."""
        staff = await join(tx, stranger.contact, stranger.text, stranger.at_ms)
        if staff is None:
            return False
        text = f"{say('commands.joined')}\n{help_text(await self._desk.verbs_of(tx, staff))}"
        message = StaffMessage(
            stranger.arrival, stranger.account, staff, stranger.contact, "", stranger.text, stranger.at_ms
        )
        await _answer(tx, message, pages(text))
        return True

    def _said(self, text: str, now_ms: int, *, room: str = "", account: str = "") -> Said | None:
        line = parse(text)
        return None if line is None else Said(line, now_ms, self._zone, room, account)

    async def _reply(
        self, tx: AsyncConnection, staff: str, request: Request | NotUnderstood, door: Door, now_ms: int
    ) -> Reply:
        if isinstance(request, NotUnderstood):
            told = masked(f"{request.message}\n{request.hint}".strip())
            return Reply(False, told, exit_code=request.exit_code)
        reply = await self._desk.act(tx, staff, request, door, now_ms)
        if isinstance(request, Help) and reply.ok:
            words = help_text(await self._desk.verbs_of(tx, staff), request.topic)
            reply = replace(reply, text=words if request.topic else f"{reply.text}\n{words}")
        return reply

    async def _may_be_heard(self, tx: AsyncConnection, message: StaffMessage, request: Request | NotUnderstood) -> bool:
        """In a room that is not the staff room only the words that make it one are heard."""
        return isinstance(request, MakeStaffRoom) or (await staff_room(tx)).room == message.room


def _asks(said: Said) -> Request | NotUnderstood:
    """What a line asks for, or why it is none that anybody understands."""
    try:
        return request_of(said)
    except NotUnderstood as problem:
        return problem


def stops_everything(text: str) -> bool:
    """Is this the command that stops the whole fleet?"""
    line = parse(text)
    try:
        return line is not None and isinstance(request_of(Said(line, now_ms=0, zone="UTC")), StopAll)
    except NotUnderstood:
        return False


async def _first_time(tx: AsyncConnection, message: StaffMessage, words: str) -> bool:
    """Were these words not said there within the last minute? Remembers them; of two at once one is the first."""
    where = message.room or message.account
    said = "\0".join((message.contact, where, words))
    key = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
    new = insert_ignoring(tx, CommandSeen).values(key=key, seen_ms=message.at_ms).returning(CommandSeen.key)
    if (await tx.execute(new)).first() is not None:
        return True
    again = await tx.execute(
        update(CommandSeen)
        .where(CommandSeen.key == key, CommandSeen.seen_ms <= message.at_ms - SAME_MS)
        .values(seen_ms=message.at_ms)
    )
    return again.rowcount == 1


async def _answer(tx: AsyncConnection, message: StaffMessage, texts: Sequence[str]) -> None:
    """Back to where it was said; in a room with the name of whoever asked."""
    rows = [
        NewDelivery(
            kind=Kind.COMMAND_REPLY,
            account=message.account,
            to=message.room or message.contact,
            content=Content(text=text, mentions=(message.contact,) if message.room else ()),
            key=f"command:{message.arrival}:{number}",
            due_ms=message.at_ms,
            valid_until_ms=message.at_ms + ANSWER_VALID_MS,
            source=f"inbox:{message.arrival}",
        )
        for number, text in enumerate(texts)
    ]
    await plan(tx, rows, now_ms=message.at_ms)
