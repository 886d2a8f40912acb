"""moves from one account to another that were offered, and which account somebody went to last

Revision: 0023, after 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "moves",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("aim", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("from_account", sa.Text(), nullable=False),
        sa.Column("to_account", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("offered_ms", sa.BigInteger(), nullable=False),
        sa.Column("look_ms", sa.BigInteger(), nullable=True),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moves")),
        sa.UniqueConstraint("person", "aim", name=op.f("uq_moves_person_aim")),
    )
    looked_at = sa.text("look_ms IS NOT NULL")
    op.create_index("ix_moves_look", "moves", ["look_ms"], sqlite_where=looked_at, postgresql_where=looked_at)
    op.add_column("friendships", sa.Column("serves_ms", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("friendships") as batch:
        batch.drop_column("serves_ms")
    op.drop_table("moves")
