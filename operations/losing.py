"""An account is lost, or found again: shown with its friends before it is done, done by a code, and taken back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.lost_accounts import Planned, drop_tasks, hand_on, look_at_planned, set_aside, take_back
from conversations.withdrawn_offers import leading_to, withdraw
from customers.channels.sms import moved_text
from customers.lost_friends import LostFriend, lost_friends
from operations.asking import Asked, Reply, Shown
from operations.errors import CannotBeUsed, NotFound, Refused
from operations.finding import choices
from operations.lost_places import turns_of
from operations.permissions import require_account
from operations.requests.fleet import FindAccount, LoseAccount
from reports.status import friend_counts
from rules.quiet_hours import local
from rules.spreading import Turn
from storage.pond_tables import Pond
from storage.tables import Account, Friendship, Setting
from texts.catalogue import say
from texts.masking import masked_phone
from texts.nearest import nearest
from texts.punctuation import aside, listed

TRACE = "lost:"
"""Before the account in the log: by that a confirmed loss is taken back."""
_FIRST_SHOWN = 5
_GOLD = "gold"  # customers.standing.tiers.Tier


@dataclass(frozen=True, slots=True)
class LeadIn:
    """What a text that leads to an account is made of: the shop's name, WeChat ids, and what QR codes say."""

    shop: str = ""
    wechat: Mapping[str, str] = field(default_factory=dict)
    qr: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Way:
    """How one friend is found again. `how`: others, sms, told, member, opted_out, muted, no_room, no_words or nobody.

    `turn`: which sibling they are led to, on which day; `text`: the SMS, '' where none is sent.
    """

    friend: LostFriend
    how: str
    turn: Turn | None = None
    text: str = ""

    @property
    def where(self) -> str:
        """The accounts that they are with, or led to, or in whose list they stand; '' for none."""
        friend = self.friend
        return say("texts.comma").join(friend.others) or (self.turn.account if self.turn else friend.told_by)


class Losing:
    """Knows how texts lead to the accounts of the shop. `zone`: the shop's."""

    def __init__(self, lead_in: LeadIn, zone: str) -> None:
        self._lead_in = lead_in
        self._zone = zone

    async def show(self, tx: AsyncConnection, asked: Asked[LoseAccount]) -> Shown:
        """What would come of it. Raises NotFound, Refused for one that is lost already, NotAllowed."""
        account = await self._to_lose(tx, asked)
        ways = await self.ways(tx, account, asked.now_ms)
        planned = await look_at_planned(tx, account, asked.now_ms)
        lines = [say("operations.lost.asks", account=account), *await _counts(tx, account, ways)]
        lines += _planned_lines(planned)
        lines += _offers_line(await leading_to(tx, account))
        lines += [*await _what_else(tx, account), *_first_lines(ways)]
        return Shown("\n".join(lines), LoseAccount(account=account))

    async def lose(self, tx: AsyncConnection, asked: Asked[LoseAccount]) -> Reply:
        """It is set aside; what it had planned goes on to siblings or is held. Raises as `show`."""
        account = await self._to_lose(tx, asked)
        planned = await hand_on(tx, account, asked.now_ms)
        offers = await leading_to(tx, account)
        await set_aside(tx, account, asked.staff.id, asked.now_ms)
        await withdraw(tx, asked.now_ms)
        dropped = await drop_tasks(tx, account, asked.now_ms)
        lines = [say("operations.lost.done", account=account), *_planned_lines(planned, done=True)]
        lines += _offers_line(offers, done=True)
        if dropped:
            lines.append(say("operations.lost.tasks", number=dropped))
        waiting = await _number_waiting(tx, account)
        if waiting:
            lines.append(say("operations.lost.waiting", number=waiting))
        lines.append(say("operations.lost.next", account=account))
        data = {
            "account": account, "moved": planned.by_sibling, "held": planned.held, "tasks_dropped": dropped,
            "held_for_voice": planned.in_its_voice, "offers_withdrawn": offers, "waiting": waiting,
        }  # fmt: skip
        return Reply(True, "\n".join(lines), data=data, trace=TRACE + account)

    async def find(self, tx: AsyncConnection, asked: Asked[FindAccount]) -> Reply:
        """It is used again. Raises NotFound, Refused for one that was not lost, NotAllowed."""
        account, lost_ms = await _known(tx, asked.request.account)
        require_account(asked.staff, account)
        if lost_ms is None:
            raise Refused(say("operations.lost.not", account=account), hint=say("operations.lost.not.hint"))
        return Reply(True, await found_again(tx, account, asked.now_ms), data={"account": account})

    async def ways(self, tx: AsyncConnection, account: str, now_ms: int) -> list[Way]:
        """Each friend of the account, gold first, and how they are found again."""
        friends = await lost_friends(tx, account, now_ms)
        turns = await turns_of(tx, account, sum(friend.by_text for friend in friends), now_ms)
        siblings = sorted({turn.account for turn in turns if turn})
        texts = {sibling: await self._text(tx, sibling) for sibling in siblings}
        by_text = iter(turns)
        return [_way_of(friend, next(by_text) if friend.by_text else None, texts) for friend in friends]

    async def friend_lines(self, tx: AsyncConnection, account: str, now_ms: int) -> list[str]:
        """How many friends the account has, how they are found again; who waits there and the best, one by one."""
        ways = await self.ways(tx, account, now_ms)
        waiting = [way for way in ways if way.friend.waits]
        others = [way for way in ways if not way.friend.waits]
        lines = await _counts(tx, account, ways)
        return [*lines, *_first_lines(waiting, "operations.lost.first_waiting"), *_first_lines(others)]

    async def _text(self, tx: AsyncConnection, sibling: str) -> str:
        code = await tx.scalar(select(Account.contact_qr).where(Account.id == sibling))
        qr = self._lead_in.qr.get(sibling) or code or ""
        link = qr if qr.lower().startswith(("http://", "https://")) else ""
        return moved_text(shop=self._lead_in.shop, wechat=self._lead_in.wechat.get(sibling, ""), link=link)

    async def _to_lose(self, tx: AsyncConnection, asked: Asked[LoseAccount]) -> str:
        account, lost_ms = await _known(tx, asked.request.account)
        require_account(asked.staff, account)
        if lost_ms is not None:
            since = f"{local(lost_ms, self._zone):%m-%d %H:%M}"
            raise Refused(
                say("operations.lost.already", account=account, since=since),
                hint=say("operations.lost.already.hint", account=account),
            )
        return account


async def found_again(tx: AsyncConnection, account: str, now_ms: int) -> str:
    """Take the account back into use; what is said of it. What went on to siblings stays with them."""
    held = (await look_at_planned(tx, account, now_ms)).held
    await take_back(tx, account)
    return say("operations.lost.found", account=account, held=held)


async def _known(tx: AsyncConnection, word: str, *, removed: bool = False) -> tuple[str, int | None]:
    """The account's id, and since when it is lost. Raises CannotBeUsed, and NotFound with the nearest one.

    `removed`: one that the configuration names no more may be meant, too.
    """
    rows = await tx.execute(select(Account.id, Account.lost_ms, Account.removed).order_by(Account.id))
    every = {row.id: row for row in rows}
    accounts = {id: row.lost_ms for id, row in every.items() if row.lost_ms is not None or not row.removed}
    if word in (every if removed else accounts):
        return word, every[word].lost_ms
    listed = choices(list(accounts), "operations.no_accounts")
    if not word:
        raise CannotBeUsed(say("operations.which_account"), hint=listed)
    near = nearest(word, list(accounts))
    raise NotFound(
        say("operations.no_account", account=word), hint=say("operations.meant", near=near) if near else listed
    )


async def account_or_lost(tx: AsyncConnection, word: str) -> str:
    """The id of an account, lost, taken out of the configuration, or neither. Raises as `finding.account_named`."""
    return (await _known(tx, word, removed=True))[0]


def _way_of(friend: LostFriend, turn: Turn | None, texts: Mapping[str, str]) -> Way:
    if friend.others:
        return Way(friend, "others")
    if friend.quiet is not None:
        return Way(friend, friend.quiet.value)
    if not friend.phone:
        return Way(friend, "member" if friend.member_name else "nobody")
    if friend.told_by:
        return Way(friend, "told")
    if turn is None:
        return Way(friend, "no_room")
    text = texts.get(turn.account, "")
    return Way(friend, "sms" if text else "no_words", turn, text)


async def _counts(tx: AsyncConnection, account: str, ways: Sequence[Way]) -> list[str]:
    """How many friends, as /账号 counts them, and how they are found again; what is nobody is left out."""
    gold = sum(way.friend.tier == _GOLD for way in ways)
    waits = sum(way.friend.waits for way in ways)
    friends = max((await friend_counts(tx)).get(account, 0), len(ways))
    others = say("operations.lost.no_customers", number=friends - len(ways)) if friends > len(ways) else ""
    lines = [say("operations.lost.friends", friends=friends, others=others, number=len(ways), gold=gold, waits=waits)]
    how = Counter(way.how for way in ways)
    for word in ("others", "sms", "told", "member", "no_room", "no_words", "nobody", "opted_out", "muted"):
        if how[word]:
            lines.append("· " + say(f"operations.lost.by.{word}", number=how[word], whom=_whom(ways, word)))
    return lines


def _whom(ways: Sequence[Way], how: str) -> str:
    """Which accounts they are at, or are led to, with how many each; for texts the number of days, too."""
    of_it = [way for way in ways if way.how == how]
    if how == "others":
        accounts = Counter(account for way in of_it for account in way.friend.others)
    elif how == "told":
        accounts = Counter(way.friend.told_by for way in of_it)
    else:
        accounts = Counter(way.turn.account for way in of_it if way.turn)
    words = say("texts.comma").join(f"{account} {number}" for account, number in accounts.most_common())
    days = max((way.turn.day for way in of_it if way.turn), default=0)
    return words + (say("operations.lost.days", days=days) if days > 1 else "")


def _planned_lines(planned: Planned, *, done: bool = False) -> list[str]:
    """What it had planned, and how much of that only its persona could say."""
    lines = [_planned_line(planned, done=done)]
    if planned.in_its_voice:
        lines.append("· " + say("operations.lost.in_its_voice", number=planned.in_its_voice))
    return lines


def _offers_line(offers: int, *, done: bool = False) -> list[str]:
    """People on their way to it, who may be shown another account."""
    key = "operations.lost.offers_withdrawn" if done else "operations.lost.offers"
    return [say(key, number=offers)] if offers else []


def _planned_line(planned: Planned, *, done: bool) -> str:
    key = "operations.lost.handed_on" if done else "operations.lost.planned"
    if not planned.moved and not planned.held:
        return say("operations.lost.nothing_planned")
    if not planned.moved:
        return say("operations.lost.only_held", held=planned.held)
    whom = listed(f"{account} {number}" for account, number in sorted(planned.by_sibling.items()))
    return say(key, moved=planned.moved, whom=aside(whom), held=planned.held)


async def _number_waiting(tx: AsyncConnection, account: str) -> int:
    """How many wait for a person at the account, as /状态 counts them."""
    waits = Friendship.account == account, Friendship.waiting_since_ms.is_not(None)
    return int(await tx.scalar(select(func.count()).where(*waits)) or 0)


async def _what_else(tx: AsyncConnection, account: str) -> list[str]:
    """What hangs on this account and has to be given to another by hand."""
    mirrors = await tx.scalars(
        select(Account.id).where(Account.mirror_of == account, Account.removed.is_(False)).order_by(Account.id)
    )
    ponds = await tx.scalars(
        select(Pond.title).where(Pond.account == account, Pond.removed.is_(False)).order_by(Pond.name)
    )
    desk = await tx.scalar(select(Setting.value).where(Setting.key == "desk"))
    hanging = {"mirrors": list(mirrors), "ponds": list(ponds), "desk": [account] if desk == account else []}
    return [
        "· " + say(f"operations.lost.{what}", names=say("texts.comma").join(names))
        for what, names in hanging.items()
        if names
    ]


def _first_lines(ways: Sequence[Way], head: str = "operations.lost.first") -> list[str]:
    """The best customers one by one, under the words of `head`: staff begin with them at once."""
    if not ways:
        return []
    lines = [say(head)]
    for number, way in enumerate(ways[:_FIRST_SHOWN], 1):
        friend = way.friend
        tier = say(f"cli.segments.tier.{friend.tier}") if friend.tier else say("operations.level.friend")
        known = masked_phone(friend.phone) or friend.member_name or "—"
        where = way.where or "—"
        lines.append(
            say("operations.lost.one", number=number, id=friend.person, who=friend.name, tier=tier, known=known,
                how=say(f"operations.lost.how.{way.how}", where=where))
        )  # fmt: skip
    return lines
