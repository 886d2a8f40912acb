"""config.yaml is read whole, or refused with every mistake at its place and nothing started."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.account import WechatyGateway
from rules.roles import Role
from tests.wxfleet.small_shop import ACCOUNT, HEAD, mistakes, open_shop, real
from texts.errors import ConfigurationInvalid
from texts.problem import ExitCode
from wxfleet.errors import NoConfig
from wxfleet.reading.settings import examine, load
from wxfleet.running.service import data_folder

ROOT = Path(__file__).parents[2]


def test_the_committed_config_is_valid_and_is_the_matrix_of_eight() -> None:
    settings = load(ROOT / "config.yaml", strict=False)
    roles = {account.id: account.role for account in settings.accounts}
    assert roles == {
        "xiaoyu-1": Role.ACQUISITION,
        "ahua-1": Role.ACQUISITION,
        "taotao-1": Role.ACQUISITION,
        "suye-1": Role.SALES,
        "lin-1": Role.SALES,
        "lin-2": Role.SALES,
        "lin-3": Role.SALES,
        "qin-1": Role.TRAINING,
    }
    assert settings.mode == "live"
    assert settings.all_simulated
    assert [account.id for account in settings.accounts if account.main] == ["lin-1"]


def test_paths_belong_to_the_folder_of_the_config_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = open_shop(tmp_path / "shop", "database: sqlite:///data/x.db\n")
    monkeypatch.chdir(tmp_path)
    settings = load(Path("shop/config.yaml"))
    assert settings.personas == tmp_path / "shop" / "personas"
    assert settings.database_url == f"sqlite:///{tmp_path}/shop/data/x.db"
    assert path.is_file()


def test_home_moves_all_paths_together(tmp_path: Path) -> None:
    open_shop(tmp_path / "home")
    (tmp_path / "elsewhere").mkdir()
    moved = (tmp_path / "home" / "config.yaml").rename(tmp_path / "elsewhere" / "config.yaml")
    settings = load(moved, tmp_path / "home")
    assert settings.moments == tmp_path / "home" / "moments"
    assert settings.database_url == f"sqlite:///{tmp_path}/home/data/wxfleet.db"


def test_data_beside_a_server_lies_beside_the_config_wherever_the_personas_are(tmp_path: Path) -> None:
    path = open_shop(tmp_path / "shop", "database: postgresql://u@h/d\npersonas: ../cast/people\n")
    (tmp_path / "cast").mkdir()
    (tmp_path / "shop" / "personas").rename(tmp_path / "cast" / "people")
    assert data_folder(load(path)) == tmp_path / "shop" / "data"
    assert data_folder(load(path, tmp_path / "cast", strict=False)) == tmp_path / "cast" / "data"


def test_the_certificate_of_a_gateway_lies_beside_the_config_too(tmp_path: Path) -> None:
    account = real("a", "h:1", "token").replace("kind: wechaty,", "kind: wechaty, tls: certs/ca.pem,")
    gateway = load(open_shop(tmp_path, accounts=account)).accounts[0].gateway
    assert isinstance(gateway, WechatyGateway)
    assert gateway.tls == str(tmp_path / "certs" / "ca.pem")


def test_absolute_paths_and_servers_stay_as_they_are(tmp_path: Path) -> None:
    settings = load(open_shop(tmp_path, f"media: {tmp_path}/m\ndatabase: postgresql://u@h/d\n"))
    assert settings.media == tmp_path / "m"
    assert settings.database_url == "postgresql://u@h/d"
    assert load(open_shop(tmp_path, "database: sqlite:////var/x.db\n")).database_url == "sqlite:////var/x.db"


def test_secrets_come_from_dotenv_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = open_shop(tmp_path, accounts=real("a", "h:1", "${WXFLEET_TOKEN_A}"))
    (tmp_path / ".env").write_text("\ufeffWXFLEET_TOKEN_A='from file'\n", encoding="utf-8")

    def token() -> str:
        gateway = load(path).accounts[0].gateway
        assert isinstance(gateway, WechatyGateway)
        return gateway.token.get_secret_value()

    assert token() == "from file"
    monkeypatch.setenv("WXFLEET_TOKEN_A", "from environment")
    assert token() == "from environment"


def test_settings_show_no_secret_when_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    config = 'database: "postgresql://u:${SECRET}@h/d"\n'
    settings = load(open_shop(tmp_path, config, accounts=real("a", "h:1", "${SECRET}")))
    assert "hunter2" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_mistakes_of_all_files_come_at_once_and_end_with_exit_code_3(tmp_path: Path) -> None:
    path = open_shop(tmp_path, "modes: live\n", lin="id: lin\nkind: influenser\n")
    (tmp_path / "ladder.yaml").write_text("levels: []\n", encoding="utf-8")
    with pytest.raises(ConfigurationInvalid) as caught:
        load(path)
    assert caught.value.exit_code is ExitCode.CONFIGURATION_INVALID
    files = {Path(mistake.file).name for mistake in caught.value.mistakes}
    assert {"config.yaml", "lin.yaml", "ladder.yaml"} <= files
    assert "4:1: 不认识 modes 这一项（是不是想写 mode？）" in str(caught.value)


def test_without_strict_only_the_config_itself_must_be_valid(tmp_path: Path) -> None:
    path = open_shop(tmp_path, lin="id: [")
    assert load(path, strict=False).shop.name == "小林的衣橱"
    with pytest.raises(ConfigurationInvalid):
        load(open_shop(tmp_path, "modes: live\n"), strict=False)


def test_one_wrong_value_hides_no_other_mistake(tmp_path: Path) -> None:
    accounts = ACCOUNT + "  - {id: lin-1, persona: nobody, role: boss, gateway: {kind: simulator}, x: 1}\n"
    assert mistakes(open_shop(tmp_path, accounts=accounts)) == [
        "4:10: 这个编号前面已经用过（lin-1），请换一个",
        "4:26: personas/ 里没有叫 nobody 的人设",
        "4:40: role 只能是 acquisition、sales、training",
        "4:74: 不认识 x 这一项",
    ]


def test_a_date_written_as_a_bare_number_is_not_taken_for_seconds_since_1970(tmp_path: Path) -> None:
    (found,) = mistakes(open_shop(tmp_path, accounts=ACCOUNT.replace("role:", "opened: 20240301, role:")))
    assert "2024-03-01" in found


def test_a_config_that_is_missing_or_a_folder_is_a_mistake_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(NoConfig, match="wxfleet init"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ConfigurationInvalid):
        load(tmp_path)


_values = st.recursive(
    st.sampled_from(["1", "x", "lin-1", "true", "null", "1.5", '""', "sales", "wechaty", "22:30"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(
            st.sampled_from(
                ["id", "persona", "role", "gateway", "kind", "accounts", "limits", "wechat", "code", "desk"]
            ),
            inner,
            max_size=4,
        ).map(lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}"),
    ),
    max_leaves=12,
)


@given(st.sampled_from(["accounts", "staff", "channels", "shop", "limits", "staff_room", "personas", "media"]), _values)
def test_whatever_stands_in_a_section_is_judged_without_failing(
    tmp_path_factory: pytest.TempPathFactory, section: str, value: str
) -> None:
    path = tmp_path_factory.mktemp("shop") / "config.yaml"
    path.write_text(f"{HEAD if section != 'shop' else ''}{section}: {value}\n", encoding="utf-8")
    assert not examine(path).valid


def test_a_secret_in_the_wrong_place_is_not_shown_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    account = '  - {id: lin-1, persona: "${SECRET}", role: "${SECRET}", holder: "${SECRET}", time_zone: "${SECRET}",'
    account += ' gateway: {kind: "${SECRET}"}}\n'
    config = 'mode: "${SECRET}"\ndatabase: "${SECRET}"\nstaff_room: {desk: "${SECRET}"}\n"${SECRET}": 1\n'
    found = examine(open_shop(tmp_path, config, accounts=account)).mistakes
    assert len(found) >= 8
    assert "hunter2" not in "".join(map(str, found))


def test_the_example_of_the_contract_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key that people and scripts rely on, as they write it."""
    monkeypatch.setenv("WXFLEET_TOKEN_LIN_2", "token")
    path = open_shop(tmp_path)
    path.write_text(
        'shop: {name: 小林的衣橱, brand: XL, contact: "400-000-0000", time_zone: Asia/Shanghai, goal: repurchase,\n'
        "       style: {taste: [法式, 松弛], topics: [穿搭, 咖啡], never: [亲们]}}\n"
        "mode: dry_run\n"
        "database: sqlite:///data/wxfleet.db\n"
        "personas: personas/\nladder: ladder.yaml\nsegments: segments/\npushes: pushes/\nmoments: moments/\n"
        "media: media/\n"
        "staff:\n"
        '  - {id: owner, name: 老板, wechat: [wxid_boss], role: owner, shift: "09:00-18:00", accounts: [lin-1]}\n'
        'staff_room: {id: "19283@chatroom", desk: lin-1}\n'
        "limits: {}\n"
        "simulator: {speed: 60, seed: 7}\n"
        "accounts:\n"
        "  - id: lin-1\n    persona: lin\n    role: sales\n    main: true\n    position: 主理人\n    holder: owner\n"
        "    opened: 2024-03-01\n    time_zone: Asia/Shanghai\n    armed: true\n"
        "    limits: {friends: 5000, visible: 3000, reserve: 0.1}\n"
        "    gateway: {kind: simulator}\n    publisher: {kind: assisted}\n"
        "  - id: lin-2\n    persona: lin-mirror-1\n    role: sales\n"
        '    gateway: {kind: wechaty, endpoint: "127.0.0.1:19001", token: "${WXFLEET_TOKEN_LIN_2}", tls: off,\n'
        "              tls_name: insecure}\n"
        "channels:\n"
        "  - {code: parcel-card, name: 包裹卡, accounts: [lin-1, lin-2], reserved: true}\n",
        encoding="utf-8",
    )
    assert examine(path).mistakes == []
    settings = load(path)
    gateway = settings.accounts[1].gateway
    assert isinstance(gateway, WechatyGateway)
    assert (gateway.tls, gateway.tls_name) == ("off", "insecure")
    assert str(settings.accounts[0].opened) == "2024-03-01"
    assert settings.channels[0].reserved
    assert not settings.all_simulated
