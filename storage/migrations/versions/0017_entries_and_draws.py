"""numbered entries, draws with their record, prizes won, how far precise tasks are

Revision: 0017, after 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "entries",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("size", sa.Text(), nullable=True),
        sa.Column("material", sa.BigInteger(), nullable=True),
        sa.Column("entered_ms", sa.BigInteger(), nullable=True),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sa.UniqueConstraint("campaign", "person", name=op.f("uq_entries_campaign_person")),
        sa.UniqueConstraint("campaign", "number", name=op.f("uq_entries_campaign_number")),
    )
    op.create_index("ix_entries_person", "entries", ["person"])
    op.create_table(
        "draws",
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("closes_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("record", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("drawn_ms", sa.BigInteger(), nullable=True),
        sa.Column("drawn_by", sa.Text(), nullable=True),
        sa.Column("told_to", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", name=op.f("pk_draws")),
    )
    waits = sa.text("state IN ('open', 'drawn')")
    op.create_index("ix_draws_open", "draws", ["state", "closes_ms"], sqlite_where=waits, postgresql_where=waits)
    op.create_table(
        "prizes_won",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("prize", sa.Text(), nullable=False),
        sa.Column("size", sa.Text(), nullable=True),
        sa.Column("benefit", sa.Text(), nullable=True),
        sa.Column("won_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prizes_won")),
        sa.UniqueConstraint("campaign", "person", name=op.f("uq_prizes_won_campaign_person")),
    )
    op.create_index("ix_prizes_won_person", "prizes_won", ["person"])
    op.create_table(
        "task_runs",
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("look_ms", sa.BigInteger(), nullable=False),
        sa.Column("batches", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", name=op.f("pk_task_runs")),
    )
    runs = sa.text("state = 'open'")
    op.create_index("ix_task_runs_open", "task_runs", ["look_ms"], sqlite_where=runs, postgresql_where=runs)


def downgrade() -> None:
    for table in ("task_runs", "prizes_won", "draws", "entries"):
        op.drop_table(table)
