"""customer base

Revision: 0002, after 0001

No table is made anew for it: on SQLite that would drop `people` from under the friendships that refer to them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_costs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("shown", sa.BigInteger(), nullable=False),
        sa.Column("cost_fen", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_costs")),
    )
    op.create_index("ix_channel_costs_channel_day", "channel_costs", ["channel", "day"], unique=False)

    op.create_table(
        "channel_switches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_switches")),
    )
    op.create_index("ix_channel_switches_channel", "channel_switches", ["channel", "id"], unique=False)

    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index(op.f("ix_consents_person"), "consents", ["person"], unique=False)

    op.create_table(
        "do_not_contact",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_do_not_contact")),
    )
    op.create_table(
        "level_moves",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_level_moves")),
    )
    op.create_index(op.f("ix_level_moves_at_ms"), "level_moves", ["at_ms"], unique=False)
    op.create_index(op.f("ix_level_moves_person"), "level_moves", ["person"], unique=False)

    op.create_table(
        "order_versions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_versions")),
    )
    op.create_index("ix_order_versions_batch_number", "order_versions", ["batch", "number"], unique=False)
    op.create_index("ix_order_versions_number", "order_versions", ["number"], unique=False)

    op.create_table(
        "person_notes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_notes")),
    )
    op.create_index(op.f("ix_person_notes_person"), "person_notes", ["person"], unique=False)

    op.create_table(
        "person_tags",
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("tagged_by", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tag", "person", name=op.f("pk_person_tags")),
    )
    op.create_index(op.f("ix_person_tags_person"), "person_tags", ["person"], unique=False)

    op.create_table(
        "person_versions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_versions")),
    )
    op.create_index("ix_person_versions_batch_person", "person_versions", ["batch", "person"], unique=False)
    op.create_index("ix_person_versions_person", "person_versions", ["person"], unique=False)

    op.create_table(
        "profile_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profile_changes")),
    )
    op.create_index(op.f("ix_profile_changes_person"), "profile_changes", ["person"], unique=False)

    op.create_table(
        "referrals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("referrer", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("registered_by", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("benefit", sa.Text(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("delivered_ms", sa.BigInteger(), nullable=True),
        sa.Column("delivered_by", sa.Text(), nullable=True),
        sa.Column("reversed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referrals")),
        sa.UniqueConstraint("person", name=op.f("uq_referrals_person")),
    )
    op.create_index(op.f("ix_referrals_referrer"), "referrals", ["referrer"], unique=False)
    op.create_index("ix_referrals_state", "referrals", ["state", "id"], unique=False)

    op.create_table(
        "saved_mappings",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "shop", name=op.f("pk_saved_mappings")),
    )
    op.create_table(
        "search_terms",
        sa.Column("term", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("term", "person", name=op.f("pk_search_terms")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_search_terms_person"), "search_terms", ["person"], unique=False)

    op.add_column("accounts", sa.Column("contact_qr", sa.Text(), nullable=True))
    op.add_column("accounts", sa.Column("contact_qr_ms", sa.BigInteger(), nullable=True))

    op.add_column("friendships", sa.Column("replies", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("friendships", sa.Column("bond", sa.Text(), server_default="new", nullable=False))

    op.add_column("import_batches", sa.Column("imported_by", sa.Text(), server_default="cli", nullable=False))
    op.add_column("import_batches", sa.Column("finished_ms", sa.BigInteger(), nullable=True))
    op.add_column("import_batches", sa.Column("undone_by", sa.Text(), nullable=True))

    op.add_column("merges", sa.Column("undone_ms", sa.BigInteger(), nullable=True))
    op.add_column("merges", sa.Column("undone_by", sa.Text(), nullable=True))

    op.add_column("orders", sa.Column("titles", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("orders", sa.Column("shop", sa.Text(), server_default="", nullable=False))

    op.add_column("people", sa.Column("birthday", sa.Text(), nullable=True))
    op.add_column("people", sa.Column("birthday_lunar", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("people", sa.Column("birthday_mmdd", sa.BigInteger(), nullable=True))
    op.add_column("people", sa.Column("profile", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("people", sa.Column("share_code", sa.Text(), nullable=True))
    op.add_column("people", sa.Column("core", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("people", sa.Column("distinct_items", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("people", sa.Column("referred_net_fen", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("people", sa.Column("kept_promises", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("people", sa.Column("broken_promises", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("people", sa.Column("unanswered", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("people", sa.Column("erased_ms", sa.BigInteger(), nullable=True))
    op.create_index("ix_people_birthday", "people", ["birthday_mmdd", "birthday_lunar"], unique=False)
    op.create_index("ix_people_last_order", "people", ["last_order_ms"], unique=False)
    op.create_index("ix_people_tier", "people", ["tier", "core"], unique=False)
    op.create_index("uq_people_share_code", "people", ["share_code"], unique=True)
