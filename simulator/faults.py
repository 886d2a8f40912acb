"""What can go wrong with a gateway, on request: each call arms one trouble of one account."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import StrEnum
from random import Random

from simulator.scenario import PlannedFault, Scenario
from simulator.seeds import dice


class Trouble(StrEnum):
    """Troubles that are used up, one by one, by what meets them."""

    REFUSE_SEND = "refuse_send"
    """A send is refused; nothing was sent."""
    RESTRICT_SEND = "restrict_send"
    """A send is refused with the words WeChat uses for an account under limits."""
    HANG_SENT = "hang_sent"
    """A send is carried out and never answered."""
    HANG_UNSENT = "hang_unsent"
    """A send is read, never carried out and never answered."""
    LOSE_PAYLOAD = "lose_payload"
    """A message's payload can't be fetched any more, ever."""
    GARBLE_EVENT = "garble_event"
    """An event arrives with something that is no JSON."""
    REPEAT_EVENT = "repeat_event"
    """An event arrives twice."""
    NO_ID = "no_id"
    """A send is answered without an id."""


Door = Callable[[], Awaitable[None]]


class AccountFaults:
    """The troubles of one account."""

    def __init__(self, repeats: float, roll: Random) -> None:
        self.delay_s = 0.0
        """Each answer waits that long, in wall seconds."""
        self.linger_s = 0.0
        """So long is a send that was carried out not answered yet, in wall seconds."""
        self.ghost_s = 0.0
        """So long does the event slot stay taken after its reader is gone, in wall seconds."""
        self.lost_payloads: set[str] = set()
        self._armed: Counter[Trouble] = Counter()
        self._repeats = repeats
        self._roll = roll

    def arm(self, trouble: Trouble, times: int = 1) -> None:
        """Let the next `times` occasions meet this trouble."""
        self._armed[trouble] += times

    def meets(self, trouble: Trouble) -> bool:
        """Is it there? Then it is used up."""
        if self._armed[trouble] <= 0:
            return False
        self._armed[trouble] -= 1
        return True

    def repeats_event(self) -> bool:
        return self.meets(Trouble.REPEAT_EVENT) or self._roll.random() < self._repeats


class Faults:
    """Troubles by account. Those of the connection act on the account's endpoint, which registers its doors here."""

    def __init__(self, scenario: Scenario) -> None:
        self._accounts = {
            plan.id: AccountFaults(scenario.repeated_events, dice(scenario.seed, "repeats", plan.id))
            for plan in scenario.accounts
        }
        self._doors: dict[str, dict[str, Door]] = {}

    def of(self, account: str) -> AccountFaults:
        return self._accounts[account]

    def register(self, account: str, **doors: Door) -> None:
        """An endpoint says how it drops, dies, comes back, …"""
        self._doors.setdefault(account, {}).update(doors)

    # --- sends and events: the next `times` of them ----------------------------------------------------------------

    def refuse_sends(self, account: str, times: int = 1) -> None:
        self.of(account).arm(Trouble.REFUSE_SEND, times)

    def restrict(self, account: str, times: int = 1) -> None:
        self.of(account).arm(Trouble.RESTRICT_SEND, times)

    def hang_sends(self, account: str, times: int = 1, *, delivered: bool = True) -> None:
        self.of(account).arm(Trouble.HANG_SENT if delivered else Trouble.HANG_UNSENT, times)

    def lose_payloads(self, account: str, times: int = 1) -> None:
        self.of(account).arm(Trouble.LOSE_PAYLOAD, times)

    def garble_events(self, account: str, times: int = 1) -> None:
        self.of(account).arm(Trouble.GARBLE_EVENT, times)

    def repeat_events(self, account: str, times: int = 1) -> None:
        self.of(account).arm(Trouble.REPEAT_EVENT, times)

    def forget_ids(self, account: str, times: int = 1) -> None:
        self.of(account).arm(Trouble.NO_ID, times)

    def delay(self, account: str, seconds: float) -> None:
        """Each answer waits `seconds` of the wall; 0 ends it."""
        self.of(account).delay_s = seconds

    def linger(self, account: str, seconds: float) -> None:
        """Each send is answered `seconds` of the wall after it was carried out; 0 ends it."""
        self.of(account).linger_s = seconds

    def haunt(self, account: str, seconds: float) -> None:
        """A lost event stream keeps its slot for `seconds` of the wall; 0 ends it."""
        self.of(account).ghost_s = seconds

    # --- connections: at once ---------------------------------------------------------------------------------------

    async def drop(self, account: str) -> None:
        """All connections break; the gateway goes on listening."""
        await self._doors[account]["drop"]()

    async def die(self, account: str) -> None:
        """Connections break, nobody listens any more."""
        await self._doors[account]["die"]()

    async def come_back(self, account: str) -> None:
        """The gateway listens again, at the same place."""
        await self._doors[account]["come_back"]()

    async def answer_garbage(self, account: str) -> None:
        """Something that is no gateway answers at its place, until it comes back."""
        await self._doors[account]["answer_garbage"]()

    async def log_out(self, account: str) -> None:
        """WeChat ends the account's session: a QR code must be scanned again."""
        await self._doors[account]["log_out"]()

    async def scan(self, account: str) -> None:
        """Somebody scans the account's QR code."""
        await self._doors[account]["scan"]()

    async def reset(self, account: str) -> None:
        """The gateway asks its client to attach anew."""
        await self._doors[account]["reset"]()

    async def close_events(self, account: str) -> None:
        """The gateway ends the event stream properly."""
        await self._doors[account]["close_events"]()

    async def cause(self, fault: PlannedFault) -> None:
        """Do a planned one, by the name of its method. Raises AttributeError for a name that is none."""
        act = getattr(self, fault.kind)
        result = act(fault.account)
        if asyncio.iscoroutine(result):
            await result


_MENDED_BY = {"die": "come_back", "answer_garbage": "come_back", "log_out": "scan"}
_ONCE = ("drop", "refuse_sends", "lose_payloads", "garble_events", "repeat_events", "forget_ids", "reset")


def troubled_day(seed: int, accounts: list[str], *, hours: float, per_hour: float) -> tuple[PlannedFault, ...]:
    """A seeded schedule of troubles, every lasting one with what mends it some minutes later."""
    roll = dice(seed, "troubled day")
    faults = []
    minute = roll.expovariate(per_hour / 60)
    while minute < hours * 60:
        account, kind = roll.choice(accounts), roll.choice((*_ONCE, *_MENDED_BY))
        faults.append(PlannedFault(minute, account, kind))
        if mend := _MENDED_BY.get(kind):
            faults.append(PlannedFault(minute + roll.uniform(2, 8), account, mend))
        minute += roll.expovariate(per_hour / 60)
    return tuple(sorted(faults, key=lambda fault: fault.minute))
