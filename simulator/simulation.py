"""One simulated WeChat, whole: its world, a gateway for each account, the people, and the Moments webhook."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from simulator.agenda import Agenda
from simulator.endpoint import Endpoint
from simulator.faults import Faults
from simulator.gateway import GatewayService
from simulator.journal import Journal
from simulator.people import Customers
from simulator.publisher import MomentsWebhook
from simulator.scenario import PlannedFault, Scenario
from simulator.seeds import number_of
from simulator.shop import Shop
from simulator.staff import Staff
from simulator.world import Clock, World

_log = logging.getLogger("simulator")


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the world can be reached."""

    gateways: dict[str, tuple[str, str]]
    """Account → (endpoint 'host:port', token)."""
    publisher_url: str
    publisher_secret: str
    orders_csv: Path | None
    """The shop's export of orders; None when nobody said where to."""


class Simulation:
    """Starts and stops it all. `journal_path` lets a later start go on; without it everything is forgotten.

    `orders_path` is where the shop's export goes; by default beside the journal.
    """

    def __init__(
        self,
        scenario: Scenario,
        clock: Clock,
        journal_path: Path | None = None,
        *,
        orders_path: Path | None = None,
        with_people: bool = True,
    ) -> None:
        self.scenario = scenario
        self.world = World(scenario, clock, Journal(journal_path) if journal_path else None)
        self.faults = Faults(scenario)
        self.agenda = Agenda(clock)
        self.gateways = {
            plan.id: GatewayService(self.world, plan.id, self.token(plan.id), self.faults.of(plan.id))
            for plan in scenario.accounts
        }
        self.webhook = MomentsWebhook(self.world, self._secret("moments"))
        self.endpoints = {account: Endpoint(service) for account, service in self.gateways.items()}
        self._orders_path = orders_path or (journal_path.with_name("orders.csv") if journal_path else None)
        self._with_people = with_people
        self._fault_tasks: set[asyncio.Task[None]] = set()
        for account in self.endpoints:
            self._register(account)

    @property
    def shop(self) -> Shop:
        """The shop as it was when the world first began. Only once the world has started."""
        return Shop(self.world.crowd, self.world.state.first_start_ms)

    def token(self, account: str) -> str:
        """The token of an account's gateway: the same at every start. It guards nothing but a port on this machine."""
        return self._secret(account)

    async def start(self) -> Doors:
        """Open the world. Raises JournalUnusable when the journal is something else."""
        self.world.start()
        for endpoint in self.endpoints.values():
            await endpoint.start()
        await self.webhook.start()
        shop = self.shop
        if self._orders_path is not None:
            await asyncio.to_thread(shop.export, self._orders_path)
        if self._with_people:
            Customers(self.world, self.agenda, shop).begin()
            Staff(self.world, self.agenda).begin()
        for fault in self.scenario.faults:
            self.agenda.after(fault.minute, lambda fault=fault: self._cause(fault))  # type: ignore[misc]
        self.agenda.open()
        return self._doors()

    async def stop(self) -> None:
        """Close everything; the journal is complete."""
        await self.agenda.close()
        for task in self._fault_tasks:
            task.cancel()
        await asyncio.gather(*self._fault_tasks, return_exceptions=True)
        for endpoint in self.endpoints.values():
            await endpoint.die()
        await self.webhook.stop()
        self.world.stop()

    def _doors(self) -> Doors:
        gateways = {a: (endpoint.address, self.token(a)) for a, endpoint in self.endpoints.items()}
        return Doors(gateways, self.webhook.url, self.webhook.secret, self._orders_path)

    def _secret(self, what: str) -> str:
        return f"sim-{what}-{number_of(self.scenario.seed, 'secret', what):016x}"

    def _register(self, account: str) -> None:
        endpoint, service, world = self.endpoints[account], self.gateways[account], self.world

        async def log_out() -> None:
            world.log_out(account, "the platform ended the session")

        async def scan() -> None:
            world.log_in(account)

        async def reset() -> None:
            service.tell("reset", {"data": "the gateway wants to be attached anew"})

        async def close_events() -> None:
            service.close_events()

        self.faults.register(
            account, drop=endpoint.drop, die=endpoint.die, come_back=endpoint.start,
            answer_garbage=endpoint.answer_garbage, log_out=log_out, scan=scan, reset=reset, close_events=close_events,
        )  # fmt: skip

    def _cause(self, fault: PlannedFault) -> None:
        task = asyncio.create_task(self.faults.cause(fault), name=f"simulator:fault:{fault.kind}:{fault.account}")
        self._fault_tasks.add(task)
        task.add_done_callback(self._fault_done)

    def _fault_done(self, task: asyncio.Task[None]) -> None:
        self._fault_tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("a planned fault failed", exc_info=error)
