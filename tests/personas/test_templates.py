"""Templates put names into texts and can do nothing else."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personas.errors import TemplateRefused, ValueMissing
from personas.voice import MAX_DEPTH, MAX_TEMPLATE, MAX_TEXT, render, variables

HOSTILE = {
    "memory by repetition": "{{ 'a' * 10**9 }}",
    "arithmetic": "{{ 2 * 3 }}",
    "power": "{{ 9 ** 999999 }}",
    "a negative number": "{{ -x }}",
    "padding": "{{ x|center(999999999) }}",
    "formatting": "{{ '%999999999d'|format(1) }}",
    "the class behind a text": "{{ ''.__class__.__mro__ }}",
    "an attribute": "{{ x.upper }}",
    "an item": "{{ x[0] }}",
    "a call": "{{ x() }}",
    "a loop": "{% for i in x %}{{ i }}{% endfor %}",
    "an assignment": "{% set x = 1 %}",
    "a macro": "{% macro m() %}{% endmacro %}",
    "another file": "{% include '/etc/passwd' %}",
    "inheritance": "{% extends 'x' %}",
    "a block": "{% block b %}{% endblock %}",
    "the template itself": "{{ self }}",
    "a private name": "{{ _x }}",
    "a list": "{{ [1, 2] }}",
    "a mapping": "{{ {'a': 1} }}",
    "a filter's own arguments": "{{ x|default(*x) }}",
    "a test that computes": "{{ x is divisibleby 0 }}",
    "half an emoji": r"{{ '\ud83d' }}",
    "a control character": "\x00",
    "brackets without end": "{{ " + "(" * 1500 + "x" + ")" * 1500 + " }}",
    "choices without end": "{% if x %}" * 150 + "{% endif %}" * 150,
    "an open bracket": "{{ x",
    "an open choice": "{% if x %}",
    "too long": "长" * (MAX_TEMPLATE + 1),
    "a comparison that can't be": "{{ x < 1 }}",
}


@pytest.mark.parametrize("template", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_not_a_plain_template_is_refused_with_its_line(template: str) -> None:
    with pytest.raises(TemplateRefused) as refused:
        render(template, {"x": "花花"})
    assert refused.value.line >= 1
    assert refused.value.hint


@pytest.mark.parametrize("name", ["lipsum", "range", "dict", "cycler", "namespace", "joiner"])
def test_nothing_is_there_that_nobody_gave(name: str) -> None:
    with pytest.raises(ValueMissing, match=name):
        render("{{ " + name + " }}", {})


def test_names_and_choices_are_put_in() -> None:
    template = "{{ call_me }}，{% if code %}口令{{ code }}{% else %}没有口令{% endif %}"
    assert render(template, {"call_me": "花花", "code": "桂花"}) == "花花，口令桂花"
    assert render(template, {"call_me": "花花", "code": ""}) == "花花，没有口令"


def test_a_default_stands_in_for_a_name_that_is_not_given() -> None:
    assert render("{{ gift|default('小礼物') }}", {}) == "小礼物"
    assert render("{{ gift|default('小礼物', boolean=true) }}", {"gift": ""}) == "小礼物"


def test_a_line_number_points_into_the_template() -> None:
    with pytest.raises(TemplateRefused) as refused:
        render("第一行\n第二行\n{{ x() }}", {"x": ""})
    assert refused.value.line == 3


def test_refusals_in_chinese_leak_no_english_reason() -> None:
    with pytest.raises(TemplateRefused) as refused:
        render("{{ x", {})
    assert not set(refused.value.message.replace("if", "").replace("end", "")) & set(string.ascii_letters)


def test_a_text_longer_than_a_message_is_refused() -> None:
    with pytest.raises(TemplateRefused):
        render("{{ x }}", {"x": "长" * (MAX_TEXT + 1)})


def test_plain_text_stays_plain() -> None:
    assert render("1 < 2 & “引号”", {}) == "1 < 2 & “引号”"


@given(st.text(max_size=200))
def test_what_a_customer_wrote_comes_out_letter_by_letter(nickname: str) -> None:
    """Values are data: `{{ shop }}` in a nickname is not a template."""
    assert render("[{{ call_me }}]", {"call_me": nickname, "shop": "秘密"}) == f"[{nickname}]"


@given(st.text(alphabet="{}%#|()[]'\"\\~*.-_ abc1\n", max_size=60))
def test_no_template_does_anything_but_render_or_be_refused(template: str) -> None:
    try:
        text = render(template, {"a": "A", "b": "B", "c": "C"})
    except (TemplateRefused, ValueMissing):
        return
    assert len(text) <= MAX_TEXT


@given(st.integers(min_value=1, max_value=MAX_DEPTH * 2))
def test_depth_is_bounded(depth: int) -> None:
    template = "{% if a %}" * depth + "x" + "{% endif %}" * depth
    if depth <= MAX_DEPTH - 4:
        assert render(template, {"a": 1}) == "x"
    elif depth >= MAX_DEPTH:
        with pytest.raises(TemplateRefused):
            render(template, {"a": 1})


def test_variables_are_the_names_a_template_uses_or_asks_about() -> None:
    template = "{{ call_me }}{% if code %}{{ gift|default('x') }}{% endif %}{# {{ not_me }} #}"
    assert variables(template) == {"call_me", "code", "gift"}
