"""ponds: groups of customers, who came into them, which questions in them were taken

Revision: 0018, after 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "ponds",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("rest_days", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("room", sa.Text(), nullable=True),
        sa.Column("members", sa.BigInteger(), nullable=True),
        sa.Column("members_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_campaign_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_campaign_id", sa.BigInteger(), nullable=True),
        sa.Column("welcome_id", sa.BigInteger(), nullable=True),
        sa.Column("welcome_ms", sa.BigInteger(), nullable=True),
        sa.Column("looks", sa.Text(), nullable=True),
        sa.Column("looks_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ponds")),
        sa.UniqueConstraint("room", name=op.f("uq_ponds_room")),
    )
    op.create_table(
        "pond_members",
        sa.Column("pond", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("joined_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pond", "contact", name=op.f("pk_pond_members")),
    )
    op.create_table(
        "pond_answers",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("pond", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("answered", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pond_answers")),
    )
    op.create_index("ix_pond_answers_pond", "pond_answers", ["pond", "asked_ms"])


def downgrade() -> None:
    op.drop_table("pond_answers")
    op.drop_table("pond_members")
    op.drop_table("ponds")
