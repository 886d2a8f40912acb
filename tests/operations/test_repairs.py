"""What needs a person, in the language of whoever reads it."""

from sqlalchemy import insert

from bots.errors import GatewayUnavailable
from bots.wechaty_errors import Whereabouts
from operations.repairs import repairs_now
from storage.engine import Database
from storage.tables import Repair
from texts.catalogue import speak


async def test_a_repair_noted_in_chinese_is_read_in_english(sqlite_database: Database) -> None:
    problem = Whereabouts("lin-1", "127.0.0.1:9", "t").problem(GatewayUnavailable, "timeout")
    row = {"key": "gateway:lin-1", "account": "lin-1", "message": "bots.repair_gateway", "since_ms": 1}
    async with sqlite_database.write() as tx:
        await tx.execute(insert(Repair).values({**row, Repair.values: {"account": "lin-1", **problem.kept()}}))
    speak("en")
    async with sqlite_database.read() as connection:
        (repair,) = await repairs_now(connection)
    assert f"{repair.text}{repair.mend}".isascii()
