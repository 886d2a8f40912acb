"""Who sits in which room: the staff room, where everybody of ours is, and groups of customers."""

from collections.abc import Mapping

from simulator.crowd import Crowd, contact_of
from simulator.errors import NoSuchThing
from simulator.journal import Entry
from simulator.scenario import RoomPlan, Scenario


class Rooms:
    """Members by room, our accounts first. Only `apply` changes them."""

    def __init__(self, scenario: Scenario, contacts: Mapping[str, str], crowd: Crowd) -> None:
        """`contacts`: the WeChat id of each account."""
        self._scenario = scenario
        self._contacts = contacts
        self._members = {room.id: self._at_first(room, crowd) for room in scenario.rooms}

    def _at_first(self, room: RoomPlan, crowd: Crowd) -> list[str]:
        ours = [account for account in room.accounts if account in self._contacts]
        people = [contact_of(number) for number in crowd.ranges[ours[0]][: room.people]] if ours else []
        return [*(self._contacts[account] for account in ours), *people]

    def apply(self, entry: Entry) -> None:
        """Somebody came or left; a room that the scenario no longer has changes nothing."""
        members = self._members.get(entry["room"])
        if members is None:
            return
        gone = set(entry["people"])
        members[:] = [member for member in members if member not in gone]
        if entry["what"] == "join":
            members += entry["people"]

    def is_group(self, room: str) -> bool:
        """Is it a group of customers?"""
        return room in self._members

    def holds(self, contact: str, room: str) -> bool:
        """May one of ours speak there, or a customer?"""
        if room in self._members:
            return contact in self._members[room]
        return bool(room) and room == self._scenario.staff_room

    def accounts_in(self, room: str) -> list[str]:
        """Whose gateways tell of it. Everybody of ours hears the staff room."""
        members = self._members.get(room)
        return [account for account, contact in self._contacts.items() if members is None or contact in members]

    def of(self, account: str) -> list[str]:
        """The rooms that an account sits in."""
        groups = [room for room in self._members if account in self.accounts_in(room)]
        return [self._scenario.staff_room, *groups] if self._scenario.staff_room else groups

    def topic(self, room: str) -> str:
        if room == self._scenario.staff_room:
            return f"{self._scenario.shop}·员工群"
        return next((plan.topic for plan in self._scenario.rooms if plan.id == room), "")

    def members(self, room: str) -> list[str]:
        """Raises NoSuchThing."""
        if room in self._members:
            return list(self._members[room])
        if not room or room != self._scenario.staff_room:
            raise NoSuchThing(f"no room {room}")
        return [*(member.contact for member in self._scenario.staff), *self._contacts.values()]
