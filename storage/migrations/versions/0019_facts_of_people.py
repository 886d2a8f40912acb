"""people: what segments ask of everybody stands in one index, and who is in none of them in another

Revision: 0019, after 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_FACTS = [
    "id", "level", "tier", "core", "orders", "net_paid_fen", "last_order_ms", "birthday_mmdd", "birthday_lunar",
    "opted_out_ms",
]  # fmt: skip
_PARTIAL = {
    "ix_people_facts": (_FACTS, "kind = 'customer' AND merged_into IS NULL AND erased_ms IS NULL"),
    "ix_people_outside": (
        ["id"],
        "kind <> 'customer' OR merged_into IS NOT NULL OR erased_ms IS NOT NULL OR opted_out_ms IS NOT NULL",
    ),
    "ix_people_merged_into": (["merged_into"], "merged_into IS NOT NULL"),
}


def upgrade() -> None:
    op.drop_index("ix_people_merged_into", table_name="people")
    for name, (columns, which) in _PARTIAL.items():
        op.create_index(name, "people", columns, sqlite_where=sa.text(which), postgresql_where=sa.text(which))


def downgrade() -> None:
    for name in _PARTIAL:
        op.drop_index(name, table_name="people")
    op.create_index("ix_people_merged_into", "people", ["merged_into"])
