"""Every command of the chat and the terminal in one table: its names, its group, and the request it builds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from rapidfuzz import fuzz, process

from commands import fleet_lines, moment_lines, people_lines, push_lines
from commands.errors import NotUnderstood
from commands.grammar import Line, as_key, parse, without_first
from commands.people_lines import who
from commands.said import Said
from operations.permissions import CONFIRMED
from operations.requests.fleet import LogIn, ResumeAll, Status, StopAll, Tasks, Today
from operations.requests.house import Confirm, Help, Undo
from operations.requests.people import Deliver, OptOut, Refer, Release, Vip, Why
from operations.requests.pushes import Cancel, Continue, DrawLots, Override
from operations.requests.request import Request, Verb
from texts.catalogue import catalogue, language, say

_ANY = 2_000  # words of a line; it has no more characters
_CLOSE = 50.0  # percent: one of two characters
_MARKS = " 　。.！!？?~～,，、…"


class Group(StrEnum):
    """What staff do, in the order in which they need it."""

    TALK = "talk"
    PEOPLE = "people"
    LOOK = "look"
    PUSH = "push"
    MOMENTS = "moments"
    ACCOUNTS = "accounts"
    STAFF = "staff"

    @property
    def called(self) -> str:
        return say(f"commands.group.{self.value}")


@dataclass(frozen=True, slots=True)
class Command:
    """One row. `names`: the Chinese one, the English one, then what else people say."""

    verb: Verb
    group: Group
    names: tuple[str, ...]
    build: Callable[[Said], Request]
    words: int = 0
    """How many arguments it takes at most."""
    options: bool = False
    """Takes `key=value`."""
    marks: bool = False
    """Takes `+word` and `-word`."""
    heads: tuple[str, ...] = ()
    """Words of its own before an argument, which people write as one with it: /账号 丢失lin-1."""
    tails: tuple[str, ...] = ()
    """The same behind an argument: /推送 laoke-fuli试发."""

    @property
    def level(self) -> int:
        """2 waits for a code."""
        return 2 if self.verb in CONFIRMED else 0

    @property
    def name(self) -> str:
        """As it is written in the language that is spoken, with its prefix."""
        return f"/{self.names[0 if language() == 'zh' else 1]}"

    @property
    def usage(self) -> str:
        """One line: how it is written, and what it does."""
        return say(f"commands.usage.{self.verb.value}")

    @property
    def example(self) -> str:
        """One line as somebody would send it."""
        key = f"commands.example.{self.verb.value}"
        return say(key) if key in catalogue() else self.name


def _chinese(*words: str) -> tuple[str, ...]:
    """Those that may stand without a blank beside another word: Chinese, and longer than one sign."""
    return tuple(sorted((word for word in words if not word.isascii() and len(word) > 1), key=len, reverse=True))


COMMANDS: tuple[Command, ...] = (
    Command(Verb.TAKEOVER, Group.TALK, ("接手", "takeover", "接管"), people_lines.take_over, words=2),
    Command(Verb.RELEASE, Group.TALK, ("交回", "release", "交还"), who(Release), words=1),
    Command(Verb.OPTOUT, Group.TALK, ("退订", "optout"), who(OptOut), words=1),
    Command(Verb.MUTE, Group.TALK, ("勿扰", "mute"), people_lines.mute, words=3),
    Command(Verb.WHY, Group.TALK, ("为什么", "why"), lambda said: Why(who=said.word(0), what=said.word(1)), words=2),
    Command(Verb.CUSTOMER, Group.PEOPLE, ("客户", "customer", "查"), people_lines.customer, words=1, options=True),
    Command(Verb.TAG, Group.PEOPLE, ("标签", "tag", "打标"), people_lines.tag, words=20, marks=True),
    Command(Verb.NOTE, Group.PEOPLE, ("备注", "note", "记"), people_lines.note, words=_ANY, options=True, marks=True),
    Command(Verb.PROFILE, Group.PEOPLE, ("资料", "profile", "画像"), people_lines.profile, words=1, options=True),
    Command(Verb.BIND, Group.PEOPLE, ("绑定", "bind"), people_lines.bind, words=3, tails=_chinese(*people_lines.SURE)),
    Command(Verb.UNMERGE, Group.PEOPLE, ("拆分", "unmerge"), people_lines.unmerge, words=50),
    Command(
        Verb.VIP,
        Group.PEOPLE,
        ("会员", "vip"),
        lambda said: Vip(who=said.word(0), level=said.word(1)),
        words=2,
    ),
    Command(
        Verb.REFER,
        Group.PEOPLE,
        ("老带新", "refer", "登记"),
        lambda said: Refer(who=said.word(0), old=said.word(1)),
        words=2,
    ),
    Command(
        Verb.DELIVER,
        Group.PEOPLE,
        ("兑现", "deliver"),
        lambda said: Deliver(who=said.word(0), what=said.word(1)),
        words=2,
    ),
    Command(Verb.GIVE, Group.PEOPLE, ("红包", "redpacket"), people_lines.give("red_packet"), words=_ANY),
    Command(Verb.GIVE, Group.PEOPLE, ("礼物", "gift"), people_lines.give("gift"), words=_ANY),
    Command(
        Verb.LESSON,
        Group.PEOPLE,
        ("课程", "lesson", "lessons", "上课"),
        fleet_lines.lesson,
        words=3,
        heads=_chinese(*fleet_lines.LESSON_ACTS),
    ),
    Command(Verb.STATUS, Group.LOOK, ("状态", "status", "情况", "st"), lambda said: Status()),
    Command(Verb.TODAY, Group.LOOK, ("今日", "today", "今天"), lambda said: Today()),
    Command(Verb.TASKS, Group.LOOK, ("任务", "tasks"), lambda said: Tasks()),
    Command(Verb.DONE, Group.LOOK, ("完成", "done"), fleet_lines.done, words=1),
    Command(Verb.REPORT, Group.LOOK, ("报表", "report", "日报"), fleet_lines.report, words=4),
    Command(
        Verb.PUSH,
        Group.PUSH,
        ("推送", "push", "群发", "福利"),
        push_lines.push,
        words=2,
        options=True,
        tails=_chinese(*push_lines.TRIES),
    ),
    Command(Verb.PREVIEW, Group.PUSH, ("预览", "preview"), push_lines.preview, words=4),
    Command(
        Verb.CONTINUE,
        Group.PUSH,
        ("继续", "continue"),
        lambda said: Continue(target=said.word(0)),
        words=1,
    ),
    Command(Verb.CANCEL, Group.PUSH, ("取消", "cancel"), lambda said: Cancel(push=said.word(0)), words=1),
    Command(
        Verb.CAME,
        Group.PUSH,
        ("到场", "came"),
        push_lines.came,
        words=3,
        tails=_chinese(*push_lines.STAYED_AWAY),
    ),
    Command(
        Verb.DRAW,
        Group.PUSH,
        ("抽奖", "draw", "开奖", "揭晓"),
        lambda said: DrawLots(campaign=said.word(0), public=" ".join(said.words[1:])),
        words=6,
    ),
    Command(
        Verb.OVERRIDE,
        Group.PUSH,
        ("破例", "override"),
        lambda said: Override(campaign=said.word(0), reason=without_first(said.line.rest)),
        words=_ANY,
    ),
    Command(Verb.DOUBT, Group.PUSH, ("存疑", "doubt"), push_lines.doubt, words=50, heads=_chinese(*push_lines.ENDINGS)),
    Command(
        Verb.RESOLVE_DOUBT,
        Group.PUSH,
        ("存疑处理", "resolvedoubt"),
        push_lines.resolve,
        words=50,
        heads=_chinese(*push_lines.ENDINGS),
    ),
    Command(
        Verb.MOMENT,
        Group.MOMENTS,
        ("发圈", "moment", "朋友圈"),
        lambda said: moment_lines.moment(said.line, said.now_ms, said.zone),
        words=_ANY,
        options=True,
        marks=True,
    ),
    Command(
        Verb.MATERIAL,
        Group.MOMENTS,
        ("素材", "material", "materials"),
        lambda said: moment_lines.material(said.line),
        words=3,
        heads=_chinese(*moment_lines.ACTS),
    ),
    Command(
        Verb.ACCOUNTS,
        Group.ACCOUNTS,
        ("账号", "accounts", "帐号"),
        fleet_lines.accounts,
        words=2,
        heads=_chinese(*fleet_lines.LOST, *fleet_lines.FOUND),
        tails=_chinese(*fleet_lines.LOST, *fleet_lines.FOUND),
    ),
    Command(Verb.PAUSE, Group.ACCOUNTS, ("暂停", "pause", "停"), fleet_lines.pause, words=1),
    Command(Verb.RESUME, Group.ACCOUNTS, ("恢复", "resume"), fleet_lines.resume, words=1),
    Command(
        Verb.LOGIN,
        Group.ACCOUNTS,
        ("扫码", "login", "登录", "scan", "登入"),
        lambda said: LogIn(account=said.word(0)),
        words=1,
    ),
    Command(Verb.STOP_ALL, Group.ACCOUNTS, ("全停", "stopall", "急停", "stop-all"), lambda said: StopAll()),
    Command(Verb.RESUME_ALL, Group.ACCOUNTS, ("全部恢复", "resumeall", "resume-all"), lambda said: ResumeAll()),
    Command(Verb.CONFIRM, Group.STAFF, ("确认", "confirm"), lambda said: Confirm(code=said.word(0)), words=1),
    Command(Verb.UNDO, Group.STAFF, ("撤销", "undo"), lambda said: Undo()),
    Command(Verb.INVITE, Group.STAFF, ("邀请", "invite"), fleet_lines.invite, words=2),
    Command(Verb.STAFF_ROOM, Group.STAFF, ("设为员工群", "staffroom"), fleet_lines.staff_room, words=1),
    Command(Verb.HELP, Group.STAFF, ("帮助", "help", "菜单", "?"), lambda said: Help(topic=said.word(0)), words=1),
)

_BY_NAME = {name: command for command in COMMANDS for name in command.names}
_CHINESE = sorted((name for name in _BY_NAME if not name.isascii()), key=len, reverse=True)


def request_of(said: Said) -> Request:
    """What a parsed line asks for. Raises NotUnderstood with the nearest command, or with how this one is written."""
    command, line = _found(said.line)
    line = _apart(command, line)
    surplus = [*line.arguments[command.words :]]
    if not command.options:
        surplus += [f"{key}={value}" for key, value in line.options.items()]
    if not command.marks:
        surplus += [f"+{tag}" for tag in line.added] + [f"-{tag}" for tag in line.removed]
    # /全停 is never refused for a word too many.
    if surplus and command.verb is not Verb.STOP_ALL:
        raise NotUnderstood(say("commands.too_much", surplus=" ".join(surplus)), hint=command.usage)
    return command.build(replace(said, line=line))


def command_named(name: str) -> Command | None:
    return _BY_NAME.get(as_key(name))


def nearest_name(word: str) -> str:
    """The name of a command that looks most like `word`; '' when none is close."""
    near = process.extractOne(word, list(_BY_NAME), scorer=fuzz.ratio, score_cutoff=_CLOSE)
    return str(near[0]) if near else ""


def _found(line: Line) -> tuple[Command, Line]:
    """The command, and the line with the name and what was written as one with it apart: /暂停lin-1, /确认12345."""
    if line.verb in _BY_NAME:
        return _BY_NAME[line.verb], line
    for name in _CHINESE:
        if line.verb.startswith(name):
            rest = line.typed.lstrip()[len(name) :].lstrip()
            apart = parse(f"/{name} {rest if rest.strip(_MARKS) else ''}")
            if apart is not None:
                return _BY_NAME[name], apart
    near = nearest_name(line.verb)
    hint = say("commands.meant", near=near) if near else say("commands.unknown.hint")
    raise NotUnderstood(say("commands.unknown", verb=line.verb[:20]), hint=hint)


def _apart(command: Command, line: Line) -> Line:
    """The line with the words of the command apart from the argument that they were written as one with."""
    words = list(line.arguments)
    if words and (head := next((one for one in command.heads if as_key(words[0]).startswith(one)), "")):
        words[:1] = [words[0][: len(head)], words[0][len(head) :]]
    if words and (tail := next((one for one in command.tails if as_key(words[-1]).endswith(one)), "")):
        words[-1:] = [words[-1][: -len(tail)], words[-1][-len(tail) :]]
    return replace(line, arguments=tuple(word for word in words if word))
