"""The world: accounts, their friends, rooms and messages, and what happened to them.

Everything that changes the world is an entry: written to the journal, applied, then told to who listens. A world that
starts on an old journal applies the old entries first and goes on from there.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from simulator.crowd import FILE_HELPER, Crowd, Profile, contact_of
from simulator.errors import NoSuchThing, NotLoggedIn, Refusal
from simulator.journal import Entry, Journal
from simulator.messages import Friendship, Kind, Message
from simulator.record import Received
from simulator.scenario import Scenario
from simulator.state import Account, State, received_in


class Clock(Protocol):
    """The world's time; whoever starts the world hands it in."""

    def now(self) -> datetime: ...
    def now_ms(self) -> int: ...
    async def sleep(self, seconds: float) -> None: ...
    async def sleep_until(self, when_ms: int) -> None: ...


_SCAN_WAITING = 2
"""The state of a QR code that nobody has scanned yet, as gateways number it."""

_RECALL_MS = 120_000
"""WeChat's own rule: after two minutes nothing can be taken back."""

Tell = Callable[[str, dict[str, Any]], None]
"""Called with the name of a gateway event and its payload."""


class World:
    """All of it. Methods are the acts of people and accounts; each happens at once, at the clock's present moment."""

    def __init__(self, scenario: Scenario, clock: Clock, journal: Journal | None = None) -> None:
        self.scenario = scenario
        self.clock = clock
        self.crowd = Crowd(scenario)
        self.state = State(scenario, self.crowd)
        self.record = self.state.record
        self.accounts = self.state.accounts
        self.rooms = self.state.rooms
        self.staff = {member.contact: member for member in scenario.staff}
        self.attached: set[str] = set()
        """Accounts whose event stream somebody has read since the start."""
        self._journal = journal
        self._id_base = ""
        self._gateways: dict[str, Tell] = {}
        self._on_received: list[Callable[[Received], None]] = []
        self._on_friend: list[Callable[[str, str], None]] = []
        self._on_code: list[Callable[[str], None]] = []

    # --- start and journal ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Build the world from its journal, and begin a new run. Raises JournalUnusable."""
        if self._journal is not None:
            for entry in self._journal.read():
                self.state.apply(entry)
            self._journal.open()
        now_ms = self.clock.now_ms()
        # Ids of different runs differ even where the journal was thrown away and the fleet's memory was not.
        self._id_base = f"{now_ms // 1000:x}"
        self._happen({"do": "start", "at": now_ms, "seed": self.scenario.seed})

    def stop(self) -> None:
        if self._journal is not None:
            self._journal.close()

    def _happen(self, entry: Entry) -> None:
        if self._journal is not None:
            self._journal.write(entry)
        self.state.apply(entry)

    def _new_id(self, letter: str) -> str:
        return f"{letter}{self._id_base}-{self.state.last_id + 1}"

    # --- who listens ------------------------------------------------------------------------------------------------

    def connect_gateway(self, account: str, tell: Tell) -> None:
        """From now on `tell` hears what a gateway of this account would report."""
        self._gateways[account] = tell

    def on_received(self, listener: Callable[[Received], None]) -> None:
        """`listener` is called after each message that reached somebody. It must not act at once, only plan to."""
        self._on_received.append(listener)

    def on_friend(self, listener: Callable[[str, str], None]) -> None:
        """`listener(account, contact)` is called after each new friendship."""
        self._on_friend.append(listener)

    def on_code(self, listener: Callable[[str], None]) -> None:
        """`listener(account)` is called when an account shows a QR code to be scanned."""
        self._on_code.append(listener)

    def _tell(self, account: str, event: str, payload: dict[str, Any]) -> None:
        if tell := self._gateways.get(account):
            tell(event, payload)

    # --- what accounts do -------------------------------------------------------------------------------------------

    def send(
        self, account: str, to: str, kind: Kind, text: str, *, mentions: tuple[str, ...] = (), by_phone: bool = False
    ) -> Message:
        """The account sends one message. Raises Refusal when WeChat would not take it; then nothing happened."""
        me = self._logged_in(account)
        room = to if self.rooms.holds(me.contact, to) else ""
        if not room and to != FILE_HELPER and not me.friends.reaches(to):
            raise Refusal(f"{to} has not accepted you as a friend: the message was refused")
        if kind is Kind.CARD and text not in self.state.account_of and text not in me.friends:
            raise Refusal(f"contact {text} is not in the list of this account: no card can be sent")
        if kind is Kind.TEXT and not text.strip():
            raise Refusal("an empty message can't be sent")
        entry = {
            "do": "message", "id": self._new_id("m"), "at": self.clock.now_ms(), "from": me.contact, "to": to,
            "room": room, "kind": int(kind), "text": text,
        }  # fmt: skip
        if mentions:
            entry["mentions"] = list(mentions)
        if by_phone:
            entry["by_phone"] = True
        return self._deliver(entry)

    def type_on_phone(self, account: str, to: str, text: str) -> Message:
        """Somebody writes on the account's phone, past the fleet."""
        return self.send(account, to, Kind.TEXT, text, by_phone=True)

    def recall(self, account: str, id: str) -> bool:
        """Take back one of the account's own messages; both sides then see WeChat's line about it.

        False when two minutes have passed, or it was taken back before. Raises NoSuchThing for a message that is not
        its own, or gone.
        """
        me = self._logged_in(account)
        message = self.state.messages.get(id)
        if message is None or message.talker != me.contact:
            raise NoSuchThing(f"no message {id} of {account}")
        now_ms = self.clock.now_ms()
        if id in self.record.recalled or now_ms - message.at_ms > _RECALL_MS:
            return False
        self._happen({"do": "recall", "at": now_ms, "account": account, "message": id})
        self._deliver({
            "do": "message", "id": self._new_id("m"), "at": now_ms, "from": me.contact,
            "to": message.room or message.listener, "room": message.room, "kind": int(Kind.RECALLED), "text": id,
        })  # fmt: skip
        return True

    def accept(self, account: str, request: str) -> None:
        """Accept a friend request. Again is no mistake: WeChat answers the same."""
        me = self._logged_in(account)
        asked = me.requests.get(request)
        if asked is None or not asked.asks:
            raise NoSuchThing(f"no friend request {request}")
        if asked.contact not in me.friends:
            self._befriend(account, asked.contact, asked.hello, asked.scene)

    def publish(
        self, account: str, key: str, kind: str, text: str, media: tuple[str, ...] = (), link: str | None = None
    ) -> str:
        """Publish a Moments post; the same key again publishes nothing and returns the first id."""
        if account not in self.accounts:
            raise NoSuchThing(f"no account {account}")
        if known := self.state.post_ids.get(key):
            return known
        id = self._new_id("p")
        self._happen({
            "do": "post", "id": id, "at": self.clock.now_ms(), "key": key, "account": account, "kind": kind,
            "text": text, "media": list(media), "link": link,
        })  # fmt: skip
        return id

    def set_profile(self, account: str, *, name: str | None = None, signature: str | None = None) -> None:
        me = self._logged_in(account)
        self._happen({
            "do": "profile", "at": self.clock.now_ms(), "account": account,
            "name": me.nickname if name is None else name,
            "signature": me.signature if signature is None else signature,
        })  # fmt: skip

    def log_out(self, account: str, reason: str, *, keeps_session: bool = False) -> None:
        """The account is out. Without its session a person must scan before it is in again."""
        me = self.accounts[account]
        was_in = me.logged_in
        self._happen({
            "do": "session", "at": self.clock.now_ms(), "account": account, "in": False, "session": keeps_session,
        })  # fmt: skip
        if was_in:
            self._tell(account, "logout", {"contactId": me.contact, "data": reason})

    def show_code(self, account: str, code: str) -> None:
        """The gateway of an account that is out shows the QR code which lets it in."""
        self._tell(account, "scan", {"status": _SCAN_WAITING, "qrcode": code, "data": ""})
        for listener in self._on_code:
            listener(account)

    def log_in(self, account: str) -> None:
        """A person scanned the QR code, or the phone remembered the session."""
        me = self.accounts[account]
        if me.logged_in:
            return
        self._happen({"do": "session", "at": self.clock.now_ms(), "account": account, "in": True, "session": True})
        self._tell(account, "login", {"contactId": me.contact})
        self._tell(account, "ready", {"data": "ready"})

    # --- what people do ---------------------------------------------------------------------------------------------

    def newcomer(self) -> str:
        """Somebody of the crowd whom no account knows yet."""
        contact = contact_of(self.crowd.first_newcomer + self.state.newcomers)
        self._happen({"do": "newcomer", "at": self.clock.now_ms()})
        return contact

    def ask(self, contact: str, account: str, hello: str, scene: int) -> str:
        """Somebody wants to be the account's friend. Returns the id of the request."""
        id = self._new_id("f")
        self._happen({
            "do": "friendship", "id": id, "at": self.clock.now_ms(), "account": account, "contact": contact,
            "hello": hello, "scene": int(scene), "asks": True,
        })  # fmt: skip
        self._tell(account, "friendship", {"friendshipId": id})
        return id

    def befriend_on_phone(self, account: str, contact: str) -> None:
        """Whoever holds the phone adds somebody: only the confirmation is reported."""
        self._befriend(account, contact, "", 3)

    def say(self, contact: str, to: str, kind: Kind, text: str, *, mentions: tuple[str, ...] = ()) -> Message:
        """A person writes to an account (its id) or into a room. Raises Refusal for who is no friend, or not in it."""
        room = to if to == self.scenario.staff_room or self.rooms.is_group(to) else ""
        if room and not self.rooms.holds(contact, room):
            raise Refusal(f"{contact} is not in {to}")
        if not room and not self.accounts[to].friends.reaches(contact):
            raise Refusal(f"{contact} is no friend of {to}")
        entry = {
            "do": "message", "id": self._new_id("m"), "at": self.clock.now_ms(), "from": contact,
            "to": room or self.accounts[to].contact, "room": room, "kind": int(kind), "text": text,
        }  # fmt: skip
        if mentions:
            entry["mentions"] = list(mentions)
        return self._deliver(entry)

    def join(self, room: str, *people: str) -> None:
        """These people come into a room; every account in it is told."""
        self._room_changed(room, "join", people)

    def quit(self, room: str, *people: str) -> None:
        """These people leave it."""
        self._room_changed(room, "leave", people)

    def _room_changed(self, room: str, what: str, people: tuple[str, ...]) -> None:
        if not self.rooms.is_group(room):
            raise NoSuchThing(f"no room {room}")
        now_ms = self.clock.now_ms()
        self._happen({"do": "room", "at": now_ms, "room": room, "what": what, "people": list(people)})
        whom, by = ("inviteeIdList", "inviterId") if what == "join" else ("removeeIdList", "removerId")
        told = {"roomId": room, whom: list(people), by: people[0], "timestamp": now_ms // 1000}
        for account in self.rooms.accounts_in(room):
            self._tell(account, f"room-{what}", told)

    def leave(self, contact: str, account: str) -> None:
        """A friend deletes the account. Nobody is told."""
        self._happen({"do": "leave", "at": self.clock.now_ms(), "account": account, "contact": contact})

    # --- what can be looked up --------------------------------------------------------------------------------------

    def message(self, account: str, id: str) -> Message:
        """Raises NoSuchThing for a message that is gone, or that this account never saw."""
        message = self.state.messages.get(id)
        me = self.accounts[account].contact
        heard = message is not None and (
            account in self.rooms.accounts_in(message.room)
            if message.room
            else me in (message.talker, message.listener)
        )
        if message is None or not heard:
            raise NoSuchThing(f"no message {id}")
        return message

    def friendship(self, account: str, id: str) -> Friendship:
        found = self.accounts[account].requests.get(id)
        if found is None:
            raise NoSuchThing(f"no friendship {id}")
        return found

    def profile(self, account: str, contact: str) -> Profile:
        """Somebody's card as `account` sees it."""
        me = self.accounts[account]
        friend = contact in me.friends
        if contact == FILE_HELPER:
            return Profile(contact, "文件传输助手", official=True)
        if other := self.state.account_of.get(contact):
            card = self.accounts[other]
            return Profile(contact, card.nickname, friend=friend, signature=card.signature)
        if member := self.staff.get(contact):
            return Profile(contact, member.name, friend=friend)
        seen = self.crowd.profile(contact, account)
        return Profile(contact, seen.nickname, seen.alias if friend else "", seen.city, friend)

    def account_with(self, contact: str) -> str | None:
        """The id of the account whose WeChat id this is."""
        return self.state.account_of.get(contact)

    # --- how it comes about -----------------------------------------------------------------------------------------

    def _logged_in(self, account: str) -> Account:
        me = self.accounts[account]
        if not me.logged_in:
            raise NotLoggedIn(f"{account} is not logged in")
        return me

    def _befriend(self, account: str, contact: str, hello: str, scene: int) -> None:
        id = self._new_id("f")
        self._happen({
            "do": "friendship", "id": id, "at": self.clock.now_ms(), "account": account, "contact": contact,
            "hello": hello, "scene": int(scene), "asks": False,
        })  # fmt: skip
        self._tell(account, "friendship", {"friendshipId": id})
        for listener in self._on_friend:
            listener(account, contact)

    def _deliver(self, entry: Entry) -> Message:
        self._happen(entry)
        message = self.state.messages[entry["id"]]
        hears = self.rooms.accounts_in(message.room) if message.room else {
            account for account in map(self.state.account_of.get, (message.talker, message.listener)) if account
        }  # fmt: skip
        for account in hears:
            self._tell(account, "message", {"messageId": message.id})
        sender = self.state.account_of.get(message.talker)
        if sender and message.kind is not Kind.RECALLED:
            received = received_in(entry, sender)
            for listener in self._on_received:
                listener(received)
        return message
