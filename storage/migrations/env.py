"""Alembic's entry: runs the migrations on the connection that `storage.schema` hands over."""

from alembic import context

from storage.every_table import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
