"""accounts that were lost: since when, and by whose word they were set aside

Revision: 0024, after 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("lost_ms", sa.BigInteger(), nullable=True))
    op.add_column("accounts", sa.Column("lost_by", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("accounts") as table:
        table.drop_column("lost_by")
        table.drop_column("lost_ms")
