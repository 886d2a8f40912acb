"""questions that a language model is asked for

Revision: 0021, after 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "questions",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("arrival", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("settled_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questions")),
        sa.UniqueConstraint("arrival", name=op.f("uq_questions_arrival")),
    )
    op.create_index("ix_questions_person", "questions", ["person"])
    op.create_index("ix_questions_asked_ms", "questions", ["asked_ms"])
    still_open = sa.text("state IN ('waiting', 'asked')")
    op.create_index("ix_questions_open", "questions", ["id"], sqlite_where=still_open, postgresql_where=still_open)


def downgrade() -> None:
    op.drop_table("questions")
