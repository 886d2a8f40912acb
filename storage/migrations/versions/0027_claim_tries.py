"""claims of orders that led to nothing, counted by person

Revision: 0027, after 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "claim_tries",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_tries")),
    )
    op.create_index("ix_claim_tries_person", "claim_tries", ["person", "at_ms"])


def downgrade() -> None:
    op.drop_table("claim_tries")
