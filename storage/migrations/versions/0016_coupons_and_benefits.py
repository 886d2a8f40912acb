"""coupon codes that are given once, and benefits with their ledger

Revision: 0016, after 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _coupons()
    _benefits()


def _coupons() -> None:
    op.create_table(
        "coupon_pools",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_coupon_pools")),
    )
    op.create_table(
        "coupon_codes",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=True),
        sa.Column("person", sa.BigInteger(), nullable=True),
        sa.Column("given_ms", sa.BigInteger(), nullable=True),
        sa.Column("told", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon_codes")),
        sa.UniqueConstraint("code", name=op.f("uq_coupon_codes_code")),
    )
    op.create_index(
        "uq_coupon_codes_person_campaign_pool", "coupon_codes", ["person", "campaign", "pool"], unique=True,
        sqlite_where=sa.text("person IS NOT NULL"), postgresql_where=sa.text("person IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "ix_coupon_codes_free", "coupon_codes", ["pool", "expires_ms", "id"],
        sqlite_where=sa.text("person IS NULL"), postgresql_where=sa.text("person IS NULL"),
    )  # fmt: skip
    op.create_table(
        "coupon_uses",
        sa.Column("campaign", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.BigInteger(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("swept_to", sa.BigInteger(), nullable=False),
        sa.Column("over", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", name=op.f("pk_coupon_uses")),
    )
    op.create_index(
        "ix_coupon_uses_open", "coupon_uses", ["campaign"],
        sqlite_where=sa.text("over IS FALSE"), postgresql_where=sa.text("over IS FALSE"),
    )  # fmt: skip


def _benefits() -> None:
    op.create_table(
        "benefits",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=True),
        sa.Column("per_person", sa.BigInteger(), nullable=False),
        sa.Column("value_fen", sa.BigInteger(), nullable=True),
        sa.Column("pool", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_benefits")),
        sa.UniqueConstraint("campaign", "name", name=op.f("uq_benefits_campaign_name")),
    )
    op.create_table(
        "benefits_given",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("benefit", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=True),
        sa.Column("reverses", sa.BigInteger(), nullable=True),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_benefits_given")),
        sa.UniqueConstraint("key", name=op.f("uq_benefits_given_key")),
        sa.UniqueConstraint("reverses", name=op.f("uq_benefits_given_reverses")),
    )
    op.create_index("ix_benefits_given_person", "benefits_given", ["person"])
    op.create_index("ix_benefits_given_benefit_person", "benefits_given", ["benefit", "person"])


def downgrade() -> None:
    op.drop_table("benefits_given")
    op.drop_table("benefits")
    op.drop_table("coupon_uses")
    op.drop_table("coupon_codes")
    op.drop_table("coupon_pools")
