"""orders and people are found by the last digits of their numbers

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ENDS = sa.text("substr(number, length(number) - 3)")
_PHONE_ENDS = sa.text("substr(phone, length(phone) - 3)")


def upgrade() -> None:
    op.create_index("ix_orders_number_end", "orders", [_ENDS])
    given = {"sqlite_where": sa.text("phone <> ''"), "postgresql_where": sa.text("phone <> ''")}
    op.create_index("ix_orders_phone_end", "orders", [_PHONE_ENDS], **given)
    op.create_index("ix_people_phone_end", "people", [_PHONE_ENDS], **given)


def downgrade() -> None:
    op.drop_index("ix_people_phone_end", table_name="people")
    op.drop_index("ix_orders_phone_end", table_name="orders")
    op.drop_index("ix_orders_number_end", table_name="orders")
