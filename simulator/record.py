"""The world's own record: what really reached whom, whatever the fleet believes."""

from collections import defaultdict
from dataclasses import dataclass

from simulator.friends import FriendsThen
from simulator.messages import Kind


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it arrived. `account` sent it; `to` is a contact, a room or the file helper.

    `text` is the text itself, the id of a card's contact, a link's JSON or a file's name. `by_phone` says that a person
    typed it on the phone instead of the fleet.
    """

    at_ms: int
    account: str
    to: str
    kind: Kind
    text: str
    message_id: str
    by_phone: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """Something a person wrote to an account, or into a room."""

    at_ms: int
    contact: str
    to: str  # an account's id or a room's
    kind: Kind
    text: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Post:
    """One Moments post as it was published."""

    id: str
    key: str
    at_ms: int
    account: str
    kind: str
    text: str
    media: tuple[str, ...]
    link: str | None
    friends: FriendsThen

    def reached(self) -> list[str]:
        """The friends who saw it: above the threshold a third does not."""
        return list(self.friends.readers())


class Record:
    """Everything that arrived, by whom it reached. Grows with the world; never forgets."""

    def __init__(self) -> None:
        self._received: dict[str, list[Received]] = defaultdict(list)
        self._said: dict[str, list[Said]] = defaultdict(list)
        self._posts: dict[str, list[Post]] = defaultdict(list)
        self._accepted: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self.messages = 0
        self.recalled: set[str] = set()
        """Ids of messages that arrived and were taken back; what was received stays in the record."""

    def add_received(self, received: Received) -> None:
        self._received[received.to].append(received)
        self.messages += 1

    def add_said(self, said: Said) -> None:
        self._said[said.contact].append(said)

    def add_post(self, post: Post) -> None:
        self._posts[post.account].append(post)

    def add_accept(self, at_ms: int, account: str, contact: str) -> None:
        self._accepted[account].append((at_ms, contact))

    def received(self, to: str) -> list[Received]:
        """What this contact, room or file helper received, in order. File helpers are 'filehelper:ACCOUNT'."""
        return list(self._received.get(to, ()))

    def sent(self, account: str) -> list[Received]:
        """What this account sent to anybody, in order."""
        return sorted(
            (item for items in self._received.values() for item in items if item.account == account),
            key=lambda item: (item.at_ms, item.message_id),
        )

    def said(self, contact: str) -> list[Said]:
        """What this person wrote, in order."""
        return list(self._said.get(contact, ()))

    def last_said_ms(self, contact: str, to: str) -> int | None:
        """When this person last wrote to that account or room."""
        return next((said.at_ms for said in reversed(self._said.get(contact, ())) if said.to == to), None)

    def posts(self, account: str) -> list[Post]:
        """The account's Moments, in order."""
        return list(self._posts.get(account, ()))

    def accepts(self, account: str) -> list[tuple[int, str]]:
        """(when, whom) the account accepted as a friend, in order."""
        return list(self._accepted.get(account, ()))
