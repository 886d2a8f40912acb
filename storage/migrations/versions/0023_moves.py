"""moves from one account to another that were offered, and which account somebody went to last

Revision: 0023, after 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "moves",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("aim", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("from_account", sa.Text(), nullable=False),
        sa.Column("to_account", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("offered_ms", sa.BigInteger(), nullable=False),
        sa.Column("look_ms", sa.BigInteger(), nullable=True),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moves")),
        sa.UniqueConstraint("person", "aim", name=op.f("uq_moves_person_aim")),
    )
    looked_at = sa.text("look_ms IS NOT NULL")
    op.create_index("ix_moves_look", "moves", ["look_ms"], sqlite_where=looked_at, postgresql_where=looked_at)
    op.add_column("friendships", sa.Column("serves_ms", sa.BigInteger(), nullable=True))
    _keep_what_was_offered()


def _keep_what_was_offered() -> None:
    """Who was sent the card of a mentor before there was a table of it is not offered one again."""
    card = "json_extract(o.content, '$.card')" if op.get_bind().dialect.name == "sqlite" else "o.content ->> 'card'"
    op.execute(f"""
        INSERT INTO moves (person, aim, why, from_account, to_account, state, offered_ms, look_ms, changed_ms)
        SELECT o.person, 'training', 'level', o.account, a.id, 'rested',
               o.created_ms, NULL, o.created_ms
          FROM outbox o JOIN accounts a ON a.self_contact = {card}
         WHERE o.key = 'served_by:' || o.person || '\\:training'
        ON CONFLICT DO NOTHING""")


def downgrade() -> None:
    with op.batch_alter_table("friendships") as batch:
        batch.drop_column("serves_ms")
    op.drop_table("moves")
