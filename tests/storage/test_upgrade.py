"""An installation of an older version comes along with everything in it."""

from alembic import command
from sqlalchemy import Connection, select, text

from storage.engine import open_database
from storage.move_tables import Move
from storage.order_tables import Order
from storage.schema import alembic_config, upgrade
from storage.tables import Friendship, Person

_OLD = (
    "INSERT INTO people (id, name, kind, level, orders, net_paid_fen, created_ms)"
    " VALUES (1, '花花', 'customer', 'VIP1', 1, 9900, 5)",
    "INSERT INTO friendships (account, contact, person, nickname, alias, state, origin, since_ms)"
    " VALUES ('lin-1', 'wxid_1', 1, '花花', '', 'friend', 'event', 5)",
    "INSERT INTO orders (number, member_name, person, status, paid_fen, refund_fen, items, item_count, receiver, phone,"
    " created_ms, batch) VALUES ('100', 'hua', 1, '交易成功', 9900, 0, '大衣', 1, '', '', 5, 1)",
    "INSERT INTO accounts (id, persona, role, main, time_zone, armed, simulated, publisher, limits, removed, state,"
    " state_since_ms, self_contact)"
    " VALUES ('qin-1', 'qin', 'training', false, 'UTC', true, true, 'assisted', '{}', false, 'online', 5, 'wxid_q')",
    "INSERT INTO outbox (account, kind, priority, key, recipient, person, content, source, due_ms, state, attempts,"
    " epoch, created_ms) VALUES ('lin-1', 'level_up', 5, 'served_by\\:1\\:training', 'wxid_1', 1,"
    """ '{"card"\\: "wxid_q"}', '', 7, 'accepted', 0, 0, 7)""",
)


def _as_first_released(connection: Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")
    for statement in _OLD:
        connection.execute(text(statement))


async def test_people_friends_and_orders_of_the_first_version_are_kept(database_url: str) -> None:
    db = open_database(database_url)
    try:
        async with db.write() as tx:
            await tx.run_sync(_as_first_released)
        await upgrade(db)
        async with db.read() as connection:
            person = (await connection.execute(select(Person.name, Person.core, Person.distinct_items))).one()
            friend = (await connection.execute(select(Friendship.nickname, Friendship.bond, Friendship.replies))).one()
            order = (await connection.execute(select(Order.number, Order.titles, Order.shop))).one()
            move = (await connection.execute(select(Move.person, Move.aim, Move.to_account, Move.state))).one()
    finally:
        await db.close()
    assert tuple(person) == ("花花", False, 0)
    assert tuple(friend) == ("花花", "new", 0)
    assert tuple(order) == ("100", [], "")
    assert tuple(move) == (1, "training", "qin-1", "rested"), "who was sent a mentor's card is not sent it again"
