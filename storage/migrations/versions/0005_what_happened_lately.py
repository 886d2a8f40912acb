"""What was settled or handled lately, and requests that wait, found without reading everything there ever was

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INDEXES = (
    ("ix_outbox_settled", "outbox", ["settled_ms"], "settled_ms IS NOT NULL"),
    ("ix_inbox_handled", "inbox", ["handled_ms"], "handled_ms IS NOT NULL"),
    ("ix_requests_open", "friend_requests", ["state"], "state IN ('waiting', 'accepting')"),
)


def upgrade() -> None:
    for name, table, columns, condition in _INDEXES:
        op.create_index(
            name, table, columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition)
        )  # fmt: skip


def downgrade() -> None:
    for name, table, _, _ in _INDEXES:
        op.drop_index(name, table_name=table)
