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
    assert as_document(found) == {"ok": True, "errors": 0, "warnings": 0, "mistakes": []}


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
