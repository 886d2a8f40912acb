"""`wxfleet personas try` where a language model is on: it says so, and asks it when told to."""

import json
from pathlib import Path

import pytest

from conversations.consulting import try_model
from conversations.language_model import LanguageModelConfig
from conversations.products import NO_PRODUCTS
from tests.conversations.model_service import model_service, saying
from tests.wxfleet.small_shop import open_shop
from tests.wxfleet.test_plan_commands import Shop, quiet_logs
from texts.problem import ExitCode
from wxfleet.reading.settings import examine

__all__ = ["quiet_logs"]  # the fixture is used by being here

UNKNOWN = "你们老板娘平时爱喝什么"
NOBODY = 'language_model: {url: "http://127.0.0.1:9/v1", model: m, key: "${KEY}"}\n'


def test_the_model_would_be_asked_only_where_nothing_is_prepared_and_why_it_failed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KEY", "sk-very-secret")
    shop = Shop(tmp_path, monkeypatch, capsys)
    assert "没开" in shop.wxfleet("personas", "try", "clerk", UNKNOWN, "--ask")[1]
    open_shop(tmp_path, NOBODY)
    code, out, _ = shop.wxfleet("personas", "try", "clerk", UNKNOWN)
    assert code == ExitCode.OK and "会先问它" in out and "--ask" in out
    assert "不归大模型" in shop.wxfleet("personas", "try", "clerk", "店名叫什么", "--ask")[1]
    assert "不归大模型" in shop.wxfleet("personas", "try", "clerk", "我要投诉", "--ask")[1]
    assert "连不上" in shop.wxfleet("personas", "try", "clerk", UNKNOWN, "--ask")[1]
    model = json.loads(shop.wxfleet("personas", "try", "clerk", UNKNOWN, "--ask", "--json")[1])["model"]
    assert (model["asked"], model["answer"], model["refused"]) == (True, None, "unreachable")


async def test_what_it_says_is_judged_as_for_a_customer(tmp_path: Path) -> None:
    examined = examine(open_shop(tmp_path))
    assert examined.settings is not None
    persona, shop = examined.book.resolved("clerk"), examined.settings.shop
    async with model_service() as service:
        config = LanguageModelConfig.model_validate({"url": service.url, "model": "m", "key": "k"})
        for said, reason in (("她爱喝茶", ""), ("只要 99 元", "invents"), ("不知道", "dont_know")):
            service.says = saying(said)
            tried = await try_model(config, persona, shop, NO_PRODUCTS, UNKNOWN)
            assert (tried.text, tried.tokens, tried.reason) == (said, 42, reason)
