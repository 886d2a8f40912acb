"""The shop's past and its people: which of the orders are whose, and the export that brings them all."""

from functools import cached_property
from pathlib import Path

from simulator.crowd import Crowd
from simulator.history import History, Sale
from simulator.order_export import write_export


class Shop:
    """All orders before the world began, which is at `start_ms`."""

    def __init__(self, crowd: Crowd, start_ms: int) -> None:
        self.crowd = crowd
        self.history = History(crowd.scenario.seed, start_ms, crowd.buyers)

    @cached_property
    def sales(self) -> list[Sale]:
        """Every order, the oldest first."""
        return sorted(self.history.sales(), key=lambda sale: (sale.created_ms, sale.number))

    def numbers_of(self, contact: str) -> list[str]:
        """The numbers of the orders this contact has paid for."""
        buyer = self.crowd.buyer(contact)
        if buyer is None:
            return []
        sales = self.history.sales_of(self.history.buyer(buyer))
        return [sale.number for sale in sales if sale.paid_ms is not None]

    def export(self, path: Path, encoding: str = "gb18030") -> int:
        """Write the back office's CSV; returns the number of rows. `encoding`: gb18030 or utf-8-sig."""
        return write_export(path, self.history.sales(), self.crowd.scenario.shop, encoding)
