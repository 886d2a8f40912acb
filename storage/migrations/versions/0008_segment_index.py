"""friendships: the index by person holds what segments ask of many at once

Revision: 0008, after 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_friendships_person", table_name="friendships")
    op.create_index("ix_friendships_person", "friendships", ["person", "state", "account", "bond", "channel"])


def downgrade() -> None:
    op.drop_index("ix_friendships_person", table_name="friendships")
    op.create_index("ix_friendships_person", "friendships", ["person"])
