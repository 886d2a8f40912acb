"""friendships: the hour in which they wrote last, in the index that segments read; people: ids in PostgreSQL's indexes

Revision: 0026, after 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_OF_FRIENDSHIPS = ["person", "state", "account", "bond", "channel"]
_OF_PEOPLE = {
    "ix_people_level": ["level", "tier", "core", "orders", "net_paid_fen", "last_order_ms"],
    "ix_people_tier": ["tier", "core", "last_order_ms"],
    "ix_people_orders": ["orders", "net_paid_fen"],
    "ix_people_net_paid": ["net_paid_fen"],
    "ix_people_birthday": ["birthday_mmdd", "birthday_lunar"],
    "ix_people_last_order": ["last_order_ms"],
}


def upgrade() -> None:
    op.add_column("friendships", sa.Column("heard_hour", sa.BigInteger(), nullable=True))
    op.execute("UPDATE friendships SET heard_hour = last_in_ms / 3600000 WHERE last_in_ms IS NOT NULL")
    _index_friendships([*_OF_FRIENDSHIPS, "heard_hour"])
    _index_people(["id"])


def downgrade() -> None:
    _index_people([])
    _index_friendships(_OF_FRIENDSHIPS)
    op.drop_column("friendships", "heard_hour")


def _index_friendships(columns: list[str]) -> None:
    op.drop_index("ix_friendships_person", table_name="friendships")
    op.create_index("ix_friendships_person", "friendships", columns)


def _index_people(include: list[str]) -> None:
    """SQLite has the id in every index anyway."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for name, columns in _OF_PEOPLE.items():
        op.drop_index(name, table_name="people")
        op.create_index(name, "people", columns, postgresql_include=include)
