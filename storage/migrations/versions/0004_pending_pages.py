"""Pages of the outbox pass over rows of paused campaigns by the index alone.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_PENDING = sa.text("state = 'pending'")


def upgrade() -> None:
    _replace_by("account", "priority", "due_ms", "id", "campaign", "state")


def downgrade() -> None:
    _replace_by("account", "priority", "due_ms", "id")


def _replace_by(*columns: str) -> None:
    op.drop_index("ix_outbox_pending", "outbox")
    op.create_index("ix_outbox_pending", "outbox", list(columns), sqlite_where=_PENDING, postgresql_where=_PENDING)
