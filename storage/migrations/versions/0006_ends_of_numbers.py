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
_GIVEN = sa.text("phone <> ''")


def upgrade() -> None:
    op.create_index("ix_orders_number_end", "orders", [_ENDS])
    for name, table in (("ix_orders_phone_end", "orders"), ("ix_people_phone_end", "people")):
        op.create_index(name, table, [_PHONE_ENDS], sqlite_where=_GIVEN, postgresql_where=_GIVEN)


def downgrade() -> None:
    op.drop_index("ix_people_phone_end", table_name="people")
    op.drop_index("ix_orders_phone_end", table_name="orders")
    op.drop_index("ix_orders_number_end", table_name="orders")
