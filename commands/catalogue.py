"""Every command of the chat and the terminal in one table: its names, its level, and the request it builds."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from rapidfuzz import fuzz, process

from commands import moment_lines
from commands.errors import NotUnderstood
from commands.grammar import Line, without_first
from commands.times import passed_today, time_of
from operations import requests
from operations.permissions import CONFIRMED
from operations.requests import Request, Verb
from rules.quiet_hours import local
from texts.catalogue import say

_ANY = 2_000  # words of a line; it has no more characters
_CLOSE = 50.0  # percent: one of two characters
_ALL = frozenset({"全部", "所有", "all"})
_ENDINGS = {
    "到了": "arrived", "已到": "arrived", "arrived": "arrived", "重发": "release", "release": "release",
    "不明": "unknown", "unknown": "unknown",
}  # fmt: skip
_DAILY = "digest"
_PUSH_KEYS = {"人群": "levels", "等级": "levels", "levels": "levels", "时间": "at", "at": "at"}
_TRIES = frozenset({"试发", "试", "test"})
_SURE = frozenset({"确定", "是的", "sure", "yes"})
_LOST = frozenset({"丢失", "丢了", "lost"})
_FOUND = frozenset({"找回", "找到", "found"})
_STAYED_AWAY = frozenset({"没来", "爽约", "noshow", "no-show"})
_A_NUMBER = re.compile(r"#?[0-9]{1,15}")
_BETWEEN = re.compile(r"[、,，;；和]")
_PAGE = re.compile(r"第?([0-9]{1,2})页|page([0-9]{1,2})")
_HALF_DAY_MS = 12 * 3_600_000
_NUMBERED = re.compile(r"#[0-9]{1,15}")
_YUAN = re.compile(r"[0-9]{1,5}(\.[0-9]{1,2})?")
_LESSON_ACTS = {
    "开始": "start", "开课": "start", "start": "start", "停": "pause", "暂停": "pause", "pause": "pause",
    "继续": "resume", "resume": "resume",
}  # fmt: skip
_ROLES = {"老板": "owner", "运营": "operator", "客服": "service", "只看": "viewer"}


@dataclass(frozen=True, slots=True)
class Said:
    """A parsed line with what it was said in. `room` is '' in a private chat and in the terminal."""

    line: Line
    now_ms: int
    zone: str
    room: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """One row. `names`: the Chinese one, the English one, then what else people say."""

    verb: Verb
    names: tuple[str, ...]
    build: Callable[[Said], Request]
    words: int = 0
    """How many arguments it takes at most."""
    options: bool = False
    """Takes `key=value`."""
    marks: bool = False
    """Takes `+word` and `-word`."""

    @property
    def level(self) -> int:
        """2 waits for a code."""
        return 2 if self.verb in CONFIRMED else 0

    @property
    def usage(self) -> str:
        """One line: how it is written, and what it does."""
        return say(f"commands.usage.{self.verb.value}")


def _mute(said: Said) -> Request:
    until = " ".join(said.line.arguments[1:])
    if not until:
        raise NotUnderstood(say("commands.mute_needs"), hint=say("commands.mute_until.hint"))
    until_ms = time_of(until, said.now_ms, said.zone)
    if until_ms is None or until_ms <= said.now_ms:
        raise NotUnderstood(say("commands.mute_until", until=until), hint=say("commands.mute_until.hint"))
    return requests.Mute(who=said.line.word(0), until_ms=until_ms)


def _vip(said: Said) -> Request:
    return requests.Vip(who=said.line.word(0), level=said.line.word(1))


def _pause(said: Said) -> Request:
    """Who says “stop all of them” means it, whatever the command is called."""
    target = said.line.word(0)
    return requests.StopAll() if target.casefold() in _ALL else requests.Pause(target=target)


def _resume(said: Said) -> Request:
    account = said.line.word(0)
    return requests.ResumeAll() if account.casefold() in _ALL else requests.Resume(account=account)


def _accounts(said: Said) -> Request:
    """All of them; or that one is lost, or found again."""
    act, account = said.line.word(0).casefold(), said.line.word(1)
    if not act:
        return requests.Accounts()
    if act in _LOST:
        return requests.LoseAccount(account=account)
    if act in _FOUND:
        return requests.FindAccount(account=account)
    raise NotUnderstood(say("commands.accounts_needs"), hint=say("commands.usage.accounts"))


def _came(said: Said) -> Request:
    """Which campaign, who, and perhaps that they did not."""
    campaign, who, outcome = (said.line.word(place) for place in range(3))
    if not who or (outcome and outcome.casefold() not in _STAYED_AWAY):
        raise NotUnderstood(say("commands.came_needs"), hint=say("commands.usage.came"))
    return requests.Came(campaign=campaign, who=who, came=not outcome)


def _done(said: Said) -> Request:
    which = said.line.word(0)
    return requests.Done(which="" if which in _ALL else which.removeprefix("#"))


def _give(kind: str) -> Callable[[Said], Request]:
    """Whom, how many yuan, for which occasion; what follows are the words that go with it."""

    def build(said: Said) -> Request:
        who, amount, occasion, *note = (*said.line.arguments, "", "", "")
        amount = amount.removesuffix("元").removeprefix("¥")
        if not _YUAN.fullmatch(amount) or not occasion:
            raise NotUnderstood(say("commands.gift_needs"), hint=say("commands.usage.gift"))
        return requests.Give(
            who=who, kind=kind, amount_fen=round(float(amount) * 100), occasion=occasion, note=" ".join(note).strip()
        )

    return build


def _bind(said: Said) -> Request:
    words = said.line.arguments
    sure = len(words) == 3 and words[2].casefold() in _SURE
    if len(words) < 2 or (len(words) == 3 and not sure):
        raise NotUnderstood(say("commands.bind_needs"), hint=say("commands.usage.bind"))
    return requests.Bind(who=words[0], what=words[1], sure=sure)


def _profile(said: Said) -> Request:
    who = said.line.word(0)
    if not said.line.options:
        raise NotUnderstood(say("commands.profile_needs"), hint=say("commands.usage.profile"))
    return requests.SetProfile(who=who, fields=said.line.options)


def _customer(said: Said) -> Request:
    """Who that is; with `key=value` behind it, what is to be known of them."""
    return _profile(said) if said.line.options else _who(requests.Customer)(said)


def _tag(said: Said) -> Request:
    who, *tags = said.line.arguments or ("",)
    return requests.Tag(who=who, add=(*tags, *said.line.added), remove=said.line.removed)


def _note(said: Said) -> Request:
    """The words behind the customer's name, as they were typed."""
    return requests.Note(who=said.line.word(0), text=without_first(said.line.rest))


def _unmerge(said: Said) -> Request:
    """One number or several, as `/绑定` told them: 259、260."""
    numbers = [number for word in said.line.arguments for number in _BETWEEN.split(word) if number]
    if not numbers or not all(map(_A_NUMBER.fullmatch, numbers)):
        raise NotUnderstood(say("commands.unmerge_needs"), hint=say("commands.usage.unmerge"))
    return requests.Unmerge(numbers=tuple(int(number.removeprefix("#")) for number in numbers))


def _invite(said: Said) -> Request:
    name, role = said.line.word(0), said.line.word(1)
    if name in ("群", "员工群", "room"):
        return requests.Invite(room=True)
    role = _ROLES.get(role, role) or "service"
    if role not in _ROLES.values():
        raise NotUnderstood(say("commands.no_role", role=role), hint=say("commands.no_role.hint"))
    return requests.Invite(name=name, role=role)


def _doubt(said: Said) -> Request:
    """Without an ending it only shows."""
    if said.line.word(0).casefold() in _ENDINGS:
        return _resolve(said)
    return requests.Doubt(what="" if said.line.word(0) in _ALL else said.line.word(0))


def _resolve(said: Said) -> Request:
    ending = _ENDINGS.get(said.line.word(0).casefold())
    of = said.line.arguments[1:]
    if ending is None or not of:
        raise NotUnderstood(say("commands.doubt_needs"), hint=say("commands.doubt_needs.hint"))
    ids = tuple(int(word[1:]) for word in of if _NUMBERED.fullmatch(word))
    others = [word for word in of if not _NUMBERED.fullmatch(word) and word not in _ALL]
    if len(others) > 1 or (others and ids):
        raise NotUnderstood(say("commands.too_much", surplus=" ".join(others)), hint=say("commands.doubt_needs.hint"))
    return requests.ResolveDoubt(ending=ending, what="".join(others), ids=ids)


def _lesson(said: Said) -> Request:
    """Nothing, somebody, or what to do with whose lessons."""
    words = said.line.arguments
    act = _LESSON_ACTS.get(said.line.word(0).casefold(), "")
    who, sequence, *_ = (*(words[1:] if act else words), "", "")
    return requests.Lesson(act=act or "show", who=who, sequence=sequence)


def _staff_room(said: Said) -> Request:
    return requests.MakeStaffRoom(code=said.line.word(0), room=said.room, account=said.account)


def _who(kind: Callable[[str], Request]) -> Callable[[Said], Request]:
    """A command about one customer."""
    return lambda said: kind(said.line.word(0))


def _push(said: Said) -> Request:
    """Start it, perhaps only for 人群=VIP2, from 时间=20:00 on; with 试发 behind its name, show its words first."""
    what = said.line.word(1).casefold()
    if what in _TRIES:
        return requests.TryPush(push=said.line.word(0))
    if what:
        raise NotUnderstood(say("commands.too_much", surplus=said.line.word(1)), hint=say("commands.usage.push"))
    given = {_PUSH_KEYS.get(key, ""): value for key, value in said.line.options.items()}
    if "" in given:
        surplus = " ".join(f"{key}={value}" for key, value in said.line.options.items() if key not in _PUSH_KEYS)
        raise NotUnderstood(say("commands.too_much", surplus=surplus), hint=say("commands.usage.push"))
    at_ms = time_of(given["at"], said.now_ms, said.zone) if "at" in given else 0
    if at_ms and (passed_ms := passed_today(given["at"], said.now_ms, said.zone)):
        raise _passed(passed_ms, said)
    if at_ms is None:
        raise NotUnderstood(say("commands.push_at", text=given["at"]), hint=say("commands.push_at.hint"))
    levels = tuple(word for word in _BETWEEN.split(given.get("levels", "")) if word)
    return requests.Push(push=said.line.word(0), levels=levels, at_ms=at_ms)


def _passed(passed_ms: int, said: Said) -> NotUnderstood:
    """Eight is over at noon: perhaps they mean the evening."""
    at, later = local(passed_ms, said.zone), local(passed_ms + _HALF_DAY_MS, said.zone)
    evening = passed_ms + _HALF_DAY_MS > said.now_ms and later.date() == at.date()
    key = "commands.push_passed.hint" if evening else "commands.push_at.hint"
    return NotUnderstood(say("commands.push_passed", at=f"{at:%H:%M}"), hint=say(key, later=f"{later:%H:%M}"))


def _take_over(said: Said) -> Request:
    """Somebody; or a page of the list of who waits, perhaps only of one's own."""
    words = [word.casefold() for word in said.line.arguments]
    mine = words[:1] == ["我的"] or words[:1] == ["mine"]
    page = _PAGE.fullmatch(words[-1]) if words else None
    if len(words) > mine + bool(page) and len(words) > 1:
        surplus = " ".join(said.line.arguments[1:])
        raise NotUnderstood(say("commands.too_much", surplus=surplus), hint=say("commands.usage.takeover"))
    if mine or page:
        return requests.TakeOver(mine=mine, page=int(page[1] or page[2]) if page else 1)
    return requests.TakeOver(who=said.line.word(0))


def _report(said: Said) -> Request:
    """By its name; 日报 is the name of one."""
    words = (_DAILY, *said.line.arguments) if said.line.verb == "日报" else said.line.arguments
    return requests.ShowReport(name=words[0] if words else "", period=" ".join(words[1:]))


def _preview(said: Said) -> Request:
    """Of a push, or of the calendar."""
    calendar = moment_lines.preview(said.line, said.now_ms, said.zone)
    if calendar is not None:
        return calendar
    if len(said.line.arguments) > 1:
        surplus = " ".join(said.line.arguments[1:])
        raise NotUnderstood(say("commands.too_much", surplus=surplus), hint=say("commands.usage.preview"))
    return requests.Preview(push=said.line.word(0))


COMMANDS: tuple[Command, ...] = (
    Command(Verb.HELP, ("帮助", "help", "菜单", "?"), lambda said: requests.Help(topic=said.line.word(0)), words=1),
    Command(Verb.STATUS, ("状态", "status", "情况", "st"), lambda said: requests.Status()),
    Command(Verb.TODAY, ("今日", "today", "今天"), lambda said: requests.Today()),
    Command(Verb.REPORT, ("报表", "report", "日报"), _report, words=4),
    Command(Verb.ACCOUNTS, ("账号", "accounts", "帐号"), _accounts, words=2),
    Command(Verb.TASKS, ("任务", "tasks"), lambda said: requests.Tasks()),
    Command(Verb.DONE, ("完成", "done"), _done, words=1),
    Command(Verb.GIVE, ("红包", "redpacket"), _give("red_packet"), words=_ANY),
    Command(Verb.GIVE, ("礼物", "gift"), _give("gift"), words=_ANY),
    Command(
        Verb.WHY,
        ("为什么", "why"),
        lambda said: requests.Why(who=said.line.word(0), what=said.line.word(1)),
        words=2,
    ),
    Command(Verb.PREVIEW, ("预览", "preview"), _preview, words=4),
    Command(
        Verb.MOMENT,
        ("发圈", "moment", "朋友圈"),
        lambda said: moment_lines.moment(said.line, said.now_ms, said.zone),
        words=_ANY,
        options=True,
        marks=True,
    ),
    Command(Verb.MATERIAL, ("素材", "material", "materials"), lambda said: moment_lines.material(said.line), words=3),
    Command(Verb.LESSON, ("课程", "lesson", "lessons", "上课"), _lesson, words=3),
    Command(Verb.PUSH, ("推送", "push", "群发", "福利"), _push, words=2, options=True),
    Command(Verb.CAME, ("到场", "came"), _came, words=3),
    Command(
        Verb.OVERRIDE,
        ("破例", "override"),
        lambda said: requests.Override(campaign=said.line.word(0), reason=without_first(said.line.rest)),
        words=_ANY,
    ),
    Command(
        Verb.DRAW,
        ("抽奖", "draw", "开奖", "揭晓"),
        lambda said: requests.DrawLots(campaign=said.line.word(0), public=" ".join(said.line.arguments[1:])),
        words=6,
    ),
    Command(Verb.CONTINUE, ("继续", "continue"), lambda said: requests.Continue(target=said.line.word(0)), words=1),
    Command(Verb.CANCEL, ("取消", "cancel"), lambda said: requests.Cancel(push=said.line.word(0)), words=1),
    Command(Verb.CONFIRM, ("确认", "confirm"), lambda said: requests.Confirm(code=said.line.word(0)), words=1),
    Command(Verb.TAKEOVER, ("接手", "takeover", "接管"), _take_over, words=2),
    Command(Verb.RELEASE, ("交回", "release", "交还"), _who(requests.Release), words=1),
    Command(Verb.OPTOUT, ("退订", "optout"), _who(requests.OptOut), words=1),
    Command(Verb.MUTE, ("勿扰", "mute"), _mute, words=3),
    Command(
        Verb.REFER,
        ("老带新", "refer", "登记"),
        lambda said: requests.Refer(who=said.line.word(0), old=said.line.word(1)),
        words=2,
    ),
    Command(
        Verb.DELIVER,
        ("兑现", "deliver"),
        lambda said: requests.Deliver(who=said.line.word(0), what=said.line.word(1)),
        words=2,
    ),
    Command(Verb.VIP, ("会员", "vip"), _vip, words=2),
    Command(Verb.PAUSE, ("暂停", "pause", "停"), _pause, words=1),
    Command(Verb.RESUME, ("恢复", "resume"), _resume, words=1),
    Command(
        Verb.LOGIN,
        ("扫码", "login", "登录", "scan"),
        lambda said: requests.LogIn(account=said.line.word(0)),
        words=1,
    ),
    Command(Verb.STOP_ALL, ("全停", "stopall", "急停", "stop-all"), lambda said: requests.StopAll()),
    Command(Verb.RESUME_ALL, ("全部恢复", "resumeall", "resume-all"), lambda said: requests.ResumeAll()),
    Command(Verb.DOUBT, ("存疑", "doubt"), _doubt, words=50),
    Command(Verb.RESOLVE_DOUBT, ("存疑处理", "resolvedoubt"), _resolve, words=50),
    Command(Verb.CUSTOMER, ("客户", "customer", "查"), _customer, words=1, options=True),
    Command(Verb.PROFILE, ("资料", "profile", "画像"), _profile, words=1, options=True),
    Command(Verb.TAG, ("标签", "tag", "打标"), _tag, words=20, marks=True),
    Command(Verb.NOTE, ("备注", "note", "记"), _note, words=_ANY, options=True, marks=True),
    Command(Verb.BIND, ("绑定", "bind"), _bind, words=3),
    Command(Verb.UNMERGE, ("拆分", "unmerge"), _unmerge, words=50),
    Command(Verb.UNDO, ("撤销", "undo"), lambda said: requests.Undo()),
    Command(Verb.STAFF_ROOM, ("设为员工群", "staffroom"), _staff_room, words=1),
    Command(Verb.INVITE, ("邀请", "invite"), _invite, words=2),
)

_BY_NAME = {name: command for command in COMMANDS for name in command.names}
_CHINESE = sorted((name for name in _BY_NAME if not name.isascii()), key=len, reverse=True)


def request_of(said: Said) -> Request:
    """What a parsed line asks for. Raises NotUnderstood with the nearest command, or with how this one is written."""
    command, said = _found(said)
    line = said.line
    surplus = [*line.arguments[command.words :]]
    if not command.options:
        surplus += [f"{key}={value}" for key, value in line.options.items()]
    if not command.marks:
        surplus += [f"+{tag}" for tag in line.added] + [f"-{tag}" for tag in line.removed]
    # /全停 is never refused for a word too many.
    if surplus and command.verb is not Verb.STOP_ALL:
        raise NotUnderstood(say("commands.too_much", surplus=" ".join(surplus)), hint=command.usage)
    return command.build(said)


def command_named(name: str) -> Command | None:
    return _BY_NAME.get(name.casefold())


def _found(said: Said) -> tuple[Command, Said]:
    verb = said.line.verb
    if verb in _BY_NAME:
        return _BY_NAME[verb], said
    for name in _CHINESE:
        # Chinese needs no blank: /暂停lin-1, /确认12345.
        if verb.startswith(name):
            line = said.line
            rest = line.typed.lstrip().removeprefix(name).lstrip()
            first = verb.removeprefix(name)
            arguments = (first.removeprefix("@"), *line.arguments)
            split = replace(line, verb=name, words=(first, *line.words), arguments=arguments, rest=rest)
            return _BY_NAME[name], replace(said, line=split)
    near = process.extractOne(verb, list(_BY_NAME), scorer=fuzz.ratio, score_cutoff=_CLOSE)
    hint = say("commands.meant", near=near[0]) if near else say("commands.unknown.hint")
    raise NotUnderstood(say("commands.unknown", verb=verb[:20]), hint=hint)
