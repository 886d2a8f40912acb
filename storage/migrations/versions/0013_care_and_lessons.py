"""care and lessons: days whose kindnesses were planned, partners in a sequence, and what they were given

Revision: 0013, after 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_RUNNING = sa.text("state = 'running'")


def upgrade() -> None:
    op.create_table(
        "care_days",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("done_to", sa.BigInteger(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_care_days")),
        sa.UniqueConstraint("zone", "day", "occasion", name=op.f("uq_care_days_zone_day_occasion")),
    )
    op.create_table(
        "pupils",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("sequence", sa.Text(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("given", sa.BigInteger(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("look_ms", sa.BigInteger(), nullable=False),
        sa.Column("told_ms", sa.BigInteger(), nullable=True),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pupils")),
        sa.UniqueConstraint("sequence", "person", name=op.f("uq_pupils_sequence_person")),
    )
    op.create_index("ix_pupils_person", "pupils", ["person"])
    op.create_index("ix_pupils_running", "pupils", ["look_ms"], sqlite_where=_RUNNING, postgresql_where=_RUNNING)
    op.create_table(
        "lessons_given",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("pupil", sa.BigInteger(), nullable=False),
        sa.Column("lesson", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("within_ms", sa.BigInteger(), nullable=False),
        sa.Column("planned_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("read_ms", sa.BigInteger(), nullable=True),
        sa.Column("answered_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lessons_given")),
        sa.UniqueConstraint("pupil", "lesson", name=op.f("uq_lessons_given_pupil_lesson")),
    )


def downgrade() -> None:
    op.drop_table("lessons_given")
    op.drop_table("pupils")
    op.drop_table("care_days")
