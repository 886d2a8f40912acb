"""An account that is taken out of config.yaml: what led to it is withdrawn at the next start."""

from pathlib import Path

from sqlalchemy import insert

from rules.kinds import Kind
from rules.limits import Limits
from storage.engine import Database
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Account, Delivery
from tests.conversations.shop import NOW_MS, row_of
from tests.wxfleet.small_shop import open_shop
from wxfleet.reading.settings import examine
from wxfleet.running.enrolment import enrol


async def test_a_card_of_an_account_that_the_file_names_no_more_is_not_sent(
    sqlite_database: Database, tmp_path: Path
) -> None:
    read = examine(open_shop(tmp_path))
    assert read.settings is not None and read.ladder is not None
    common = {
        "persona": "lin",
        "role": "sales",
        "time_zone": "Asia/Shanghai",
        "limits": Limits().model_dump(mode="json"),
    }
    async with sqlite_database.write() as tx:
        for account in ("lin-1", "gone-1"):
            await tx.execute(insert(Account).values(id=account, self_contact=f"wxid_{account}", **common))
        rows = [
            NewDelivery(Kind.NAME_CARD, "lin-1", "wxid_hua", Content(card=f"wxid_{account}"), f"card:{account}", NOW_MS)
            for account in ("lin-1", "gone-1")
        ]
        await plan(tx, rows, now_ms=NOW_MS)
        await enrol(tx, read.settings, read.book, read.ladder, now_ms=NOW_MS)
    gone, there = [await row_of(sqlite_database, Delivery, key=f"card:{a}") for a in ("gone-1", "lin-1")]
    assert (gone.state, gone.reason, there.state) == ("skipped", "card_of_lost", "pending")
