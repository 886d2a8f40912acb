"""The whole shape of the database, and not only the tables that somebody happened to import."""

from storage import (  # noqa: F401  # imported for their tables
    campaign_tables,
    care_tables,
    conversation_tables,
    customer_tables,
    entry_tables,
    fleet_tables,
    move_tables,
    order_tables,
    pond_tables,
    series_tables,
    staff_tables,
    task_tables,
)
from storage.tables import Base

METADATA = Base.metadata
