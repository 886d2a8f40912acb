"""customer base

Revision: 0002, after 0001
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
    with op.batch_alter_table("channel_costs", schema=None) as batch_op:
        batch_op.create_index("ix_channel_costs_channel_day", ["channel", "day"], unique=False)

    op.create_table(
        "channel_switches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_switches")),
    )
    with op.batch_alter_table("channel_switches", schema=None) as batch_op:
        batch_op.create_index("ix_channel_switches_channel", ["channel", "id"], unique=False)

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
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consents_person"), ["person"], unique=False)

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
    with op.batch_alter_table("level_moves", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_level_moves_at_ms"), ["at_ms"], unique=False)
        batch_op.create_index(batch_op.f("ix_level_moves_person"), ["person"], unique=False)

    op.create_table(
        "order_versions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_versions")),
    )
    with op.batch_alter_table("order_versions", schema=None) as batch_op:
        batch_op.create_index("ix_order_versions_batch_number", ["batch", "number"], unique=False)
        batch_op.create_index("ix_order_versions_number", ["number"], unique=False)

    op.create_table(
        "person_notes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_notes")),
    )
    with op.batch_alter_table("person_notes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_notes_person"), ["person"], unique=False)

    op.create_table(
        "person_tags",
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("tagged_by", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tag", "person", name=op.f("pk_person_tags")),
    )
    with op.batch_alter_table("person_tags", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_tags_person"), ["person"], unique=False)

    op.create_table(
        "person_versions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_versions")),
    )
    with op.batch_alter_table("person_versions", schema=None) as batch_op:
        batch_op.create_index("ix_person_versions_batch_person", ["batch", "person"], unique=False)
        batch_op.create_index("ix_person_versions_person", ["person"], unique=False)

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
    with op.batch_alter_table("profile_changes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_profile_changes_person"), ["person"], unique=False)

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
    with op.batch_alter_table("referrals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_referrals_referrer"), ["referrer"], unique=False)
        batch_op.create_index("ix_referrals_state", ["state", "id"], unique=False)

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
    with op.batch_alter_table("search_terms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_search_terms_person"), ["person"], unique=False)

    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("contact_qr", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("contact_qr_ms", sa.BigInteger(), nullable=True))

    with op.batch_alter_table("friendships", schema=None) as batch_op:
        batch_op.add_column(sa.Column("replies", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("bond", sa.Text(), server_default="new", nullable=False))

    with op.batch_alter_table("import_batches", schema=None) as batch_op:
        batch_op.add_column(sa.Column("imported_by", sa.Text(), server_default="cli", nullable=False))
        batch_op.add_column(sa.Column("finished_ms", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("undone_by", sa.Text(), nullable=True))

    with op.batch_alter_table("merges", schema=None) as batch_op:
        batch_op.add_column(sa.Column("undone_ms", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("undone_by", sa.Text(), nullable=True))

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("titles", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("shop", sa.Text(), server_default="", nullable=False))

    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.add_column(sa.Column("birthday", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("birthday_lunar", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("birthday_mmdd", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("profile", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("share_code", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("core", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("distinct_items", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("referred_net_fen", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("kept_promises", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("broken_promises", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("unanswered", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("erased_ms", sa.BigInteger(), nullable=True))
        batch_op.create_index("ix_people_birthday", ["birthday_mmdd", "birthday_lunar"], unique=False)
        batch_op.create_index("ix_people_last_order", ["last_order_ms"], unique=False)
        batch_op.create_index("ix_people_tier", ["tier", "core"], unique=False)
        batch_op.create_index("uq_people_share_code", ["share_code"], unique=True)


def downgrade() -> None:
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_people_share_code"), type_="unique")
        batch_op.drop_index("ix_people_tier")
        batch_op.drop_index("ix_people_last_order")
        batch_op.drop_index("ix_people_birthday")
        batch_op.drop_column("erased_ms")
        batch_op.drop_column("unanswered")
        batch_op.drop_column("broken_promises")
        batch_op.drop_column("kept_promises")
        batch_op.drop_column("referred_net_fen")
        batch_op.drop_column("distinct_items")
        batch_op.drop_column("core")
        batch_op.drop_column("share_code")
        batch_op.drop_column("profile")
        batch_op.drop_column("birthday_mmdd")
        batch_op.drop_column("birthday_lunar")
        batch_op.drop_column("birthday")

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_column("shop")
        batch_op.drop_column("titles")

    with op.batch_alter_table("merges", schema=None) as batch_op:
        batch_op.drop_column("undone_by")
        batch_op.drop_column("undone_ms")

    with op.batch_alter_table("import_batches", schema=None) as batch_op:
        batch_op.drop_column("undone_by")
        batch_op.drop_column("finished_ms")
        batch_op.drop_column("imported_by")

    with op.batch_alter_table("friendships", schema=None) as batch_op:
        batch_op.drop_column("bond")
        batch_op.drop_column("replies")

    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_column("contact_qr_ms")
        batch_op.drop_column("contact_qr")

    with op.batch_alter_table("search_terms", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_search_terms_person"))

    op.drop_table("search_terms")
    op.drop_table("saved_mappings")
    with op.batch_alter_table("referrals", schema=None) as batch_op:
        batch_op.drop_index("ix_referrals_state")
        batch_op.drop_index(batch_op.f("ix_referrals_referrer"))

    op.drop_table("referrals")
    with op.batch_alter_table("profile_changes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_profile_changes_person"))

    op.drop_table("profile_changes")
    with op.batch_alter_table("person_versions", schema=None) as batch_op:
        batch_op.drop_index("ix_person_versions_person")
        batch_op.drop_index("ix_person_versions_batch_person")

    op.drop_table("person_versions")
    with op.batch_alter_table("person_tags", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_tags_person"))

    op.drop_table("person_tags")
    with op.batch_alter_table("person_notes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_notes_person"))

    op.drop_table("person_notes")
    with op.batch_alter_table("order_versions", schema=None) as batch_op:
        batch_op.drop_index("ix_order_versions_number")
        batch_op.drop_index("ix_order_versions_batch_number")

    op.drop_table("order_versions")
    with op.batch_alter_table("level_moves", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_level_moves_person"))
        batch_op.drop_index(batch_op.f("ix_level_moves_at_ms"))

    op.drop_table("level_moves")
    op.drop_table("do_not_contact")
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consents_person"))

    op.drop_table("consents")
    with op.batch_alter_table("channel_switches", schema=None) as batch_op:
        batch_op.drop_index("ix_channel_switches_channel")

    op.drop_table("channel_switches")
    with op.batch_alter_table("channel_costs", schema=None) as batch_op:
        batch_op.drop_index("ix_channel_costs_channel_day")

    op.drop_table("channel_costs")
