"""What stands in config.yaml agrees with itself and with the personas, or each disagreement is named at its place."""

from pathlib import Path

import pytest

from tests.wxfleet.small_shop import ACCOUNT, mistakes, open_shop, real
from texts.errors import Severity
from wxfleet.reading.settings import examine, load


def test_two_accounts_may_not_share_a_token_or_an_endpoint_and_no_token_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONE", "the-same-token")
    monkeypatch.setenv("TWO", "the-same-token")
    accounts = real("a", "Host:1", "${ONE}") + real("b", "host:1", "${TWO}") + real("c", "host:2", "other")
    found = mistakes(open_shop(tmp_path, accounts=accounts))
    assert [line.split(": ", 1)[1] for line in found] == [
        "和 a 用了同一个网关地址：一个网关只能连一个号",
        "和 a 用了同一个令牌：一个令牌只能连一个号",
    ]
    assert all(line.startswith("4:") for line in found)
    assert "the-same-token" not in "".join(found)


@pytest.mark.parametrize(
    ("persona", "role", "fits"),
    [
        ("lin", "sales", True),
        ("lin", "acquisition", False),
        ("lin", "training", False),
        ("clerk", "acquisition", True),
        ("clerk", "sales", True),
        ("clerk", "training", False),
        ("mentor", "training", True),
        ("mentor", "sales", False),
    ],
)
def test_an_account_plays_only_a_role_its_persona_can(tmp_path: Path, persona: str, role: str, fits: bool) -> None:
    account = f"  - {{id: a, persona: {persona}, role: {role}, gateway: {{kind: simulator}}}}\n"
    found = mistakes(open_shop(tmp_path, accounts=account))
    assert (found == []) is fits
    assert fits or "不能担任这个功能定位" in found[0]


def test_a_mirror_plays_the_role_of_its_source(tmp_path: Path) -> None:
    mirror = "  - {id: lin-2, persona: lin-mirror-1, role: acquisition, gateway: {kind: simulator}}\n"
    found = mistakes(open_shop(tmp_path, accounts=ACCOUNT + mirror))
    assert any("分身要和 lin-1 同一个功能定位：sales（是不是想写 sales？）" in line for line in found)


def test_a_mirror_without_an_account_to_follow_is_a_mistake(tmp_path: Path) -> None:
    mirror = "  - {id: lin-2, persona: lin-mirror-1, role: sales, gateway: {kind: simulator}}\n"
    (found,) = mistakes(open_shop(tmp_path, accounts=mirror))
    assert "没有号在用 lin" in found


def test_a_persona_with_mirrors_is_played_by_exactly_one_account(tmp_path: Path) -> None:
    mirror = "  - {id: lin-2, persona: lin-mirror-1, role: sales, gateway: {kind: simulator}}\n"
    again = ACCOUNT.replace("lin-1", "lin-9")
    (found,) = mistakes(open_shop(tmp_path, accounts=ACCOUNT + mirror + again))
    assert found.startswith("5:")
    assert "lin-1 已经在用" in found


def test_a_mirror_of_a_mirror_is_a_mistake_in_its_persona_file(tmp_path: Path) -> None:
    path = open_shop(tmp_path, lin_mirror_2="id: lin-mirror-2\nkind: mirror\nmirror_of: lin-mirror-1\n")
    (found,) = examine(path).mistakes
    assert (Path(found.file).name, found.line, found.suggestion) == ("lin-mirror-2.yaml", 3, "lin")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("staff_room: {desk: lin-l}\n", "4:20: accounts 里没有叫 lin-l 的号（是不是想写 lin-1？）"),
        ("channels:\n  - {code: sms, name: 短信, accounts: [lin-1, lin2]}\n", "没有叫 lin2 的号（是不是想写 lin-1？）"),
        ("staff:\n  - {id: o, name: 老板, role: owner, accounts: [x]}\n", "没有叫 x 的号"),
        ("staff:\n  - {id: o, name: 老板, role: ower}\n", "是不是想写 owner"),
        ("staff:\n  - {id: o, name: 老板, role: owner, shift: 9-18}\n", "shift"),
        (
            "staff:\n  - {id: o, name: 甲, role: owner, wechat: [w]}\n"
            "  - {id: p, name: 乙, role: viewer, wechat: [w]}\n",
            "6:45: 这个微信 id 已经属于 o",
        ),
        ("limits: {gap_min_s: 9}\n", "gap_min_s 不能大于 gap_max_s"),
        ("limits: {quiet_from: 25:00}\n", "应该是时间"),
        ("database: mysql://x\n", "postgresql://"),
        ("database: 'sqlite:///'\n", "postgresql://"),
        ("simulator: {speed: .inf}\n", "speed"),
        ("media: config.yaml\n", "文件夹"),
    ],
)
def test_what_does_not_exist_or_does_not_agree_is_a_mistake(tmp_path: Path, config: str, says: str) -> None:
    found = examine(open_shop(tmp_path, config)).mistakes
    assert len(found) == 1, found
    assert says in str(found[0])


@pytest.mark.parametrize("zone", ["Asia/Shangahi", "../etc/passwd", "Asia", "上海"])
def test_a_time_zone_must_exist(tmp_path: Path, zone: str) -> None:
    (found,) = mistakes(open_shop(tmp_path, accounts=ACCOUNT.replace("role:", f"time_zone: {zone}, role:")))
    assert f"没有 {zone} 这个时区" in found


def test_the_holder_of_a_phone_is_staff(tmp_path: Path) -> None:
    (found,) = mistakes(open_shop(tmp_path, accounts=ACCOUNT.replace("role:", "holder: fan, role:")))
    assert "staff 里没有叫 fan 的员工" in found


def test_more_friends_than_the_platform_allows_is_a_warning_only(tmp_path: Path) -> None:
    path = open_shop(tmp_path, accounts=ACCOUNT.replace("role:", "limits: {friends: 8000}, role:"))
    (found,) = examine(path).mistakes
    assert found.severity is Severity.WARNING
    assert load(path).limits_of(load(path).accounts[0]).friends == 8000


def test_the_accounts_limits_win_over_the_fleets_and_are_judged_together(tmp_path: Path) -> None:
    account = ACCOUNT.replace("role:", "limits: {friends: 1500, reserve: 0.2}, role:")
    settings = load(open_shop(tmp_path, "limits: {visible: 1000, reserve: 0.3}\n", accounts=account))
    limits = settings.limits_of(settings.accounts[0])
    assert (limits.friends, limits.visible, limits.reserve, limits.messages_per_day) == (1500, 1000, 0.2, 600)
    (found,) = mistakes(open_shop(tmp_path, "limits: {visible: 2000}\n", accounts=account))
    assert "visible" in found
    assert found.startswith("3:")


def test_the_webhook_of_a_real_account_needs_an_address_and_a_secret(tmp_path: Path) -> None:
    simulated = ACCOUNT.replace("role:", "publisher: {kind: webhook}, role:")
    assert mistakes(open_shop(tmp_path, accounts=simulated)) == []
    account = real("a", "h:1", "token", ", publisher: {kind: webhook}")
    assert "url" in mistakes(open_shop(tmp_path, accounts=account))[0]
    account = real("a", "h:1", "token", ", publisher: {kind: webhook, url: 'https://x.cn/m'}")
    assert "secret" in mistakes(open_shop(tmp_path, accounts=account))[0]


def test_live_with_real_accounts_needs_an_owner_and_says_when_nothing_is_armed(tmp_path: Path) -> None:
    path = open_shop(tmp_path, "mode: live\n", accounts=real("a", "h:1", "token"))
    found = examine(path).mistakes
    assert {m.severity: "armed" in m.reason for m in found} == {Severity.ERROR: False, Severity.WARNING: True}
    owner = "mode: live\nstaff:\n  - {id: o, name: 老板, role: owner}\n"
    assert mistakes(open_shop(tmp_path, owner, accounts=real("a", "h:1", "token", ", armed: true"))) == []
