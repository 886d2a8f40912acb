"""What is under way: each committed intent is sent once, and what became of it is kept until it is written.

The courier decides what goes and writes what came of it; between the two, a delivery is here. A row whose outcome is
unknown is in doubt and never sent again by itself.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.errors import GatewayProblem, GatewayUnavailable, NotAFriend, NotLoggedIn, TooLate
from bots.lane import Lane
from bots.tenure import Ownership
from rules.clock import Clock
from storage.farewells import DELETED_US
from storage.outbox import Claimed, DeliveryState
from storage.settling import Settlement, settle, settle_late
from texts.masking import without_ids

log = structlog.get_logger(__name__)

DRAIN_WALL_S = 4.0
"""How long a stop waits for what is under way; what is still out then is in doubt."""
RETRY_WALL_MS = 5_000
MAX_ATTEMPTS = 10

OnProblem = Callable[[str, GatewayProblem], None]
OnBack = Callable[[Lane, Settlement], None]


class UnderWay:
    """The sends of one process. `on_problem(account, problem)` hears what a send met, `on_back` how each ended."""

    def __init__(self, clock: Clock, ownership: Ownership, *, on_problem: OnProblem, on_back: OnBack) -> None:
        self._clock = clock
        self._ownership = ownership
        self._on_problem = on_problem
        self._on_back = on_back
        self._sends: dict[int, asyncio.Task[None]] = {}
        self._results: list[Settlement] = []
        self._lanes: dict[int, Lane] = {}
        """Of each delivery from its launch until its result is written."""

    def __len__(self) -> int:
        """How many are being sent now."""
        return len(self._sends)

    @property
    def has_results(self) -> bool:
        """Did something come back that is not written yet?"""
        return bool(self._results)

    @property
    def results(self) -> list[Settlement]:
        """What came back and is not written yet, oldest first."""
        return list(self._results)

    @property
    def known(self) -> list[int]:
        """Ids of all deliveries that a gateway was given, as far as their results are not written."""
        return [*self._sends, *(result.id for result in self._results)]

    def launch(self, lane: Lane, claimed: Claimed, decided: int) -> None:
        """Send what was claimed; its intent is committed. `decided`: the moment of `Ownership` at which it was."""
        lane.under_way = claimed.id
        self._lanes[claimed.id] = lane
        sending = self._send(lane, claimed, decided)
        self._sends[claimed.id] = asyncio.create_task(sending, name=f"send:{claimed.account}:{claimed.id}")

    def good_news(self, results: Collection[Settlement]) -> dict[int, str]:
        """{delivery: gateway id} of what was accepted of rows that are still ours."""
        good = DeliveryState.ACCEPTED
        return {result.id: result.gateway_id for result in results if result.state is good and self._is_ours(result)}

    async def settle(self, tx: AsyncConnection, results: Sequence[Settlement], now_ms: int) -> None:
        """Write these; of rows that others own by now only the good news. `forget` them once that is committed."""
        ours = [result for result in results if self._is_ours(result)]
        await settle(tx, ours, now_ms=now_ms)
        if len(ours) < len(results):
            theirs = [result for result in results if not self._is_ours(result)]
            await settle_late(tx, theirs, now_ms=now_ms)

    def forget(self, results: Collection[Settlement]) -> None:
        """They are written: the oldest of `results`."""
        del self._results[: len(results)]
        for result in results:
            del self._lanes[result.id]

    async def finish(self, accounts: Collection[str]) -> None:
        """Wait for the sends of these accounts; those that take too long are given up, and note that themselves."""
        tasks = [task for id, task in self._sends.items() if self._lanes[id].config.account in accounts]
        if tasks:
            await asyncio.wait(tasks, timeout=DRAIN_WALL_S)
        late = [task for task in tasks if not task.done()]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _is_ours(self, result: Settlement) -> bool:
        return self._lanes[result.id].held

    async def _send(self, lane: Lane, claimed: Claimed, decided: int) -> None:
        def still() -> bool:
            """Not if this process was frozen since: others may own the account, or an opt-out may have come."""
            return lane.held and self._ownership.may_send(decided)

        result = Settlement(claimed.id, DeliveryState.IN_DOUBT, reason="outcome_unknown")
        try:
            if still():
                gateway_id = await lane.sender.deliver(claimed, still)
                result = Settlement(claimed.id, DeliveryState.ACCEPTED, gateway_id)
            else:
                result = Settlement(claimed.id, DeliveryState.PENDING)
        except TooLate:
            result = Settlement(claimed.id, DeliveryState.PENDING)
        except GatewayProblem as problem:
            result = self._judge(claimed, problem)
            self._on_problem(claimed.account, problem)
        except asyncio.CancelledError:
            result = Settlement(claimed.id, DeliveryState.IN_DOUBT, reason="stopped_under_way")
        except Exception:
            # Not foreseen: it may have arrived. One lane's surprise must not stop the others.
            log.exception("courier.send_failed", account=claimed.account, delivery=claimed.id)
        finally:
            self._results.append(result)
            self._sends.pop(claimed.id, None)
            lane.under_way = None
            if result.state is not DeliveryState.PENDING:
                lane.arrived(claimed.kind, claimed.to, self._clock.now_ms())
            self._on_back(lane, result)

    def _judge(self, claimed: Claimed, problem: GatewayProblem) -> Settlement:
        if problem.sent == "unknown":
            return Settlement(claimed.id, DeliveryState.IN_DOUBT, reason="outcome_unknown")
        if isinstance(problem, GatewayUnavailable | NotLoggedIn) and claimed.attempts < MAX_ATTEMPTS:
            again_ms = self._clock.now_ms() + self._clock.span_ms(RETRY_WALL_MS) * claimed.attempts
            return Settlement(claimed.id, DeliveryState.PENDING, reason="gateway_unavailable", retry_ms=again_ms)
        reason = DELETED_US if isinstance(problem, NotAFriend) else without_ids(problem.message, claimed.to)
        return Settlement(claimed.id, DeliveryState.FAILED, reason=reason)
