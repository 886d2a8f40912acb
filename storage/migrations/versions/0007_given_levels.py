"""people: a level that staff gave; friendships: pictures they sent

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("given_level", sa.Text(), nullable=True))
    op.add_column("friendships", sa.Column("photos", sa.BigInteger(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    op.drop_column("friendships", "photos")
    op.drop_column("people", "given_level")
