"""people and friendships: what leaves only a few of a segment is found by an index

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_THROUGH_ONE = sa.text("channel IS NOT NULL")
_STANDING = {
    "ix_people_level": ["level", "tier", "core", "orders", "net_paid_fen", "last_order_ms"],
    "ix_people_tier": ["tier", "core", "last_order_ms"],
    "ix_people_orders": ["orders", "net_paid_fen"],
    "ix_people_net_paid": ["net_paid_fen"],
}


def upgrade() -> None:
    op.drop_index("ix_people_level", table_name="people")
    op.drop_index("ix_people_tier", table_name="people")
    for name, columns in _STANDING.items():
        op.create_index(name, "people", columns)
    op.create_index(
        "ix_friendships_channel",
        "friendships",
        ["channel", "person"],
        sqlite_where=_THROUGH_ONE,
        postgresql_where=_THROUGH_ONE,
    )


def downgrade() -> None:
    op.drop_index("ix_friendships_channel", table_name="friendships")
    for name in _STANDING:
        op.drop_index(name, table_name="people")
    op.create_index("ix_people_tier", "people", ["tier", "core"])
    op.create_index("ix_people_level", "people", ["level", "opted_out_ms"])
