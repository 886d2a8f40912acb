"""materials: photos that may be posted; posts: the index by day

Revision: 0010, after 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "materials",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("person", sa.BigInteger(), nullable=True),
        sa.Column("masked_name", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("consent", sa.Text(), nullable=False),
        sa.Column("consent_ms", sa.BigInteger(), nullable=True),
        sa.Column("consent_by", sa.Text(), nullable=True),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("posted_ms", sa.BigInteger(), nullable=True),
        sa.Column("removed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_materials")),
        sa.UniqueConstraint("account", "message", name=op.f("uq_materials_account_message")),
    )
    op.create_index("ix_materials_person", "materials", ["person"])
    op.create_index("ix_materials_removed_received", "materials", ["removed_ms", "received_ms"])
    op.create_index("ix_posts_day", "posts", ["day"])


def downgrade() -> None:
    op.drop_index("ix_posts_day", table_name="posts")
    op.drop_table("materials")
