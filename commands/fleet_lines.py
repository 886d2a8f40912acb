"""What is written about accounts, the staff, phone tasks, lessons and reports."""

from commands.errors import NotUnderstood
from commands.push_lines import ALL
from commands.said import Said
from operations.requests.fleet import (
    Accounts,
    Done,
    FindAccount,
    LoseAccount,
    Pause,
    Resume,
    ResumeAll,
    ShowReport,
    StopAll,
)
from operations.requests.house import Invite, MakeStaffRoom
from operations.requests.people import Lesson
from operations.requests.request import Request
from texts.catalogue import say

LOST = ("丢失", "丢了", "lost")
FOUND = ("找回", "找到", "found")
LESSON_ACTS = {
    "开始": "start", "开课": "start", "start": "start", "停": "pause", "暂停": "pause", "pause": "pause",
    "继续": "resume", "resume": "resume",
}  # fmt: skip
_DAILY = "digest"
_ROLES = {"老板": "owner", "运营": "operator", "客服": "service", "只看": "viewer"}
_ROOMS = frozenset({"群", "员工群", "room"})


def accounts(said: Said) -> Request:
    """All of them; one; or that one is lost, or found again, whichever of the two words stands first."""
    for act, account in ((0, 1), (1, 0)):
        if said.key(act) in LOST:
            return LoseAccount(account=said.word(account))
        if said.key(act) in FOUND:
            return FindAccount(account=said.word(account))
    if said.word(1):
        raise NotUnderstood(say("commands.accounts_needs"), hint=say("commands.usage.accounts"))
    return Accounts(account=said.word(0))


def pause(said: Said) -> Request:
    """Who says “stop all of them” means it, whatever the command is called."""
    return StopAll() if said.key(0) in ALL else Pause(target=said.word(0))


def resume(said: Said) -> Request:
    return ResumeAll() if said.key(0) in ALL else Resume(account=said.word(0))


def done(said: Said) -> Request:
    return Done(which="" if said.key(0) in ALL else said.word(0).removeprefix("#"))


def lesson(said: Said) -> Request:
    """Nothing, somebody, or what to do with whose lessons."""
    act = LESSON_ACTS.get(said.key(0), "")
    who, sequence, *_ = (*(said.words[1:] if act else said.words), "", "")
    return Lesson(act=act or "show", who=who, sequence=sequence)


def report(said: Said) -> Request:
    """By its name; 日报 is the name of one."""
    words = (_DAILY, *said.words) if said.line.verb == "日报" else said.words
    return ShowReport(name=words[0] if words else "", period=" ".join(words[1:]))


def invite(said: Said) -> Request:
    if said.key(0) in _ROOMS:
        return Invite(room=True)
    role = _ROLES.get(said.key(1), said.word(1)) or "service"
    if role not in _ROLES.values():
        raise NotUnderstood(say("commands.no_role", role=role), hint=say("commands.no_role.hint"))
    return Invite(name=said.word(0), role=role)


def staff_room(said: Said) -> Request:
    return MakeStaffRoom(code=said.word(0), room=said.room, account=said.account)
