"""Steering a served world with lines of text: what people do and what breaks, one line each.

    say CONTACT ACCOUNT WORDS…      somebody writes to an account; CONTACT is a WeChat id, ACCOUNT an id
    ask CONTACT ACCOUNT WORDS…      somebody wants to be its friend; `new` is a person nobody knows yet
    phone ACCOUNT CONTACT WORDS…    whoever holds the account's phone writes to somebody
    leave CONTACT ACCOUNT           a friend deletes the account
    fault KIND ACCOUNT [NUMBER]     a method of `simulator.faults.Faults`: drop, die, come_back, hang_sends 3, …

ACCOUNT may be `all` in a fault. The answer is one line: `ok`, or `no:` and why.
"""

import asyncio
from collections.abc import Callable

from simulator.errors import Refusal
from simulator.messages import Kind, Scene
from simulator.simulation import Simulation

_FAULTS_WITHOUT_NUMBER = frozenset({
    "drop", "die", "come_back", "answer_garbage", "log_out", "scan", "reset", "close_events",
})  # fmt: skip
_FAULTS_WITH_NUMBER: dict[str, Callable[[str], float]] = {
    **dict.fromkeys(("refuse_sends", "restrict", "hang_sends", "lose_payloads", "garble_events", "repeat_events",
                     "forget_ids"), int),
    **dict.fromkeys(("delay", "linger", "haunt"), float),
}  # fmt: skip


class Steering:
    """Understands such lines."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._world = simulation.world
        self._acts = {"say": self._say, "ask": self._ask, "phone": self._phone, "leave": self._leave}

    async def do(self, line: str) -> str:
        """Do what a line says; returns the answer."""
        verb, _, rest = line.strip().partition(" ")
        try:
            if verb == "fault":
                await self._break(rest)
            elif act := self._acts.get(verb):
                act(rest)
            else:
                return f"no: {verb or 'an empty line'} is nothing that happens here"
        except Refusal as refusal:
            return f"no: {refusal}"
        except (KeyError, ValueError) as error:
            return f"no: that is not understood ({error})"
        return "ok"

    def _say(self, rest: str) -> None:
        contact, account, words = rest.split(" ", 2)
        self._world.say(contact, account, Kind.TEXT, words)

    def _ask(self, rest: str) -> None:
        contact, account, *words = rest.split(" ", 2)
        who = self._world.newcomer() if contact == "new" else contact
        self._world.ask(who, account, "".join(words), Scene.QR_CODE)

    def _phone(self, rest: str) -> None:
        account, contact, words = rest.split(" ", 2)
        self._world.type_on_phone(account, contact, words)

    def _leave(self, rest: str) -> None:
        contact, account = rest.split()
        self._world.leave(contact, account)

    async def _break(self, rest: str) -> None:
        kind, account, *number = rest.split()
        among = list(self._world.accounts) if account == "all" else [account]
        if kind in _FAULTS_WITHOUT_NUMBER:
            values: list[float] = []
        else:
            values = [_FAULTS_WITH_NUMBER[kind](text) for text in number]
        act = getattr(self._simulation.faults, kind)
        for one in among:
            if one not in self._world.accounts:
                raise ValueError(f"no account {one}")
            done = act(one, *values)
            if asyncio.iscoroutine(done):
                await done
