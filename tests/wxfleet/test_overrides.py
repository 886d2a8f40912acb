"""The environment over config.yaml: which variable is which key, who wins, and that no secret is shown."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wxfleet.small_shop import ACCOUNT, open_shop, real
from texts.problem import ExitCode
from wxfleet.doctor.doctor import as_text, diagnose
from wxfleet.reading.check import overridden_lines
from wxfleet.reading.settings import Examination, Settings, examine

PASSWORD = "geheim-4711"


def examined(folder: Path, environment: Mapping[str, str], config: str = "", accounts: str = ACCOUNT) -> Examination:
    return examine(open_shop(folder, config, accounts=accounts), environment=environment)


def settings(folder: Path, environment: Mapping[str, str], config: str = "") -> Settings:
    examination = examined(folder, environment, config)
    assert examination.settings is not None, examination.mistakes
    return examination.settings


def told(examination: Examination) -> list[str]:
    return [str(mistake) for mistake in examination.mistakes]


def test_a_variable_wins_over_the_file_at_any_depth_and_for_keys_the_file_lacks(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        {
            "WXFLEET_SIMULATOR__SPEED": "120", "WXFLEET_MODE": "live", "WXFLEET_SHOP__STYLE__TOPICS": "[咖啡, 穿搭]",
            "WXFLEET_METRICS__LISTEN": "127.0.0.1:9465", "WXFLEET_LIMITS__FRIENDS": "4000",
            "WXFLEET_SHOP__NAME": "0123",
        },
        "simulator: {speed: 5, seed: 9}\nlimits: {visible: 2000}\n",
    )  # fmt: skip
    assert (found.simulator.speed, found.simulator.seed, found.mode) == (120, 9, "live")
    assert found.shop.name == "0123"
    assert list(found.shop.style.topics) == ["咖啡", "穿搭"]
    assert found.metrics is not None
    assert found.metrics.address == ("127.0.0.1", 9465)
    limits = found.limits_of(found.accounts[0])
    assert (limits.friends, limits.visible) == (4000, 2000)


def test_the_environment_wins_over_dotenv_and_dotenv_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WXFLEET_SIMULATOR__SPEED=7\nWXFLEET_SIMULATOR__SEED=8\n", encoding="utf-8")
    found = settings(tmp_path, {"WXFLEET_SIMULATOR__SPEED": "9"}, "simulator: {speed: 5, seed: 5}\n")
    assert (found.simulator.speed, found.simulator.seed) == (9, 8)


def test_an_empty_variable_and_one_that_the_file_asks_for_itself_change_nothing(tmp_path: Path) -> None:
    environment = {"WXFLEET_MODE": " ", "WXFLEET_TOKEN__1": "t-1", "WXFLEET_MEDIA": PASSWORD, "WXFLEET_CONFIG": "x"}
    found = examined(
        tmp_path, environment, 'database: "postgresql://u:${WXFLEET_MEDIA}@h/d"\n',
        real("a", "h:1", "${WXFLEET_TOKEN__1}"),
    )  # fmt: skip
    assert found.settings is not None
    assert (found.overridden, found.mistakes) == ((), [])
    assert (found.settings.mode, found.settings.media) == ("dry_run", tmp_path / "media")


def test_a_path_and_a_database_from_the_environment_are_relative_to_the_folder_too(tmp_path: Path) -> None:
    found = settings(tmp_path, {"WXFLEET_MEDIA": "pictures", "WXFLEET_DATABASE": "sqlite:///other/x.db"})
    assert found.media == tmp_path / "pictures"
    assert found.database_url == f"sqlite:///{tmp_path}/other/x.db"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("WXFLEET_SIMULATOR__SPED", "3", "环境变量 WXFLEET_SIMULATOR__SPED: 不认识 sped 这一项（是不是想写 speed？）"),
        ("WXFLEET_SIMULATOR__SPEED", "fast", "环境变量 WXFLEET_SIMULATOR__SPEED: speed 应该是数字"),
        ("WXFLEET_MODE", "lve", "环境变量 WXFLEET_MODE: mode 只能是 dry_run、live（是不是想写 live？）"),
        ("WXFLEET_ACCOUNTS__0__ARMED", "true", "环境变量 WXFLEET_ACCOUNTS__0__ARMED: accounts.0.armed 在一个列表里"),
        ("WXFLEET_SHOP__STYLE", "{taste: [a", "环境变量 WXFLEET_SHOP__STYLE: 看不懂这个值"),
        ("WXFLEET_METRICS__LISTEN", "127.0.0.1:70000", "WXFLEET_METRICS__LISTEN: listen 的端口最大是 65535"),
        ("WXFLEET_SHOP__NAME", "${NOWHERE}", "环境变量 WXFLEET_SHOP__NAME: 环境变量 NOWHERE 没有设置"),
    ],
)
def test_a_mistake_names_the_variable_and_starts_nothing(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    found = examined(tmp_path, {name: value})
    assert not found.valid
    assert sentence in "\n".join(told(found))
    assert not any(mistake.file.endswith("config.yaml") for mistake in found.mistakes)


def test_a_variable_that_fits_no_section_is_warned_of_with_the_one_that_was_meant(tmp_path: Path) -> None:
    found = examined(tmp_path, {"WXFLEET_SIMULATER__SPEED": "3"})
    assert found.valid
    (warning,) = told(found)
    assert "WXFLEET_SIMULATER__SPEED" in warning
    assert "是不是想写 WXFLEET_SIMULATOR__SPEED" in warning


async def test_check_and_doctor_say_what_comes_from_where_and_show_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"postgresql://u:{PASSWORD}@127.0.0.1:1/d"
    accounts = f"[{real('a', 'h:1', PASSWORD).strip().removeprefix('- ')}]"
    environment = {"WXFLEET_DATABASE": address, "WXFLEET_MODE": "live", "WXFLEET_ACCOUNTS": accounts}
    found = examined(tmp_path, environment)
    assert overridden_lines(found.overridden) == [
        "accounts = […]（来自环境变量 WXFLEET_ACCOUNTS）", "database = ***（来自环境变量 WXFLEET_DATABASE）",
        "mode = live（来自环境变量 WXFLEET_MODE）",
    ]  # fmt: skip
    assert PASSWORD not in repr(found)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    shown = as_text(await diagnose(tmp_path / "config.yaml", None))
    assert "database（环境变量 WXFLEET_DATABASE）" in shown
    assert PASSWORD not in shown


@pytest.mark.parametrize("value", [f"mysql://u:{PASSWORD}@h/d", f"postgresql://u:{PASSWORD}@h:port/d"])
def test_a_wrong_address_in_a_variable_is_told_without_its_password(tmp_path: Path, value: str) -> None:
    found = examined(tmp_path, {"WXFLEET_DATABASE": value})
    assert "WXFLEET_DATABASE" in told(found)[0]
    assert PASSWORD not in repr(found)


_NAMES = st.lists(st.sampled_from(["shop", "style", "accounts", "0", "limits", "x", "database", ""]), max_size=4)


@given(_NAMES.map("__".join), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))
def test_whatever_stands_in_a_variable_is_judged_without_failing(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    found = examined(folder, {f"WXFLEET_{name.upper()}": value})
    assert found.valid or found.mistakes


def test_what_cannot_be_understood_ends_with_exit_code_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from wxfleet.cli import main

    open_shop(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WXFLEET_MODE", "lve")
    monkeypatch.setattr("sys.argv", ["wxfleet", "status"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == ExitCode.CONFIGURATION_INVALID
    assert "WXFLEET_MODE" in capsys.readouterr().err
