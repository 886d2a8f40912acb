"""The table of rights, whole."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.catalogue import COMMANDS
from operations.invitations import ALPHABET, code_in
from operations.permissions import ALLOWED, CONFIRMED, TERMINAL_ONLY, Staff
from operations.requests.registry import BY_VERB, request_of
from operations.requests.request import Request, Verb
from operations.staff import StaffRole


def test_each_role_may_do_all_that_the_one_below_may() -> None:
    order = [StaffRole.VIEWER, StaffRole.SERVICE, StaffRole.OPERATOR, StaffRole.OWNER]
    for below, above in itertools.pairwise(order):
        assert ALLOWED[below] < ALLOWED[above]


@pytest.mark.parametrize("verb", [Verb.PUSH, Verb.RESUME_ALL, Verb.CONTINUE, Verb.CONFIRM, Verb.PAUSE])
def test_customer_service_and_viewers_move_nothing_large(verb: Verb) -> None:
    assert verb not in ALLOWED[StaffRole.SERVICE] | ALLOWED[StaffRole.VIEWER]


def test_whoever_talks_to_customers_may_stop_everything_without_a_code() -> None:
    assert Verb.STOP_ALL in ALLOWED[StaffRole.SERVICE]
    assert Verb.STOP_ALL not in CONFIRMED


def test_whoever_may_ask_for_something_confirmed_may_confirm() -> None:
    for verbs in ALLOWED.values():
        assert Verb.CONFIRM in verbs or not verbs & CONFIRMED


def test_every_verb_has_a_request_and_a_command() -> None:
    assert set(BY_VERB) == set(Verb)
    said_with_another = {  # /预览 朋友圈, /推送 名字 试发, /账号 丢失, /账号 找回
        Verb.PREVIEW_MOMENTS, Verb.TRY_PUSH, Verb.LOSE_ACCOUNT, Verb.FIND_ACCOUNT,
    }  # fmt: skip
    assert {command.verb for command in COMMANDS} == set(Verb) - TERMINAL_ONLY - said_with_another


def test_no_name_means_two_commands_and_every_usage_is_written() -> None:
    names = [name for command in COMMANDS for name in command.names]
    assert len(names) == len(set(names))
    assert all(command.usage.startswith("/") for command in COMMANDS)


@pytest.mark.parametrize("kind", list(BY_VERB.values()))
def test_a_request_comes_back_from_json_as_it_went(kind: type[Request]) -> None:
    assert request_of(kind().as_json()) == kind()


def test_an_owner_looks_after_everything_others_after_what_is_named() -> None:
    accounts = frozenset({"lin-1"})
    assert Staff("a", "A", StaffRole.OWNER, accounts).looks_after("lin-2")
    assert not Staff("b", "B", StaffRole.OPERATOR, accounts).looks_after("lin-2")
    assert Staff("c", "C", StaffRole.OPERATOR, frozenset()).looks_after("lin-2")


@given(st.from_regex(r"[wWｗ][xX][ -]?[0-9A-Za-z]{4}[ -]?[0-9A-Za-z]{4}", fullmatch=True) | st.text(max_size=60))
def test_reading_a_code_never_raises_and_invents_none(text: str) -> None:
    code = code_in(text)
    assert code is None or set(code.replace("WX-", "", 1).replace("-", "")) <= set(ALPHABET)


@pytest.mark.parametrize("text", ["WX-ABCD-2345", " wx-abcd-2345 ", "ＷＸ－ＡＢＣＤ－２３４５", "wxabcd2345"])
def test_codes_are_read_as_people_type_them(text: str) -> None:
    assert code_in(text) == "WX-ABCD-2345"


@pytest.mark.parametrize("text", ["", "WX-ABCD-234", "我的码是 WX-ABCD-2345", "WX-ABCD-2340", "wxid_abcd2345"])
def test_other_words_are_no_code(text: str) -> None:
    assert code_in(text) is None
