"""Lessons by command: how partners get on; letting somebody begin, wait, and go on."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from operations.asking import Asked, Reply
from operations.errors import CannotBeUsed, NotFound, Refused
from operations.finding import called, choices, own_customer
from operations.requests.people import Lesson
from operations.why import reason_words
from rules.quiet_hours import local, open_from
from scheduler.care import pupils
from scheduler.care.lesson_file import LessonFile
from scheduler.care.pupils import Progress, PupilState
from texts.catalogue import say
from texts.nearest import nearest

_SHOWN = 20
_SILENT_FROM = 2
"""Lessons without a mark from which a line says so. Ours."""


class Learning:
    """Knows the shop's sequences of lessons, by name."""

    def __init__(self, sequences: Mapping[str, LessonFile], zone: str) -> None:
        self._sequences = sequences
        self._zone = zone

    async def act(self, tx: AsyncConnection, asked: Asked[Lesson]) -> Reply:
        """Whatever is asked about lessons. Raises NotFound, CannotBeUsed, Refused, LessonRefused."""
        request = asked.request
        if request.act == "start":
            return await self._start(tx, asked)
        if request.act in ("pause", "resume"):
            return await self._move(tx, asked)
        person = (await own_customer(tx, asked.staff, request.who)).id if request.who else None
        found = [one for one in await pupils.progress(tx, person=person) if asked.staff.looks_after(one.account)]
        return Reply(True, self._listed(found), data={"pupils": [as_json(one) for one in found]}, changed=False)

    async def _start(self, tx: AsyncConnection, asked: Asked[Lesson]) -> Reply:
        sequence = self._sequence(asked.request.sequence)
        who = await own_customer(tx, asked.staff, asked.request.who)
        await pupils.begin(tx, sequence, who.id, by=f"staff:{asked.staff.id}", now_ms=asked.now_ms)
        first_ms = open_from(asked.now_ms, sequence.window.start, sequence.window.end, self._zone)
        when = f"{local(first_ms, self._zone):%m-%d %H:%M}"
        return Reply(
            True, say("operations.lesson.started", who=called(who), title=sequence.title, when=when),
            data={"person": who.id, "sequence": sequence.name},
        )  # fmt: skip

    async def _move(self, tx: AsyncConnection, asked: Asked[Lesson]) -> Reply:
        who = await own_customer(tx, asked.staff, asked.request.who)
        name = asked.request.sequence
        which = [self._sequence(name).name] if name else list(self._sequences)
        if asked.request.act == "pause":
            moved = await pupils.pause(tx, who.id, which, by=f"staff:{asked.staff.id}", now_ms=asked.now_ms)
            done, refused = "paused", "not_running"
        else:
            moved = await pupils.resume(tx, who.id, which, asked.now_ms)
            done, refused = "resumed", "not_paused"
        if not moved:
            hint = say("operations.lesson.not_running.hint", id=who.id)
            raise Refused(say(f"operations.lesson.{refused}", who=called(who)), hint=hint)
        return Reply(
            True, say(f"operations.lesson.{done}", who=called(who), id=who.id), data={"person": who.id, "moved": moved}
        )

    def _sequence(self, word: str) -> LessonFile:
        named = [one for one in self._sequences.values() if word in (one.name, one.title)]
        if named:
            return named[0]
        if not word and len(self._sequences) == 1:
            return next(iter(self._sequences.values()))
        names = list(self._sequences)
        if not word:
            raise CannotBeUsed(say("operations.lesson.which"), hint=choices(names, "operations.lesson.none"))
        near = nearest(word, names)
        hint = say("operations.meant", near=near) if near else choices(names, "operations.lesson.none")
        raise NotFound(say("operations.lesson.no_such", name=word), hint=hint)

    def _listed(self, found: list[Progress]) -> str:
        if not found:
            return say("operations.lesson.nobody")
        silent = sum(1 for one in found if one.unmarked >= _SILENT_FROM)
        learning = sum(1 for one in found if one.state is PupilState.RUNNING)
        head = say("operations.lesson.head", number=learning, stuck=silent)
        return "\n".join([head, *(self._line(one) for one in found[:_SHOWN])])

    def _line(self, one: Progress) -> str:
        sequence = self._sequences.get(one.sequence)
        silent = say("operations.lesson.silent", lessons=one.unmarked) if one.unmarked >= _SILENT_FROM else ""
        return say(
            "operations.lesson.line", name=one.name or f"#{one.person}",
            title=sequence.title if sequence else one.sequence, given=one.given,
            total=len(sequence.lessons) if sequence else "?", read=one.read, answered=one.answered, silent=silent,
            account=one.account, state=say(f"operations.lesson.state.{one.state}", reason=reason_words(one.reason)),
        )  # fmt: skip


def as_json(one: Progress) -> dict[str, object]:
    """One entry of `lessons list --json`."""
    return {
        "person": one.person, "name": one.name, "sequence": one.sequence, "account": one.account,
        "state": one.state.value, "reason": one.reason, "given": one.given, "read": one.read,
        "answered": one.answered, "silent": one.unmarked, "last_sent_ms": one.last_sent_ms,
    }  # fmt: skip
