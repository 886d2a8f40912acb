"""`init` writes what works at once, and never over what somebody wrote; `accounts new` adds and changes nothing."""

import json
from pathlib import Path

import pytest

from tests.wxfleet.small_shop import ACCOUNT, open_shop
from texts.errors import ConfigurationInvalid
from texts.yaml_tree import build, plain
from wxfleet.errors import AccountExists, FilesInTheWay, FolderUnusable, NoSuchAccount, OddLayout
from wxfleet.generated import outdated
from wxfleet.reading.check import check, errors_in
from wxfleet.reading.schema import schema_files, write_schemas
from wxfleet.reading.settings import load
from wxfleet.terminal.init import Stage, start
from wxfleet.terminal.new_account import add_account

MODELINE = "# yaml-language-server: $schema="


def test_what_is_generated_is_up_to_date() -> None:
    """The reference in docs/ and the templates equal their sources; `python -m wxfleet.generated` renews them."""
    assert outdated() == []


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_is_valid_as_it_is_written_and_runs_on_the_simulator(tmp_path: Path, stage: Stage) -> None:
    started = start(tmp_path / "店", stage)
    assert errors_in(check(tmp_path / "店" / "config.yaml")) == []
    settings = load(tmp_path / "店" / "config.yaml")
    assert settings.mode == "live"
    assert settings.all_simulated
    assert "wxfleet run" in started.next_steps
    assert all(path.is_file() for path in started.files)


def test_whoever_stands_in_the_folder_is_not_sent_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = start(Path()).next_steps.splitlines()
    assert here[0] == "写好了，就在当前文件夹。接下来："
    assert here[1].startswith("  1. wxfleet run")
    below = start(Path("shop")).next_steps.splitlines()
    assert below[0] == "写好了，在 shop。接下来："
    assert below[1:3] == ["  1. cd shop", here[1].replace("1.", "2.")]


def test_a_single_shop_is_one_account_one_person_and_no_staff_room(tmp_path: Path) -> None:
    start(tmp_path, Stage.SINGLE)
    settings = load(tmp_path / "config.yaml")
    assert len(settings.accounts) == len(settings.staff) == 1
    assert settings.staff_room is None
    assert settings.accounts[0].holder == settings.staff[0].id
    assert [path.name for path in (tmp_path / "personas").iterdir()] == ["influencer-lin.yaml"]


def test_a_real_gateway_is_a_matter_of_comment_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WXFLEET_TOKEN_ME_1", "token")
    start(tmp_path, Stage.SINGLE)
    path = tmp_path / "config.yaml"
    lines = path.read_text(encoding="utf-8").split("\n")
    at = next(n for n, line in enumerate(lines) if "gateway: {kind: simulator}" in line)
    lines[at] = "#" + lines[at]
    lines[at + 1 :] = [line.replace("    # ", "    ", 1) for line in lines[at + 1 :]]
    path.write_text("\n".join(lines).replace("mode: live", "mode: dry_run"), encoding="utf-8")
    account = load(path).accounts[0]
    assert account.gateway.kind == "wechaty"
    assert not account.armed


@pytest.mark.parametrize("stage", list(Stage))
def test_every_written_yaml_names_its_schema_and_the_schema_is_there(tmp_path: Path, stage: Stage) -> None:
    for path in start(tmp_path, stage).files:
        if path.suffix == ".yaml":
            first = path.read_text(encoding="utf-8").splitlines()[0]
            assert first.startswith(MODELINE), path
            assert (path.parent / first.removeprefix(MODELINE)).is_file(), path


def test_init_refuses_to_overwrite_and_says_which_files(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(FilesInTheWay, match=r"config\.yaml"):
        start(tmp_path, Stage.SINGLE)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
    assert (tmp_path / "config.yaml").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_can_not_be_made_is_a_sentence_and_nothing_stays_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(FolderUnusable):
        start(tmp_path / "file" / "shop", Stage.SINGLE)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "personas").write_text("in the way", encoding="utf-8")
    with pytest.raises(FolderUnusable):
        start(tmp_path / "shop", Stage.SINGLE)
    assert [path.name for path in (tmp_path / "shop").rglob("*") if path.is_file()] == ["personas"]


def test_schemas_are_draft_7_and_explain_in_chinese(tmp_path: Path) -> None:
    assert [path.name for path in write_schemas(tmp_path)] == list(schema_files())
    for content in schema_files().values():
        text = content.decode()
        assert json.loads(text)["$schema"] == "http://json-schema.org/draft-07/schema#"
        assert "prefixItems" not in text
        assert '"discriminator"' not in text
    fleet = json.loads(schema_files()["fleet.schema.json"])
    assert "功能定位" in fleet["$defs"]["AccountConfig"]["properties"]["role"]["description"]
    assert fleet["additionalProperties"] is False


def _accounts(path: Path) -> list[dict[str, object]]:
    accounts: list[dict[str, object]] = plain(build(path.read_text(encoding="utf-8-sig"))[0])["accounts"]
    return accounts


def _kept(before: str, after: str) -> bool:
    """Do all lines of `before` stand in `after`, in their order?"""
    lines = iter(after.splitlines())
    return all(line in lines for line in before.splitlines())


def test_a_copy_of_a_persona_with_mirrors_becomes_a_mirror_of_its_own(tmp_path: Path) -> None:
    start(tmp_path, Stage.MATRIX)
    path = tmp_path / "config.yaml"
    before = path.read_text(encoding="utf-8")
    added = add_account(path, "lin-1")
    assert (added.id, added.persona) == ("lin-4", "influencer-lin-mirror-3")
    assert (tmp_path / "personas" / "influencer-lin-mirror-3.yaml").is_file()
    settings = load(path)
    new = next(account for account in settings.accounts if account.id == "lin-4")
    assert (new.main, new.armed, new.holder, new.opened) == (False, False, "fan", None)
    assert _kept(before, path.read_text(encoding="utf-8"))
    assert list(tmp_path.glob(".config*")) == []
    assert add_account(path, "lin-2").persona == "influencer-lin-mirror-4"


def test_a_copy_of_a_clerk_shares_the_persona(tmp_path: Path) -> None:
    start(tmp_path, Stage.MATRIX)
    added = add_account(tmp_path / "config.yaml", "xiaoyu-1")
    assert (added.id, added.persona) == ("xiaoyu-2", "assistant-xiaoyu")
    assert added.files == (tmp_path / "config.yaml",)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("tail", ["", "\n", "\n\n# the end\n", "\nmode: dry_run\n"])
def test_the_copy_stands_behind_its_model_whatever_the_layout(tmp_path: Path, newline: str, tail: str) -> None:
    accounts = (
        "  # the clerk\n"
        "  - id: clerk-1   # first\n"
        "    persona: clerk\n"
        "    role: sales\n"
        "\n"
        "    # a comment inside\n"
        "    gateway:\n"
        "      kind: simulator\n"
        "  # about the next\n"
        "  - {id: lin-1, persona: lin, role: sales, gateway: {kind: simulator}}"
    )
    path = open_shop(tmp_path, tail, accounts=accounts)
    text = "\ufeff" + path.read_text(encoding="utf-8")
    path.write_bytes(text.replace("\n", newline).encode())
    add_account(path, "clerk-1")
    add_account(path, "lin-1")
    after = path.read_bytes().decode()
    assert [account["id"] for account in _accounts(path)] == ["clerk-1", "clerk-2", "lin-1", "lin-2"]
    assert after.startswith("\ufeff")
    assert _kept(text, after)
    assert after.count("\n") == after.count(newline)
    assert after.index("clerk-2") < after.index("# about the next") < after.index("lin-1")


def test_lists_without_indentation_take_a_copy_too(tmp_path: Path) -> None:
    path = open_shop(tmp_path, "mode: dry_run\n", accounts=ACCOUNT.replace("  - ", "- "))
    add_account(path, "lin-1", new_id="lin-b")
    assert [account["id"] for account in _accounts(path)] == ["lin-1", "lin-b"]


def test_a_copy_of_a_real_account_gets_a_token_and_an_endpoint_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_A", "secret-a")
    account = (
        "  - {id: a-1, persona: clerk, role: sales, armed: true,"
        ' gateway: {kind: wechaty, endpoint: "127.0.0.1:19001", token: "${TOKEN_A}", tls: off}}\n'
    )
    path = open_shop(tmp_path, accounts=account)
    added = add_account(path, "a-1")
    gateway = {"kind": "wechaty", "endpoint": "127.0.0.1:19002", "token": "${WXFLEET_TOKEN_A_2}", "tls": "off"}
    assert _accounts(path)[1]["gateway"] == gateway
    assert _accounts(path)[1]["armed"] is False
    assert "WXFLEET_TOKEN_A_2" in added.next_steps
    assert "secret-a" not in path.read_text(encoding="utf-8")


def test_an_unknown_account_or_a_taken_id_changes_nothing(tmp_path: Path) -> None:
    path = open_shop(tmp_path)
    before = path.read_bytes()
    with pytest.raises(NoSuchAccount, match="没有叫 lin-2") as caught:
        add_account(path, "lin-2")
    assert "lin-1" in caught.value.hint
    for taken in ("lin-1", "Lin 2", "../x"):
        with pytest.raises(AccountExists):
            add_account(path, "lin-1", new_id=taken)
    assert path.read_bytes() == before
    assert sorted(p.name for p in (tmp_path / "personas").iterdir()) == [
        "clerk.yaml",
        "lin-mirror-1.yaml",
        "lin.yaml",
        "mentor.yaml",
    ]


def test_a_layout_without_a_safe_place_is_left_alone_and_the_block_is_shown(tmp_path: Path) -> None:
    path = open_shop(tmp_path)
    text = path.read_text(encoding="utf-8").replace("accounts:\n  - ", "accounts: [").replace("}}\n", "}}]\n")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(OddLayout) as caught:
        add_account(path, "lin-1")
    assert "- id: lin-2" in caught.value.hint
    assert path.read_text(encoding="utf-8") == text
    assert not (tmp_path / "personas" / "lin-mirror-2.yaml").exists()


def test_nothing_is_added_to_a_config_with_mistakes(tmp_path: Path) -> None:
    path = open_shop(tmp_path, "modus: live\n")
    before = path.read_bytes()
    with pytest.raises(ConfigurationInvalid):
        add_account(path, "lin-1")
    assert path.read_bytes() == before
