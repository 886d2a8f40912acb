"""items and bought_items: who bought what, so that words are looked for among titles and not among orders

Revision: 0014, after 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_FOLDED = {
    "sqlite": "lower(substr(title.value, 1, 500))",
    "postgresql": 'lower(substr(title.value, 1, 500) COLLATE "C")',
}
_EACH = {"sqlite": "json_each(orders.titles)", "postgresql": "json_array_elements_text(orders.titles)"}
_BOUGHT = "orders.person IS NOT NULL AND orders.status IN ('paid', 'shipped', 'done') AND paid_fen > refund_fen"


def upgrade() -> None:
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "items",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("folded", text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
        sa.UniqueConstraint("folded", name=op.f("uq_items_folded")),
    )
    op.create_table(
        "bought_items",
        sa.Column("item", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("item", "person", name=op.f("pk_bought_items")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_bought_items_person", "bought_items", ["person"])
    dialect = op.get_bind().dialect.name
    folded, each = _FOLDED[dialect], _EACH[dialect]
    orders = f"FROM orders, {each} AS title"
    if dialect == "postgresql":
        orders = f"FROM orders CROSS JOIN LATERAL {each} AS title(value)"
    op.execute(f"INSERT INTO items (folded) SELECT DISTINCT {folded} {orders} WHERE {_BOUGHT}")
    op.execute(
        f"INSERT INTO bought_items (item, person) SELECT DISTINCT items.id, orders.person {orders}"
        f" JOIN items ON items.folded = {folded} WHERE {_BOUGHT}"
    )


def downgrade() -> None:
    op.drop_table("bought_items")
    op.drop_table("items")
