"""who waits for a person, from the hand-over to somebody's word; and which conversations people hold

Revision: 0025, after 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("ended_ms IS NULL")
_HELD = sa.text("held_by IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "waits",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("friendship", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("arrival", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("staff", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("look_ms", sa.BigInteger(), nullable=True),
        sa.Column("told_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waits")),
    )
    op.create_index("uq_waits_open", "waits", ["friendship"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_waits_look", "waits", ["look_ms"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_waits_person", "waits", ["person"])
    op.create_index("ix_waits_friendship", "waits", ["friendship", "id"])
    op.create_index("ix_waits_since_ms", "waits", ["since_ms"])
    op.create_index("ix_friendships_held", "friendships", ["held_until_ms"], sqlite_where=_HELD, postgresql_where=_HELD)
    # Whoever waited before there was a table for it still waits.
    op.execute(
        "INSERT INTO waits (friendship, account, person, why, state, since_ms, from_ms, look_ms)"
        " SELECT id, account, person, 'asked_for', 'waiting', waiting_since_ms, waiting_since_ms, waiting_since_ms"
        " FROM friendships WHERE waiting_since_ms IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_index("ix_friendships_held", "friendships")
    op.drop_table("waits")
