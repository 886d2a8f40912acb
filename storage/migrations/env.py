"""Alembic's entry: runs the migrations on the connection that `storage.schema` hands over."""

from alembic import context

from storage import campaign_tables, customer_tables  # noqa: F401  # their tables are part of the shape
from storage.tables import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
