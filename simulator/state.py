"""What the world is right now: built from entries alone, so that an old journal gives the same world again."""

from collections import OrderedDict
from dataclasses import dataclass, field

from simulator.crowd import FILE_HELPER, Crowd, account_contact, contact_of
from simulator.friends import FriendList
from simulator.journal import Entry
from simulator.messages import Friendship, Kind, Message
from simulator.record import Post, Received, Record, Said
from simulator.rooms import Rooms
from simulator.scenario import THRESHOLD, AccountPlan, Scenario

_MESSAGES_KEPT = 50_000
"""Payloads of older messages are gone, as on a phone that was cleaned up."""


@dataclass(slots=True)
class Account:
    """One account as WeChat knows it."""

    plan: AccountPlan
    contact: str
    nickname: str
    friends: FriendList
    signature: str = ""
    logged_in: bool = True
    session: bool = True
    """The phone remembers the login: a start needs no QR code."""
    requests: dict[str, Friendship] = field(default_factory=dict)
    """Friendship events by id, answered ones included."""

    @property
    def id(self) -> str:
        return self.plan.id


class State:
    """Accounts, messages and the record. Only `apply` changes it."""

    def __init__(self, scenario: Scenario, crowd: Crowd) -> None:
        self.scenario = scenario
        self.record = Record()
        self.runs = 0
        self.first_start_ms = 0
        self.newcomers = 0
        """How many people of the crowd have come since the beginning."""
        self.last_id = 0
        self.messages: OrderedDict[str, Message] = OrderedDict()
        self.post_ids: dict[str, str] = {}
        """Ids of the Moments posts by their idempotency key."""
        self.accounts = {plan.id: _account(plan, scenario, crowd) for plan in scenario.accounts}
        self.account_of = {account.contact: account.id for account in self.accounts.values()}
        self.rooms = Rooms(scenario, {account.id: account.contact for account in self.accounts.values()}, crowd)

    def apply(self, entry: Entry) -> None:
        """Let one entry be true. Entries of accounts that the scenario no longer has change nothing."""
        if "id" in entry:
            self.last_id = max(self.last_id, int(entry["id"].rpartition("-")[2]))
        match entry["do"]:
            case "start":
                self.runs += 1
                self.first_start_ms = self.first_start_ms or entry["at"]
            case "message":
                self._message(entry)
            case "newcomer":
                self.newcomers += 1
            case "room":
                self.rooms.apply(entry)
            case _ if account := self.accounts.get(entry["account"]):
                self._change(account, entry)

    def _change(self, account: Account, entry: Entry) -> None:
        match entry["do"]:
            case "friendship":
                self._friendship(account, entry)
            case "leave":
                account.friends.leave(entry["contact"])
            case "profile":
                account.nickname, account.signature = entry["name"], entry["signature"]
            case "session":
                account.logged_in, account.session = entry["in"], entry["session"]
            case "post":
                self._post(account, entry)
            case "recall":
                self.record.recalled.add(entry["message"])

    def _message(self, entry: Entry) -> None:
        room, kind = entry["room"], Kind(entry["kind"])
        self.messages[entry["id"]] = Message(
            entry["id"], entry["at"], kind, entry["text"], entry["from"], "" if room else entry["to"],
            room, tuple(entry.get("mentions", ())),
        )  # fmt: skip
        if len(self.messages) > _MESSAGES_KEPT:
            self.messages.popitem(last=False)
        if kind is Kind.RECALLED:
            return  # WeChat's own line: nobody said it
        if sender := self.account_of.get(entry["from"]):
            self.record.add_received(received_in(entry, sender))
        else:
            to: str = room or self.account_of.get(entry["to"]) or entry["to"]
            self.record.add_said(Said(entry["at"], entry["from"], to, kind, entry["text"], entry["id"]))

    def _friendship(self, account: Account, entry: Entry) -> None:
        account.requests[entry["id"]] = Friendship(
            entry["id"], account.id, entry["contact"], entry["hello"], entry["scene"], f"ticket-{entry['id']}",
            entry["asks"],
        )  # fmt: skip
        if not entry["asks"]:
            account.friends.add(entry["contact"])
            self.record.add_accept(entry["at"], account.id, entry["contact"])

    def _post(self, account: Account, entry: Entry) -> None:
        self.post_ids[entry["key"]] = entry["id"]
        self.record.add_post(Post(
            entry["id"], entry["key"], entry["at"], account.id, entry["kind"], entry["text"],
            tuple(entry["media"]), entry["link"], account.friends.then(THRESHOLD),
        ))  # fmt: skip


def received_in(entry: Entry, sender: str) -> Received:
    """What arrived by a message entry of the account `sender`."""
    to = f"{FILE_HELPER}:{sender}" if entry["to"] == FILE_HELPER else entry["to"]
    return Received(
        entry["at"], sender, to, Kind(entry["kind"]), entry["text"], entry["id"], entry.get("by_phone", False)
    )


def _account(plan: AccountPlan, scenario: Scenario, crowd: Crowd) -> Account:
    """An account on its first day: its siblings and all staff are among its friends."""
    others = [account_contact(other.id) for other in scenario.accounts if other.id != plan.id]
    others += [member.contact for member in scenario.staff]
    others += [contact_of(number) for number in crowd.shared.get(plan.id, ())]
    friends = FriendList(plan.id, crowd.ranges[plan.id], tuple(others))
    return Account(
        plan, account_contact(plan.id), plan.nickname, friends, logged_in=plan.logged_in, session=plan.logged_in
    )
