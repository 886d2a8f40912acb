"""The book of personas: every mistake at once, each with its place."""

from pathlib import Path

import pytest

from personas.book import load_book
from personas.errors import NoSuchPersona
from personas.model import Style
from rules.roles import PersonaKind, Role
from tests.personas.conftest import Write
from texts.errors import Mistake, Severity


def said(mistakes: list[Mistake]) -> str:
    return "\n".join(map(str, mistakes))


def the_one(mistakes: list[Mistake]) -> Mistake:
    assert len(mistakes) == 1, said(mistakes)
    return mistakes[0]


def test_a_whole_persona_has_no_mistakes_and_the_roles_of_its_kind(write: Write) -> None:
    book, mistakes = load_book(write("fish"))
    assert said(mistakes) == ""
    assert book.get("fish").playable == {Role.ACQUISITION, Role.SALES}


def test_a_mirror_has_everything_of_its_source_but_what_it_says_itself(write: Write) -> None:
    write("fish", kind="influencer")
    text = "id: echo\nkind: mirror\nmirror_of: fish\nprofile: {nickname: 小鱼二号}\n"
    book, mistakes = load_book(write("echo", text))
    echo, fish = book.resolved("echo"), book.resolved("fish")
    assert said(mistakes) == ""
    assert (echo.id, echo.kind, echo.mirror_of) == ("echo", PersonaKind.MIRROR, "fish")
    assert echo.profile.nickname == "小鱼二号"
    assert echo.playable == fish.playable == {Role.SALES}
    assert (echo.replies, echo.welcome, echo.voice) == (fish.replies, fish.welcome, fish.voice)
    assert [mirror.id for mirror in book.mirrors_of("fish")] == ["echo"]


def test_a_nested_setting_of_a_mirror_leaves_its_siblings_alone(write: Write) -> None:
    write("fish", changes={"{nickname: 小鱼}": "{nickname: 小鱼, signature: 快, region: 杭州}"})
    book, _ = load_book(write("echo", "id: echo\nkind: mirror\nmirror_of: fish\nprofile: {region: 苏州}\n"))
    profile = book.resolved("echo").profile
    assert (profile.nickname, profile.signature, profile.region) == ("小鱼", "快", "苏州")


def test_a_mirrors_own_welcome_counts_with_its_sources_disclosure(write: Write) -> None:
    write("fish")
    text = "id: echo\nkind: mirror\nmirror_of: fish\nwelcome: '{{ call_me }}，{{ disclosure }}'\n"
    assert said(load_book(write("echo", text))[1]) == ""


def test_a_mirrors_own_disclosure_must_keep_the_way_out(write: Write) -> None:
    write("fish")
    text = "id: echo\nkind: mirror\nmirror_of: fish\ndisclosure: '{{ shop }}的'\n"
    assert the_one(load_book(write("echo", text))[1]).line == 4


def test_a_broken_source_does_not_stop_the_check_of_its_mirror(write: Write) -> None:
    write("fish", changes={"我是{{ shop }}": "我是{{ shop() }}"})
    text = "id: echo\nkind: mirror\nmirror_of: fish\nwelcome: '{{ disclosure }}'\n"
    assert Path(the_one(load_book(write("echo", text))[1]).file).name == "fish.yaml"


def test_what_editors_leave_in_the_folder_is_no_persona(write: Write) -> None:
    folder = write("fish")
    (folder / "._fish.yaml").write_bytes(b"\x00\x05\x16\x07")
    assert said(load_book(folder)[1]) == ""


def test_an_unknown_source_is_named_with_its_place_and_the_nearest(write: Write) -> None:
    write("influencer-lin")
    mistake = the_one(load_book(write("echo", "id: echo\nkind: mirror\nmirror_of: influencer-lim\n"))[1])
    assert (Path(mistake.file).name, mistake.line, mistake.column) == ("echo.yaml", 3, 12)
    assert mistake.suggestion == "influencer-lin"


def test_a_mirror_of_a_mirror_is_refused_and_the_source_suggested(write: Write) -> None:
    write("fish")
    write("echo", "id: echo\nkind: mirror\nmirror_of: fish\n")
    mistake = the_one(load_book(write("faint", "id: faint\nkind: mirror\nmirror_of: echo\n"))[1])
    assert (mistake.line, mistake.suggestion) == (3, "fish")


def test_a_source_with_mistakes_of_its_own_is_not_called_unknown(write: Write) -> None:
    write("fish", changes={"audience: 新朋友": "audiense: 新朋友"})
    text = "id: echo\nkind: mirror\nmirror_of: fish\nwelcome: '{{ disclosure }}'\n"
    _, mistakes = load_book(write("echo", text))
    assert {Path(mistake.file).name for mistake in mistakes} == {"fish.yaml"}


def test_a_mirror_without_source_and_a_source_without_mirror_are_refused(write: Write) -> None:
    write("echo", "id: echo\nkind: mirror\n")
    write("fish", changes={"audience:": "mirror_of: other\naudience:"})
    assert [mistake.line for mistake in load_book(write("other"))[1]] == [2, 3]


def test_two_files_with_one_id_are_told_which(write: Write) -> None:
    write("a", changes={"id: a": "id: fish"})
    mistake = the_one(load_book(write("b", changes={"id: b": "id: fish"}))[1])
    assert Path(mistake.file).name == "b.yaml"
    assert "a.yaml" in mistake.reason


@pytest.mark.parametrize(
    ("kind", "role"),
    [("mentor", "sales"), ("designer", "acquisition"), ("assistant", "training"), ("influencer", "training")],
)
def test_a_kind_plays_only_its_roles(write: Write, kind: str, role: str) -> None:
    changes = {"audience:": f"roles: [{role}]\naudience:"}
    assert the_one(load_book(write("fish", kind=kind, changes=changes))[1]).line == 3


def test_a_role_of_a_mirror_is_its_sources(write: Write) -> None:
    write("fish")
    text = "id: echo\nkind: mirror\nmirror_of: fish\nroles: [sales]\n"
    assert the_one(load_book(write("echo", text))[1]).line == 4


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"answers: [在的]": 'answers: ["{{ 在.的 }}"]'}, 13),
        ({"answers: [在的]": 'answers: ["{{ call_mee }}"]'}, 13),
        ({"我是{{ shop }}": "我是{{ disclosure }}"}, 11),
        ({"answers: [在的]": 'answers: ["{{ level }}"]'}, 13),
        ({"{{ call_me }}你好": "{{ call_me }"}, 10),
        ({"keywords: [你好], ": ""}, 13),
        ({"[一, 二, 三, 四, 五]": "[一, 二]"}, 8),
        ({"回“退订”就不再发": "有事找我"}, 10),
        ({"portrait: 打包的\n": ""}, 1),
        ({"disclosure:": "templates: {birthdya: [x]}\ndisclosure:"}, 11),
        ({"disclosure:": "moments: {mix: {life: 50, opinion: 20}}\ndisclosure:"}, 11),
        ({"answers: [在的]": "answers: [全网第一好看]"}, 13),
        ({"answers: [在的]": "answers: [亲们好]"}, 13),
        ({"answers: [在的]": "answers: [这是我们的鱼塘]"}, 13),
    ],
    ids=str,
)
def test_each_mistake_stands_at_its_line(write: Write, changes: dict[str, str], line: int) -> None:
    _, mistakes = load_book(write("fish", changes=changes), Style(never=("亲们",)))
    assert line in [mistake.line for mistake in mistakes if mistake.severity is Severity.ERROR], said(mistakes)


def test_a_wrong_name_in_a_template_is_answered_with_the_right_one(write: Write) -> None:
    folder = write("fish", changes={"answers: [在的]": 'answers: ["{{ call_mee }}"]'})
    assert the_one(load_book(folder)[1]).suggestion == "call_me"


def test_a_template_error_in_a_long_text_names_the_line_within(write: Write) -> None:
    folder = write(
        "fish", changes={"answers: [在的]}": "answers: [在的]}\ntemplates:\n  unknown: |\n    好\n    {{ x() }}"}
    )
    assert "第 2 行" in the_one(load_book(folder)[1]).reason


def test_two_replies_with_one_name_are_refused(write: Write) -> None:
    twice = "answers: [在的]}\n  - {name: hello, keywords: [嗨], answers: [在]}"
    assert the_one(load_book(write("fish", changes={"answers: [在的]}": twice}))[1]).line == 14


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    book, mistakes = load_book(tmp_path)
    assert book.all() == []
    assert "wxfleet init" in the_one(mistakes).reason


def test_a_persona_nobody_wrote_is_answered_with_the_nearest(write: Write) -> None:
    book, _ = load_book(write("influencer-lin"))
    with pytest.raises(NoSuchPersona, match="influencer-lin"):
        book.get("influencer-lim")
