"""`check` names every mistake of every file, in order, and says whether a run could start."""

from pathlib import Path

from tests.wxfleet.small_shop import ACCOUNT, open_shop
from wxfleet.check import as_document, check, errors_in, verdict

ROOT = Path(__file__).parents[2]


def test_everything_that_is_committed_is_without_errors() -> None:
    assert errors_in(check(ROOT / "config.yaml")) == []


def test_a_valid_shop_is_told_so(tmp_path: Path) -> None:
    found = check(open_shop(tmp_path))
    assert found == []
    assert "没有问题" in verdict(found)
    assert as_document(found) == {"ok": True, "errors": 0, "warnings": 0, "mistakes": [], "overridden": []}


def test_mistakes_come_by_file_and_line_with_errors_and_warnings_apart(tmp_path: Path) -> None:
    accounts = ACCOUNT.replace("role:", "limits: {friends: 9000}, rolle:")
    path = open_shop(tmp_path, "modus: live\n", accounts=accounts, clerk="id: clerk\nkind: nobody\n")
    found = check(path)
    assert found == sorted(found)
    document = as_document(found)
    assert document["ok"] is False
    assert document["warnings"] == 1
    assert document["errors"] == len(found) - 1
    assert {Path(mistake["file"]).name for mistake in document["mistakes"]} >= {"config.yaml", "clerk.yaml"}
    unknown = next(m for m in document["mistakes"] if m["suggestion"] == "role")
    assert (unknown["line"], unknown["severity"]) == (3, "error")
    assert "1 处提醒" in verdict(found)


def test_warnings_alone_do_not_stop_a_run(tmp_path: Path) -> None:
    found = check(open_shop(tmp_path, accounts=ACCOUNT.replace("role:", "limits: {friends: 9000}, role:")))
    assert as_document(found)["ok"] is True
    assert "没有错误" in verdict(found)


def test_files_are_checked_even_when_the_config_can_not_be_read(tmp_path: Path) -> None:
    path = open_shop(tmp_path, clerk="id: clerk\nkind: nobody\n")
    path.write_text("accounts: [", encoding="utf-8")
    assert {Path(mistake.file).name for mistake in check(path)} == {"config.yaml", "clerk.yaml"}


def test_the_ladder_climbs_or_says_at_which_step_it_does_not(tmp_path: Path) -> None:
    path = open_shop(tmp_path)
    (tmp_path / "ladder.yaml").write_text(
        "levels:\n"
        "  - {id: friend, name: 朋友, any_purchase: true}\n"
        "  - {id: VIP1, name: 一}\n"
        "  - {id: VIP2, name: 二, from_net_yuan: 300}\n"
        "  - {id: VIP2, name: 三, from_net_yuan: 200}\n",
        encoding="utf-8",
    )
    places = [(mistake.line, mistake.column) for mistake in check(path)]
    assert places == [(2, 5), (3, 5), (5, 5), (5, 5)]


def post(kind: str = "life", text: str = "早安", more: str = "") -> str:
    return f'posts:\n  - {{name: p, kind: {kind}, at: "10:20", text: {text}{more}}}\n'


def test_the_calendar_names_personas_and_accounts_that_exist(tmp_path: Path) -> None:
    path = open_shop(tmp_path)
    moments = tmp_path / "moments"
    moments.mkdir()
    (moments / "a.yaml").write_text("persona: linn\n" + post(), encoding="utf-8")
    (moments / "b.yaml").write_text("accounts: [lin-9]\n" + post(), encoding="utf-8")
    (moments / "c.yaml").write_text("persona: lin-mirror-1\n" + post(), encoding="utf-8")
    found = check(path)
    assert [(Path(m.file).name, m.suggestion) for m in found] == [
        ("a.yaml", "lin"),
        ("b.yaml", "lin-1"),
        ("c.yaml", "lin"),
    ]


def test_a_training_account_sells_nothing_in_its_moments(tmp_path: Path) -> None:
    accounts = ACCOUNT + "  - {id: m, persona: mentor, role: training, gateway: {kind: simulator}}\n"
    path = open_shop(tmp_path, accounts=accounts)
    (tmp_path / "moments").mkdir()
    (tmp_path / "moments" / "m.yaml").write_text("persona: mentor\n" + post("product"), encoding="utf-8")
    (found,) = check(path)
    assert (found.line, found.column) == (3, 21)
    assert "product" in found.reason


def test_words_that_do_harm_are_found_in_posts_and_pushes_and_missing_pictures_too(tmp_path: Path) -> None:
    path = open_shop(tmp_path)
    for folder in ("moments", "pushes", "media"):
        (tmp_path / folder).mkdir()
    (tmp_path / "moments" / "m.yaml").write_text(
        "persona: lin\n" + post(text="全网最低价", more=", media: [none.jpg]"), encoding="utf-8"
    )
    (tmp_path / "pushes" / "p.yaml").write_text(
        "name: p\ntitle: 福利\nwho: {levels: [VIP1, VIP7]}\nwords: {default: '尊敬的客户，{{ coupon }}'}\n",
        encoding="utf-8",
    )
    found = [(Path(m.file).name, m.line) for m in check(path)]
    assert found.count(("m.yaml", 3)) == 2
    assert ("p.yaml", 3) in found  # no level VIP7
    assert found.count(("p.yaml", 4)) >= 2  # an unknown variable, the tone of an office
