"""Where customers are found who wait at an account that is gone: lost, or taken out of config.yaml."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.lost_friends import other_accounts
from storage.tables import Account
from texts.catalogue import say


@dataclass(frozen=True, slots=True)
class WayOut:
    """`words`: what to do for them; `others`: the accounts in use that they are friends of."""

    words: str
    others: tuple[str, ...]


async def ways_out(conn: AsyncConnection, waits: Collection[tuple[int, str]]) -> dict[tuple[int, str], WayOut]:
    """(person, account) → the way, for those of `waits` whose account is gone; the others are not in it."""
    accounts = select(Account.id, Account.lost_ms).where(
        Account.id.in_({account for _, account in waits}), Account.removed.is_(True)
    )
    found: dict[tuple[int, str], WayOut] = {}
    for account, lost_ms in (await conn.execute(accounts.order_by(Account.id))).all():
        people = sorted({person for person, there in waits if there == account})
        others = await other_accounts(conn, people, account)
        for person in people:
            where = others.get(person, ())
            found[person, account] = WayOut(_words(person, account, where, lost=lost_ms is not None), where)
    return found


def _words(person: int, account: str, others: tuple[str, ...], *, lost: bool) -> str:
    gone = say("operations.gone.lost" if lost else "operations.gone.removed", account=account)
    if not others:
        return say("operations.gone.nowhere" if lost else "operations.gone.nowhere.removed", gone=gone, account=account)
    return say("operations.gone.elsewhere", gone=gone, where=say("texts.comma").join(others), id=person)
