"""What somebody writes about who brought them leads to a member by code or whole member name, never a likeness."""

import pytest
from sqlalchemy import select

from customers.referrals.referral_words import Recognised, Told, name_in, recognise
from customers.referrals.share_codes import share_code_of
from storage.customer_tables import Referral
from storage.engine import Database
from tests.customers.shop import person


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("我是小美推荐的", "小美"),
        ("你好，我是 小美介绍来的～", "小美"),
        ("是xl_hua88推荐我来的", "xl_hua88"),
        ("推荐人：花花", "花花"),
        ("介绍人是小美，谢谢", "小美"),
        ("我是朋友推荐的", None),
        ("你推荐的那件到了", None),
        ("是你推荐的吗", None),
        ("小美推荐的裙子还有吗", None),
        ("是小美推荐的裙子", None),
        ("直播间推荐的", None),
        ("", None),
    ],
)
def test_a_name_is_read_only_where_somebody_says_who_brought_them(text: str, name: str | None) -> None:
    assert name_in(text) == name


async def test_a_code_or_a_member_name_registers_and_a_nickname_asks_a_person(database: Database) -> None:
    old = await person(database, name="小美", member_name="xl_mei")
    by_code, by_member, unclear = [await person(database) for _ in range(3)]

    async def says(who: int, text: str) -> Recognised | None:
        return await recognise(tx, who, text, by="inbox:1", now_ms=5)

    async with database.write() as tx:
        code = await share_code_of(tx, old)
        assert await says(by_code, f"你好 {code.lower()}") == Recognised(Told.REGISTERED)
        assert await says(by_code, code) == Recognised(Told.KNOWN)
        assert await says(by_member, "我是xl_mei推荐的") == Recognised(Told.REGISTERED, name="xl_mei")
        assert await says(unclear, "我是小美推荐的") == Recognised(Told.UNCLEAR, name="小美")
        assert await says(old, code) == Recognised(Told.REFUSED, "same")
        assert await says(unclear, "222222 怎么买") is None
        rows = (await tx.execute(select(Referral.person, Referral.referrer, Referral.evidence))).all()
    assert [tuple(row) for row in rows] == [(by_code, old, f"code:{code}"), (by_member, old, "member:xl_mei")]
