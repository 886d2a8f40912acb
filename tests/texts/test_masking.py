"""What a phone number and an address look like once they are masked."""

from hypothesis import given
from hypothesis import strategies as st

from texts.masking import masked, masked_document, masked_name, masked_phone

_PHONES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)


def test_what_is_masked_tells_people_apart_and_no_more() -> None:
    assert [masked_phone(phone) for phone in ("13812345678", "138****5678", "12345", "", None)] == [
        "138****5678", "138****5678", "*****", "", "",
    ]  # fmt: skip
    assert [masked_phone(phone) for phone in ("0571-88001234", "+852 91234567", "91234567")] == [
        "057****1234", "+85****4567", "****4567",
    ]  # fmt: skip
    assert [masked_name(name) for name in ("林小花", "")] == ["林**", ""]


def test_numbers_are_masked_as_people_write_them_and_other_digits_stay() -> None:
    assert masked("花花 139 1234 5678，+86 139-1234-5678、8613912345678、１３９１２３４５６７８") == (
        "花花 139 **** 5678，+86 139-****-5678、86139****5678、１３９****５６７８"
    )
    for other in ("订单 1391234567890123456", "1763772000000", "400-000-0000", "0.13912345678", "2026-11-11 13:45"):
        assert masked(other) == other


def test_of_an_address_town_and_street_stay() -> None:
    assert masked("杭州市西湖区文三路123号4幢502室 小林收") == "杭州市西湖区文三路*** 小林收"
    assert masked("口红换成3号色，走中通") == "口红换成3号色，走中通"


@given(before=st.text(), phone=_PHONES, after=st.text())
def test_no_number_survives_whatever_stands_around_it(before: str, phone: str, after: str) -> None:
    text = f"{before} {phone} {after}"
    shown = masked(text)
    assert phone not in shown
    assert masked(shown) == shown


def test_a_document_is_masked_at_any_depth_but_not_its_numbers() -> None:
    document = {"name": "A13912345678", "rows": [{"text": "13912345678", "paid_fen": 13912345678}], "at": None}
    assert masked_document(document) == {
        "name": "A139****5678", "rows": [{"text": "139****5678", "paid_fen": 13912345678}], "at": None,
    }  # fmt: skip
