"""who stood on the list of a draw when it closed, with the hash of that list

Revision: 0022, after 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("draws", sa.Column("closed_with", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("draws") as table:
        table.drop_column("closed_with")
