"""Ponds at the terminal."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert

from rules.limits import Limits
from storage.tables import Account
from tests.wxfleet.small_shop import open_shop
from tests.wxfleet.test_plan_commands import Shop, quiet_logs
from texts.problem import ExitCode

__all__ = ["quiet_logs"]  # the fixture is used by being here

POND = "name: lounge\ntitle: 小林的衣橱闺蜜群\nkind: wechat\naccount: lin-1\ntheme: 聊衣服\n"


def test_the_list_never_breaks_the_command_that_tells_which_room_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a screen that is narrower than the table."""
    shop = Shop(tmp_path, monkeypatch, capsys)
    open_shop(tmp_path)
    (tmp_path / "ponds").mkdir()
    (tmp_path / "ponds" / "lounge.yaml").write_text(POND, encoding="utf-8")
    assert shop.wxfleet("db", "upgrade")[0] == ExitCode.OK
    engine = create_engine(f"sqlite:///{tmp_path / 'data' / 'wxfleet.db'}")
    account = {"persona": "lin", "role": "sales", "time_zone": "Asia/Shanghai"}
    with engine.begin() as tx:
        tx.execute(insert(Account).values(id="lin-1", limits=Limits().model_dump(mode="json"), **account))
    engine.dispose()
    monkeypatch.setenv("COLUMNS", "40")
    code, out, err = shop.wxfleet("ponds", "list")
    assert code == ExitCode.OK and "还没" in out and "wxfleet" not in out
    assert "wxfleet ponds bind lounge\n" in err
