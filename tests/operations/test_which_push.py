"""Which push staff mean: never a guess between two, for what is cancelled can't be brought back."""

import pytest
from sqlalchemy import insert

from operations.errors import CannotBeUsed
from operations.finding import campaign_named
from storage.campaign_tables import Campaign
from storage.engine import Database


async def test_an_id_is_only_its_own_and_two_of_one_name_are_asked_about(sqlite_database: Database) -> None:
    base = {"kind": "push", "spec": {}, "preview": {}, "created_by": "cli", "created_ms": 0, "starts_ms": 0,
            "valid_until_ms": 1, "changed_ms": 0}  # fmt: skip
    async with sqlite_database.write() as tx:
        for name, state in (("fuli", "running"), ("1", "running"), ("fuli", "draft")):
            await tx.execute(insert(Campaign).values({**base, "name": name, "title": f"{name}！", "state": state}))
        assert await campaign_named(tx, "1") == (1, "fuli！"), "not the push that is called 1"
        assert await campaign_named(tx, "#2") == (2, "1！")
        with pytest.raises(CannotBeUsed) as asked:
            await campaign_named(tx, "fuli")
    assert "3 fuli！" in str(asked.value) and "1 fuli！" in str(asked.value)
