"""campaigns of several phases: phases, participants, and which push is a phase of which campaign

Revision: 0011, after 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("parent", sa.BigInteger(), nullable=True))
    op.add_column("campaigns", sa.Column("phase", sa.Text(), nullable=True))
    op.create_index("ix_campaigns_parent_phase", "campaigns", ["parent", "phase"], unique=True)
    op.create_table(
        "phases",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("child", sa.BigInteger(), nullable=True),
        sa.Column("invited_id", sa.BigInteger(), nullable=False),
        sa.Column("invited", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phases")),
        sa.UniqueConstraint("campaign", "name", name=op.f("uq_phases_campaign_name")),
        sa.UniqueConstraint("child", name=op.f("uq_phases_child")),
    )
    op.create_index("ix_phases_waiting", "phases", ["due_ms"], sqlite_where=_WAITING, postgresql_where=_WAITING)
    op.create_table(
        "participants",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("choice", sa.Text(), nullable=True),
        sa.Column("arrival", sa.BigInteger(), nullable=True),
        sa.Column("material", sa.BigInteger(), nullable=True),
        sa.Column("invited_ms", sa.BigInteger(), nullable=True),
        sa.Column("answered_ms", sa.BigInteger(), nullable=True),
        sa.Column("settled_ms", sa.BigInteger(), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participants")),
        sa.UniqueConstraint("campaign", "person", name=op.f("uq_participants_campaign_person")),
    )
    op.create_index("ix_participants_person", "participants", ["person"])
    op.create_index("ix_participants_campaign_state", "participants", ["campaign", "state", "answered_ms"])


def downgrade() -> None:
    op.drop_table("participants")
    op.drop_table("phases")
    op.drop_index("ix_campaigns_parent_phase", table_name="campaigns")
    op.drop_column("campaigns", "phase")
    op.drop_column("campaigns", "parent")
