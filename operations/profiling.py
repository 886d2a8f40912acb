"""What staff know of a customer: fields of the profile, tags, notes; all of it taken back within a minute."""

import re
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.finding.people import FoundPerson, shown
from customers.profiles.notes import add_note, remove_note
from customers.profiles.profile import Changed, newest_line, read_values, set_profiles, take_back
from customers.profiles.profile_fields import shown_name, shown_value
from customers.profiles.tags import add_tags, read_tag, remove_tags, tags_of
from operations.asking import Asked, Reply
from operations.errors import CannotBeUsed, Refused
from operations.finding import called, described, own_customer
from operations.requests.house import Undo
from operations.requests.people import Note, SetProfile, Tag
from rules.quiet_hours import local
from storage.tables import Person
from texts.catalogue import say

_LINES = re.compile(r"(\d{1,18})-(\d{1,18})")


async def set_profile(tx: AsyncConnection, asked: Asked[SetProfile], zone: str) -> Reply:
    """Change fields of the profile. Raises NotFound, CannotBeUsed, NoSuchField, ValueRefused; then nothing changes."""
    person = await _customer(tx, asked)
    if not asked.request.fields:
        raise CannotBeUsed(say("operations.profile.what"), hint=say("operations.profile.what.hint"))
    values = await read_values(tx, person.id, asked.request.fields, local(asked.now_ms, zone).date())
    before = await newest_line(tx)
    changed = await set_profiles(tx, values, _by(asked), asked.now_ms)
    data = {"person": person.id, "changed": [_as_json(one) for one in changed]}
    if not changed:
        return Reply(True, say("operations.profile.same", who=called(person)), data=data, changed=False)
    lines = [say("operations.profile.done", who=described((await shown(tx, [person.id]))[0]))]
    lines += [_change_line(one) for one in changed]
    return Reply(True, "\n".join(lines), data=data, trace=await _lines_since(tx, before))


async def tag(tx: AsyncConnection, asked: Asked[Tag]) -> Reply:
    """Put tags on and take tags off; a tag that is named both ways stays off. Raises NotFound, CannotBeUsed."""
    person = await _customer(tx, asked)
    add, remove = ([read_tag(word) for word in words] for words in (asked.request.add, asked.request.remove))
    comma = say("texts.comma")
    if not add and not remove:
        has = comma.join(await tags_of(tx, person.id)) or "—"
        raise CannotBeUsed(
            say("operations.tag.which", who=called(person), tags=has), hint=say("operations.tag.which.hint")
        )
    before = await newest_line(tx)
    new = await add_tags(tx, [(person.id, word) for word in add if word not in remove], _by(asked), asked.now_ms)
    gone = await remove_tags(tx, [(person.id, word) for word in remove], _by(asked), asked.now_ms)
    tags = await tags_of(tx, person.id)
    key = "operations.tag.done" if new or gone else "operations.tag.same"
    added, removed = [word for _, word in new], [word for _, word in gone]
    changes = " ".join([*(f"+{word}" for word in added), *(f"-{word}" for word in removed)])
    text = say(key, who=described(person), tags=comma.join(tags) or "—", changes=changes)
    data = {"person": person.id, "tags": tags, "added": added, "removed": removed}
    return Reply(True, text, data=data, changed=bool(new or gone), trace=await _lines_since(tx, before))


async def note(tx: AsyncConnection, asked: Asked[Note]) -> Reply:
    """Keep a note. Raises NotFound, CannotBeUsed, TextRefused."""
    person = await _customer(tx, asked)
    kept = await add_note(tx, person.id, asked.request.text, _by(asked), asked.now_ms)
    text = say("operations.noted", who=described(person), text=kept.text)
    return Reply(True, text, data={"person": person.id, "note": kept.id}, trace=str(kept.id))


async def take_back_profile(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any]) -> str:
    """The fields or tags that very command changed, as they were; what somebody else said since stays."""
    by = _by(asked)
    lines = _LINES.fullmatch(row.detail)
    between = (
        (int(lines[1]), int(lines[2])) if lines else (0, 0)
    )  # an erasure may have struck out what it took for a name
    back = await take_back(tx, by, by=by, now_ms=asked.now_ms, between=between)
    if not back:
        raise Refused(say("operations.undo.changed"), hint=say("operations.undo.changed.hint"))
    (person,) = await shown(tx, {one.person for one in back})
    return "\n".join([say("operations.undo.profile", who=described(person)), *(_change_line(one) for one in back)])


async def take_back_note(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any]) -> str:
    """The note that very command made."""
    if not row.detail.isdecimal() or not await remove_note(tx, int(row.detail), _by(asked)):
        raise Refused(say("operations.undo.changed"), hint=say("operations.undo.changed.hint"))
    return say("operations.undo.note")


async def _customer(tx: AsyncConnection, asked: Asked[SetProfile] | Asked[Tag] | Asked[Note]) -> FoundPerson:
    """The one who is meant. Raises Refused for somebody who was erased: nothing is to be known of them; NotAllowed."""
    person = await own_customer(tx, asked.staff, asked.request.who)
    if await tx.scalar(select(Person.erased_ms).where(Person.id == person.id)) is not None:
        raise Refused(say("operations.erased", id=person.id), hint=say("operations.erased.hint"))
    return person


async def _lines_since(tx: AsyncConnection, before: int) -> str:
    """Which lines of the history a command wrote; not by its time, which stands still where no fleet runs."""
    return f"{before}-{await newest_line(tx)}"


def _by(asked: Asked[Any]) -> str:
    return f"staff:{asked.staff.id}"


def _change_line(one: Changed) -> str:
    return say(
        "operations.profile.change",
        field=shown_name(one.field),
        before=shown_value(one.field, one.before),
        after=shown_value(one.field, one.after),
    )


def _as_json(one: Changed) -> dict[str, Any]:
    return {"field": one.field, "before": one.before, "after": one.after}
